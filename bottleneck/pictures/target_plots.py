"""Pictures of what a head predicts besides classes: labels by their precision, numbers by truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.pictures.canvas import INK, JUDGED, TRAINED, WORDS, new_figure, png, short, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MOST_LABELS = 40  # bars; more cannot be read, and those of the lowest precision are shown
MOST_COLUMNS = 6  # numbers, two pictures each
MOST_DOTS = 5000  # images, of which more are no clearer
LABELS, NUMBERS = "labels.png", "numbers.png"


def draw_targets(
    figures: Mapping[str, Any], said: NDArray[np.float32], truth: NDArray[np.float32], title: str
) -> dict[str, bytes]:
    """Return `{file name: PNG}`: labels.png or numbers.png, where there is something to draw.

    Parameters
    ----------
    figures : what `heads.label_metrics` or `heads.number_metrics` returns, and the kind
    said : (n, k), predicted
    truth : (n, k), NaN where it is not known
    """
    if figures["kind"] == "labels" and figures["macro_average_precision"] is not None:
        return {LABELS: label_bars(figures["labels"], title)}
    if figures["kind"] == "numbers" and (~np.isnan(truth)).any():
        return {NUMBERS: residuals(figures["numbers"], said, truth, title)}
    return {}


def label_bars(labels: Mapping[str, Mapping[str, Any]], title: str) -> bytes:
    """Return a PNG of each label's average precision, and what chance would have, lowest first."""
    judged = [(name, found) for name, found in labels.items() if found["positives"]]
    judged.sort(key=lambda pair: (pair[1]["average_precision"], pair[0]))
    some = judged[:MOST_LABELS]
    figure = new_figure(7, 1.4 + 0.3 * len(some))
    axes = figure.add_subplot()
    places = range(len(some))
    values = [found["average_precision"] for _, found in some]
    axes.barh(places, values, color=JUDGED, alpha=0.75, height=0.65, label="average precision")
    chance = [found["positives"] / found["samples"] for _, found in some]
    axes.plot(chance, places, color=TRAINED, marker="|", markersize=11, markeredgewidth=2.5,
              linestyle="none", label="by chance")  # fmt: skip
    for place, value in enumerate(values):
        is_long = value > 0.85
        axes.text(
            value + (-0.01 if is_long else 0.01),
            place,
            f"{value:.3f}",
            ha="right" if is_long else "left",
            va="center",
            color="white" if is_long else INK,
            fontsize=9,
        )
    axes.set_yticks(places, [short(name) for name, _ in some])
    axes.set_ylim(len(some) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xlabel("average precision")
    figure.legend(loc="outside lower right", ncols=2, frameon=False, fontsize=9)
    more = f", the lowest {len(some)} of {len(judged)}" if len(some) < len(judged) else ""
    axes.set_title(shown(f"{title}\naverage precision of each label{more}"), **WORDS)
    return png(figure)


def residuals(
    numbers: Mapping[str, Mapping[str, Any]],
    said: NDArray[np.float32],
    truth: NDArray[np.float32],
    title: str,
) -> bytes:
    """Return a PNG for each number: what was predicted, and how far off, over what is true."""
    columns = [i for i in range(truth.shape[1]) if (~np.isnan(truth[:, i])).any()][:MOST_COLUMNS]
    names = list(numbers)
    figure = new_figure(8, 0.6 + 3.4 * len(columns))
    for row, i in enumerate(columns):
        at = np.flatnonzero(~np.isnan(truth[:, i]))
        step = max(1, -(-len(at) // MOST_DOTS))
        true, predicted = truth[at[::step], i], said[at[::step], i]
        ends = [float(true.min()), float(true.max())]
        dots = {"s": 9, "alpha": 0.5, "linewidths": 0, "color": JUDGED}
        left = figure.add_subplot(len(columns), 2, 2 * row + 1)
        left.scatter(true, predicted, **dots)
        left.plot(ends, ends, color=TRAINED, linewidth=1)
        left.set_ylabel("predicted")
        right = figure.add_subplot(len(columns), 2, 2 * row + 2)
        right.scatter(true, predicted - true, **dots)
        right.axhline(0, color=TRAINED, linewidth=1)
        right.set_ylabel("predicted less true")
        for axes in (left, right):
            axes.set_xlabel(f"true {short(names[i])}")
            axes.grid(visible=True, alpha=0.25)
        found = numbers[names[i]]
        r2 = "none" if found["r2"] is None else f"{found['r2']:.3f}"
        left.set_title(f"{short(names[i])}: R² {r2}", **WORDS)
        right.set_title(f"RMSE {found['rmse']:.4g}, MAE {found['mae']:.4g}", **WORDS)
    figure.suptitle(shown(title), color=INK, fontsize=11)
    return png(figure)
