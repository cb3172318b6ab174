"""Nearest rows among very many: nearly all of them, for a small part of the products.

Rows are dealt into cells around centres (k-means on the sphere, of a sample). The neighbours of a
row mostly lie in its own cell and in those whose centres are nearest to it. So the rows of a cell
are asked together, by one product of matrices, with the rows of all cells that are near to them.
How many cells that must be is found out from rows drawn by lot, whose neighbours are also computed
exactly; what share of the ten nearest is found in the end is measured on others. It is the inverted
file of faiss, without its copy of the rows; docs/inspect.md has both beside each other.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.pipeline.looking.neighbours import Neighbours, nearest, unit_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SAMPLE = 64  # rows for each centre, that centres are made of
ROUNDS = 8
CHOOSING, MEASURED = 500, 1000  # rows whose exact neighbours are known
AMONG = 10  # of the nearest
WANTED = 0.98  # of them that the cells near a row are to hold
SHARE = 0.98  # of what a cell's rows want to look at, that is looked at
BLOCK = 8192  # rows dealt at once
MOST_ASKED = 4096  # rows of one cell that are asked together


def near_by_cells(
    rows: NDArray[np.float32],
    k: int,
    dealt: Callable[[int], object] = lambda _: None,
    counted: Callable[[int], object] = lambda _: None,
    seed: int = 0,
) -> tuple[Neighbours, float]:
    """Return k neighbours of each row, itself left out, and the share of the ten nearest found.

    Parameters
    ----------
    rows : (n, d) of length one
    dealt, counted : are told how many rows lie in a cell by now, and how many have been answered
    """
    n = len(rows)
    centres, cell = deal(rows, 2 ** round(np.log2(n) / 2), seed, dealt)
    drawn = np.random.default_rng(seed + 1).permutation(n)[:CHOOSING]
    exact = nearest(rows, AMONG, rows[drawn], own=drawn)
    enough = _enough(rows, drawn, exact.which, centres, cell)
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(len(centres) + 1))
    members = [order[i:j] for i, j in pairwise(starts)]
    k = min(k, n - 1)
    which, cosines = np.zeros((n, k), np.int32), np.full((n, k), -1, np.float32)
    for number, of_cell in enumerate(members):
        for start in range(0, len(of_cell), MOST_ASKED):
            own = of_cell[start : start + MOST_ASKED]
            asked = rows[own]
            there = _around(asked, number, centres, enough, members, k)
            near = nearest(rows[there], k, asked, own=np.searchsorted(there, own))
            which[own], cosines[own] = there[near.which], near.cosines
            counted(len(own))
    found = Neighbours(cosines=cosines, which=which)
    return found, measured_recall(rows, found, seed)


def measured_recall(rows: NDArray[np.float32], near: Neighbours, seed: int = 0) -> float:
    """Return the share of the ten nearest that is found, of MEASURED rows drawn by lot.

    Any of several that are equally near will do.
    """
    drawn = np.random.default_rng(seed).permutation(len(rows))[:MEASURED]
    exact = nearest(rows, AMONG, rows[drawn], own=drawn).cosines
    found = near.cosines[drawn, : exact.shape[1]] >= exact[:, -1:] - 1e-5
    return float(found.mean())


def deal(
    rows: NDArray[np.float32],
    n_cells: int,
    seed: int,
    dealt: Callable[[int], object] = lambda _: None,
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return centres (c, d) of length one, and the cell (n,) of each row: the nearest centre's."""
    by_chance = np.random.default_rng(seed)
    some = rows[np.sort(by_chance.permutation(len(rows))[: SAMPLE * n_cells])]
    centres = some[by_chance.permutation(len(some))[:n_cells]]
    for _ in range(ROUNDS):
        cell = _nearest_centre(some, centres)
        order = np.argsort(cell, kind="stable")
        there, first = np.unique(cell[order], return_index=True)
        means = np.add.reduceat(some[order], first, axis=0)
        # A centre that nothing is near begins again elsewhere.
        centres = some[by_chance.integers(0, len(some), len(centres))]
        centres[there] = unit_rows(means)
    return centres, _nearest_centre(rows, centres, dealt)


def _nearest_centre(
    rows: NDArray[np.float32],
    centres: NDArray[np.float32],
    dealt: Callable[[int], object] = lambda _: None,
) -> NDArray[np.int32]:
    found = np.empty(len(rows), np.int32)
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        found[start : start + BLOCK] = (block @ centres.T).argmax(axis=1)
        dealt(len(block))
    return found


def _enough(
    rows: NDArray[np.float32],
    drawn: NDArray[np.int64],
    which: NDArray[np.int32],
    centres: NDArray[np.float32],
    cell: NDArray[np.int32],
) -> int:
    """Return how many of the cells nearest to a row hold WANTED of its neighbours."""
    cosines = rows[drawn] @ centres.T
    rank = np.empty(cosines.shape, np.int64)
    np.put_along_axis(rank, np.argsort(-cosines, axis=1), np.arange(len(centres))[None], axis=1)
    ranks = np.sort(np.take_along_axis(rank, cell[which].astype(np.int64), axis=1).reshape(-1))
    return int(ranks[int(np.ceil(WANTED * len(ranks))) - 1]) + 1


def _around(
    asked: NDArray[np.float32],
    number: int,
    centres: NDArray[np.float32],
    enough: int,
    members: list[NDArray[np.int64]],
    k: int,
) -> NDArray[np.int64]:
    """Return the rows to look at for rows of a cell, in order: of the cells most are near to."""
    near = np.argpartition(-(asked @ centres.T), min(enough, len(centres) - 1), axis=1)[:, :enough]
    votes = np.bincount(near.reshape(-1), minlength=len(centres))
    votes[number] += len(asked)  # their own cell is the first
    order = np.argsort(-votes, kind="stable")
    covered = np.cumsum(votes[order])
    n_cells = int(np.searchsorted(covered, SHARE * covered[-1])) + 1
    sizes = np.cumsum([len(members[i]) for i in order])
    n_cells = max(n_cells, int(np.searchsorted(sizes, k + 1)) + 1)  # there must be k others
    return np.sort(np.concatenate([members[i] for i in order[:n_cells]]))
