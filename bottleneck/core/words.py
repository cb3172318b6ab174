"""What one word of a command line means: sizes, durations, numbers, lists of them.

A text that cannot be read raises `argparse.ArgumentTypeError`. Its message is what is wrong, then
`: `, then what to write instead.
"""

from __future__ import annotations

import argparse
import re

from bottleneck.core.portion import Portion, portion


def size(text: str) -> tuple[int, int]:
    """Return (height, width) of `139` or `139x96`."""
    match = re.fullmatch(r"(\d{1,5})(?:x(\d{1,5}))?", text)
    if not match or int(match[1]) < 1 or int(match[2] or match[1]) < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a size: write pixels, such as 139, or height x width, such as 139x96"
        )
    return int(match[1]), int(match[2] or match[1])


def duration(text: str) -> float:
    """Return the seconds of `90`, `90s`, `10m`, `2h` or `7d`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration: write 90s, 10m, 2h or 7d")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]


def positive(text: str) -> int:
    """Return a whole number above zero."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero: such as 10")
    return int(text)


def whole_numbers(text: str) -> tuple[int, ...]:
    """Return the numbers above zero of `1000,500,100`; an empty tuple for `none` or no text."""
    return tuple(positive(item) for item in _items(text))


def share(text: str) -> Portion:
    """Return how much `5%`, `10` (files) or `2GB` is."""
    try:
        return portion(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def names(text: str) -> tuple[str, ...]:
    """Return the names of `flip,crop`; an empty tuple for `none` or no text."""
    return tuple(_items(text))


def listed(text: str) -> tuple[str, ...]:
    """Return the names of `id,label`; one with a comma in it stands in quotes: `id,"a, b"`."""
    import csv  # noqa: PLC0415 - for this alone

    found = next(iter(csv.reader([text])), [])
    if not all(found) or not found:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of names: separate names with commas, such as id,label"
        )
    return tuple(found)


def fractions(text: str) -> tuple[float, ...]:
    """Return the numbers of `0.3,0.4`; an empty tuple for `none` or no text."""
    try:
        return tuple(float(item) for item in _items(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of numbers: separate numbers with commas, such as 0.3,0.4"
        ) from error


def _items(text: str) -> list[str]:
    return [] if text in ("", "none") else text.split(",")
