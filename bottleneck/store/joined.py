"""Columns of several parts as one array, though each lies where its file was mapped.

All mapped files of a process lie in one address space. An array that begins at the first of them,
and whose rows begin at every word, has a row wherever one of theirs begins: so rows of all of them
are gathered in one pass and copied once. What lies between the columns is never touched, since
every index is made from a column and a row that it has.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


class Joined:
    """Arrays (m, …) of one dtype and row shape, C-contiguous, that are read as one.

    They stay where they are, and are kept alive. ValueError for others.
    """

    def __init__(self, arrays: Sequence[NDArray[Any]]) -> None:
        self._arrays = tuple(arrays)
        first = self._arrays[0]
        kind = (first.dtype, first.shape[1:])
        if not all((a.dtype, a.shape[1:]) == kind and a.flags.c_contiguous for a in self._arrays):
            raise ValueError("arrays of one dtype and row shape, C-contiguous, can be joined")
        self.dtype, self.row_shape = kind
        self._lengths = np.array([len(a) for a in self._arrays], np.int64)
        n_bytes = int(np.prod(self.row_shape, dtype=np.int64)) * self.dtype.itemsize
        addresses = np.array([a.ctypes.data for a in self._arrays], np.int64)
        both = np.bitwise_or.reduce(np.append(addresses[self._lengths > 0], n_bytes))
        # The widest words at which every row begins: few of them are copied faster.
        width = next(width for width in (8, 4, 2, 1) if both % width == 0)
        self._words = n_bytes // width  # from the beginning of a row to that of the next
        start = int(addresses.argmin())
        self._starts = (addresses - addresses[start]) // width
        end = int((self._starts + self._lengths * self._words).max())
        self._whole: NDArray[Any] | None = None
        self._take: Callable[[Any], NDArray[Any]]
        if self._words and end:
            words = self._arrays[start].reshape(-1).view(f"u{width}")
            if len(self._arrays) == 1:  # numpy takes rows that do not overlap a little faster
                self._whole, self._words = words.reshape(-1, self._words), 1
                self._take = partial(self._whole.take, axis=0)
            else:
                shape = (end - self._words + 1, self._words)
                self._whole = as_strided(words, shape, (width, width))
                self._take = self._whole.__getitem__

    def places(self, array_of: NDArray[np.int64], row_of: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the handles (n,) for `gather` of these rows of these arrays.

        Raises
        ------
        IndexError
            For a row that its array does not have.
        """
        if ((row_of < 0) | (row_of >= self._lengths[array_of])).any():
            raise IndexError("a row that its array does not have")
        found: NDArray[np.int64] = self._starts[array_of] + row_of * self._words
        return found

    def gather(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return a copy of the rows, (n, …), in this order."""
        shape = (len(places), *self.row_shape)
        if self._whole is None:
            return np.zeros(shape, self.dtype)
        return self._take(places).reshape(-1).view(self.dtype).reshape(shape)

    def put(self, places: NDArray[np.int64], *, value: bool) -> None:
        """Set all of these rows to one value; of arrays that may be written to."""
        if self._whole is not None:
            self._whole[places] = value
