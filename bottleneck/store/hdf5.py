"""Tables as HDF5 files: contiguous data sets, aligned, reproducible, mapped when read."""

from __future__ import annotations

import json
import math
import os
import struct
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from bottleneck.core.errors import DamagedError
from bottleneck.core.strict_json import MAX_BYTES, parse
from bottleneck.store.inventory import table_files
from bottleneck.store.table import (
    ADVICE,
    DTYPES,
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

    from numpy.typing import NDArray

ALIGNMENT = 4096
# A superblock of version 3 (HDF5 1.10): signature, version, sizes of offsets and lengths, flags,
# base address, address of the extension, end of the file.
_SUPERBLOCK = struct.Struct("<8sBBBBQQQ")
_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_UNDEFINED = 2**64 - 1


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
        handle = h5py.h5f.create(os.fsencode(path), h5py.h5f.ACC_EXCL, fcpl=creation, fapl=access)
        with h5py.File(handle) as file:
            for name in sorted(columns):
                self._write_column(file, name, blocks_of(columns[name]))
            text = json.dumps(attributes, sort_keys=True, ensure_ascii=True, allow_nan=False)
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
        for at, block in column.pieces():
            dataset[at : at + len(block)] = block

    def open(self, path: Path) -> Table:
        """Open a table without copying; whatever `write` would not have written is damage."""
        with bad_bytes_are_damage(path):
            if table_files(path).keys() != {""}:
                raise DamagedError("not a file", path, ADVICE)
            buffer = map_file(path)
            head = (_SIGNATURE, 3, 8, 8, 0, 0, _UNDEFINED, len(buffer))
            if _SUPERBLOCK.unpack_from(buffer) != head:
                raise DamagedError("not the HDF5 file that was written here", path, ADVICE)
            with h5py.File(path, "r", locking=False) as file:
                return self._map(file, buffer, path)

    def handle(self, path: Path) -> h5py.File:
        """Open a table as h5py does, read-only."""
        return h5py.File(path, "r", locking=False)

    def _map(self, file: h5py.File, buffer: Any, path: Path) -> Table:
        version = file.attrs["format_version"]
        if len(file.attrs) != 1 or version.dtype.str != "<i4" or version != FORMAT_VERSION:
            raise DamagedError("another format version than its store's", path, ADVICE)
        columns = {}
        for name in file:
            # A link is looked at before it is followed: it may lead out of the file.
            if not isinstance(file.get(name, getlink=True), h5py.HardLink):
                raise DamagedError(f"{name} is a link", path, ADVICE)
            columns[name] = self._map_column(file[name], buffer, path)
        text = columns.pop("attributes")
        if text.dtype != np.uint8 or text.ndim != 1 or len(text) > MAX_BYTES:
            raise DamagedError("attributes are not stored as written here", path, ADVICE)
        attributes = parse(text.tobytes())
        check_lengths(columns, path)
        return Table(columns=columns, attributes=attributes)

    def _map_column(self, dataset: object, buffer: Any, path: Path) -> NDArray[Any]:
        if not isinstance(dataset, h5py.Dataset):
            raise DamagedError("holds more than data sets", path, ADVICE)
        dtype = dataset.dtype.str
        plain = (
            dtype in DTYPES
            # numpy rounds HDF5's types (a float of another bias) to the nearest that it has.
            and dataset.id.get_type() == h5py.h5t.py_create(np.dtype(dtype))
            and dataset.id.get_create_plist().get_layout() == h5py.h5d.CONTIGUOUS
            and not dataset.external
            and dataset.maxshape == dataset.shape
            and not len(dataset.attrs)
            and h5py.h5o.get_info(dataset.id).rc == 1  # one name
        )
        if not plain:
            raise DamagedError(f"{dataset.name} is not stored as written here", path, ADVICE)
        shape = tuple(int(n) for n in dataset.shape)
        if math.prod(shape) == 0:
            return empty_column(dtype, shape)
        offset = dataset.id.get_offset()
        if offset is None:
            raise DamagedError(f"{dataset.name} has no bytes", path, ADVICE)
        return column_at(buffer, dtype, shape, offset, path)


FORMAT = Hdf5Format()
