"""Tables of pixels: a square image a line, gray or RGB, and its label.

MNIST and its kin are passed around like this: a column a pixel (`pixel0, pixel1, …`, or
`1x1, 1x2, …`, or `0, 1, …`, or none of these names), or one column of numbers with blanks
between them. The key is the line's number. Listing looks for the ends of lines and takes the
labels; a line's pixels are parsed when it is read.

Three numbers a pixel stand one behind the other, as an image's array is written; where the first
lines look like three planes instead, that is refused until somebody says which.
"""

from __future__ import annotations

import errno
import os
from array import array
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.sample import key_array, show_key
from bottleneck.data.arrays import Arrays
from bottleneck.data.table_answers import answers
from bottleneck.data.table_columns import find_columns
from bottleneck.data.table_encoding import what_to_do
from bottleneck.data.table_rows import read_rows, understood
from bottleneck.data.table_text import Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.data.how import How
    from bottleneck.data.pixel_columns import Pixels
    from bottleneck.data.reading import Container
    from bottleneck.data.table_text import Fields

_LOOKED_AT = 64  # lines
_TRIED = 8  # lines, of which one must be an image
_SMOOTHER = 0.75  # planes are refused as pixels when they are so much smoother


def load_pixels(
    path: Path, file: BinaryIO, container: Container, pixels: Pixels, how: How
) -> Arrays:
    """Open a table of pixels.

    Raises
    ------
    DataError
        When a line has more or fewer columns, or labels or splits cannot be understood.
    """
    where = show_key(os.fsencode(path))
    images = _Lines(container, pixels, planar=how["pixel_order"] == "planar")
    others = [i for i in range(len(pixels.header)) if i not in set(pixels.at)]
    fields: list[list[str]] = []
    for line, content in images.find(file, where):
        try:
            fields.append([_field(content, pixels, i) for i in others])
        except UnicodeDecodeError as error:
            raise DataError(
                f"line {line}: not text in {pixels.text.encoding}",
                where,
                what_to_do(content),
            ) from error
        images.places[2].append(line)
    if not fields:
        raise DataError("no images", where, "there is nothing under the first line")
    images.check_first(where)
    lines = images.places[2]

    def rows() -> Iterator[tuple[int, Fields]]:
        return zip(lines, fields, strict=True)

    sheet = Sheet(
        header=tuple(pixels.header[i] for i in others), rows=rows, is_named=pixels.is_named
    )
    columns = find_columns(sheet, how, where, names_files=False)
    found = read_rows(sheet, columns, how, where)
    said = answers(found, columns, sheet.header, [*range(len(fields))], how, where)
    notes = _order_note(images, told=how["pixel_order"], where=where)
    return Arrays(
        keys=key_array(b"%08d" % line for line in lines),
        images=images,
        labels=said.labels,
        splits=np.frombuffer(found.splits, np.uint8),
        classes=said.classes,
        targets=said.targets,
        groups=said.groups,
        paths=(path,),
        stat=container.stat,
        clock_ns=container.clock_ns,
        understood=understood(sheet, columns, found, (*notes, *said.notes)),
    )


