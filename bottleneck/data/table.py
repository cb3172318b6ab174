"""Tables: CSV or TSV that name image files, `filename,label[,split]`.

The first line names the columns; others than these three are passed over. A file name is
relative to the table's folder, and is the sample's key as it stands there; the table decides
which files are read, so it may lead out of that folder, and links are followed. An empty label
is no label. Without a split column all of it is `train`.

A file that is not there stays a sample, so that its reason shows in the quarantine; a table
most of whose files are missing is refused, because its folder is the wrong one or not mounted.
"""

from __future__ import annotations

import csv
import io
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.paths import absolute, shown
from bottleneck.core.sample import key_array, show_key
from bottleneck.data.arrays import ArraySource
from bottleneck.data.header import (
    COLUMNS_ADVICE,
    column_of,
    delimiter_of,
    read_header,
    split_number,
)
from bottleneck.data.how import How
from bottleneck.data.labels import number_labels
from bottleneck.data.layout import in_words
from bottleneck.data.pixels import holds_pixels, load_pixels
from bottleneck.data.reading import NOT_THERE, open_container, read_file, stat_of
from bottleneck.data.source import SKIPPED, Listing, Read, spec_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_Row = tuple[bytes, str, int]  # key, label, split


class TableSource:
    """A table of file names. `list` costs one stat a file; `read` opens one file."""

    def __init__(self, path: Path, how: How | None = None) -> None:
        self.path = absolute(path)
        self.how = how or How()
        self._keys: NDArray[np.bytes_] = key_array([])
        self._pixels: ArraySource | None = None  # what reads a table that holds pixels

    @property
    def name(self) -> str:
        """The file's name."""
        return shown(self.path.name)

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`; `where` is the absolute path."""
        return spec_of("table", self.path, self.how)

    def exists(self) -> bool:
        """Whether the table is there."""
        return self.path.is_file()

    def list(self) -> Listing:
        """See `Source.list`."""
        where = shown(self.path)
        with open_container(self.path) as (file, container):
            delimiter = delimiter_of(self.path.suffix)
            header = read_header(file.readline(), delimiter, where)
            is_named = not holds_pixels(header)
            rows = list(_rows(file.read(), header, delimiter, where)) if is_named else []
        if not is_named:
            self._pixels = ArraySource.of_file(
                "table", self.path, self.how, load=lambda: load_pixels(self.path)
            )
            return self._pixels.list()
        self._pixels = None
        kept = [row for row in rows if self.how.patterns.keeps(row[0])]
        skipped = dict.fromkeys(SKIPPED, 0) | {"excluded": len(rows) - len(kept)}
        if not kept:
            raise DataError("names no images" + in_words(skipped), where, COLUMNS_ADVICE)
        kept.sort()
        keys = [row[0] for row in kept]
        labels, classes = number_labels([row[1] for row in kept], "label", where)
        stats = _stats(self._folder, keys, where)
        self._keys = key_array(keys)  # one assignment: readers of the listing before see all of it
        return Listing(
            keys=self._keys,
            labels=labels,
            splits=np.array([row[2] for row in kept], np.uint8),
            classes=classes,
            stats=stats,
            skipped=skipped,
            device=container.device,
        )

    def read(self, index: int) -> Read:
        """See `Source.read`: one open, one read of all bytes."""
        if self._pixels is not None:
            return self._pixels.read(index)
        return read_file(os.path.realpath(os.path.join(self._folder, bytes(self._keys[index]))))  # noqa: PTH118 - bytes

    @property
    def _folder(self) -> bytes:
        return os.fsencode(self.path.parent)


def _stats(folder: bytes, keys: list[bytes], where: str) -> NDArray[np.int64]:
    """Return the stat of each file, zeros for what is not there."""
    found = [stat_of(os.path.join(folder, key)) for key in keys]  # noqa: PTH118 - bytes
    missing = [key for key, stat in zip(keys, found, strict=True) if stat == NOT_THERE]
    if 2 * len(missing) > len(keys):
        raise DataError(
            f"{len(missing)} of {len(keys)} files that it names are not there "
            f"({show_key(missing[0])}, say)",
            where,
            "file names are relative to the table's folder; check that the disk is mounted",
        )
    return np.array(found, np.int64)


def _rows(data: bytes, header: list[str], delimiter: str, where: str) -> Iterator[_Row]:
    """Yield the rows below the first line, each key once."""
    if b"\0" in data:
        raise DataError("not text in UTF-8", where, "save it as CSV in UTF-8")
    file_at, label_at = (column_of(header, name, where) for name in ("filename", "label"))
    split_at = header.index("split") if "split" in header else None
    text = io.StringIO(data.decode("utf-8", "surrogateescape"), newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    first: dict[bytes, int] = {}
    try:
        for fields in reader:
            if not fields:
                continue
            line = reader.line_num + 1
            if len(fields) != len(header):
                raise DataError(
                    f"line {line} has {len(fields)} columns, the first line {len(header)}",
                    where,
                    "put quotes around a name that holds the separator",
                )
            key = fields[file_at].encode("utf-8", "surrogateescape")
            if not key:
                raise DataError(f"line {line} names no file", where, "fill the column filename")
            if first.setdefault(key, line) != line:
                raise DataError(
                    f"{show_key(key)} stands in lines {first[key]} and {line}",
                    where,
                    "leave one of them",
                )
            split = 0 if split_at is None else split_number(fields[split_at], line, where)
            yield key, fields[label_at].strip(), split
    except csv.Error as error:
        raise DataError(f"line {reader.line_num + 1}: {error}", where, "mend the table") from error
