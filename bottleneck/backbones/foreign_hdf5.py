"""HDF5 files that others made: tensors of their own, and nothing else.

HDF5 can point into other files of this machine (links, external and virtual data sets) and can
claim terabytes in a few bytes. None of that is of use to weights, so it is refused before Keras
reads the file.
"""

from __future__ import annotations

import math
from typing import BinaryIO

import h5py

from bottleneck.core.errors import UsageError

OWN = "save the weights again with model.save_weights"
# A data set larger than this must be stored, up to compression, in what it claims to hold.
FREE_BYTES = 1 << 28
MAX_EXPANSION = 100


def check(file: BinaryIO, where: object, do: str) -> None:
    """Refuse an HDF5 file that could pull in bytes of others, or claims what it does not hold.

    Raises
    ------
    UsageError
        For such a file, naming what is wrong in it, and for one that is not HDF5; `do` says what
        to do then.
    """
    try:
        with h5py.File(file, "r") as opened:
            _visit(opened, where)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UsageError(f"not a readable HDF5 file ({reason})", where, do) from error


def _visit(group: h5py.Group, where: object) -> None:
    for name in group:
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            raise UsageError(f"{name} is a link", where, OWN)
        item = group[name]
        if isinstance(item, h5py.Group):
            _visit(item, where)
        elif isinstance(item, h5py.Dataset):
            _check_data(name, item, where)


def _check_data(name: str, data: h5py.Dataset, where: object) -> None:
    if data.external or data.is_virtual:
        raise UsageError(f"{name} is stored elsewhere", where, OWN)
    claimed = math.prod(data.shape or (0,)) * data.dtype.itemsize
    stored = data.id.get_storage_size()
    if claimed > FREE_BYTES and claimed > MAX_EXPANSION * stored:
        raise UsageError(f"{name} claims {claimed} bytes and stores {stored}", where, OWN)
