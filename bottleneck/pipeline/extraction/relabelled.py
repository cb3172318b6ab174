"""Which images have another class or split than was recorded: by their keys, or by their bytes.

In its place a source is compared by its keys: bytes may change, and a path says the same for ever.
Elsewhere, packed or put into a table, the same images have other keys, and are found by their
bytes. Of several copies each is held against another one; copies that are new have a reading that
was recorded of one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from bottleneck.core.digest import as_void
from bottleneck.core.sample import NO_LABEL, SPLITS, find

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.core.sample import Samples, Targets

_MOST_TARGETS = 3  # that are said


class Labelled(Protocol):
    """What says keys, classes and splits: samples, or a listing."""

    @property
    def keys(self) -> NDArray[np.bytes_]:
        """See `Samples`."""

    @property
    def labels(self) -> NDArray[np.int32]:
        """See `Samples`."""

    @property
    def splits(self) -> NDArray[np.uint8]:
        """See `Samples`."""

    @property
    def classes(self) -> tuple[str, ...]:
        """See `Samples`."""

    @property
    def targets(self) -> Targets | None:
        """See `Samples`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relabelled:
    """Images that are read otherwise than they were recorded.

    Attributes
    ----------
    old, new : (m,) int64
        Their positions in what was recorded, and in what is read now.
    """

    old: NDArray[np.int64]
    new: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.new)


def by_keys(before: Labelled, now: Labelled, at: NDArray[np.int64] | None = None) -> Relabelled:
    """Return the entries of the same key whose class or split is another one.

    Parameters
    ----------
    at : positions in `now`, to look at these alone
    """
    where = find(before.keys, now.keys)
    both = np.flatnonzero(where >= 0) if at is None else at[where[at] >= 0]
    old = where[both]
    was, found = _readings(before, now)
    other = was[old] != found[both]
    return Relabelled(old=old[other], new=both[other])


def by_bytes(before: Samples, now: Samples) -> Relabelled:
    """Return the images of the same bytes whose class or split is another one.

    An image without a class may get one: that takes nothing away. What is not known of either side
    is left out.
    """
    was, found = _readings(before, now)
    if np.array_equal(before.digests, now.digests) and np.array_equal(was, found):
        nothing = np.zeros(0, np.int64)  # of a folder that was moved, in a hundredth of the time
        return Relabelled(old=nothing, new=nothing)
    (known,), (there,) = np.nonzero(before.known), np.nonzero(now.known)
    was, found = was[known], found[there]
    both = np.concatenate([before.digests[known], now.digests[there]])
    _, image = np.unique(as_void(both), return_inverse=True)
    image = image.reshape(-1)
    mine, theirs = image[: len(known)], image[len(known) :]
    n_images = int(image.max(initial=-1)) + 1
    is_open = np.zeros(n_images, bool)  # some of its copies had no class
    is_open[mine[_has_none(before)[known]]] = True
    was, found = (
        np.where(is_open[of], codes % len(SPLITS), codes)
        for codes, of in ((was, mine), (found, theirs))
    )
    n_codes = int(max(was.max(initial=0), found.max(initial=0))) + 1
    a, b = mine * n_codes + was, theirs * n_codes + found
    nth_a, nth_b = _nth(a), _nth(b)
    most = max(len(known), len(there)) + 1
    _, coded = np.unique(np.concatenate([a, b]), return_inverse=True)
    coded = coded.reshape(-1) * most + np.concatenate([nth_a, nth_b])
    is_paired = np.isin(coded[len(a) :], coded[: len(a)])
    is_left = ~np.isin(coded[: len(a)], coded[len(a) :])
    before_n, now_n = (np.bincount(of, minlength=n_images) for of in (mine, theirs))
    is_copied = (now_n > before_n)[theirs] & np.isin(b, a)
    other = np.flatnonzero((before_n > 0)[theirs] & ~is_paired & ~is_copied)
    order = np.lexsort((~is_left, mine))  # of each image, one that is held against none first
    first = order[np.searchsorted(mine[order], theirs[other])]
    return Relabelled(old=known[first], new=there[other])


