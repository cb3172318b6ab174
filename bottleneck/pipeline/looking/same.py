"""Images that are the same: to the byte, in their pixels, or edited copies of each other.

Rows propose, pixels decide. An image and its copy, edited or not, are nearly always among each
other's nearest neighbours, but how near depends on the network and on the edit; so the nearest few
are looked at, however far they are, and small gray pictures of both say whether they show the same
(`likeness`). A copy of half the size may be another thing to the network (16 pixels, made large and
blurred), but is nearly the same small picture: so the nearest by pictures are looked at too.
Without pictures only rows can say so, and they must be nearly equal.

Pictures of little content (digits, icons) are all alike. So the same must also be more alike than
neighbours of this source usually are, by far.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.pipeline.extraction.flow import default_threads
from bottleneck.pipeline.looking.likeness import cut_likeness, likeness, may_be_same
from bottleneck.pipeline.looking.neighbours import nearest, unit_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from bottleneck.pipeline.looking.likeness import Likeness
    from bottleneck.pipeline.looking.neighbours import Neighbours

NEAREST = 20  # neighbours that are looked at
BY_PICTURES = 3  # of the nearest by pictures, which are looked at too
SMALL = 8  # pixels a side of the pictures that are compared for it
MOST_BY_PICTURES = 100_000  # images of which all pictures are compared: half a minute
CUT_NEAREST = 3  # and those that may be cuts of each other, which takes longer to see
CUT_COSINE = 0.45  # the least that a cut and its picture have in common
USUAL_PAIRS = 3000  # that are looked at to know what neighbours usually have in common
FEW_PAIRS = 100  # of fewer, nothing can be known
CUT_LOOKS = 10  # that a look for a cut takes as long as
BLOCK = 2048  # pairs that are looked at together
DEVIATIONS = 5.0  # above what is usual, at which two are the same
ROWS_ALONE = 0.9  # cosine from which rows alone say that two images are the same
HOW = ("whole", "mirrored", "cut", "mirrored and cut", "rows")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Pairs of images that are the same.

    Attributes
    ----------
    pairs : (p, 2) int64, the lower one first
    cosines : (p,) float32, of their rows
    likeness : (p,) float32
        The correlation of their details; the cosine where there are no pictures.
    how : (p,) uint8, an index into `HOW`
    """

    pairs: NDArray[np.int64]
    cosines: NDArray[np.float32]
    likeness: NDArray[np.float32]
    how: NDArray[np.uint8]


