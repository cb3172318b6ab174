"""Pickles of numpy arrays and plain values, read without running what is in them."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np


def load(data: bytes) -> Any:
    """Return the value of a pickle, by Python 2 or 3, of arrays, numbers, bytes, lists, dicts.

    Raises
    ------
    pickle.UnpicklingError
        When it names anything else; and whatever else broken bytes make the unpickler raise.
    """
    return _Unpickler(io.BytesIO(data), encoding="bytes").load()


_ARRAY = object()  # stands for the class: it can be named, not called


def _empty_array(kind: object, shape: object, code: object) -> np.ndarray[Any, Any]:
    # What every pickled array starts from; other shapes would be memory for the asking.
    if kind is not _ARRAY or shape != (0,) or code not in (b"b", "b"):
        raise pickle.UnpicklingError("no plain array")
    return np.ndarray((0,), np.int8)


def _dtype(name: bytes | str, *_: object) -> np.dtype[Any]:
    # The flags behind the name are left out: numpy warns of how old pickles spell them.
    name = name.decode("ascii") if isinstance(name, bytes) else name
    if name not in ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "b1"):
        raise pickle.UnpicklingError("no plain dtype")
    return np.dtype(name)


def _latin1(text: str, codec: str) -> bytes:
    # How protocol 2 spells the bytes of Python 3.
    if codec not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError("no plain bytes")
    return text.encode("latin1")


_KNOWN: dict[tuple[str, str], object] = {
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("numpy", "ndarray"): _ARRAY,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _latin1,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"{module}.{name} is not plain data") from None
