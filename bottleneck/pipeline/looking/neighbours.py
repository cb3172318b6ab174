"""Nearest rows by cosine: exact, by products of blocks, in bounded memory.

Of a block of rows, the cosines with all rows are one product of matrices. The nearest k of them are
found without sorting: the columns are dealt into groups, the largest cosine of each group is known
after one pass, and the k nearest lie in the k groups of the largest ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

BLOCK_BYTES = 96 << 20  # of cosines that are held at once
MOST_BLOCK_ROWS = 1024
GROUP = 64  # columns whose largest cosine is looked at first
LEAST = 1e-12  # a shorter row has no direction


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neighbours:
    """The nearest of n rows to each of m rows, the nearest first.

    Attributes
    ----------
    cosines : (m, k) float32
    which : (m, k) int32
        Positions among the n rows.
    """

    cosines: NDArray[np.float32]
    which: NDArray[np.int32]


def unit_rows(
    rows: NDArray[np.float32], mean: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Return rows (n, d) less `mean` (d,), of length one; a row of no direction is zeros.

    Less their mean, because features that are never negative all point into one corner: unlike
    images would have cosines near one too.
    """
    centred = rows if mean is None else rows - mean
    # Scaled first, so that no square leaves float32.
    largest = np.abs(centred).max(axis=1, initial=0, keepdims=True)
    scaled = centred / np.maximum(largest, np.float32(np.finfo(np.float32).tiny))
    length = np.sqrt(np.einsum("nd,nd->n", scaled, scaled))[:, None]
    return np.asarray(np.where(length > LEAST, scaled / np.maximum(length, LEAST), 0), np.float32)


def nearest(
    rows: NDArray[np.float32],
    k: int,
    queries: NDArray[np.float32] | None = None,
    counted: Callable[[int], object] = lambda _: None,
    own: NDArray[np.int64] | None = None,
) -> Neighbours:
    """Return the k nearest of `rows` to each query, or to each row itself, itself left out.

    Exact but for float32's rounding of a product; of equal cosines, any may be the last one.

    Parameters
    ----------
    rows : (n, d) of length one, as `unit_rows` makes them
    k : at most as many as there are
    queries : (m, d) of length one; None for the rows themselves
    counted : is told of each block how many queries are done
    own : (m,) the position of each query among the rows, where it is left out; None for queries
        that are none of them
    """
    asked = rows if queries is None else queries
    n, m = len(rows), len(asked)
    if queries is None:
        own = np.arange(n)
    k = max(0, min(k, n - (own is not None)))
    cosines, which = np.empty((m, k), np.float32), np.empty((m, k), np.int32)
    if not k:
        return Neighbours(cosines=cosines, which=which)
    # Few rows: one group a column, and no group is searched in vain.
    n_groups = -(-n // GROUP) if n > 4 * GROUP * k else n
    width = n_groups * -(-n // n_groups)
    block = max(1, min(MOST_BLOCK_ROWS, BLOCK_BYTES // (4 * width), m))
    held = np.empty((block, width), np.float32)
    held[:, n:] = -np.inf
    for start in range(0, m, block):
        some = asked[start : start + block]
        found = held[: len(some)]
        np.matmul(some, rows.T, out=found[:, :n])
        if own is not None:
            found[np.arange(len(some)), own[start : start + block]] = -np.inf
        near = _largest(found, n_groups, k)
        which[start : start + len(some)] = near
        cosines[start : start + len(some)] = np.take_along_axis(found, near, 1)
        counted(len(some))
    return Neighbours(cosines=cosines, which=which)


def _largest(values: NDArray[np.float32], n_groups: int, k: int) -> NDArray[np.int64]:
    """Return the columns (b, k) of the largest values of each row (b, w), the largest first.

    Column c is of group c modulo `n_groups`, which divides w.
    """
    b, width = values.shape
    each = width // n_groups
    tops = values.reshape(b, each, n_groups).max(axis=1)
    groups = np.argpartition(tops, n_groups - k, axis=1)[:, n_groups - k :]
    members = (groups[:, :, None] + np.arange(each) * n_groups).reshape(b, -1)
    inside = np.take_along_axis(values, members, 1)
    best = np.argpartition(inside, inside.shape[1] - k, axis=1)[:, inside.shape[1] - k :]
    columns = np.sort(np.take_along_axis(members, best, 1), axis=1)  # of equal ones the first first
    order = np.argsort(-np.take_along_axis(values, columns, 1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, 1)