def candidates(
    near: Neighbours, by_pictures: Neighbours | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each pair (p, 2) of images once, of which one is among the nearest of the other.

    And the rank (p,) of the nearer of both, from 0; NEAREST where only their pictures are near.
    """
    which = near.which[:, :NEAREST]
    rank = np.arange(which.shape[1])
    if by_pictures is not None:
        which = np.concatenate([which, by_pictures.which], axis=1)
        rank = np.concatenate([rank, np.full(by_pictures.which.shape[1], NEAREST)])
    if not len(rank):
        return np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
    n, k = len(which), NEAREST + 1
    one, other = np.arange(n)[:, None], which.astype(np.int64)
    # One number a pair and rank, in place: there may be twenty million of them.
    code = ((np.minimum(one, other) * n + np.maximum(one, other)) * k + rank).reshape(-1)
    code.sort()
    pair = code // k
    first = np.flatnonzero(np.diff(pair, prepend=-1))
    return np.stack([pair[first] // n, pair[first] % n], axis=1), code[first] % k


def near_by_pictures(gray: NDArray[np.uint8]) -> Neighbours | None:
    """Return the BY_PICTURES nearest of gray pictures (n, side, side); None of too many.

    By the cosine of pictures of SMALL pixels a side less their brightness.
    """
    n, side, _ = gray.shape
    if n > MOST_BY_PICTURES:
        return None
    each = side // SMALL
    small = np.empty((n, SMALL * SMALL), np.float32)
    for start in range(0, n, BLOCK):
        some = gray[start : start + BLOCK].reshape(-1, SMALL, each, SMALL, each)
        small[start : start + BLOCK] = some.mean(axis=(2, 4), dtype=np.float32).reshape(
            len(some), -1
        )
    return nearest(unit_rows(small - small.mean(axis=1, keepdims=True)), BY_PICTURES)


def n_looks(proposed: tuple[NDArray[np.int64], NDArray[np.int64]]) -> int:
    """Return how often `same_pairs` will look; at what may be a cut as long as at many others."""
    return len(proposed[1]) + CUT_LOOKS * int((proposed[1] < CUT_NEAREST).sum())


def same_pairs(
    units: NDArray[np.float32],
    proposed: tuple[NDArray[np.int64], NDArray[np.int64]],
    gray: NDArray[np.uint8],
    has_gray: NDArray[np.bool_],
    counted: Callable[[int], object] = lambda _: None,
) -> Pairs:
    """Return the pairs of images that are the same.

    Parameters
    ----------
    units : (n, d) rows of length one
    proposed : pairs and ranks, as `candidates` returns them
    gray : (n, side, side) small pictures
    has_gray : (n,) of which images there is one
    counted : is told how much of `n_looks` is done
    """
    pairs, rank = proposed
    cosines = np.empty(len(pairs), np.float32)
    for start in range(0, len(pairs), 4096):
        some = pairs[start : start + 4096]
        cosines[start : start + 4096] = np.einsum("pd,pd->p", units[some[:, 0]], units[some[:, 1]])
    is_same = np.zeros(len(pairs), bool)
    score, how = cosines.copy(), np.full(len(pairs), HOW.index("rows"), np.uint8)
    seen = has_gray[pairs].all(axis=1)
    is_same[~seen] = cosines[~seen] >= ROWS_ALONE
    at = np.flatnonzero(seen)
    at = at[may_be_same(gray, pairs[at])]
    least = unusual(gray, pairs[seen])
    counted(len(pairs) - len(at))
    for some, found in _looked_at(likeness, gray, pairs, at):
        is_same[some] = found.is_same & (found.details >= least)
        score[some], how[some] = found.details, found.how
        counted(len(some))
    may_be_cut = rank < CUT_NEAREST
    left = np.flatnonzero(seen & ~is_same & may_be_cut & (cosines >= CUT_COSINE))
    counted(CUT_LOOKS * int(may_be_cut.sum() - len(left)))
    for some, cut in _looked_at(cut_likeness, gray, pairs, left):
        counted(CUT_LOOKS * len(some))
        is_cut = cut.is_same & (cut.details >= least)
        good = some[is_cut]
        is_same[good] = True
        score[good], how[good] = cut.details[is_cut], cut.how[is_cut]
    return Pairs(
        pairs=pairs[is_same], cosines=cosines[is_same], likeness=score[is_same], how=how[is_same]
    )


def _looked_at(
    look: Callable[[NDArray[np.uint8], NDArray[np.uint8]], Likeness],
    gray: NDArray[np.uint8],
    pairs: NDArray[np.int64],
    at: NDArray[np.int64],
) -> Iterator[tuple[NDArray[np.int64], Likeness]]:
    """Yield positions and how alike these pairs are, block by block, by several threads."""
    blocks = [at[start : start + BLOCK] for start in range(0, len(at), BLOCK)]
    pool = ThreadPoolExecutor(default_threads())
    try:
        found = pool.map(lambda some: look(gray[pairs[some, 0]], gray[pairs[some, 1]]), blocks)
        yield from zip(blocks, found, strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def unusual(gray: NDArray[np.uint8], pairs: NDArray[np.int64]) -> float:
    """Return the correlation of details that pairs (p, 2) of neighbours hardly ever have by chance.

    By Fisher's z of some of them: the median, and DEVIATIONS times its robust deviation.
    """
    if len(pairs) < FEW_PAIRS:
        return -1.0
    some = pairs[:: -(-len(pairs) // USUAL_PAIRS)]
    z = np.arctanh(np.clip(likeness(gray[some[:, 0]], gray[some[:, 1]]).details, -0.999, 0.999))
    median = np.median(z)
    return float(np.tanh(median + DEVIATIONS * 1.4826 * np.median(np.abs(z - median))))
