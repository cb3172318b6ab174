"""Loss and accuracy over the course of a fit, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.pictures.canvas import INK, JUDGED, TRAINED, WORDS, folded, new_figure, png
from bottleneck.pictures.course import STRENGTH, spelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bottleneck.pictures.course import Course

PANELS = ("loss", "accuracy")
MOST_TICKS = 7  # strengths that are named on the axis
OVER = {"epoch": "its epochs", STRENGTH: "the strength of its regularisation"}
_AXES = {"epoch": "epoch", STRENGTH: "strength of the regularisation (logarithmic)"}
_MARKS = {"epoch": "lowest validation loss: epoch", STRENGTH: "chosen strength:"}


def panels_of(course: Course) -> tuple[str, ...]:
    """Return which of PANELS there is something to draw for: at two places at least."""
    return tuple(
        what
        for what in PANELS
        if max(len(course.line(what)[0]), len(course.line(f"validation_{what}")[0])) > 1
    )


def curves(course: Course, panels: Sequence[str], title: str = "") -> bytes:
    """Return a PNG of these panels, side by side."""
    return png(curves_figure(course, panels, title))


def curves_figure(course: Course, panels: Sequence[str], title: str = "") -> Any:
    """Return the figure of these panels, side by side; of one panel it fits a phone."""
    figure = new_figure(4.6 * len(panels), 3.1 + 0.3 * bool(title))
    for number, what in enumerate(panels, 1):
        axes = figure.add_subplot(1, len(panels), number)
        lines = ((what, "train", TRAINED), (f"validation_{what}", "validation", JUDGED))
        for key, name, colour in lines:
            places, values = course.line(key)
            if places:
                axes.plot(places, values, label=name, color=colour, marker="o", markersize=3)
        if course.marked is not None:
            axes.axvline(
                course.marked,
                label=f"{_MARKS[course.over]} {spelled(course.marked, 3)}",
                color=INK,
                linewidth=1,
                linestyle="--",
            )
        _lay_out(axes, course)
        axes.set_ylabel(what)
        axes.grid(visible=True, alpha=0.25)
        axes.legend(fontsize=9, facecolor="white", edgecolor="none", framealpha=1)
    if title:
        figure.suptitle(folded(title, 60 * len(panels)), **WORDS)
    return figure


def _lay_out(axes: Any, course: Course) -> None:
    """Put ticks where something was reported: whole epochs, or the strengths themselves."""
    from matplotlib.ticker import MaxNLocator, NullLocator  # noqa: PLC0415 - only where it is drawn

    axes.set_xlabel(_AXES[course.over])
    if course.over != STRENGTH:
        first, last = min(course.at), max(course.at)
        ticks = MaxNLocator(nbins=8, integer=True, min_n_ticks=1).tick_values(first, last)
        axes.set_xticks([tick for tick in ticks if first <= tick <= last])
        return
    axes.set_xscale("log")
    step = -(-len(course.at) // MOST_TICKS)
    places = course.at[::-1][::step]
    axes.set_xticks(places, [spelled(place, 2) for place in places])
    axes.xaxis.set_minor_locator(NullLocator())
