"""Features in two dimensions, drawn: a dot for an image, a colour and a name for a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.pictures.canvas import (
    INK,
    JUDGED,
    WORDS,
    folded,
    new_figure,
    no_warnings,
    png,
    short,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.pictures.plane import Plane

MOST_COLOURS = 20  # classes; more cannot be told apart
COLOURS = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd",
    "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf",
)  # fmt: skip
UNKNOWN = "#c8c8c8"
MARKERS = ("o", "^")  # of the first ten classes, and of the next
DOTS = {"s": 12, "alpha": 0.7, "linewidths": 0}
NAMES = 8  # points


def plane(
    found: Plane,
    labels: NDArray[np.integer[Any]],
    classes: Sequence[str],
    title: str,
    caption: str,
) -> bytes:
    """Return a PNG of features in two dimensions, coloured by class.

    Parameters
    ----------
    found : the points, and what the axes are
    labels : (n,) indices into `classes`; -1 without a label
    title, caption : above and below
    """
    return png(plane_figure(found, labels, classes, title, caption))


def plane_figure(
    found: Plane,
    labels: NDArray[np.integer[Any]],
    classes: Sequence[str],
    title: str,
    caption: str,
) -> Any:
    """Return the figure of features in two dimensions; see `plane`."""
    figure = new_figure(8, 6.8)
    axes = figure.add_subplot()
    points = found.points
    unknown = points[labels < 0]
    if len(unknown):
        axes.scatter(*unknown.T, color=UNKNOWN if classes else JUDGED, label="no label", **DOTS)
    if len(classes) > MOST_COLOURS:
        known = labels >= 0
        axes.scatter(*points[known].T, c=labels[known], cmap="nipy_spectral", **DOTS)
    else:
        for label, name in enumerate(classes):
            kind = {"color": COLOURS[label % 10], "marker": MARKERS[label // 10]}
            axes.scatter(*points[labels == label].T, label=short(name), **kind, **DOTS)
        if classes:
            figure.legend(loc="outside right upper", frameon=False, markerscale=2, fontsize=9)
    axes.set_xlabel(found.axes[0])
    axes.set_ylabel(found.axes[1])
    axes.set_aspect("equal", adjustable="datalim")
    if found.has_scale:
        axes.grid(visible=True, alpha=0.25)
    else:
        axes.set_xticks([])
        axes.set_yticks([])
    axes.set_title(folded(title, 90), **WORDS)
    figure.supxlabel(folded(caption, 110), color=INK, fontsize=9)
    with no_warnings():
        figure.draw_without_rendering()  # equal axes move the ticks, and then the layout is anew
        _write_names(axes, points, labels, classes)
    return figure


def _write_names(
    axes: Any,
    points: NDArray[np.floating[Any]],
    labels: NDArray[np.integer[Any]],
    classes: Sequence[str],
) -> None:
    """Write the name of each class at its median, the largest class first, where there is room."""
    from matplotlib.patheffects import withStroke  # noqa: PLC0415 - only where it is drawn

    counts = np.bincount(labels[labels >= 0], minlength=len(classes))
    halo = [withStroke(linewidth=2.5, foreground="white")]
    taken: list[Any] = []
    for label in np.argsort(-counts, kind="stable"):
        if not counts[label]:
            break
        words = axes.text(
            *np.median(points[labels == label], axis=0),
            short(classes[label]),
            ha="center",
            va="center",
            color="black",
            fontsize=NAMES,
            path_effects=halo,
            clip_on=True,
        )
        words.set_in_layout(False)
        place = words.get_window_extent()
        if any(place.overlaps(other) for other in taken):
            words.remove()
        else:
            taken.append(place)
