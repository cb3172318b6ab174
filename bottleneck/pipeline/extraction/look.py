"""Looking at a source: what is there now, with as few files opened as the stats allow."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core import files
from bottleneck.core.digest import DIGEST_BYTES, sample_digest
from bottleneck.core.errors import DataError
from bottleneck.core.sample import Samples
from bottleneck.data.decode import UndecodableError, decode
from bottleneck.data.scan import EMPTY, Seen, StatTable, lookup, record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.recipe import ImageSpec
    from bottleneck.data.source import Listing, Read, Source
    from bottleneck.store.store import Store


@dataclass(slots=True, eq=False)
class Look:
    """A source as it stands: its listing, and the digests known so far.

    Attributes
    ----------
    racy : (n,) bool
        Samples whose stats are equal to those recorded, but too young to prove anything.
    """

    source: Source
    listing: Listing
    table: StatTable
    digests: NDArray[np.uint8]
    known: NDArray[np.bool_]
    racy: NDArray[np.bool_]
    _reads: dict[int, tuple[bytes, tuple[int, ...], int]] = field(default_factory=dict)

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
        self._reads[index] = (digest, tuple(read.stat), read.clock_ns)

    def hash(self, indices: NDArray[np.int64], threads: int) -> list[int]:
        """Read and hash these samples; return those that could not be read."""
        if not len(indices):
            return []
        from joblib import Parallel, delayed  # noqa: PLC0415 - 0.45 s that warm runs do not pay

        def one(index: int) -> tuple[bytes, Read] | None:
            try:
                read = self.source.read(index)
            except OSError:
                return None
            # Only the stat is kept: the contents of a large set do not fit in memory.
            return sample_digest(read.content), replace(read, content=b"")

        unreadable = []
        work = Parallel(n_jobs=threads, prefer="threads")(delayed(one)(int(i)) for i in indices)
        for index, result in zip(map(int, indices), work, strict=True):
            if result is None:
                unreadable.append(index)
                self.known[index] = False
            else:
                self.learn(index, *result)
        return unreadable

    def save(self, store: Store) -> None:
        """Write the stat cache, if anything was learned since it was read.

        It is derived: where it cannot be written, the next run reads more files, nothing else.
        """
        heads = getattr(self.source, "heads", None)
        if heads is not None and heads.has_news:
            with contextlib.suppress(OSError):
                files.replace(_kept(store, self.source.spec, "heads"), heads.to_bytes())
        if not self._reads:
            return
        index = sorted(self._reads)
        digests, stats, clocks = zip(*(self._reads[i] for i in index), strict=True)
        seen = Seen(
            index=np.array(index, np.int64),
            digests=np.frombuffer(b"".join(digests), np.uint8).reshape(-1, DIGEST_BYTES),
            stats=np.array(stats, np.int64),
            clocks=np.array(clocks, np.int64),
        )
        self.table = record(self.table, self.listing, seen)
        self._reads = {}
        with contextlib.suppress(OSError):
            files.replace(_kept(store, self.source.spec, "stats"), self.table.to_bytes())


def look(source: Source, store: Store | None, *, rehash: bool = False) -> Look:
    """List a source and look its samples up in the stat cache. Reads no image.

    With `rehash` nothing is trusted, so every digest is unknown.
    """
    heads = getattr(source, "heads", None)  # what a kind of source keeps of files' first bytes
    if heads is not None and store is not None and not rehash:
        with contextlib.suppress(OSError):
            heads.recall(files.read(_kept(store, source.spec, "heads")))
    listing = source.list()
    table = EMPTY
    if store is not None and not rehash:
        with contextlib.suppress(OSError):
            table = StatTable.from_bytes(files.read(_kept(store, source.spec, "stats")))
    known = lookup(table, listing)
    return Look(source, listing, table, known.digests, known.known, known.racy)


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


def _kept(store: Store, spec: Mapping[str, object], what: str) -> Path:
    name = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]
    return store.derived / f"{what}-{name}.bin"
