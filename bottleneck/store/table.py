"""A table: named columns of equal length and JSON attributes, in an immutable file or folder.

Parts and snapshots are tables. A format is one small module with `write` and `open`; both give
columns that are mapped from the disk, never copied, and refuse whatever they did not write.
"""

from __future__ import annotations

import hashlib
import importlib
import mmap
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from bottleneck.core.errors import DamagedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT_VERSION = 1
DTYPES = ("|u1", "<u4", "<i4", "<i8", "<f2", "<f4")
ADVICE = "run bottleneck verify --repair"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """A column that comes in pieces, so that a large table needs little memory.

    `blocks` yields arrays of `dtype` whose lengths add up to `shape[0]`.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    blocks: Iterable[NDArray[Any]]


class Table(Protocol):
    """An open table. Columns stay readable after the file was deleted, until `close`."""

    columns: Mapping[str, NDArray[Any]]
    attributes: Mapping[str, Any]


class Format(Protocol):
    """How tables stand on the disk."""

    name: str
    suffix: str

    def write(
        self,
        path: Path,
        columns: Mapping[str, NDArray[Any] | Blocks],
        attributes: Mapping[str, Any],
    ) -> None:
        """Write a table at `path`, a temporary name; making it durable is the caller's."""

    def open(self, path: Path) -> Table:
        """Open a table; DamagedError on anything but what `write` writes."""


# One line a format: name → module with `FORMAT`.
FORMATS: Mapping[str, str] = MappingProxyType(
    {"hdf5": "bottleneck.store.hdf5", "zarr": "bottleneck.store.zarr"}
)


def load_format(name: str) -> Format:
    """Return the format of this name; its library is imported when it is first used."""
    if name not in FORMATS:
        raise UsageError(f"no format {name!r}", "--format", f"one of {', '.join(FORMATS)}")
    return cast("Format", importlib.import_module(FORMATS[name]).FORMAT)


def blocks_of(column: NDArray[Any] | Blocks) -> Blocks:
    """Return any column as blocks of little-endian, C-ordered arrays."""
    if isinstance(column, Blocks):
        return column
    array = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("<"))
    return Blocks(shape=array.shape, dtype=array.dtype, blocks=(array,))


def files_of(path: Path) -> dict[str, list[Any]]:
    """Return `{relative path: [bytes, sha256]}` of a table; a single file's path is ""."""
    if path.is_file():
        return {"": _measure(path)}
    found = sorted(p for p in path.rglob("*") if p.is_file())
    return {p.relative_to(path).as_posix(): _measure(p) for p in found}


def check_sizes(path: Path, expected: Mapping[str, Any]) -> None:
    """Raise DamagedError unless every recorded file is there with its recorded size."""
    for relative, (size, _) in expected.items():
        file = path / relative if relative else path
        try:
            there = file.stat().st_size
        except OSError as error:
            raise DamagedError("a file is missing", file, ADVICE) from error
        if there != size:
            raise DamagedError(f"has {there} bytes, {size} were written", file, ADVICE)


def check_files(path: Path, expected: Mapping[str, Any]) -> None:
    """Raise DamagedError unless every recorded file has its recorded bytes, and no other is there.

    Links are refused: bytes elsewhere are not the bytes that were recorded.
    """
    check_sizes(path, expected)
    found = files_of(path)
    for relative, (_, digest) in expected.items():
        if found.get(relative, [0, ""])[1] != digest:
            raise DamagedError("its bytes changed", path / relative if relative else path, ADVICE)
    for relative in found.keys() - expected.keys():
        raise DamagedError("a file that was not written here", path / relative, ADVICE)


def _measure(path: Path) -> list[Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return [file.tell(), digest]


def map_file(path: Path) -> mmap.mmap:
    """Map a whole non-empty file for reading; the mapping outlives the file's name."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def column_at(
    buffer: mmap.mmap, dtype: str, shape: tuple[int, ...], offset: int, where: Path
) -> NDArray[Any]:
    """Return a read-only array over mapped bytes, having checked that they are all there."""
    count = 1
    for n in shape:  # plain integers: an absurd shape must not overflow
        count *= n
    if offset < 0 or offset + count * np.dtype(dtype).itemsize > len(buffer):
        raise DamagedError("a column reaches beyond its file", where, ADVICE)
    return np.frombuffer(buffer, dtype, count, offset).reshape(shape)


def check_shapes(columns: Mapping[str, NDArray[Any]], where: Path) -> None:
    """Raise DamagedError unless all columns have the same length."""
    if len({len(column) for column in columns.values()}) > 1:
        raise DamagedError("columns of unequal length", where, ADVICE)
