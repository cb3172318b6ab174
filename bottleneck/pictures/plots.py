"""Pictures: how a run was fitted, which classes it takes for which, where features lie."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import MissingDependencyError, UsageError
from bottleneck.core.paths import check_free
from bottleneck.core.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

INSTALL = "pip install 'bottleneck-cache[plots]'"
DPI = 120
MOST_NAMES = 40  # classes; more names cannot be read
MOST_NUMBERS = 20  # classes; in more cells numbers cannot be read
INK, TRAINED, JUDGED = "#222222", "#9a6a00", "#1f6fb2"
MOST_COLOURS = 20  # classes; more cannot be told apart
COLOURS = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd",
    "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf",
)  # fmt: skip
UNKNOWN = "#c8c8c8"
MARKERS = ("o", "^")  # of the first ten classes, and of the next


def can_draw() -> bool:
    """Whether matplotlib is installed (extra `plots`)."""
    return find_spec("matplotlib") is not None


def require(word: str) -> None:
    """Raise MissingDependencyError, naming what was asked for, unless pictures can be drawn."""
    if not can_draw():
        raise MissingDependencyError("matplotlib is not installed", word, INSTALL)


def draw(
    history: Sequence[Mapping[str, Any]], figures: Mapping[str, Any], title: str
) -> dict[str, bytes]:
    """Return `{file name: PNG}`: curves.png and confusion.png, each where there is one to draw.

    Parameters
    ----------
    history : what the fit reported, in order
    figures : what `metrics.evaluate` returns, and the split that was judged
    """
    drawn = {}
    if len(history) > 1:
        drawn["curves.png"] = curves(history, title)
    confusion = np.array(figures["confusion"])
    if confusion.sum():
        head = f"{title}\naccuracy {figures['accuracy']:.3f} on {confusion.sum()} images"
        drawn["confusion.png"] = confusion_matrix(confusion, list(figures["classes"]), head)
    return drawn


def curves(history: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """Return a PNG of loss and accuracy over the epochs of a fit."""
    figure = _figure(8, 3.4)
    epochs = _epochs(history)
    wanted = [
        w for w in ("loss", "accuracy") if any(w in e or f"validation_{w}" in e for e in history)
    ]
    for number, what in enumerate(wanted, 1):
        axes = figure.add_subplot(1, len(wanted), number)
        for key, name, colour in ((what, "train", TRAINED), (f"validation_{what}", "val", JUDGED)):
            values = [
                (x, entry[key]) for x, entry in zip(epochs, history, strict=True) if key in entry
            ]
            if values:
                axes.plot(
                    *zip(*values, strict=True), label=name, color=colour, marker="o", markersize=3
                )
        axes.set_xlabel("epoch")
        axes.set_ylabel(what)
        axes.grid(visible=True, alpha=0.25)
        axes.legend(frameon=False)
    figure.suptitle(_shown(title), color=INK, fontsize=11)
    return _png(figure)


def confusion_matrix(counts: NDArray[np.integer[Any]], classes: list[str], title: str) -> bytes:
    """Return a PNG of a confusion matrix (classes, classes): row the truth, column the answer.

    Colour is the share of the row, so that a rare class is seen as well as a common one.
    """
    n = len(classes)
    side = min(3.2 + 0.42 * n, 12.0)
    figure = _figure(side + 0.8, side)
    axes = figure.add_subplot()
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the row", fraction=0.046, pad=0.03)
    slanted = max(map(len, classes)) > 3
    if n <= MOST_NAMES:
        names = [_shown(name) for name in classes]
        axes.set_xticks(
            range(n), names, rotation=45 if slanted else 0, ha="right" if slanted else "center"
        )
        axes.set_yticks(range(n), names)
    if n <= MOST_NUMBERS:
        for row, column in zip(*np.nonzero(counts), strict=True):
            colour = "white" if share[row, column] > 0.55 else INK
            axes.text(
                column,
                row,
                str(counts[row, column]),
                ha="center",
                va="center",
                color=colour,
                fontsize=8,
            )
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    axes.set_title(_shown(title), color=INK, fontsize=11)
    return _png(figure)


def comparison(entries: Sequence[Mapping[str, Any]], title: str) -> bytes:
    """Return a PNG of accuracies with their intervals, the first entry on top.

    Parameters
    ----------
    entries : of `backbone`, `head`, `run`, `accuracy`, `accuracy_interval`; None is left out
    """
    shown = [entry for entry in entries if entry["accuracy"] is not None][:MOST_NAMES]
    figure = _figure(8, 1.3 + 0.42 * max(1, len(shown)))
    axes = figure.add_subplot()
    for place, entry in enumerate(shown):
        low, high = entry["accuracy_interval"]
        axes.plot([low, high], [place, place], color=JUDGED, linewidth=3, alpha=0.45)
        axes.plot([entry["accuracy"]], [place], color=JUDGED, marker="o", markersize=7)
    names = [_shown(f"{e['backbone']}, {e['head']}\n{Path(e['run']).name}") for e in shown]
    axes.set_yticks(range(len(shown)), names, fontsize=8)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlabel(title)
    axes.grid(visible=True, axis="x", alpha=0.25)
    return _png(figure)


def plane(
    points: NDArray[np.floating[Any]],
    shares: tuple[float, float],
    labels: NDArray[np.integer[Any]],
    classes: Sequence[str],
    title: str,
    caption: str,
) -> bytes:
    """Return a PNG of features in two dimensions, coloured by class.

    Parameters
    ----------
    points : (n, 2)
    shares : of the variance, of each axis
    labels : (n,) indices into `classes`; -1 without a label
    title, caption : above and below
    """
    figure = _figure(8, 6.4)
    axes = figure.add_subplot()
    dots = {"s": 12, "alpha": 0.7, "linewidths": 0}
    unknown = points[labels < 0]
    if len(unknown):
        axes.scatter(*unknown.T, color=UNKNOWN if classes else JUDGED, label="no label", **dots)
    if len(classes) > MOST_COLOURS:
        known = labels >= 0
        axes.scatter(*points[known].T, c=labels[known], cmap="nipy_spectral", **dots)
    else:
        for label, name in enumerate(classes):
            kind = {"color": COLOURS[label % 10], "marker": MARKERS[label // 10]}
            axes.scatter(*points[labels == label].T, label=_shown(name), **kind, **dots)
        if classes:
            figure.legend(loc="outside right upper", frameon=False, markerscale=2, fontsize=9)
    axes.set_xlabel(f"component 1, {shares[0]:.1%} of the variance")
    axes.set_ylabel(f"component 2, {shares[1]:.1%} of the variance")
    axes.set_aspect("equal", adjustable="datalim")
    axes.grid(visible=True, alpha=0.25)
    axes.set_title(_shown(title), color=INK, fontsize=11)
    figure.supxlabel(_shown(caption), color=INK, fontsize=9)
    with _no_warnings():
        figure.draw_without_rendering()  # equal axes move the ticks, and then the layout is anew
    return _png(figure)


def _epochs(history: Sequence[Mapping[str, Any]]) -> list[float]:
    return [float(entry.get("epoch", number)) for number, entry in enumerate(history, 1)]


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure  # noqa: PLC0415 - half a second, only where it is drawn

    return Figure(figsize=(math.ceil(width * 10) / 10, height), layout="constrained", dpi=DPI)


def _shown(text: str) -> str:
    """Return text that is drawn as it stands: no formula, and never left out of a legend."""
    lines = (printable(line).replace("$", r"\$") for line in text.split("\n"))
    return "\n".join(f" {line}" if line.startswith("_") else line for line in lines)


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Keep quiet about a character that the font lacks: a box is drawn."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        yield


def _png(figure: Any) -> bytes:
    file = io.BytesIO()
    with _no_warnings():
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def check_picture(picture: Path | None) -> None:
    """Say early that a picture could not be drawn, or not written there."""
    if picture is None:
        return
    check_free(picture)
    if picture.suffix.lower() != ".png":
        raise UsageError("a picture is a PNG", picture, "end its name with .png")
    require("--picture")
