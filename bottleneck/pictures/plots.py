"""Pictures: how a run was fitted, which classes it takes for which, where features lie."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import MissingDependencyError, UsageError
from bottleneck.core.paths import check_free
from bottleneck.core.text import count
from bottleneck.pictures.canvas import (
    INK,
    JUDGED,
    SPLIT_NAMES,
    WORDS,
    folded,
    new_figure,
    png,
    short,
    shown,
)
from bottleneck.pictures.course import course_of
from bottleneck.pictures.curves import OVER, curves, panels_of
from bottleneck.pictures.interval import LEVEL
from bottleneck.pictures.matrix import confusion_matrix
from bottleneck.pictures.scatter import MOST_COLOURS, plane

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "INSTALL",
    "MOST_COLOURS",
    "can_draw",
    "check_picture",
    "comparison",
    "draw",
    "panels",
    "plane",
    "require",
]

INSTALL = "pip install 'bottleneck-cache[plots]'"
MOST_RUNS = 40  # more names cannot be read


def can_draw() -> bool:
    """Whether matplotlib is installed (extra `plots`)."""
    return find_spec("matplotlib") is not None


def require(word: str) -> None:
    """Raise MissingDependencyError, naming what was asked for, unless pictures can be drawn."""
    if not can_draw():
        raise MissingDependencyError("matplotlib is not installed", word, INSTALL)


def draw(
    history: Sequence[Mapping[str, Any]],
    figures: Mapping[str, Any],
    title: str,
    options: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, bytes]:
    """Return `{file name: PNG}`: curves.png and confusion.png, each where there is one to draw.

    Parameters
    ----------
    history : what the fit reported, in order
    figures : what `metrics.evaluate` returns, and the split that was judged
    options : what the head was fitted with, what it chose by itself included
    """
    drawn = {}
    course = course_of(history, options)
    wanted = panels_of(course)
    if wanted:
        words = f"{title}: {' and '.join(wanted)} over {OVER[course.over]}"
        drawn["curves.png"] = curves(course, wanted, words)
    confusion = np.array(figures["confusion"])
    if confusion.sum():
        words = (
            f"{title}\naccuracy {figures['accuracy']:.4f} on {count(int(confusion.sum()), 'image')}"
        )
        drawn["confusion.png"] = confusion_matrix(confusion, list(figures["classes"]), words)
    return drawn


def panels(history: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the curves one by one, for a page that lays them out: `{"loss": PNG, …}`."""
    course = course_of(history, options)
    return {what: curves(course, [what]) for what in panels_of(course)}


def comparison(entries: Sequence[Mapping[str, Any]], figure_name: str) -> bytes:
    """Return a PNG of accuracies with their intervals, the first entry on top.

    Parameters
    ----------
    entries : of `backbone`, `head`, `run`, `source`, `judged_on`, `samples`, `accuracy`,
        `accuracy_interval`; one whose accuracy is None is left out
    figure_name : what the figure is called
    """
    return png(comparison_figure(entries, figure_name))


def comparison_figure(entries: Sequence[Mapping[str, Any]], figure_name: str) -> Any:
    """Return the figure of a comparison; see `comparison`."""
    known = [entry for entry in entries if entry["accuracy"] is not None]
    drawn = known[:MOST_RUNS]
    figure = new_figure(8, 1.6 + 0.46 * max(1, len(drawn)))
    axes = figure.add_subplot()
    for place, entry in enumerate(drawn):
        low, high = entry["accuracy_interval"]
        axes.plot([low, high], [place, place], color=JUDGED, linewidth=3, alpha=0.45)
        axes.plot([entry["accuracy"]], [place], color=JUDGED, marker="o", markersize=7)
        axes.annotate(
            f"{entry['accuracy']:.4f}",
            (entry["accuracy"], place),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=INK,
        )
    judged = {(e["source"], e["judged_on"], e["samples"]) for e in drawn}
    axes.set_yticks(
        range(len(drawn)), [_run_words(entry, len(judged) > 1) for entry in drawn], fontsize=8
    )
    axes.set_ylim(len(drawn) - 0.4, -0.7)
    axes.margins(x=0.08)
    axes.set_xlabel(f"{figure_name}, and its {LEVEL:.0%} interval")
    axes.grid(visible=True, axis="x", alpha=0.25)
    figure.suptitle(folded(_about(len(drawn), len(entries), figure_name, judged), 90), **WORDS)
    return figure


def _run_words(entry: Mapping[str, Any], says_rows: bool) -> str:
    rows = f", {entry['samples']:,} {entry['judged_on']}" if says_rows else ""
    run = short(Path(entry["run"]).name, 40)
    return f"{short(str(entry['backbone']), 30)}, {shown(entry['head'])}\n{run}{rows}"


def _about(n_drawn: int, n: int, figure_name: str, judged: set[tuple[str, str, int]]) -> str:
    """Return the title: how many runs, and what they were judged on."""
    runs = count(n, "run")
    of = runs if n_drawn == n else f"{n_drawn} of {runs}"
    if len(judged) != 1:
        return f"{figure_name} of {of}" + ("\njudged on different images" if judged else "")
    ((source, split, samples),) = judged
    judged_by = count(samples, f"{SPLIT_NAMES.get(split, split)} image")
    return f"{figure_name} of {of}\n{judged_by} of {source}"


def check_picture(picture: Path | None) -> None:
    """Say early that a picture could not be drawn, or not written there."""
    if picture is None:
        return
    check_free(picture)
    if picture.suffix.lower() != ".png":
        raise UsageError("a picture is a PNG", picture, "end its name with .png")
    require("--picture")
