"""Tables of gray pixels: a square image a line, in columns `pixel0, pixel1, …`, and its label.

MNIST and its kin are passed around like this. The key is the line's number. Listing looks for
the ends of lines and takes the labels; a line's pixels are parsed when it is read.
"""

from __future__ import annotations

import errno
import math
import os
import re
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.sample import key_array, show_key
from bottleneck.data.arrays import Arrays
from bottleneck.data.header import delimiter_of, read_header, split_number
from bottleneck.data.labels import number_labels
from bottleneck.data.reading import Container, open_container

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def holds_pixels(header: Sequence[str]) -> bool:
    """Whether a table with these columns is one of pixels."""
    return "filename" not in header and any(name.startswith("pixel") for name in header)


class _Lines:
    """Images in the lines of a file."""

    def __init__(self, container: Container, delimiter: bytes, at: list[int]) -> None:
        self.container, self.delimiter, self.at = container, delimiter, at
        self.side = math.isqrt(len(at))
        self.places: list[tuple[int, int, int]] = []  # offset, bytes, number of the line

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        offset, n_bytes, line = self.places[index]
        content = bytes(self.container.piece(offset, n_bytes).content)
        fields = content.replace(b'"', b"").split(self.delimiter)
        try:
            values = np.array([float(fields[i]) for i in self.at])
        except ValueError as error:
            raise self._bad(line) from error
        pixels = values.astype(np.uint8) if ((values >= 0) & (values <= 255)).all() else None
        if pixels is None or (pixels != values).any():
            raise self._bad(line)
        return pixels.reshape(self.side, self.side)

    def _bad(self, line: int) -> OSError:
        what = f"line {line}: pixels must be whole numbers from 0 to 255"
        return OSError(errno.EINVAL, what, self.container.path)


def load_pixels(path: Path) -> Arrays:
    """Open a table of pixels.

    Raises
    ------
    DataError
        When the columns are no square image, or a line has more or fewer of them.
    """
    where = show_key(os.fsencode(path))
    texts: list[str] = []
    splits: list[int] = []
    with open_container(path) as (file, container):
        delimiter = delimiter_of(path.suffix)
        first = file.readline()
        header = read_header(first, delimiter, where)
        separator = delimiter.encode()
        images = _Lines(container, separator, _pixel_columns(header, where))
        offset = len(first)
        for number, line in enumerate(file, 2):
            start, offset = offset, offset + len(line)
            if not line.strip():
                continue
            if line.count(separator) != len(header) - 1:
                n_fields = line.count(separator) + 1
                raise DataError(
                    f"line {number} has {n_fields} columns, the first line {len(header)}",
                    where,
                    "one number for each pixel",
                )
            images.places.append((start, len(line), number))
            texts.append(_field(line, separator, header, "label"))
            if "split" in header:
                text = _field(line, separator, header, "split")
                splits.append(split_number(text, number, where))
            else:
                splits.append(0)
    if not texts:
        raise DataError("no images", where, "there is nothing under the first line")
    labels, classes = number_labels(texts, "label", where)
    return Arrays(
        keys=key_array(b"%08d" % number for _, _, number in images.places),
        images=images,
        labels=labels,
        splits=np.array(splits, np.uint8),
        classes=classes,
        paths=(path,),
        stat=container.stat,
        clock_ns=container.clock_ns,
    )


def _pixel_columns(header: Sequence[str], where: str) -> list[int]:
    at = [i for i, name in enumerate(header) if name.startswith("pixel")]
    numbers = [[int(n) for n in re.findall(r"\d+", header[i])] for i in at]
    if len(at) != math.isqrt(len(at)) ** 2 or numbers != sorted(numbers) or [] in numbers:
        raise DataError(
            f"{len(at)} columns of pixels, {header[at[0]]} to {header[at[-1]]}, are no square",
            where,
            "columns pixel0, pixel1, … in order, as many as a square gray image has",
        )
    return at


def _field(line: bytes, separator: bytes, header: Sequence[str], name: str) -> str:
    """Return one column of a line without splitting all of them; "" where there is none."""
    if name not in header:
        return ""
    at = header.index(name)
    behind = len(header) - 1 - at
    if at <= behind:
        field = line.split(separator, at + 1)[at]
    else:
        field = line.rsplit(separator, behind + 1)[-behind - 1]
    return field.decode("utf-8", "surrogateescape").strip().strip('"')
