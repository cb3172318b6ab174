"""Which rows belong together, and which fold each of them is in.

Rows of one image, and rows of one group (the pictures of one patient, the frames of one video), are
always on one side of a split and in one fold.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.digest import as_void
from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.core.sample import Groups
    from bottleneck.heads.task import Task


def together(digests: NDArray[np.uint8], groups: Groups | None) -> NDArray[np.uint8]:
    """Return what each row is drawn by, as (n, 32) uint8: equal where rows belong together.

    That is its digest; of a row of a group, the SHA-256 of the group's name, so that adding images
    to a group never moves it. An image that stands in several groups makes them one, drawn by the
    name that sorts first.

    Parameters
    ----------
    digests : (n, 32) uint8
    groups : of the same n rows
    """
    if groups is None or not (groups.numbers >= 0).any():
        return digests
    _, image = np.unique(as_void(digests), return_inverse=True)
    none = len(groups.names)
    lowest = np.where(groups.numbers < 0, none, groups.numbers)
    while True:  # until no image and no group joins two numbers any more
        before = lowest
        of_image = np.full(image.max() + 1, none)
        np.minimum.at(of_image, image, lowest)
        of_group = np.arange(none + 1)
        np.minimum.at(of_group, groups.numbers, of_image[image])  # -1 is the last: of no group
        of_group[none] = none
        lowest = np.minimum(of_image[image], of_group[groups.numbers])
        if (lowest == before).all():
            break
    found = digests.copy()
    grouped = lowest < none
    hashed = [hashlib.sha256(b"group\0" + _bytes(name)).digest() for name in groups.names]
    table = np.frombuffer(b"".join(hashed), np.uint8).reshape(-1, 32)
    found[grouped] = table[lowest[grouped]]
    return found


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def numbers(belongs: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return a number for each row (n,), equal where what it is drawn by is."""
    _, found = np.unique(as_void(belongs), return_inverse=True)
    return np.asarray(found, np.int64)


def groups_of(task: Task, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the group of each of these rows (n,), from zero, so that others can judge it.

    Where all are one group there are no others, and each row is its own.
    """
    if task.groups is not None:
        found = np.unique(task.groups[rows], return_inverse=True)[1]
        if found.any():
            return np.asarray(found, np.int64)
    return np.arange(len(rows))


def judgeable(groups: NDArray[np.int64], y: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the rows whose class another group has as well; all where there is none.

    No other row would be answered rightly without its group, whatever is chosen.
    """
    classes = np.unique(np.stack([y, groups]), axis=1)[0]
    found = np.flatnonzero(np.bincount(classes)[y] > 1)
    return found if len(found) else np.arange(len(y))


def rarest(targets: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the rarest label that each row has, as (n,); k of a row without any.

    Spread evenly by it, labels that few have are missing nowhere as long as they can be.

    Parameters
    ----------
    targets : (n, k), 0 or 1, NaN where it is not known
    """
    has = targets == 1
    counts = np.where(has, has.sum(axis=0), len(targets) + 1)
    return np.asarray(np.where(has.any(axis=1), counts.argmin(axis=1), targets.shape[1]))


def drawn(belongs: NDArray[Any], why: str, seed: int) -> NDArray[np.uint64]:
    """Return a number for each row, as if drawn at random: by what it is drawn by alone.

    Parameters
    ----------
    belongs : (n, 32) uint8, of `together`; where rows have no digests, (n, d) themselves
    why, seed : another word or seed gives other numbers
    """
    head = hashlib.blake2b(f"{why} {seed} ".encode(), digest_size=8)
    found = np.empty(len(belongs), np.uint64)
    for i, one in enumerate(belongs):
        hashed = head.copy()
        hashed.update(one.tobytes())
        found[i] = int.from_bytes(hashed.digest(), "big")
    return found


def fold_of(
    order: NDArray[np.uint64],
    strata: NDArray[np.integer],
    k: int,
    names: Sequence[str] = (),
) -> NDArray[np.int64]:
    """Return the fold of each row, as (n,), from 0 to below `k`.

    Each class is spread evenly over all folds, as far as what belongs together allows it (a group
    counts as its commonest class). A class lies in the order that was drawn, and each fold is an
    arc of it: so an image that is added moves at most one other from each arc to the next.

    Parameters
    ----------
    order : (n,), of `drawn`; equal where rows belong together
    strata : (n,), the class of each row
    k : at least 2
    names : of the classes, which say at which fold a class begins, so that its rest is not always
        in the same one

    Raises
    ------
    UsageError
        Where there are fewer images or groups than folds.
    """
    _, unit, sizes = np.unique(order, return_inverse=True, return_counts=True)
    if len(sizes) < k:
        raise UsageError(
            f"{k} folds of {len(sizes)} images (of a group, or alike, counts as one)",
            "--folds",
            f"give {len(sizes)} at most" if len(sizes) > 1 else "there is nothing to divide",
        )
    pairs, counts = np.unique(np.stack([unit, strata]), axis=1, return_counts=True)
    commonest = np.lexsort((pairs[1], -counts, pairs[0]))
    _, first = np.unique(pairs[0][commonest], return_index=True)
    stratum = pairs[1][commonest][first]
    fold = np.empty(len(sizes), np.int64)
    for c in np.unique(stratum):
        mine = np.flatnonzero(stratum == c)
        middle = np.cumsum(sizes[mine]) - sizes[mine] / 2
        at = np.minimum((middle * k / sizes[mine].sum()).astype(np.int64), k - 1)
        name = names[c] if len(names) else str(c)
        fold[mine] = (at + hashlib.sha256(_bytes(name)).digest()[0]) % k
    return fold[unit]
