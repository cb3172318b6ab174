"""The stat cache: which images need no reading, because their stats prove them unchanged.

The method. For every key it keeps size, mtime, ctime, inode and the digest that the bytes had.
Equal stats are trusted, unless the entry is racy: a file whose ctime is not older than the
clock that was read before the file was opened, less 2 s, could have been written once more
within the same tick of its file system's clock, and look the same. (ctime, because no tool can
set it.) A racy file is hashed again, and its entry is clean when

- its ctime has become old enough, or
- the same stats and digest had been seen at least 2 s of clock before. This is for a ctime in
  the future (the clock was set back, a server's clock runs ahead), which would never become
  old: a write after the first look would by now have got another ctime.

Pure functions: the pipeline loads and saves the bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.digest import DIGEST_BYTES
from bottleneck.core.sample import find
from bottleneck.data.stat_table import EMPTY as EMPTY
from bottleneck.data.stat_table import StatTable as StatTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.data.source import Listing

SLACK_NS = 2_000_000_000  # FAT keeps time in steps of 2 s
_CTIME = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """What a table knows of a listing, a row for each of its keys.

    Attributes
    ----------
    digests : (n, 32) uint8
        Zeros where not `known`.
    known : (n,) bool
        The stats prove that the image has this digest.
    racy : (n,) bool
        The stats are equal, but prove nothing yet.
    """

    digests: NDArray[np.uint8]
    known: NDArray[np.bool_]
    racy: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """What was read in this run; a row for each sample that was hashed.

    Attributes
    ----------
    index : (k,) int64
        Into the listing; each at most once.
    digests : (k, 32) uint8
    stats : (k, 4) int64
        `Read.stat`: of the moment of reading, which may not be the listing's.
    clocks : (k,) int64
        `Read.clock_ns`.
    """

    index: NDArray[np.int64]
    digests: NDArray[np.uint8]
    stats: NDArray[np.int64]
    clocks: NDArray[np.int64]


def lookup(table: StatTable, listing: Listing) -> Known:
    """Return which of the listing's digests the table knows."""
    at = _positions(table, listing.keys)
    same = _same_stats(table, at, listing.stats)
    clean = same.copy()
    clean[same] = table.since[at[same]] == 0
    digests = np.zeros((len(listing), DIGEST_BYTES), np.uint8)
    digests[clean] = table.digests[at[clean]]
    return Known(digests=digests, known=clean, racy=same & ~clean)


def record(table: StatTable, listing: Listing, seen: Seen) -> StatTable:
    """Return the table for the next run: the listing's keys that are seen now or known still."""
    n = len(listing)
    at = _positions(table, listing.keys)
    kept = _same_stats(table, at, listing.stats)
    stats = listing.stats.astype(np.int64)
    digests = np.zeros((n, DIGEST_BYTES), np.uint8)
    since = np.zeros(n, np.int64)
    digests[kept] = table.digests[at[kept]]
    since[kept] = table.since[at[kept]]

    if len(seen.index):
        old = at[seen.index]
        again = _same_stats(table, old, seen.stats)
        again[again] = (table.digests[old[again]] == seen.digests[again]).all(axis=1)
        first = seen.clocks.copy()
        first[again] = table.since[old[again]]
        # 0 (--rehash found what was clean already) counts as long ago. A first look after the
        # clock (it was set back) counts as this one.
        first = np.minimum(first, seen.clocks)
        young = seen.stats[:, _CTIME] >= seen.clocks - SLACK_NS
        racy = young & (seen.clocks - first < SLACK_NS)
        stats[seen.index] = seen.stats
        digests[seen.index] = seen.digests
        since[seen.index] = np.where(racy, np.maximum(first, 1), 0)
        kept[seen.index] = True
    return StatTable(
        keys=listing.keys[kept], stats=stats[kept], digests=digests[kept], since=since[kept]
    )


def merged(ours: StatTable, others: StatTable, listing: Listing) -> StatTable:
    """Return what two tables know of a listing; where both know a file, the one that trusts it."""
    found = [(table, _positions(table, listing.keys)) for table in (ours, others)]
    fits = [_same_stats(table, at, listing.stats) for table, at in found]
    clean = [fit.copy() for fit in fits]
    for (table, at), fit, is_clean in zip(found, fits, clean, strict=True):
        is_clean[fit] = table.since[at[fit]] == 0
    theirs = fits[1] & (~fits[0] | (clean[1] & ~clean[0]))
    known = fits[0] | theirs
    digests = np.zeros((len(listing), DIGEST_BYTES), np.uint8)
    since = np.zeros(len(listing), np.int64)
    for (table, at), chosen in zip(found, (fits[0] & ~theirs, theirs), strict=True):
        digests[chosen] = table.digests[at[chosen]]
        since[chosen] = table.since[at[chosen]]
    return StatTable(
        keys=listing.keys[known],
        stats=listing.stats[known].astype(np.int64),
        digests=digests[known],
        since=since[known],
    )


def _positions(table: StatTable, keys: NDArray[np.bytes_]) -> NDArray[np.int64]:
    return find(table.keys, keys)


def _same_stats(
    table: StatTable, at: NDArray[np.int64], stats: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether each table row `at` (-1: none) has exactly these stats."""
    same = at >= 0
    same[same] = (table.stats[at[same]] == stats[same]).all(axis=1)
    return same
