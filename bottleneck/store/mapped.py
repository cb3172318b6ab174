"""Files mapped for reading, without holding one open for each: a store may have thousands of parts.

A map needs no open file, but Python's `mmap` keeps one beside it (until it could be told otherwise,
in 3.13). Processes may mostly have 1,024 of them, and that would end a run at as many parts. So
where it can be, the system is asked directly. A process may have 65,530 maps on Linux.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import weakref
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def map_file(path: Path) -> memoryview:
    """Map a whole non-empty file for reading; the mapping outlives the file's name.

    It lasts as long as the view or any array made of it.

    Raises
    ------
    ValueError
        For an empty file.
    """
    with path.open("rb") as file:
        number = file.fileno()
        n_bytes = os.fstat(number).st_size
        if not n_bytes:
            raise ValueError("an empty file cannot be mapped")
        if sys.platform == "win32":
            return memoryview(mmap.mmap(number, 0, access=mmap.ACCESS_READ))
        found = _library().mmap(None, n_bytes, mmap.PROT_READ, mmap.MAP_SHARED, number, 0)
    if found == ctypes.c_void_p(-1).value:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), str(path))
    buffer = (ctypes.c_ubyte * n_bytes).from_address(found)
    # Not at the end of the process: arrays may still be looked at then, and the system tidies up.
    weakref.finalize(buffer, _library().munmap, found, n_bytes).atexit = False
    return memoryview(buffer).cast("B").toreadonly()


@cache
def _library() -> Any:
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = (
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
        ctypes.c_int64,
    )  # fmt: skip
    library.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return library
