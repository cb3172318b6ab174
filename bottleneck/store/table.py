"""A table: named columns of equal length and JSON attributes, in an immutable file or folder.

Parts and snapshots are tables. A format is one small module with `write` and `open`; both give
columns that are mapped from the disk, never copied, and refuse whatever they did not write.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib
import math
import mmap
import os
import re
import stat
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from bottleneck.core.errors import DamagedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT_VERSION = 1
DTYPES = ("|u1", "<u4", "<i4", "<i8", "<f2", "<f4")
ADVICE = "run bottleneck verify --repair"
_TABLE_NAME = re.compile(r"[0-9a-f]{16}-[0-9a-f]{8}\.[a-z0-9]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# What the system answers when the bytes or names are at fault. Whatever else it answers (no more
# open files, not permitted, the disk does not read) says nothing about the bytes, and calling it
# damage would let a repair throw good rows away.
_BYTES_AT_FAULT = {
    None,  # HDF5's own complaints
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EINVAL,
    errno.EOVERFLOW,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """A column that comes in pieces, so that a large table needs little memory.

    `blocks` yields arrays of `dtype` whose lengths add up to `shape[0]`.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    blocks: Iterable[NDArray[Any]]

    def pieces(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield (position, block), C-ordered; ValueError unless they add up to the column."""
        at = 0
        for block in self.blocks:
            if block.shape[1:] != self.shape[1:] or block.dtype != self.dtype:
                raise ValueError(f"a block of {block.dtype} {block.shape} in one of {self.shape}")
            if at + len(block) > self.shape[0]:
                raise ValueError(f"more rows than the {self.shape[0]} that were announced")
            yield at, np.ascontiguousarray(block)
            at += len(block)
        if at != self.shape[0]:
            raise ValueError(f"{at} rows where {self.shape[0]} were announced")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """An open table: read-only columns mapped from the disk, and JSON attributes.

    A column stays readable after its file was deleted, for as long as anybody holds it.
    """

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


# One line a format: name → suffix, module with `FORMAT`.
FORMATS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "hdf5": (".h5", "bottleneck.store.hdf5"),
        "zarr": (".zarr", "bottleneck.store.zarr"),
    }
)


def load_format(name: str) -> Format:
    """Return the format of this name; its library is imported when it is first used."""
    if name not in FORMATS:
        raise UsageError(f"no format {name!r}", "--format", f"one of {', '.join(FORMATS)}")
    return cast("Format", importlib.import_module(FORMATS[name][1]).FORMAT)


def format_of(path: Path) -> Format:
    """Return the format of a table by its suffix; DamagedError where no format has it."""
    for name, (suffix, _) in FORMATS.items():
        if path.suffix == suffix:
            return load_format(name)
    raise DamagedError(f"no format has the suffix {path.suffix!r}", path, ADVICE)


def blocks_of(column: NDArray[Any] | Blocks) -> Blocks:
    """Return any column as blocks of little-endian, C-ordered arrays."""
    if isinstance(column, Blocks):
        return column
    array = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("<"))
    return Blocks(shape=array.shape, dtype=array.dtype, blocks=(array,))


def table_name(name: object) -> str:
    """Return a table's name from a commit; ValueError where it is none (a path elsewhere, say)."""
    if not isinstance(name, str) or not _TABLE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no table's name")
    return name


def recorded_files(plain: object) -> dict[str, list[Any]]:
    """Return `{relative path: [bytes, sha256]}` from a commit; ValueError where it is not that."""
    if not isinstance(plain, dict) or not plain:
        raise ValueError("a table without files")
    for relative, record in plain.items():
        inside = relative == "" or not {"", ".", ".."} & set(relative.split("/"))
        size, digest = record
        if not inside or "\\" in relative or (relative == "" and len(plain) > 1):
            raise ValueError(f"{relative!r} is no path inside a table")
        if type(size) is not int or size < 0 or not _SHA256.fullmatch(digest):
            raise ValueError(f"{record!r} is no size and digest")
    return plain


def table_files(path: Path) -> dict[str, Path]:
    """Return `{relative path: file}` of a table; a single file's path is "".

    Hidden files (a desktop's, a network mount's) are passed over: no reader looks at them.

    Raises
    ------
    DamagedError
        When nothing is there, or anything that is neither file nor folder: the bytes behind a
        link are not the bytes that were written here, and a pipe would never end.
    """
    with bad_bytes_are_damage(path):
        return dict(_walk(path, ""))


def _walk(path: Path, relative: str) -> Iterator[tuple[str, Path]]:
    mode = path.lstat().st_mode
    if stat.S_ISDIR(mode):
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            if not entry.name.startswith("."):
                yield from _walk(path / entry.name, f"{relative}/{entry.name}".lstrip("/"))
    elif stat.S_ISREG(mode):
        yield relative, path
    else:
        raise DamagedError("neither a file nor a folder", path, ADVICE)


def files_of(path: Path) -> dict[str, list[Any]]:
    """Return `{relative path: [bytes, sha256]}` of a table; a single file's path is ""."""
    return {relative: _measure(file) for relative, file in table_files(path).items()}


def check_sizes(path: Path, expected: Mapping[str, Any]) -> None:
    """Raise DamagedError unless exactly the recorded files are there, with their sizes."""
    found = table_files(path)
    for relative, (size, _) in expected.items():
        if relative not in found:
            raise DamagedError("a file is missing", path / relative, ADVICE)
        there = found[relative].stat().st_size
        if there != size:
            raise DamagedError(f"has {there} bytes, {size} were written", found[relative], ADVICE)
    for relative in found.keys() - expected.keys():
        raise DamagedError("a file that was not written here", path / relative, ADVICE)


def check_files(path: Path, expected: Mapping[str, Any]) -> None:
    """Raise DamagedError unless exactly the recorded files are there, with their bytes."""
    check_sizes(path, expected)
    for relative, found in files_of(path).items():
        if found[1] != expected[relative][1]:
            raise DamagedError("its bytes changed", path / relative, ADVICE)


@contextlib.contextmanager
def bad_bytes_are_damage(path: Path) -> Iterator[None]:
    """Turn whatever bad bytes raise into DamagedError; a system that fails raises what it raised.

    Missing files are damage too: whoever knows that the log moved on says so instead.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise DamagedError("a file is missing", error.filename or path, ADVICE) from error
    except OSError as error:
        if error.errno not in _BYTES_AT_FAULT:
            raise
        raise DamagedError(f"cannot be read ({error})", path, ADVICE) from error
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as e:
        raise DamagedError(f"not a table as written here ({e})", path, ADVICE) from e


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
    count = math.prod(shape)  # plain integers: an absurd shape does not overflow
    if offset < 0 or offset + count * np.dtype(dtype).itemsize > len(buffer):
        raise DamagedError("a column reaches beyond its file", where, ADVICE)
    return np.frombuffer(buffer, dtype, count, offset).reshape(shape)


def empty_column(dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return a read-only column of no bytes."""
    column = np.zeros(shape, dtype)
    column.flags.writeable = False
    return column


def check_columns(
    table: Table, expected: Mapping[str, tuple[str, tuple[int | None, ...]]], where: Path
) -> None:
    """Raise DamagedError unless a table has just these columns, `{name: (dtype, shape)}`.

    None in a shape stands for any size.
    """
    for name, (dtype, shape) in expected.items():
        column = table.columns.get(name)
        if (
            column is None
            or column.dtype != np.dtype(dtype)
            or column.ndim != len(shape)
            or any(n is not None and n != m for n, m in zip(shape, column.shape, strict=True))
        ):
            raise DamagedError(f"{name} is not the column that it should be", where, ADVICE)
    for name in table.columns.keys() - expected.keys():
        raise DamagedError(f"{name} is a column too many", where, ADVICE)


def check_lengths(columns: Mapping[str, NDArray[Any]], where: Path) -> None:
    """Raise DamagedError unless all columns have the same length."""
    if len({len(column) for column in columns.values()}) > 1:
        raise DamagedError("columns of unequal length", where, ADVICE)
