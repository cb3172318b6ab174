"""Rows of many parts as one array-like, gathered when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import DTypeLike, NDArray

    from bottleneck.store.part import Part


class Features:
    """Features of n samples, in the order of their snapshot: an array that stays on the disk.

    Supports `len`, `shape`, `dtype`, integer, slice, index-array and mask indexing,
    `take(indices)` and `numpy.asarray`. Every row is checked at its first touch.

    Parameters
    ----------
    parts : the open parts
    part_of, row_of : (n,) int64
        Where each sample's row stands.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        part_of: NDArray[np.int64],
        row_of: NDArray[np.int64],
        shape: tuple[int, ...],
        dtype: str,
    ) -> None:
        self._parts = parts
        self._part_of = part_of
        self._row_of = row_of
        self._one_part = int(part_of[0]) if len(np.unique(part_of)) == 1 else None
        self.shape = (len(part_of), *shape)
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def take(self, indices: NDArray[np.int64] | Sequence[int]) -> NDArray[Any]:
        """Return a copy of the rows at `indices` (k,), in that order, as (k, …)."""
        wanted = np.asarray(indices, np.int64)
        row_of = self._row_of[wanted]
        if self._one_part is not None:
            return self._parts[self._one_part].take(row_of)
        out = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        words, part_of = _in_words(out), self._part_of[wanted]
        for number, part in enumerate(self._parts):
            here = np.flatnonzero(part_of == number)
            if len(here):
                words[here] = _in_words(part.take(row_of[here]))
        return out

    def __getitem__(self, index: Any) -> NDArray[Any]:
        if isinstance(index, tuple):
            first, *rest = index
            axis = () if isinstance(first, int | np.integer) else (slice(None),)
            picked: NDArray[Any] = self[first][(*axis, *rest)]
            return picked
        if isinstance(index, int | np.integer):
            position = range(len(self))[int(index)]
            row: NDArray[Any] = self.take([position])[0]
            return row
        if isinstance(index, slice):
            return self._slice(index)
        if index is Ellipsis:
            return self._slice(slice(None))
        return self.take(np.arange(len(self))[index])

    def _slice(self, index: slice) -> NDArray[Any]:
        wanted = np.arange(len(self))[index]
        if self._one_part is not None and len(wanted):
            rows = self._row_of[wanted]
            if (np.diff(rows) == 1).all():
                start = int(rows[0])
                return self._parts[self._one_part].slice(start, start + len(rows))
        return self.take(wanted)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        for start in range(0, len(self), 1024):
            yield from self[start : start + 1024]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self[:]
        target = whole.dtype if dtype is None else np.dtype(dtype)
        return whole.astype(target, copy=bool(copy) or whole.dtype != target)

    def __repr__(self) -> str:
        return f"Features(shape={self.shape}, dtype={self.dtype}, parts={len(self._parts)})"


def _in_words(rows: NDArray[Any]) -> NDArray[Any]:
    """Return rows (n, …) as (n, k) of the widest numbers that fill one: they are copied faster."""
    n_bytes = rows[:1].nbytes
    if n_bytes == 0:
        return rows
    width = next(width for width in (8, 4, 2, 1) if n_bytes % width == 0)
    return rows.reshape(len(rows), -1).view(f"u{width}")
