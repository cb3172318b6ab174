"""Tables in Parquet: of names of files, or of the images themselves, as Hugging Face keeps them.

An embedded image is the encoded file: its bytes are what is hashed and decoded, so it shares its
row with the same file on a disk. Its key is the number of its row. Rows are read a few at a time,
in the file's order where that is asked for, so that memory holds a few batches of images.
"""

from __future__ import annotations

import errno
import json
import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError, MissingDependencyError
from bottleneck.core.paths import stat_row
from bottleneck.core.sample import key_array
from bottleneck.data.arrays import Arrays
from bottleneck.data.table_answers import answers
from bottleneck.data.table_columns import find_columns
from bottleneck.data.table_rows import read_rows, understood
from bottleneck.data.table_text import Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bottleneck.data.how import How
    from bottleneck.data.reading import Container
    from bottleneck.data.table_text import Fields

INSTALL = "pip install 'bottleneck-cache[parquet]'"
_ROWS = 1024  # of names and labels at a time
_IMAGES = 32  # at a time
_KEPT = 8  # batches of images: several threads read, and not in one order


def open_parquet(path: Path, container: Container, how: How, where: str) -> Sheet | Arrays:
    """Return the rows of a table of file names, or the images of one that holds them.

    Raises
    ------
    DataError
        When it is no such file, or holds several columns of images.
    MissingDependencyError
        Without pyarrow.
    """
    file = _open(container, where)
    try:
        images = _image_columns(file.schema_arrow)
        if len(images) > 1:
            raise DataError(
                f"columns {', '.join(map(repr, images))} hold images", where, "keep one of them"
            )
        names = [each.name for each in file.schema_arrow if each.name not in images]
        labels = _class_names(file.schema_arrow)
        n_rows = file.metadata.num_rows
    finally:
        file.close()

    def rows() -> Iterator[tuple[int, Fields]]:
        return _rows(container, names, labels, where)

    sheet = Sheet(header=tuple(names), rows=rows, is_typed=True)
    if not images:
        return sheet
    if not n_rows:
        raise DataError("no images", where, "it has no rows")
    ((column, is_struct),) = images.items()
    columns = find_columns(sheet, how, where, names_files=False)
    found = read_rows(sheet, columns, how, where, n_rows=n_rows)
    said = answers(found, columns, sheet.header, [*range(n_rows)], how, where)
    wanted = f"{column}.bytes" if is_struct else column
    note = f"its images are in column {column!r}"
    return Arrays(
        keys=key_array(found.keys),
        images=_Images(container, wanted, where),
        labels=said.labels,
        splits=np.frombuffer(found.splits, np.uint8),
        classes=said.classes,
        paths=(path,),
        stat=container.stat,
        clock_ns=container.clock_ns,
        understood=understood(sheet, columns, found, (note, *said.notes)),
        targets=said.targets,
        groups=said.groups,
    )


def _open(container: Container, where: str) -> Any:
    """Return the open file, while it is the one that was listed; the caller closes it."""
    try:
        from pyarrow import ArrowException  # noqa: PLC0415 - an extra of ours
        from pyarrow.parquet import ParquetFile  # noqa: PLC0415
    except ImportError as error:
        raise MissingDependencyError("reading Parquet needs pyarrow", where, INSTALL) from error
    if stat_row(os.stat(container.path)) != container.stat:  # noqa: PTH116 - bytes
        raise OSError(errno.EAGAIN, "changed after it was listed", container.path)
    try:
        return ParquetFile(os.fsdecode(container.path), pre_buffer=False)
    except (ArrowException, OSError, ValueError) as error:
        raise DataError("no whole Parquet file", where, "write it again") from error


def _image_columns(schema: Any) -> dict[str, bool]:
    """Return the columns that hold images, and whether as a struct of bytes and path."""
    from pyarrow import types  # noqa: PLC0415 - an extra of ours

    found = {}
    for column in schema:
        kind = column.type
        if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
            found[column.name] = True
        elif types.is_binary(kind) or types.is_large_binary(kind):
            found[column.name] = False
    return found


def _class_names(schema: Any) -> dict[str, list[str]]:
    """Return the names of classes that Hugging Face keeps beside columns of numbers."""
    try:
        kept = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = kept.get("info", {}).get("features", {})
        return {
            name: [str(each) for each in feature["names"]]
            for name, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (ValueError, AttributeError, KeyError, TypeError):
        return {}


def _rows(
    container: Container, names: list[str], labels: Mapping[str, list[str]], where: str
) -> Iterator[tuple[int, Fields]]:
    """Yield the rows' numbers, from 1 on, and their fields as texts."""
    file = _open(container, where)
    with file:
        number = 0
        for batch in file.iter_batches(batch_size=_ROWS, columns=names):
            columns = [_texts(batch.column(name).to_pylist(), labels.get(name)) for name in names]
            for i in range(batch.num_rows):
                number += 1
                yield number, [column[i] for column in columns]


def _texts(values: list[Any], classes: list[str] | None) -> list[str | None]:
    if classes is not None:
        return [
            classes[value] if isinstance(value, int) and 0 <= value < len(classes) else None
            for value in values
        ]
    return [None if value is None or value != value else _text(value) for value in values]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return json.dumps(value, default=str)
    return str(value)


class _Images:
    """The encoded images of one column, by the number of the row."""

    def __init__(self, container: Container, column: str, where: str) -> None:
        self.container, self.column, self.where = container, column, where
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, int], Any] = OrderedDict()  # by group and batch
        self._stream: tuple[int, int, Any, Any] | None = None  # group, next batch, file, batches
        file = _open(container, where)
        with file:
            groups = file.metadata.num_row_groups
            sizes = [file.metadata.row_group(i).num_rows for i in range(groups)]
        self._starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])

    def __getitem__(self, index: int) -> bytes:
        group = int(np.searchsorted(self._starts, index, "right")) - 1
        batch, row = divmod(index - int(self._starts[group]), _IMAGES)
        with self._lock:
            found = self._kept.get((group, batch)) or self._read(group, batch)
            self._kept.move_to_end((group, batch))
            content = found[row]
        if content is None:
            raise OSError(
                errno.ENOENT, f"row {index} holds no image, only a path or nothing", self.where
            )
        return bytes(content)

    def _read(self, group: int, batch: int) -> Any:
        """Read on to a batch, or from the start of its group where the stream is behind it."""
        from pyarrow import ArrowException  # noqa: PLC0415 - an extra of ours

        if self._stream is None or self._stream[0] != group or self._stream[1] > batch:
            if self._stream is not None:
                self._stream[2].close()
                self._stream = None
            file = _open(self.container, self.where)
            batches = file.iter_batches(
                batch_size=_IMAGES, row_groups=[group], columns=[self.column], use_threads=False
            )
            self._stream = (group, 0, file, batches)
        group, at, file, batches = self._stream
        try:
            while at <= batch:
                columns = next(batches).column(0)
                columns = columns.field("bytes") if "bytes" in self._fields(columns) else columns
                self._keep(group, at, columns.to_pylist())
                at += 1
        except (ArrowException, OSError, StopIteration) as error:
            file.close()
            self._stream = None
            raise OSError(errno.EIO, "is damaged, or changed", self.container.path) from error
        self._stream = (group, at, file, batches)
        return self._kept[group, batch]

    @staticmethod
    def _fields(column: Any) -> list[str]:
        from pyarrow import types  # noqa: PLC0415 - an extra of ours

        return [each.name for each in column.type] if types.is_struct(column.type) else []

    def _keep(self, group: int, batch: int, rows: Any) -> None:
        self._kept[group, batch] = rows
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
