"""Looking at a source: what is there now, with as few files opened as the stats allow."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import time
from dataclasses import dataclass, field
from dataclasses import replace as changed
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core import files
from bottleneck.core.digest import DIGEST_BYTES
from bottleneck.core.errors import DataError
from bottleneck.core.sample import Samples, find, key_array
from bottleneck.core.spare import spared
from bottleneck.data.left_alone import heads_of
from bottleneck.data.scan import EMPTY, Seen, StatTable, lookup, merged, record
from bottleneck.data.source import at_once
from bottleneck.data.undecodable import UndecodableError
from bottleneck.pipeline.extraction.hashing import hashed
from bottleneck.pipeline.extraction.reads import Reads

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.recipe import ImageSpec
    from bottleneck.data.source import Listing, Read, Source
    from bottleneck.pipeline.extraction.hashing import Hashed
    from bottleneck.store.store import Store

# How often a source that other runs keep moving is looked at again. Each time is progress of one of
# them, and each moves it a few times at most; so many is a fault.
LOOKS = 100
SAVED_SHARE = 20  # times as long as the stat cache took to write, until it is written again


@dataclass(slots=True, eq=False)
class Look:
    """A source as it stands: its listing, and the digests known so far.

    Attributes
    ----------
    racy : (n,) bool
        Samples whose stats are equal to those recorded, but too young to prove anything.
    is_trusting : whether what other runs learn meanwhile is believed; not with `--rehash`
    has_news : whether `table` holds what the store's stat cache does not
    """

    source: Source
    listing: Listing
    table: StatTable
    digests: NDArray[np.uint8]
    known: NDArray[np.bool_]
    racy: NDArray[np.bool_]
    is_trusting: bool = True
    has_news: bool = False
    _reads: Reads = field(default_factory=Reads)
    _save_from: float = -math.inf  # the clock's time from which it pays to write it again

    @property
    def samples(self) -> Samples:
        """The samples with every digest known so far (a copy: later learning does not show)."""
        return Samples(
            keys=self.listing.keys,
            digests=self.digests.copy(),
            known=self.known.copy(),
            labels=self.listing.labels,
            splits=self.listing.splits,
            classes=self.listing.classes,
            groups=self.listing.groups,
            targets=self.listing.targets,
        )

    def learn(self, index: int, digest: bytes, read: Read) -> None:
        """Take in the digest of a sample that was read."""
        self.digests[index] = np.frombuffer(digest, np.uint8)
        self.known[index] = True
        self._reads.append(index, read.stat, read.clock_ns)

    def _learn_all(self, found: Mapping[int, Hashed]) -> None:
        digests = b"".join(digest for digest, _, _ in found.values())
        self.learn_all(
            Seen(
                index=np.array([*found], np.int64),
                digests=np.frombuffer(digests, np.uint8).reshape(-1, DIGEST_BYTES),
                stats=np.array([stat for _, stat, _ in found.values()], np.int64).reshape(-1, 4),
                clocks=np.array([clock for _, _, clock in found.values()], np.int64),
            )
        )

    def learn_all(self, seen: Seen) -> None:
        """Take in the digests of samples that were read."""
        self.digests[seen.index] = seen.digests
        self.known[seen.index] = True
        self._reads.extend(seen)

    def unlearn(self, index: int) -> None:
        """Note that a sample cannot be read: whatever it was, it is not known to be that now."""
        self.digests[index] = 0
        self.known[index] = False

    def can_read(self, index: int) -> bool:
        """Whether a sample can be read now."""
        try:
            self.source.read(index)
        except OSError:
            return False
        return True

    def hash(self, indices: NDArray[np.int64], threads: int) -> list[int]:
        """Read and hash these samples; return those that could not be read."""
        unreadable = []
        threads = max(threads, at_once(self.source))
        for positions, found in hashed(self.source, indices.tolist(), threads):
            read = {i: result for i, result in zip(positions, found, strict=True) if result}
            unreadable += [i for i in positions if i not in read]
            self._learn_all(read)
        for index in unreadable:
            self.unlearn(index)
        return unreadable

    def save(self, store: Store, *, may_wait: bool = False) -> None:
        """Write the stat cache, if anything was learned since it was read.

        Before the commit of what was learned, not after it: so what a commit leaves unknown, the
        cache knows or has never heard of. What other runs have written meanwhile is kept.

        It is derived: where it cannot be written, the next run reads more files, nothing else.

        Parameters
        ----------
        may_wait : there will be another time. The whole of it is written each time, so of millions
            of images that would take longer than what is learned in between
        """
        began = time.monotonic()
        if may_wait and began < self._save_from:
            return
        self._save(store)
        ended = time.monotonic()
        self._save_from = ended + SAVED_SHARE * (ended - began)

    def _save(self, store: Store) -> None:
        self._save_heads(store)
        if not (self._reads or self.has_news or self._has_outdated):
            return
        table = self.learned()
        if self.is_trusting:
            table = self.table = merged(table, _read_table(store, self.source.spec), self.listing)
        self.has_news = False
        path = _kept(store, self.source.spec, "stats")
        with spared(path):
            files.replace(path, table.to_bytes())

    def _save_heads(self, store: Store) -> None:
        """Keep what was seen of files' first bytes, where the kind of source looks at them."""
        heads = heads_of(self.source)
        if heads is None or not heads.has_news:
            return
        path = _kept(store, self.source.spec, "heads")
        if path not in heads.kept_at:  # one look may serve several stores
            heads.kept_at.add(path)
            with spared(path):
                files.replace(path, heads.to_bytes())

    @property
    def _has_outdated(self) -> bool:
        """Whether the stat cache has other stats of a sample than it has now."""
        unknown = np.flatnonzero(~self.known & ~self.racy)
        return bool((find(self.table.keys, self.listing.keys[unknown]) >= 0).any())

    def learned(self) -> StatTable:
        """Return what is known of the files by now, all that was read included."""
        if not self._reads:
            return self.table
        index, stats, clocks = self._reads.last_of_each()
        still = self.known[index]
        index = index[still]
        seen = Seen(
            index=index,
            digests=self.digests[index],
            stats=stats[still],
            clocks=clocks[still],
        )
        self.table = record(self.table, self.listing, seen)
        self.has_news = True
        self._reads = Reads()
        return self.table


