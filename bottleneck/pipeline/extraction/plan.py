"""What is pending, and what happened to a source since it was last looked at.

Nothing is ever flagged stale: both answers are derived, every time, from two lists of samples
and the digests that have rows.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.digest import as_void, prefixes
from bottleneck.core.sample import find, key_array

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from bottleneck.core.sample import Samples
    from bottleneck.store.snapshot import QuarantineEntry
    from bottleneck.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Changes:
    """What happened to the keys of a source between two looks.

    Attributes
    ----------
    changed : (c,) int64
        Positions in the newer list whose image is another one, or not known yet.
    added : (a,) int64
        Positions in the newer list of keys that are new, images that were not there before.
    renamed : (r,) int64
        Positions in the newer list of keys that are new, for images that left another key.
    deleted : (d,) int64
        Positions in the older list of keys that are gone, their images too.
    """

    changed: NDArray[np.int64]
    added: NDArray[np.int64]
    renamed: NDArray[np.int64]
    deleted: NDArray[np.int64]


def changes(before: Samples | None, now: Samples) -> Changes:
    """Compare two looks at a source. Moving to another class or split is a renaming."""
    nothing = np.zeros(0, np.int64)
    if before is None:
        return Changes(changed=nothing, added=np.arange(len(now)), renamed=nothing, deleted=nothing)
    at = find(before.keys, now.keys)
    both = np.flatnonzero(at >= 0)
    differs = (before.digests[at[both]] != now.digests[both]).any(axis=1)
    # What was never read before is not "changed" by being read now.
    seen = before.known[at[both]]
    changed = both[seen & (differs | ~now.known[both])]
    new = np.flatnonzero(at < 0)
    gone = np.flatnonzero(find(now.keys, before.keys) < 0)
    left: dict[bytes, list[int]] = {}
    for position in gone[before.known[gone]]:
        digest = before.digests[position].tobytes()
        left.setdefault(digest, []).append(int(position))
    renamed, moved = [], []
    for position in new[now.known[new]]:
        origins = left.get(now.digests[position].tobytes())
        if origins:
            renamed.append(position)
            moved.append(origins.pop())
    return Changes(
        changed=changed,
        added=np.setdiff1d(new, np.array(renamed, np.int64)),
        renamed=np.array(renamed, np.int64),
        deleted=np.setdiff1d(gone, np.array(moved, np.int64)),
    )


def unique_count(samples: Samples) -> int:
    """Return how many different images the known samples are."""
    digests = samples.digests[samples.known]
    if len(np.unique(prefixes(digests))) == len(digests):  # no two begin alike
        return len(digests)
    return len(np.unique(as_void(digests)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """What an extraction has to do.

    Attributes
    ----------
    pending : (p,) int64
        Positions of samples to go through: digest unknown, or no row and not quarantined.
    quarantined : (n,) bool
        Samples that failed before in just this state; they are not tried again.
    cached : (n,) bool
        Samples that have a row.
    """

    pending: NDArray[np.int64]
    quarantined: NDArray[np.bool_]
    cached: NDArray[np.bool_]


def plan(
    store: Store | None,
    samples: Samples,
    quarantine: Collection[QuarantineEntry] = (),
    *,
    decoder: str = "",
    limits: str = "",
) -> Plan:
    """Return what is pending. Without a store (or under a new recipe) everything is.

    A quarantined sample is passed over only while its digest, the decoder's versions and the
    limits are those under which it failed; failures to read at all are tried on every run.
    """
    cached = np.zeros(len(samples), bool)
    if store is not None:
        cached = samples.known & store.has(samples.digests)
    entries = [
        entry
        for entry in quarantine
        if entry.digest is not None and entry.decoder == decoder and entry.limits == limits
    ]
    quarantined = set_aside(entries, samples, cached)
    pending = np.flatnonzero(~cached & ~quarantined)
    return Plan(pending=pending, quarantined=quarantined, cached=cached)


def set_aside(
    quarantine: Collection[QuarantineEntry], samples: Samples, with_row: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which samples (n,) are recorded as failed and still are what failed.

    Not what has a row by now, and not other bytes under the same key: those are pending. So each
    sample has a row, or is set aside, or is pending, whatever happened since the record was made.
    """
    found = np.zeros(len(samples), bool)
    entries = list(quarantine)
    if entries:
        at = find(samples.keys, key_array([entry.key for entry in entries]))
        for entry, position in zip(entries, at.tolist(), strict=True):
            if position >= 0 and not with_row[position]:
                found[position] = is_as_it_failed(entry, samples, position)
    return found


def is_as_it_failed(entry: QuarantineEntry, samples: Samples, position: int) -> bool:
    """Whether a sample is what failed: the same bytes, or nothing that could be read."""
    if entry.digest is None:
        return not samples.known[position]
    return bool(samples.known[position]) and samples.digests[position].tobytes() == entry.digest


def mixed_order(samples: Samples, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return positions by the hash of their keys, so that the first few hold all classes."""
    each = (hashlib.blake2b(samples.keys[i], digest_size=8).digest() for i in positions)
    return positions[np.argsort(np.fromiter(each, "S8", len(positions)), kind="stable")]


def in_an_order_of_its_own(positions: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return positions in another order for each run that shares a store, `n` neighbours together.

    What one has committed the others pass over. In one and the same order a run that is behind
    would come to the place where the other is, and from there on compute what that one computes.
    """
    pieces = [positions[i : i + n] for i in range(0, len(positions), n)]
    random.SystemRandom().shuffle(pieces)
    return np.concatenate(pieces)


def reasons(
    samples: Samples, before: Samples | None, pending: Sequence[int] | NDArray[np.int64]
) -> list[str]:
    """Return for each pending sample why it would be computed, in a word or two."""
    if before is None:
        return ["new source"] * len(pending)
    what = changes(before, samples)
    changed, added = set(what.changed.tolist()), set(what.added.tolist())
    return [
        "image changed" if i in changed else "new image" if i in added else "no row yet"
        for i in map(int, pending)
    ]