class _Lines:
    """Images in the lines of a file."""

    def __init__(self, container: Container, pixels: Pixels, *, planar: bool) -> None:
        self.container, self.pixels, self.planar = container, pixels, planar
        self.delimiter = pixels.text.delimiter.encode()
        # offset, bytes, number of each line
        self.places = (array("q"), array("q"), array("q"))

    def find(self, file: BinaryIO, where: str) -> Iterator[tuple[int, bytes]]:
        """Yield the lines of images with their numbers, and note where they are."""
        file.seek(0)
        width, is_below = len(self.pixels.header), not self.pixels.is_named
        offset, above = 0, self.pixels.text.above
        for number, line in enumerate(file, 1):
            start, offset = offset, offset + len(line)
            if number <= above or not line.strip():
                continue
            if not is_below:
                is_below = True
                continue
            n_fields = line.count(self.delimiter) + 1
            if n_fields != width and not self._is_ended(line, n_fields - width):
                raise DataError(
                    f"line {number} has {n_fields} columns, the first line {width}",
                    where,
                    "one number for each pixel",
                )
            self.places[0].append(start)
            self.places[1].append(len(line))
            yield number, line

    def _is_ended(self, line: bytes, more: int) -> bool:
        """Whether a line has more separators at its end alone."""
        end = line.rstrip()
        return more > 0 and end.endswith(self.delimiter * more)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        flat = self.flat(index)
        side, channels = self.pixels.side, self.pixels.channels
        if channels == 1:
            return flat.reshape(side, side)
        if self.planar:
            return np.ascontiguousarray(flat.reshape(channels, side, side).transpose(1, 2, 0))
        return flat.reshape(side, side, channels)

    def flat(self, index: int) -> NDArray[np.uint8]:
        """Return the numbers of a line in their order."""
        offset, n_bytes, line = (places[index] for places in self.places)
        content = bytes(self.container.piece(offset, n_bytes).content)
        fields = content.replace(b'"', b"").split(self.delimiter)
        at = self.pixels.at
        found = fields[at[0]].split() if self.pixels.is_joined else [fields[i] for i in at]
        if len(found) != self.pixels.side**2 * self.pixels.channels:
            raise self._bad(line, f"{len(found)} pixels, and other lines have more or fewer")
        try:
            values = np.array([float(field) for field in found])
        except ValueError as error:
            raise self._bad(line) from error
        pixels = values.astype(np.uint8) if ((values >= 0) & (values <= 255)).all() else None
        if pixels is None or (pixels != values).any():
            raise self._bad(line)
        return pixels

    def check_first(self, where: str) -> None:
        """Raise DataError where none of the first lines holds pixels as they must be."""
        wrong = ""
        for i in range(min(_TRIED, len(self.places[0]))):
            try:
                self.flat(i)
            except OSError as error:
                wrong = wrong or str(error.strerror)
            else:
                return
        raise DataError(wrong, where, "multiply fractions by 255, and round them")

    def _bad(self, line: int, what: str = "pixels must be whole numbers from 0 to 255") -> OSError:
        return OSError(errno.EINVAL, f"line {line}: {what}", self.container.path)


def _field(line: bytes, pixels: Pixels, at: int) -> str:
    """Return one column of a line without splitting all of them."""
    separator = pixels.text.delimiter.encode()
    behind = len(pixels.header) - 1 - at
    if at <= behind or line.count(separator) != len(pixels.header) - 1:
        field = line.split(separator, at + 1)[at]
    else:
        field = line.rsplit(separator, behind + 1)[-behind - 1]
    return field.decode(pixels.text.encoding).strip().strip('"')


def _order_note(images: _Lines, *, told: str | None, where: str) -> tuple[str, ...]:
    """Return the note about the order of colors; DataError where it looks like another one."""
    side, channels = images.pixels.side, images.pixels.channels
    kind = f"{'color' if channels == 3 else 'gray'} images of {side}x{side} pixels"
    if channels == 1:
        return (f"its lines hold {kind}",)
    if told is None:
        as_pixels, as_planes = 0.0, 0.0
        for i in range(min(_LOOKED_AT, len(images.places[0]))):
            try:
                flat = images.flat(i).astype(np.float64)
            except OSError:  # the reason of that line alone, when it is read
                continue
            as_pixels += _roughness(flat.reshape(side, side, 3))
            as_planes += _roughness(flat.reshape(3, side, side).transpose(1, 2, 0))
        if as_planes < _SMOOTHER * as_pixels:
            raise DataError(
                f"{kind}, which look like all red pixels first, then green, then blue",
                where,
                "say which: --pixel-order planar, or --pixel-order interleaved",
            )
    order = "all red ones first" if told == "planar" else "red, green and blue of each pixel"
    return (f"its lines hold {kind}: {order}",)


def _roughness(image: NDArray[np.float64]) -> float:
    """Return how much neighbours differ."""
    return float(np.abs(np.diff(image, axis=0)).sum() + np.abs(np.diff(image, axis=1)).sum())