def look(source: Source, store: Store | None, *, rehash: bool = False) -> Look:
    """List a source and look its samples up in the stat cache. Reads no image.

    With `rehash` nothing is trusted but what this run has read itself, for another store.
    """
    if store is not None and not rehash:
        recall(source, store)
    listing = source.list()
    table = EMPTY if store is None or rehash else _read_table(store, source.spec)
    has_news = False
    if listing.seen is not None:
        before, table = table, merged(table, listing.seen, listing)
        has_news = not table.same_as(before)
    known = lookup(table, listing)
    return Look(
        source,
        listing,
        table,
        known.digests,
        known.known,
        known.racy,
        is_trusting=not rehash,
        has_news=has_news,
    )


def recall(source: Source, store: Store) -> None:
    """Have a source know what earlier looks saw of heads, where its kind looks at them."""
    heads = heads_of(source)
    if heads is not None:
        with contextlib.suppress(OSError):
            heads.recall(files.read(_kept(store, source.spec, "heads")))


def recorded_samples(store: Store, name: str) -> Samples:
    """Return a source's samples as recorded, with what runs have learned of them since.

    A run that was killed has committed rows of images that the listing at its beginning did not
    know yet; their digests are in the stat cache. Nothing of the source is looked at, so a digest
    that is unknown even so means: not read yet, as far as the store can tell.
    """
    snapshot = store.snapshot(name)
    samples = snapshot.samples
    unknown = ~samples.known
    if snapshot.quarantine:  # what cannot be read now may have been read long ago
        unread = [entry.key for entry in snapshot.quarantine if entry.digest is None]
        unknown &= ~np.isin(samples.keys, key_array(unread))
    if not unknown.any():
        return samples
    table = _read_table(store, snapshot.spec)
    at = find(table.keys, samples.keys)
    learned = unknown & (at >= 0)
    digests = samples.digests.copy()
    digests[learned] = table.digests[at[learned]]
    return changed(samples, digests=digests, known=samples.known | learned)


def settle_racy(now: Look, threads: int) -> None:
    """Hash the samples whose stats are equal but young: few, and they are clean after this."""
    now.hash(np.flatnonzero(now.racy), threads)
    now.racy[:] = False


def guard_shrink(before: Samples | None, listing: Listing, where: object) -> None:
    """Raise DataError when more than half of the recorded samples' number is gone."""
    if before is not None and 2 * len(listing.keys) < len(before):
        raise DataError(
            f"shrank from {len(before)} to {len(listing.keys)} images",
            where,
            "check that the disk is mounted; --allow-shrink if it is meant",
        )


def require_readable(source: Source, n_samples: int, image: ImageSpec) -> None:
    """Raise DataError unless an image of the listing can be decoded; mostly the first one can."""
    from bottleneck.data.decode import decode  # noqa: PLC0415 - of a new store alone

    reasons = []
    for i in range(n_samples):
        try:
            decode(source.read(i).content, image)
        except OSError as error:
            reasons.append(f"cannot be read: {error.strerror or error}")
        except UndecodableError as error:
            reasons.append(error.reason)
        else:
            return
    raise none_usable(n_samples, reasons[0], source.name)


def none_usable(n_samples: int, reason: str, where: object) -> DataError:
    """Return the error for a source without an image that can be used."""
    return DataError(
        f"none of {n_samples} images can be used (the first: {reason})",
        where,
        "check --data, --include and --exclude",
    )


def _read_table(store: Store, spec: Mapping[str, object]) -> StatTable:
    """Return the stat cache of a source; an empty one where it cannot be read."""
    try:
        return StatTable.from_bytes(files.read(_kept(store, spec, "stats")))
    except OSError:
        return EMPTY


def stat_table_name(spec: Mapping[str, object]) -> str:
    """Return the name of a source's stat cache in `derived/`."""
    return _kept_name(spec, "stats")


def _kept_name(spec: Mapping[str, object], what: str) -> str:
    name = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
    return f"{what}-{name}.bin"


def _kept(store: Store, spec: Mapping[str, object], what: str) -> Path:
    return store.derived / _kept_name(spec, what)
