"""Nearest rows among very many: nearly all of them, by an inverted file of faiss (extra `inspect`).

Rows are listed by the nearest of some centres (k-means on the sphere, of a sample); a row's
neighbours mostly lie in the lists of the centres nearest to it. How many lists that takes is found
out from rows drawn by lot, whose neighbours are also computed exactly; what share of the ten
nearest is found in the end is measured. The index holds the rows in float16; the cosines of what it
finds are computed from the rows themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.pipeline.looking.neighbours import Neighbours, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SAMPLE = 64  # rows for each centre, that centres are made of
CHOOSING, MEASURED = 500, 1000  # rows whose exact neighbours are known
AMONG = 10  # of the nearest
WANTED = 0.95  # of them that the lists looked at are to hold
FEWEST = 8  # lists looked at
BLOCK = 8192  # rows added, or asked, at once
COMPARED = 512  # rows whose cosines are computed at once


def near_by_index(
    rows: NDArray[np.float32],
    k: int,
    counted: Callable[[int], object] = lambda _: None,
    seed: int = 0,
) -> tuple[Neighbours, float]:
    """Return k neighbours of each row, itself left out, and the share of the ten nearest found.

    The same rows give the same neighbours.

    Parameters
    ----------
    rows : (n, d) of length one
    counted : is told how many rows are listed, and then how many are answered: 2 n in all
    """
    n = len(rows)
    k = min(k, n - 1)
    index = _listed(rows, seed, counted)
    index.nprobe = _enough(index, rows, k, seed)
    # Rows of one list are asked together: what they look at is then in the processor's cache.
    order = np.concatenate([_members(index, number) for number in range(index.nlist)])
    which, cosines = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
    for start in range(0, n, BLOCK):
        own = order[start : start + BLOCK]
        near = _asked(index, rows, own, k)
        which[own], cosines[own] = near.which, near.cosines
        counted(len(own))
    found = Neighbours(cosines=cosines, which=which)
    return found, measured_recall(rows, found, seed)


def measured_recall(rows: NDArray[np.float32], near: Neighbours, seed: int = 0) -> float:
    """Return the share of the ten nearest that is found, of MEASURED rows drawn by lot.

    Any of several that are equally near will do.
    """
    drawn = np.random.default_rng(seed).permutation(len(rows))[:MEASURED]
    exact = nearest(rows, AMONG, rows[drawn], own=drawn)
    return _share(near.cosines[drawn], exact)


def _share(cosines: NDArray[np.float32], exact: Neighbours) -> float:
    n_nearest = exact.cosines.shape[1]
    return float((cosines[:, :n_nearest] >= exact.cosines[:, -1:] - 1e-5).mean())


def _listed(rows: NDArray[np.float32], seed: int, counted: Callable[[int], object]) -> Any:
    """Return a faiss.IndexIVFScalarQuantizer that holds the rows."""
    import faiss  # noqa: PLC0415 - an extra

    n, width = rows.shape
    n_lists = min(n, 2 ** round(np.log2(n) / 2 + 1))
    by_inner = faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(width), width, n_lists, faiss.ScalarQuantizer.QT_fp16, by_inner, False
    )
    index.cp.spherical, index.cp.seed = True, seed
    index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = 1, SAMPLE
    drawn = np.random.default_rng(seed).permutation(n)[: SAMPLE * n_lists]
    index.train(rows[np.sort(drawn)])
    for start in range(0, n, BLOCK):
        block = np.ascontiguousarray(rows[start : start + BLOCK])
        index.add(block)
        counted(len(block))
    return index


def _members(index: Any, number: int) -> NDArray[np.int64]:
    """Return the positions of the rows of a list."""
    import faiss  # noqa: PLC0415 - an extra

    size = index.invlists.list_size(number)
    if not size:
        return np.empty(0, np.int64)
    return np.array(faiss.rev_swig_ptr(index.invlists.get_ids(number), size))


def _enough(index: Any, rows: NDArray[np.float32], k: int, seed: int) -> int:
    """Return in how many of the lists nearest to a row WANTED of its neighbours are found."""
    drawn = np.random.default_rng(seed + 1).permutation(len(rows))[:CHOOSING]
    exact = nearest(rows, AMONG, rows[drawn], own=drawn)
    total = int(index.nlist)
    n_lists = min(FEWEST, total)
    while n_lists < total:
        index.nprobe = n_lists
        if _share(_asked(index, rows, drawn, k).cosines, exact) >= WANTED:
            break
        n_lists = min(round(1.5 * n_lists), total)
    return n_lists


def _asked(index: Any, rows: NDArray[np.float32], own: NDArray[np.int64], k: int) -> Neighbours:
    """Return k neighbours of the rows at `own` (m,), themselves left out."""
    _, ids = index.search(rows[own], k + 1)
    is_self = ids == own[:, None]
    is_self[~is_self.any(axis=1), -1] = True  # of many copies: one of them has its place
    ids = ids[~is_self].reshape(len(own), k)
    cosines = np.empty(ids.shape, np.float32)
    for start in range(0, len(own), COMPARED):
        at = slice(start, start + COMPARED)
        cosines[at] = np.matmul(rows[ids[at]], rows[own[at]][:, :, None])[:, :, 0]
    order = np.argsort(-cosines, axis=1, kind="stable")
    which = np.take_along_axis(ids, order, 1).astype(np.int32)
    cosines = np.take_along_axis(cosines, order, 1)
    # The lists looked at may hold fewer than k rows.
    lacking = np.flatnonzero((ids < 0).any(axis=1))
    if len(lacking):
        exact = nearest(rows, k, rows[own[lacking]], own=own[lacking])
        which[lacking], cosines[lacking] = exact.which, exact.cosines
    return Neighbours(cosines=cosines, which=which)
