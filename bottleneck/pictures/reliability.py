"""The reliability picture: how often a head is right, beside how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.pictures.canvas import INK, JUDGED, TRAINED, new_figure, png, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "reliability.png"


def reliability(found: Mapping[str, Any], title: str) -> bytes:
    """Return a PNG of accuracy over confidence, before and after calibration.

    On the diagonal a head is right as often as it says; below it, it is too sure. The bars say how
    many images there are.

    Parameters
    ----------
    found : `before` and `after`, each of `ece` and `bins` of `samples`, `confidence`, `accuracy`
    """
    figure = new_figure(8, 4.7)
    n = max(1, sum(each["samples"] for each in found["before"]["bins"]))
    for number, (name, colour) in enumerate((("before", TRAINED), ("after", JUDGED)), 1):
        bins = found[name]["bins"]
        axes = figure.add_subplot(1, 2, number)
        axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle=":")
        width = 1 / len(bins)
        places = [(i + 0.5) * width for i in range(len(bins))]
        shares = [each["samples"] / n for each in bins]
        axes.bar(places, shares, width, color=colour, alpha=0.2, label="share of the images")
        there = [each for each in bins if each["samples"]]
        axes.plot(
            [each["confidence"] for each in there],
            [each["accuracy"] for each in there],
            color=colour,
            marker="o",
            markersize=4,
            label="accuracy",
        )
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_aspect("equal")
        axes.set_xlabel("probability of the answer")
        axes.set_title(f"{name}: calibration error {found[name]['ece']:.4f}", fontsize=10)
        axes.grid(visible=True, alpha=0.25)
        axes.legend(frameon=False, loc="upper left", fontsize=8)
    figure.suptitle(shown(title), color=INK, fontsize=11)
    return png(figure)
