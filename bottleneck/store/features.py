"""Rows of many parts as one array-like, gathered when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.store.joined import Joined
from bottleneck.store.part import row_checksums

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
        self._rows = _joined([part.rows for part in parts], shape, dtype)
        self._places = self._rows.places(part_of, row_of)
        self._unchecked = _Unchecked(parts, part_of, row_of) if len(part_of) else None
        self.shape = (len(part_of), *shape)
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def take(self, indices: NDArray[np.int64] | Sequence[int]) -> NDArray[Any]:
        """Return a copy of the rows at `indices` (k,), in that order, as (k, …)."""
        wanted = np.asarray(indices, np.int64)
        rows = self._rows.gather(self._places[wanted])
        if self._unchecked is not None and not self._unchecked.check(wanted, rows):
            self._unchecked = None
        return rows

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


class _Unchecked:
    """Which of n samples were not compared with their checksums yet, in this process."""

    def __init__(
        self, parts: Sequence[Part], part_of: NDArray[np.int64], row_of: NDArray[np.int64]
    ) -> None:
        self._parts, self._part_of, self._row_of = parts, part_of, row_of
        self._good = Joined([part.is_good for part in parts])
        self._good_at = self._good.places(part_of, row_of)
        self._n_left = len(part_of)
        self._bound: tuple[Joined, NDArray[np.int64], Joined, NDArray[np.int64]] | None = None

    def check(self, wanted: NDArray[np.int64], rows: NDArray[Any]) -> bool:
        """Compare the rows of these samples where they were not yet; return whether any is left.

        Raises
        ------
        DamagedError
            Naming the first row that is not what was written.
        """
        is_good = self._good.gather(self._good_at[wanted])
        if is_good.all():
            return True
        fresh = np.flatnonzero(~is_good)
        if len(fresh) < len(wanted):
            wanted, rows = wanted[fresh], rows[fresh]
        if self._bound is None:  # digests are compared with their part's id when first asked for
            digests = Joined([part.digests for part in self._parts])
            checksums = Joined([part.checksums for part in self._parts])
            self._bound = (
                *(digests, digests.places(self._part_of, self._row_of)),
                *(checksums, checksums.places(self._part_of, self._row_of)),
            )
        digests, digests_at, checksums, checksums_at = self._bound
        found = row_checksums(self._parts[0].recipe_id, digests.gather(digests_at[wanted]), rows)
        bad = np.flatnonzero(found != checksums.gather(checksums_at[wanted]))
        if len(bad):
            at = wanted[bad[0]]
            raise self._parts[self._part_of[at]].damage(int(self._row_of[at]))
        self._good.put(self._good_at[wanted], value=True)
        self._n_left -= len(wanted)  # at least: one that was wanted twice counts twice
        if self._n_left <= 0:
            self._n_left = int((~self._good.gather(self._good_at)).sum())
        return self._n_left > 0


def _joined(columns: list[NDArray[Any]], shape: tuple[int, ...], dtype: str) -> Joined:
    """Return the rows of all parts as one array; that of a store without parts has none."""
    return Joined(columns or [np.empty((0, *shape), dtype)])
