"""Tables as zarr 3 groups: one uncompressed chunk a column.

The layout is fixed, so it is written and read by a few lines, without importing zarr (a second
of start-up). Reading refuses any metadata but the one that writing writes, and a missing chunk is
damage: zarr itself would read fill values. The tests read and write with real zarr as the oracle.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DamagedError
from bottleneck.core.sealed import read_own
from bottleneck.core.strict_json import parse
from bottleneck.store.inventory import table_files
from bottleneck.store.table import (
    ADVICE,
    FORMAT_VERSION,
    Blocks,
    Table,
    bad_bytes_are_damage,
    blocks_of,
    check_lengths,
    column_at,
    empty_column,
    map_file,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import zarr
    from numpy.typing import NDArray

_DATA_TYPES = {
    "|u1": "uint8",
    "<u4": "uint32",
    "<i4": "int32",
    "<i8": "int64",
    "<f2": "float16",
    "<f4": "float32",
}
_DTYPES = {name: dtype for dtype, name in _DATA_TYPES.items()}


def _array_metadata(dtype: str, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the zarr.json of a column. A chunk has no empty side, so 0 rows are a chunk of 1."""
    chunk = [max(1, n) for n in shape]
    codec: dict[str, Any] = {"name": "bytes"}
    if np.dtype(dtype).itemsize > 1:
        codec["configuration"] = {"endian": "little"}
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": _DATA_TYPES[dtype],
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0.0 if "f" in dtype else 0,
        "codecs": [codec],
        "attributes": {},
    }


def _chunk(n_dimensions: int) -> str:
    return "c" + "/0" * n_dimensions


class ZarrFormat:
    """One folder, one array a column with one chunk, attributes in the group's zarr.json."""

    name = "zarr"
    suffix = ".zarr"

    def write(
        self,
        path: Path,
        columns: Mapping[str, NDArray[Any] | Blocks],
        attributes: Mapping[str, Any],
    ) -> None:
        """Write a table; equal content gives equal bytes."""
        group = {
            "zarr_format": 3,
            "node_type": "group",
            "attributes": {"format_version": FORMAT_VERSION, "table": dict(attributes)},
        }
        path.mkdir()
        self._write_json(path, group)
        for name in sorted(columns):
            column = blocks_of(columns[name])
            folder = path / name
            folder.mkdir()
            self._write_json(folder, _array_metadata(column.dtype.str, column.shape))
            if math.prod(column.shape):
                chunk = folder / _chunk(len(column.shape))
                chunk.parent.mkdir(parents=True)
                with chunk.open("xb") as file:
                    for _, block in column.pieces():
                        file.write(block.data)

    def _write_json(self, folder: Path, content: Mapping[str, Any]) -> None:
        with (folder / "zarr.json").open("x", encoding="utf-8") as file:
            json.dump(content, file, sort_keys=True, indent=1, allow_nan=False)

    def open(self, path: Path) -> Table:
        """Open a table without copying; whatever `write` would not have written is damage."""
        with bad_bytes_are_damage(path):
            files = table_files(path)
            group = parse(read_own(files.pop("zarr.json"), ADVICE))
            attributes = group["attributes"].pop("table")
            expected = {
                "zarr_format": 3,
                "node_type": "group",
                "attributes": {"format_version": FORMAT_VERSION},
            }
            if group != expected or not isinstance(attributes, dict):
                raise DamagedError("not a zarr group as written here", path, ADVICE)
            names = {relative.split("/")[0] for relative in files}
            columns = {name: self._map_column(path / name, name, files) for name in sorted(names)}
            for relative in files:
                raise DamagedError("a file that was not written here", path / relative, ADVICE)
            check_lengths(columns, path)
            return Table(columns=columns, attributes=attributes)

    def handle(self, path: Path) -> zarr.Group:
        """Open a table as zarr does, read-only."""
        import zarr  # noqa: PLC0415 - a second of start-up, which reading by ourselves saves

        return zarr.open_group(str(path), mode="r")

    def _map_column(self, folder: Path, name: str, files: dict[str, Path]) -> NDArray[Any]:
        """Map a column, taking its files out of `files`."""
        metadata = parse(read_own(files.pop(f"{name}/zarr.json"), ADVICE))
        dtype = _DTYPES[metadata["data_type"]]
        shape = tuple(metadata["shape"])
        sane = 1 <= len(shape) <= 8 and all(type(n) is int and 0 <= n < 2**48 for n in shape)
        if not sane or metadata != _array_metadata(dtype, shape):
            raise DamagedError("not an array as written here", folder, ADVICE)
        if math.prod(shape) == 0:
            return empty_column(dtype, shape)
        relative = _chunk(len(shape))
        if f"{name}/{relative}" not in files:
            raise DamagedError("a chunk is missing", folder / relative, ADVICE)
        chunk = files.pop(f"{name}/{relative}")
        buffer = map_file(chunk)
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if len(buffer) != size:
            raise DamagedError(f"a chunk is not the {size} bytes that were written", chunk, ADVICE)
        return column_at(buffer, dtype, shape, 0, chunk)


FORMAT = ZarrFormat()
