"""A table: named columns of equal length and JSON attributes, in an immutable file or folder.

Parts and snapshots are tables. A format is one small module with `write` and `open`; both give
columns that are mapped from the disk, never copied, and refuse whatever they did not write.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import math
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.store.catalog import FORMATS
from bottleneck.store.mapped import map_file as map_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT_VERSION = 1
DTYPES = ("|u1", "<u4", "<i4", "<i8", "<f2", "<f4")
ADVICE = "run bottleneck verify --repair"
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
    ) -> dict[str, list[Any]]:
        """Write a table at `path`, a temporary name, by `files.write_synced` and `make_folder`.

        Equal content gives equal bytes. Returned is what was meant, `{relative path: [bytes,
        sha256]}` ("" for a single file): every byte was read back and is that. Making the folders
        durable is the caller's.
        """

    def open(self, path: Path) -> Table:
        """Open a table; DamagedError on anything but what `write` writes."""

    def handle(self, path: Path) -> Any:
        """Open a table with the format's own library, read-only."""

    def recover(
        self, path: Path, columns: Mapping[str, tuple[str, tuple[int, ...]]]
    ) -> Iterator[Mapping[str, NDArray[Any]]]:
        """Yield what these columns (dtype, shape) may be in a table that `open` refuses.

        Without believing anything that the table says of itself: guesses, of which the caller
        checks each row. Columns may be shorter than asked for, and one that is gone is left out.
        """


def load_format(name: str) -> Format:
    """Return the format of this name; its library is imported when it is first used."""
    if name not in FORMATS:
        raise UsageError(f"no format {name!r}", "--format", f"one of {', '.join(FORMATS)}")
    return cast("Format", importlib.import_module(FORMATS[name].module).FORMAT)


def format_of(path: Path) -> Format:
    """Return the format of a table by its suffix; DamagedError where no format has it."""
    for name, spec in FORMATS.items():
        if path.suffix == spec.suffix:
            return load_format(name)
    raise DamagedError(f"no format has the suffix {path.suffix!r}", path, ADVICE)


def blocks_of(column: NDArray[Any] | Blocks) -> Blocks:
    """Return any column as blocks of little-endian, C-ordered arrays."""
    if isinstance(column, Blocks):
        return column
    array = np.ascontiguousarray(column, dtype=column.dtype.newbyteorder("<"))
    return Blocks(shape=array.shape, dtype=array.dtype, blocks=(array,))


@contextlib.contextmanager
def bad_bytes_are_damage(path: Path) -> Iterator[None]:
    """Turn whatever bad bytes raise into DamagedError; a system that fails raises what it raised.

    Missing files are damage too: whoever knows that the log moved on says so instead.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise DamagedError("a file is missing", error.filename or path, ADVICE) from error
    except (ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError,
            ValueError) as error:  # fmt: skip
        number = _system_error(error)
        if number in _BYTES_AT_FAULT:
            what = "cannot be read" if isinstance(error, OSError) else "not a table as written here"
            raise DamagedError(f"{what} ({error})", path, ADVICE) from error
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise OSError(number, os.strerror(number or 0), str(path)) from error


def _system_error(error: BaseException) -> int | None:
    """Return the number of the system's error, which HDF5 keeps in a sentence; None if none."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = re.search(r"\berrno = (\d+)", str(error))
    return int(found[1]) if found else None


def column_at(
    buffer: memoryview, dtype: str, shape: tuple[int, ...], offset: int, where: Path
) -> NDArray[Any]:
    """Return a read-only array over mapped bytes, having checked that they are all there."""
    count = math.prod(shape)  # plain integers: an absurd shape does not overflow
    if offset < 0 or offset + count * np.dtype(dtype).itemsize > len(buffer):
        raise DamagedError("a column reaches beyond its file", where, ADVICE)
    return np.frombuffer(buffer, dtype, count, offset).reshape(shape)


def column_as_far(
    buffer: memoryview, dtype: str, shape: tuple[int, ...], offset: int
) -> NDArray[Any]:
    """Return a read-only array over mapped bytes, of as many rows as are there."""
    row_bytes = math.prod(shape[1:]) * np.dtype(dtype).itemsize
    n = max(0, min(shape[0], (len(buffer) - offset) // max(1, row_bytes)))
    if n == 0:
        return empty_column(dtype, (0, *shape[1:]))
    count = n * math.prod(shape[1:])
    return np.frombuffer(buffer, dtype, count, offset).reshape(n, *shape[1:])


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
