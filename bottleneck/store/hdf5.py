"""Tables as HDF5 files: contiguous data sets, aligned, reproducible, mapped when read."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from bottleneck.core.errors import DamagedError
from bottleneck.store.table import (
    ADVICE,
    DTYPES,
    FORMAT_VERSION,
    Blocks,
    blocks_of,
    check_shapes,
    column_at,
    map_file,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

ALIGNMENT = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Hdf5Table:
    """An open table; the columns map the file."""

    columns: Mapping[str, NDArray[Any]]
    attributes: Mapping[str, Any]


class Hdf5Format:
    """One file, one contiguous data set a column, attributes as one JSON text."""

    name = "hdf5"
    suffix = ".h5"

    def write(
        self,
        path: Path,
        columns: Mapping[str, NDArray[Any] | Blocks],
        attributes: Mapping[str, Any],
    ) -> None:
        """Write a table; equal content gives equal bytes (no times are tracked)."""
        creation = h5py.h5p.create(h5py.h5p.FILE_CREATE)
        creation.set_obj_track_times(False)
        access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
        # v110 at both ends: readers of every HDF5 since 1.10, and the same bytes from all.
        access.set_libver_bounds(h5py.h5f.LIBVER_V110, h5py.h5f.LIBVER_V110)
        access.set_alignment(1, ALIGNMENT)
        handle = h5py.h5f.create(str(path).encode(), h5py.h5f.ACC_EXCL, fcpl=creation, fapl=access)
        with h5py.File(handle) as file:
            for name in sorted(columns):
                self._write_column(file, name, blocks_of(columns[name]))
            text = json.dumps(attributes, sort_keys=True, ensure_ascii=True)
            file.create_dataset(
                "attributes",
                data=np.frombuffer(text.encode(), np.uint8),
                track_times=False,
            )
            file.attrs.create("format_version", FORMAT_VERSION, dtype="<i4")

    def _write_column(self, file: h5py.File, name: str, column: Blocks) -> None:
        dataset = file.create_dataset(
            name, column.shape, column.dtype, track_times=False, fillvalue=None
        )
        at = 0
        for block in column.blocks:
            dataset[at : at + len(block)] = block
            at += len(block)

    def open(self, path: Path) -> Hdf5Table:
        """Open a table without copying; whatever `write` would not have written is damage."""
        try:
            with h5py.File(path, "r", locking=False) as file:
                return self._map(file, path)
        except DamagedError:
            raise
        except FileNotFoundError as error:
            raise DamagedError("a file is missing", path, ADVICE) from error
        except PermissionError:
            raise
        except (OSError, RuntimeError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise DamagedError(f"not a readable HDF5 file ({error})", path, ADVICE) from error

    def _map(self, file: h5py.File, path: Path) -> Hdf5Table:
        if int(file.attrs["format_version"]) != FORMAT_VERSION:
            raise DamagedError("another format version than its store's", path, ADVICE)
        buffer = map_file(path)
        columns = {}
        for name in file:
            if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                raise DamagedError(f"{name} is a link", path, ADVICE)
            columns[name] = self._map_column(file[name], buffer, path)
        attributes = json.loads(columns.pop("attributes").tobytes())
        check_shapes(columns, path)
        return Hdf5Table(columns, attributes)

    def _map_column(self, dataset: object, buffer: Any, path: Path) -> NDArray[Any]:
        if not isinstance(dataset, h5py.Dataset):
            raise DamagedError("holds more than data sets", path, ADVICE)
        plain = (
            dataset.id.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS
            and not dataset.external
            and dataset.dtype.str in DTYPES
        )
        if not plain:
            raise DamagedError(f"{dataset.name} is not stored as written here", path, ADVICE)
        shape = tuple(int(n) for n in dataset.shape)
        if math.prod(shape) == 0:
            return np.zeros(shape, dataset.dtype)
        offset = dataset.id.get_offset()
        if offset is None:
            raise DamagedError(f"{dataset.name} has no bytes", path, ADVICE)
        return column_at(buffer, dataset.dtype.str, shape, offset, path)


FORMAT = Hdf5Format()
