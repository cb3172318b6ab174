"""The neighbours of a source's images, kept with the store where finding them takes long.

Up to some number of products they are exact; beyond it, an index (the extra `inspect`) finds nearly
all of them, and how many is measured. What was found, not the index, is kept as derived data,
`derived/neighbours.bin`, and serves again while the images are the same. Where some are new, or
gone, those are compared with all others, and so are the images that had one that is gone among
their nearest. The others were compared when the mean row was a little elsewhere: so how many of the
nearest are found is measured then, and where it is too few all are compared again.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from math import isqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import files
from bottleneck.core.digest import DIGEST_BYTES, as_void
from bottleneck.core.installed import require
from bottleneck.core.spare import spared
from bottleneck.pipeline.looking.index import MEASURED, measured_recall, near_by_index
from bottleneck.pipeline.looking.neighbours import Neighbours, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.looking.images import Images
    from bottleneck.store.store import Store

NEAREST = 50  # neighbours of each image: so many vote on its label
EXACT = 6e12  # numbers multiplied, up to which all are compared: 68,000 images of 1,280 features
KEEP_FROM = 20_000  # images; fewer are compared in seconds
NEW = 20  # of so many images, one may be new: else all are compared again
MOVED = 0.02  # of its length, that the mean row may have moved: else all are compared again
STILL_FOUND = 0.9  # of the ten nearest, of what is extended: else all are compared again
FILE = "neighbours.bin"
_MAGIC = b"bn-near2"
_HEAD = struct.Struct("<8s32sQQQd")  # recipe, images, neighbours, features; recall, 2 where exact
_EXACT = 2.0
_BLOCK = 2048  # rows whose cosines are computed at once


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """The neighbours of each image, and how they were found.

    Attributes
    ----------
    recall : the share of the ten nearest that is found, measured on MEASURED images; None: all
    kept : how many images' neighbours were known before
    """

    near: Neighbours
    recall: float | None
    kept: int

    def to_json(self) -> dict[str, Any]:
        """Return what a report says of it."""
        measured = None if self.recall is None else min(MEASURED, len(self.near.which))
        return {
            "exact": self.recall is None,
            "recall_at_10": None if self.recall is None else round(self.recall, 4),
            "measured_on": measured,
            "kept": self.kept,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Kept:
    digests: NDArray[np.void]
    mean: NDArray[np.float32]
    near: Neighbours
    recall: float | None


def neighbours_of(images: Images, reporter: Reporter) -> Found:
    """Return the NEAREST neighbours of each image, by what is kept where that serves.

    Raises
    ------
    MissingDependencyError
        Too many images for exact products, and no faiss.
    """
    n, width = images.units.shape
    if n < KEEP_FROM or n <= NEAREST:
        return _compared(images.units, True, reporter)
    kept = _read(images.store)
    found = None if kept is None else _extended(images, kept, reporter)
    if found is None:
        found = _compared(images.units, n * n * width <= EXACT, reporter)
    if kept is None or found.near is not kept.near:
        _write(images, found)
    return found


def _compared(units: NDArray[np.float32], is_exact: bool, reporter: Reporter) -> Found:
    n, width = units.shape
    if is_exact:
        with reporter.progress(n, "compare") as bar:
            return Found(near=nearest(units, NEAREST, counted=bar.update), recall=None, kept=0)
    without = f"up to {isqrt(int(EXACT // width)):,} are compared without it"
    require("faiss", "inspect", f"neighbours of {n:,} images of {width:,} features; {without}")
    near, recall = near_by_index(units, NEAREST, reporter)
    return Found(near=near, recall=recall, kept=0)


def _extended(images: Images, kept: _Kept, reporter: Reporter) -> Found | None:
    """Return the neighbours by those that are known; None where too much is new, or was lost."""
    digests, n = as_void(images.digests), len(images)
    before = _where(kept.digests, digests)  # of each image, among those that are kept
    if np.array_equal(before, np.arange(n)) and n == len(kept.digests):
        return Found(near=kept.near, recall=kept.recall, kept=n)
    now = _where(digests, kept.digests)
    old = np.flatnonzero(before >= 0)
    which = np.full((n, NEAREST), -1, np.int32)
    which[old] = now[kept.near.which[before[old]]]
    asked = (which < 0).any(axis=1)
    moved = np.linalg.norm(images.mean - kept.mean) > MOVED * np.linalg.norm(kept.mean)
    if asked.sum() > n // NEW or moved:
        return None
    units, new = images.units, np.flatnonzero(before < 0)
    cosines = np.empty((n, NEAREST), np.float32)
    some = np.flatnonzero(~asked)
    with reporter.progress(n, "compare") as bar:
        _join(units, which, cosines, some, new, bar.update)
        again = np.flatnonzero(asked)
        near = nearest(units, NEAREST, units[again], bar.update, own=again)
    which[again], cosines[again] = near.which, near.cosines
    found = Neighbours(cosines=cosines, which=which)
    recall = measured_recall(units, found)
    if recall < STILL_FOUND:
        return None
    return Found(near=found, recall=recall, kept=len(some))


def _join(
    units: NDArray[np.float32],
    which: NDArray[np.int32],
    cosines: NDArray[np.float32],
    some: NDArray[np.int64],
    new: NDArray[np.int64],
    counted: Callable[[int], object],
) -> None:
    """Fill in the neighbours of `some` images: those in `which`, and what is nearer of `new`."""
    for start in range(0, len(some), _BLOCK):
        at = some[start : start + _BLOCK]
        known = which[at]
        near = np.stack(
            [np.einsum("pd,pd->p", units[at], units[known[:, i]]) for i in range(NEAREST)], axis=1
        )
        more = nearest(units[new], NEAREST, units[at])
        all_of, ids = np.hstack([near, more.cosines]), np.hstack([known, new[more.which]])
        best = np.argsort(-all_of, axis=1, kind="stable")[:, :NEAREST]
        which[at] = np.take_along_axis(ids, best, 1)
        cosines[at] = np.take_along_axis(all_of, best, 1)
        counted(len(at))


def _where(haystack: NDArray[np.void], needles: NDArray[np.void]) -> NDArray[np.int64]:
    """Return where each digest stands among others, or -1."""
    order = np.argsort(haystack)
    at = np.minimum(np.searchsorted(haystack, needles, sorter=order), len(haystack) - 1)
    return np.where(haystack[order[at]] == needles, order[at], -1)


def _read(store: Store) -> _Kept | None:
    """Return what is kept of this recipe's rows; None for anything but what `_write` wrote."""
    try:
        data = files.read(store.derived / FILE)
    except OSError:
        return None
    body, checksum = memoryview(data)[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    if len(body) < _HEAD.size or hashlib.sha256(body).digest() != checksum:
        return None
    magic, recipe, n, k, width, recall = _HEAD.unpack_from(body)
    size = _HEAD.size + 4 * width + n * (DIGEST_BYTES + 8 * k)
    if magic != _MAGIC or recipe.hex() != store.recipe.id or (len(body), k) != (size, NEAREST):
        return None
    at = _HEAD.size
    mean = np.frombuffer(body, np.float32, width, at)
    at += mean.nbytes
    digests = np.frombuffer(body, f"V{DIGEST_BYTES}", n, at)
    at += digests.nbytes
    which = np.frombuffer(body, np.int32, n * k, at).reshape(n, k)
    at += which.nbytes
    cosines = np.frombuffer(body, np.float32, n * k, at).reshape(n, k)
    return _Kept(
        digests=digests,
        mean=mean,
        near=Neighbours(cosines=cosines, which=which),
        recall=None if recall == _EXACT else recall,
    )


def _write(images: Images, found: Found) -> None:
    """Keep the neighbours of all images, whole or not at all."""
    store, near = images.store, found.near
    head = _HEAD.pack(
        _MAGIC,
        bytes.fromhex(store.recipe.id),
        *near.which.shape,
        images.units.shape[1],
        _EXACT if found.recall is None else found.recall,
    )
    pieces = (head, images.mean, as_void(images.digests), near.which, near.cosines)
    body = b"".join(np.ascontiguousarray(v).tobytes() if v is not head else head for v in pieces)
    path = store.derived / FILE
    with spared(path):
        files.make_folder(path.parent)
        files.replace(path, body + hashlib.sha256(body).digest())
