"""Nearest rows among very many: nearly all of them, by an inverted file of faiss (extra `inspect`).

Rows are listed by the nearest of some centres (k-means on the sphere, of a sample); a row's
neighbours mostly lie in the lists of the centres nearest to it. How many lists that takes is found
out from rows drawn by lot, whose neighbours are also computed exactly; what share of the ten
nearest is found in the end is measured. The index holds the rows in float16; the cosines of what it
finds are computed from the rows themselves.

Rows that are identical are listed once. Where many are nearly so, they share a list that is much
longer than others; of all lists together no more than MOST times the usual number is looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.reporter import SILENT
from bottleneck.pipeline.looking.identical_rows import identical
from bottleneck.pipeline.looking.neighbours import Neighbours, nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.looking.identical_rows import Identical

SAMPLE = 64  # rows for each centre, that centres are made of
ROUNDS = 10  # of k-means
CHOOSING, MEASURED = 500, 1000  # rows whose exact neighbours are known
AMONG = 10  # of the nearest
WANTED = 0.95  # of them that the lists looked at are to hold
FEWEST = 8  # lists looked at
MOST = 4  # times as many rows as so many lists usually have, that are looked at
BLOCK = 8192  # rows added, or asked, at once
COMPARED = 512  # rows whose cosines are computed at once


def near_by_index(
    rows: NDArray[np.float32], k: int, reporter: Reporter = SILENT, seed: int = 0
) -> tuple[Neighbours, float]:
    """Return k neighbours of each row, itself left out, and the share of the ten nearest found.

    The same rows give the same neighbours.

    Parameters
    ----------
    rows : (n, d) of length one
    reporter : is told what is done: rows are clustered, listed, and compared
    """
    n = len(rows)
    k = min(k, n - 1)
    same = identical(rows)
    index = _listed(rows, same.leaders, seed, reporter)
    _look_at(index, _enough(index, rows, same, k, seed))
    # Rows of one list are asked together: what they look at is then in the processor's cache.
    listed = np.concatenate([_members(index, number) for number in range(index.nlist)])
    place = np.empty(n, np.int64)
    place[listed] = np.arange(len(listed))
    order = np.argsort(place[same.leader], kind="stable")
    which, cosines = np.empty((n, k), np.int32), np.empty((n, k), np.float32)
    with reporter.progress(n, "compare") as bar:
        for start in range(0, n, BLOCK):
            own = order[start : start + BLOCK]
            near = _asked(index, rows, same, own, k)
            which[own], cosines[own] = near.which, near.cosines
            bar.update(len(own))
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


def _listed(rows: NDArray[np.float32], at: NDArray[np.int64], seed: int, reporter: Reporter) -> Any:
    """Return a faiss.IndexIVFScalarQuantizer that holds the rows at these positions (m,)."""
    import faiss  # noqa: PLC0415 - an extra

    m, width = len(at), rows.shape[1]
    n_lists = min(m, 2 ** round(np.log2(m) / 2 + 1))
    by_inner = faiss.METRIC_INNER_PRODUCT
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(width), width, n_lists, faiss.ScalarQuantizer.QT_fp16, by_inner, False
    )
    drawn = np.random.default_rng(seed).permutation(m)[: SAMPLE * n_lists]
    sample = rows[np.sort(at[drawn])]
    with reporter.progress(len(sample), "cluster") as bar:
        centres = rows[at[drawn[:n_lists]]]
        for i in range(ROUNDS):  # one by one, so that it is seen to move
            centres = _moved(centres, sample, seed)
            bar.update(len(sample) * (i + 1) // ROUNDS - len(sample) * i // ROUNDS)
    index.quantizer.add(centres)
    index.train(sample[:1])  # there is nothing left to be learned
    with reporter.progress(m, "list") as bar:
        for start in range(0, m, BLOCK):
            some = at[start : start + BLOCK]
            index.add_with_ids(rows[some], some)
            bar.update(len(some))
    return index


def _moved(
    centres: NDArray[np.float32], sample: NDArray[np.float32], seed: int
) -> NDArray[np.float32]:
    """Return centres (c, d) after a round of k-means on the sphere."""
    import faiss  # noqa: PLC0415 - an extra

    n_lists, width = centres.shape
    wanted = faiss.ClusteringParameters()
    wanted.niter, wanted.spherical, wanted.seed = 1, True, seed
    wanted.min_points_per_centroid, wanted.max_points_per_centroid = 1, SAMPLE
    clustering = faiss.Clustering(width, n_lists, wanted)
    faiss.copy_array_to_vector(centres.ravel(), clustering.centroids)
    clustering.train(sample, faiss.IndexFlatIP(width))
    moved = faiss.vector_float_to_array(clustering.centroids).reshape(n_lists, width)
    return np.asarray(moved, np.float32)


def _look_at(index: Any, n_lists: int) -> None:
    """Let so many lists be looked at, and not many more rows than they usually have."""
    index.nprobe = n_lists
    index.max_codes = MOST * n_lists * -(-index.ntotal // index.nlist)


def _members(index: Any, number: int) -> NDArray[np.int64]:
    """Return the positions of the rows of a list."""
    import faiss  # noqa: PLC0415 - an extra

    size = index.invlists.list_size(number)
    if not size:
        return np.empty(0, np.int64)
    return np.array(faiss.rev_swig_ptr(index.invlists.get_ids(number), size))


def _enough(index: Any, rows: NDArray[np.float32], same: Identical, k: int, seed: int) -> int:
    """Return in how many of the lists nearest to a row WANTED of its neighbours are found."""
    drawn = np.random.default_rng(seed + 1).permutation(len(rows))[:CHOOSING]
    exact = nearest(rows, AMONG, rows[drawn], own=drawn)
    total = int(index.nlist)
    n_lists = min(FEWEST, total)
    while n_lists < total:
        _look_at(index, n_lists)
        if _share(_asked(index, rows, same, drawn, k).cosines, exact) >= WANTED:
            break
        n_lists = min(round(1.5 * n_lists), total)
    return n_lists


def _asked(
    index: Any, rows: NDArray[np.float32], same: Identical, own: NDArray[np.int64], k: int
) -> Neighbours:
    """Return k neighbours of the rows at `own` (m,), themselves left out."""
    _, found = index.search(rows[own], k + 1)
    leader = same.leader[own]
    lost = ~(found == leader[:, None]).any(axis=1)  # it stands for the row itself
    found[lost, -1] = leader[lost]
    which, cosines = np.empty((len(own), k), np.int32), np.empty((len(own), k), np.float32)
    for start in range(0, len(own), COMPARED):
        at = slice(start, start + COMPARED)
        which[at], cosines[at] = _nearest_of(found[at], rows, same, own[at], k)
    # The lists looked at may hold fewer than k rows.
    lacking = np.flatnonzero((which < 0).any(axis=1))
    if len(lacking):
        exact = nearest(rows, k, rows[own[lacking]], own=own[lacking])
        which[lacking], cosines[lacking] = exact.which, exact.cosines
    return Neighbours(cosines=cosines, which=which)


def _nearest_of(
    found: NDArray[np.int64],
    rows: NDArray[np.float32],
    same: Identical,
    own: NDArray[np.int64],
    k: int,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the k nearest, and their cosines, of what leaders `found` (m, k + 1) stand for.

    Less are -1; the rows at `own` (m,) are left out.
    """
    cosines = np.matmul(rows[found], rows[own][:, :, None])[:, :, 0]
    cosines[found < 0] = -np.inf
    cosines[found == same.leader[own][:, None]] = np.inf  # those identical to the row itself first
    order = np.argsort(-cosines, axis=1, kind="stable")
    found, cosines = (np.take_along_axis(v, order, 1) for v in (found, cosines))
    if (same.size[found] > 1).any():
        found = same.expanded(found, k + 1)
        cosines = np.matmul(rows[found], rows[own][:, :, None])[:, :, 0]
    is_self = found == own[:, None]
    is_self[~is_self.any(axis=1), -1] = True  # of many that are identical: one has its place
    shape = (len(own), k)
    return found[~is_self].reshape(shape).astype(np.int32), cosines[~is_self].reshape(shape)
