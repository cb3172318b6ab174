"""The course of a fit: what it reported, over its epochs or over the strengths that it tried."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EPOCH, STRENGTH = "epoch", "strength"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a fit reported, in the order of an axis.

    Attributes
    ----------
    over : what the axis is: EPOCH, or STRENGTH of the regularisation
    at : (m,) where each entry lies on the axis
    entries : (m,) what was reported there
    marked : the epoch of the lowest validation loss (the first of equal ones), or the strength that
        was chosen; None where nothing says so
    """

    over: str
    at: tuple[float, ...]
    entries: tuple[Mapping[str, float], ...]
    marked: float | None

    def line(self, key: str) -> tuple[list[float], list[float]]:
        """Return where `key` was reported, and what, as far as it is a finite number."""
        found = [
            (x, float(entry[key]))
            for x, entry in zip(self.at, self.entries, strict=True)
            if key in entry and math.isfinite(entry[key])
        ]
        return [x for x, _ in found], [y for _, y in found]

    @property
    def lowest(self) -> tuple[float, float] | None:
        """The place and the value of the lowest validation loss."""
        places, losses = self.line("validation_loss")
        return min(zip(places, losses, strict=True), key=lambda pair: pair[1], default=None)

    @property
    def diverged(self) -> float | None:
        """The first place where a loss is no finite number."""
        keys = ("loss", "validation_loss")
        return next(
            (
                x
                for x, entry in zip(self.at, self.entries, strict=True)
                if not all(math.isfinite(entry.get(key, 0.0)) for key in keys)
            ),
            None,
        )


def course_of(history: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> Course:
    """Return the course of a fit.

    Parameters
    ----------
    history : what the fit reported, in order. Where every entry has a `strength`, these are fits of
        one after the other; one more at the chosen strength may follow, which is no part of them.
    options : what the head was fitted with, what it chose by itself included
    """
    if history and all(STRENGTH in entry for entry in history):
        return _over_strengths(history, options.get(STRENGTH))
    at = tuple(float(entry.get(EPOCH, number)) for number, entry in enumerate(history, 1))
    course = Course(over=EPOCH, at=at, entries=tuple(history), marked=None)
    lowest = course.lowest
    if lowest is None:
        return course
    return Course(over=EPOCH, at=at, entries=course.entries, marked=lowest[0])


def _over_strengths(history: Sequence[Mapping[str, Any]], chosen: float | None) -> Course:
    entries = list(history)
    before = [entry[STRENGTH] for entry in entries[:-1]]
    # The last fit is the head's own, judged on other rows than the path, which goes downwards.
    if before and entries[-1][STRENGTH] == chosen and chosen >= before[-1]:
        entries.pop()
    entries.sort(key=lambda entry: entry[STRENGTH])
    return Course(
        over=STRENGTH,
        at=tuple(float(entry[STRENGTH]) for entry in entries),
        entries=tuple(entries),
        marked=None if chosen is None else float(chosen),
    )


def spelled(value: float, digits: int) -> str:
    """Return so many digits of a number, without an exponent where it is short: 1000, not 1e+03."""
    return f"{float(f'{value:.{digits}g}'):g}"