def moved(before: Samples, now: Samples, *, has_keys: bool) -> Relabelled:
    """Return the images that have another class or split elsewhere.

    Parameters
    ----------
    has_keys : whether an image whose bytes are new is held against the one that had its key
    """
    other = by_bytes(before, now)
    if not has_keys:
        return other
    recorded = as_void(before.digests[before.known])
    is_new = ~(now.known & np.isin(as_void(now.digests), recorded))
    more = by_keys(before, now, np.flatnonzero(is_new))
    return Relabelled(
        old=np.concatenate([other.old, more.old]), new=np.concatenate([other.new, more.new])
    )


def words(of: Labelled, at: int) -> str:
    """Return class and split of one sample, for people."""
    label = int(of.labels[at])
    kind = f"class {of.classes[label]}" if label != NO_LABEL else "without a class"
    if of.targets is not None:
        names, values = of.targets.names, of.targets.values[at]
        kind = ", ".join(
            f"{name} {value:g}" for name, value in zip(names[:3], values, strict=False)
        )
    return f"{kind}, {SPLITS[of.splits[at]]}"


def count_changed(before: Samples, now: Samples) -> tuple[int, int]:
    """Return how many images have another class than recorded under their key, and another split.

    Bytes that were changed under the same key are another image, and do not count.
    """
    at = find(before.keys, now.keys)
    both = np.flatnonzero(at >= 0)
    old = at[both]
    same = (before.digests[old] == now.digests[both]).all(axis=1)
    was, found = _readings(before, now)
    was, found, n = was[old], found[both], len(SPLITS)
    is_other = same & (was // n != found // n)
    return int(is_other.sum()), int((same & (was % n != found % n)).sum())


def count_regrouped(before: Samples, now: Samples) -> int:
    """Return how many images belong together with others than was recorded under their key."""
    if before.groups is None and now.groups is None:
        return 0
    at = find(before.keys, now.keys)
    both = np.flatnonzero(at >= 0)
    was, found = (
        np.array([*each.groups.names, ""], object)[each.groups.numbers[rows]]
        if each.groups is not None
        else np.full(len(both), "", object)
        for each, rows in ((before, at[both]), (now, both))
    )  # -1 is the last one
    return int((was != found).sum())


def _readings(before: Labelled, now: Labelled) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return a number for what each sample is: equal ones are of the same class and split."""
    number = {name: i for i, name in enumerate({*before.classes, *now.classes})}
    was, found = (
        np.array([*(number[name] for name in each.classes), len(number)], np.int64)[each.labels]
        for each in (before, now)
    )  # -1 is the last one
    if before.targets is not None:
        was, found = _with_targets(before.targets, now.targets, was, found)
    n = len(SPLITS)
    return was * n + before.splits, found * n + now.splits


def _with_targets(
    before: Targets, now: Targets | None, was: NDArray[np.int64], found: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the numbers of classes with what there is to learn besides; all others where lost."""
    if now is None or (now.kind, now.names) != (before.kind, before.names):
        return was, found + was.max(initial=0) + 1
    rows = np.ascontiguousarray(np.concatenate([before.values, now.values]) + np.float32(0))
    _, row = np.unique(rows.view(f"V{rows.itemsize * rows.shape[1]}"), return_inverse=True)
    row = row.reshape(-1)
    n = int(max(was.max(initial=0), found.max(initial=0))) + 1
    return row[: len(was)] * n + was, row[len(was) :] * n + found


def _has_none(of: Labelled) -> NDArray[np.bool_]:
    """Return which samples had nothing to learn."""
    return np.asarray(of.labels == NO_LABEL) & (of.targets is None)


def _nth(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return of each value how many equal ones stand before it."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(values)])
    counts = np.diff([*starts, len(values)])
    nth = np.empty(len(values), np.int64)
    nth[order] = np.arange(len(values)) - np.repeat(starts, counts)
    return nth
