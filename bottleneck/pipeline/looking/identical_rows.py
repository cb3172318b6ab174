"""Rows that are identical, to the bit: blank images in other files, pages that a scanner repeated.

However many there are, one stands for all of them where rows are compared with each other, and each
of them has the others as its nearest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 2048  # rows that are looked at at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Identical:
    """Which of n rows are identical.

    Attributes
    ----------
    leader : (n,) int64
        The first row that is identical to each; of a row alone, itself.
    size : (n,) int64
        How many rows each leader stands for; 0 for others.
    members, start : (n,) int64
        The rows that leader i stands for are members[start[i] : start[i] + size[i]], in order.
    """

    leader: NDArray[np.int64]
    size: NDArray[np.int64]
    members: NDArray[np.int64]
    start: NDArray[np.int64]

    @property
    def leaders(self) -> NDArray[np.int64]:
        """The rows that stand for others or are alone, in order."""
        return np.flatnonzero(self.size)

    def expanded(self, leaders: NDArray[np.int64], k: int) -> NDArray[np.int64]:
        """Return the first k rows that leaders (m, j) stand for, in order; -1 where they end.

        Parameters
        ----------
        leaders : -1 for none
        """
        size = np.where(leaders < 0, 0, self.size[leaders])
        until = np.minimum(size, k).cumsum(axis=1)
        slot = np.arange(k)
        column = (until[:, None, :] <= slot[None, :, None]).sum(axis=2)  # (m, k)
        there = column < leaders.shape[1]
        column[~there] = 0
        before = np.take_along_axis(until - np.minimum(size, k), column, 1)
        at = np.take_along_axis(self.start[leaders], column, 1) + slot - before
        return np.where(there, self.members[np.where(there, at, 0)], -1)


def identical(rows: NDArray[np.float32]) -> Identical:
    """Return which rows (n, d) are identical."""
    n = len(rows)
    leader = _leaders(rows)
    size = np.bincount(leader, minlength=n)
    members = np.argsort(leader, kind="stable")
    return Identical(leader=leader, size=size, members=members, start=np.cumsum(size) - size)


def _leaders(rows: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the first row that is identical to each: rows of one hash are compared."""
    n, width = rows.shape
    bits = np.ascontiguousarray(rows).view(np.uint32)
    factors = np.random.default_rng(0).integers(1, 1 << 63, width, np.uint64) * 2 + 1
    hashes = np.empty(n, np.uint64)
    for start in range(0, n, BLOCK):
        hashes[start : start + BLOCK] = bits[start : start + BLOCK] @ factors  # modulo 2^64
    _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    leader = first[group.reshape(-1)]
    others = np.flatnonzero(leader != np.arange(n))
    for start in range(0, len(others), BLOCK):
        some = others[start : start + BLOCK]
        unlike = some[(bits[some] != bits[leader[some]]).any(axis=1)]
        leader[unlike] = unlike  # of one hash by chance: it is compared as one alone
    return leader
