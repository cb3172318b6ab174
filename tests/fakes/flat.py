"""Tables as flat files: a header of JSON, then the bytes of each column, aligned.

A format that the tests add: copied into bottleneck/store/, with one line in its catalog.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import files
from bottleneck.core.errors import DamagedError
from bottleneck.core.strict_json import parse
from bottleneck.store.inventory import table_files
from bottleneck.store.table import (
    ADVICE,
    DTYPES,
    Blocks,
    Table,
    bad_bytes_are_damage,
    blocks_of,
    check_lengths,
    column_as_far,
    column_at,
    empty_column,
    map_file,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

HEADER_BYTES = 4096


def _pieces(header: bytes, columns: Iterable[Blocks]) -> Iterator[Any]:
    yield header.ljust(HEADER_BYTES)
    for column in columns:
        size = 0
        for _, block in column.pieces():
            yield block.reshape(-1).view(np.uint8).data
            size += block.nbytes
        yield bytes(-size % HEADER_BYTES)


class FlatFormat:
    """One file, its columns one after the other."""

    name = "flat"
    suffix = ".flat"

    def write(
        self,
        path: Path,
        columns: Mapping[str, NDArray[Any] | Blocks],
        attributes: Mapping[str, Any],
    ) -> dict[str, list[Any]]:
        """Write a table; equal content gives equal bytes."""
        ready = {name: blocks_of(columns[name]) for name in sorted(columns)}
        described = {name: [column.dtype.str, column.shape] for name, column in ready.items()}
        text = json.dumps(
            {"columns": described, "attributes": attributes}, sort_keys=True, allow_nan=False
        )
        return {"": files.write_synced(path, _pieces(text.encode(), ready.values()))}

    def open(self, path: Path) -> Table:
        """Open a table without copying; whatever `write` would not have written is damage."""
        with bad_bytes_are_damage(path):
            if table_files(path).keys() != {""}:
                raise DamagedError("not a file", path, ADVICE)
            buffer = map_file(path)
            header = parse(bytes(buffer[:HEADER_BYTES]))
            columns, at = {}, HEADER_BYTES
            for name, (dtype, shape) in header["columns"].items():
                if dtype not in DTYPES or any(n < 0 for n in shape):
                    raise DamagedError("not a column as written here", path, ADVICE)
                size = math.prod(shape) * np.dtype(dtype).itemsize
                columns[name] = (
                    column_at(buffer, dtype, tuple(shape), at, path)
                    if size
                    else empty_column(dtype, tuple(shape))
                )
                at += size + -(at + size) % HEADER_BYTES
            if at != len(buffer):
                raise DamagedError("not the bytes that were written", path, ADVICE)
            check_lengths(columns, path)
            return Table(columns=columns, attributes=header["attributes"])

    def recover(
        self, path: Path, columns: Mapping[str, tuple[str, tuple[int, ...]]]
    ) -> Iterator[Mapping[str, NDArray[Any]]]:
        """Yield the columns where they stand when the header cannot be read."""
        buffer, found, at = map_file(path), {}, HEADER_BYTES
        for name, (dtype, shape) in sorted(columns.items()):
            found[name] = column_as_far(buffer, dtype, shape, at)
            size = math.prod(shape) * np.dtype(dtype).itemsize
            at += size + -(at + size) % HEADER_BYTES
        yield found

    def handle(self, path: Path) -> Table:
        """Open a table as the format's library would; there is none."""
        return self.open(path)


FORMAT = FlatFormat()
