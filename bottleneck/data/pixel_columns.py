"""Whether a table holds pixels, in which columns, and of what shape the images are."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.data.labels import is_numeric
from bottleneck.data.table_columns import is_file_column
from bottleneck.data.table_encoding import HEAD, find_encoding
from bottleneck.data.table_text import Text, find_format, first_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bottleneck.data.how import How

_NUMBERED = re.compile(r"(?:pixels?|px|pix|p|x|attr|feature|v)?[ _.-]?\d+(?:[x_.,-]\d+){0,2}")
_STRING = re.compile(r"\s*\d+(?:\s+\d+){15,}\s*")
_LEAST = 16  # columns with numbers for names, so that these are pixels
_LOOKED_AT = 64  # lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """Where the pixels of a line are.

    Attributes
    ----------
    text : how the table is written
    header : names of the columns; their numbers where there are none
    is_named : whether there are
    at : the columns of pixels; one that holds them all
    is_joined : whether one column holds them all, with blanks between
    side : of the image
    channels : 1 or 3
    """

    text: Text
    header: tuple[str, ...]
    is_named: bool
    at: tuple[int, ...]
    is_joined: bool
    side: int
    channels: int


def find_pixels(head: bytes, suffix: str, how: How, where: str) -> Pixels | None:
    """Return where the pixels are in a table that begins like this; None for another table.

    Raises
    ------
    DataError
        When the columns are no square image.
    """
    text = find_format(head, suffix, Text(encoding="utf-8", errors="surrogateescape"))
    lines = head[text.skip :].removeprefix(b"\xef\xbb\xbf").split(b"\n", _LOOKED_AT + 1)
    first = [name.strip() for name in first_line(head.removeprefix(b"\xef\xbb\xbf"), text)]
    is_named = how["header"]
    header = tuple(first) if is_named else tuple(str(i + 1) for i in range(len(first)))
    below = [_fields(line, text) for line in lines[is_named:-1] if line.strip()]
    below = below or [_fields(line, text) for line in lines[is_named:] if line.strip()]
    at = _named_columns(header) if is_named else _unnamed_columns(below, how, where)
    n, is_joined = len(at), not at
    if is_joined:
        row = below[0] if below else []
        strings = [i for i, field in enumerate(row) if _STRING.fullmatch(field)]
        if len(strings) != 1 or len(row) != len(header):
            return None
        at, n = tuple(strings), len(row[strings[0]].split())
    side, channels = _shape(n, header, at, where)
    return Pixels(
        text=replace(text, encoding=_encoding(head, how, where)),
        header=header,
        is_named=is_named,
        at=at,
        is_joined=is_joined,
        side=side,
        channels=channels,
    )


def _fields(line: bytes, text: Text) -> list[str]:
    decoded = line.decode("utf-8", "replace").rstrip("\r\n")
    try:
        return next(csv.reader([decoded], delimiter=text.delimiter), [])
    except csv.Error:
        return []


def _named_columns(header: Sequence[str]) -> tuple[int, ...]:
    """Return the columns whose names say that they are pixels."""
    plain = [name.lower() for name in header]
    at = tuple(i for i, name in enumerate(plain) if name.startswith("pixel"))
    if at and "filename" not in plain and (len(at) > 1 or plain[at[0]] != "pixels"):
        return at
    at = tuple(i for i, name in enumerate(plain) if _NUMBERED.fullmatch(name))
    numbers = [[int(n) for n in re.findall(r"\d+", plain[i])] for i in at]
    if len(at) < _LEAST or any(map(is_file_column, header)):
        return ()
    if len(at) == len(header) and is_numeric(header):  # names, or the first image's pixels?
        follow = [number[0] - numbers[0][0] for number in numbers]
        return at if follow == [*range(len(at))] else ()
    return at


def _unnamed_columns(below: list[list[str]], how: How, where: str) -> tuple[int, ...]:
    """Return the columns of pixels among columns of numbers: all, or all but the label's."""
    width = len(below[0]) if below else 0
    if width < _LEAST or not all(len(row) == width and is_numeric(row) for row in below):
        return ()
    if _is_square(width):
        return tuple(range(width))
    told = [int(name) - 1 for name in how["label_column"] or () if name.isdigit()]
    if not told:
        # What is the same in every line, as the corner of a digit is, is no label.
        told = [i for i in (0, width - 1) if len({row[i] for row in below}) > 1]
        # Of lines that are sorted by class the first ones have one label, and say nothing.
        is_unclear = len(told) > 1 and not _is_square(width - 2)
        values = {row[told[0]] for row in below} if told else set()
        if is_unclear or not told or 2 * len(values) > len(below) > _LEAST:
            raise DataError(
                f"its label may be column 1 or {width} of {width}",
                where,
                f"say which: --label-column 1 or --label-column {width}",
            )
    return tuple(i for i in range(width) if i not in told)


def _is_square(n: int) -> bool:
    return n == math.isqrt(n) ** 2 or (n % 3 == 0 and n // 3 == math.isqrt(n // 3) ** 2)


def _shape(n: int, header: Sequence[str], at: Sequence[int], where: str) -> tuple[int, int]:
    """Return side and channels of n numbers."""
    numbers = [[int(n) for n in re.findall(r"\d+", header[i])] for i in at]
    is_ordered = len(at) == 1 or (numbers == sorted(numbers) and [] not in numbers)
    if not _is_square(n) or not is_ordered:
        raise DataError(
            f"{n} columns of pixels, {header[at[0]]} to {header[at[-1]]}, are no square",
            where,
            "columns pixel0, pixel1, … in order, as many as a square image has: gray, or three "
            "numbers a pixel",
        )
    gray = math.isqrt(n)
    return (gray, 1) if gray**2 == n else (math.isqrt(n // 3), 3)


def _encoding(head: bytes, how: How, where: str) -> str:
    """Return the encoding of the texts beside the pixels; DataError for a wide one."""
    end = head.rfind(b"\n") + 1  # a character may be cut at the end
    encoding, _, _, _ = find_encoding(head[:end] if end else head, how["encoding"], where)
    if encoding.startswith(("utf-16", "utf-32")):
        raise DataError(f"pixels in {encoding.upper()}", where, "save it as CSV in UTF-8")
    if b"\n" not in head and (b"\r" in head or len(head) == HEAD):
        raise DataError("pixels in lines that end with CR alone", where, "save it with other ends")
    return encoding
