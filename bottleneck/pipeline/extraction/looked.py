"""What an extraction saw of its source: the look, what is planned from it, what was recorded.

The three belong together. Where another run moves the source, all of them are taken anew: a plan
speaks of positions in one listing, and means nothing beside another.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as changed
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.data.source import READING
from bottleneck.pipeline.extraction.look import Look, guard_shrink, look, settle_racy
from bottleneck.pipeline.extraction.plan import Plan, plan, set_aside
from bottleneck.pipeline.extraction.reading import guard_reading
from bottleneck.store.snapshot import QuarantineEntry, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bottleneck.data.source import Source
    from bottleneck.data.undecodable import Limits
    from bottleneck.pipeline.extraction.job import Job
    from bottleneck.pipeline.extraction.target import Target
    from bottleneck.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HowToLook:
    """How a source is looked at: the same at every look of a run."""

    source: Source
    threads: int
    rehash: bool
    allow_shrink: bool
    limits: Limits

    @classmethod
    def of(cls, job: Job, *, again: bool = False) -> HowToLook:
        """Return how a job looks at its source; `again`: it has looked before."""
        return cls(
            source=job.source,
            threads=job.threads,
            rehash=job.options.rehash and not again,  # what this run has read itself is trusted
            allow_shrink=job.options.allow_shrink,
            limits=job.limits,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Looked:
    """A source as it was seen, and what follows from that.

    Attributes
    ----------
    look : the listing, and the digests known so far; reading more teaches it more
    plan : what is to be done, in positions of that listing
    before : what was recorded when the source was looked at, None where nothing was
    """

    look: Look
    plan: Plan
    before: Snapshot | None

    def carried(self) -> tuple[QuarantineEntry, ...]:
        """Return the recorded failures that still hold."""
        if self.before is None:
            return ()
        keys = {bytes(key) for key in self.look.listing.keys[self.plan.quarantined]}
        return tuple(entry for entry in self.before.quarantine if entry.key in keys)

    def snapshot(self, quarantine: tuple[QuarantineEntry, ...]) -> Snapshot:
        """Return what is to be recorded of the source."""
        return _snapshot(self.look, quarantine)

    def quarantine(
        self,
        unread: Mapping[bytes, str],
        failed: Mapping[bytes, str],
        target: Target,
        limits: Limits,
    ) -> tuple[QuarantineEntry, ...]:
        """Return all failures that are to be recorded, in the order of their keys.

        What could not be read is not known any more, so ask for this before the snapshot.

        Parameters
        ----------
        unread : key → why it could not be read; what has a row by now, or is gone, does not count
        failed : digest → why there is no row
        """
        samples = self.look.samples
        entries = {entry.key: entry for entry in self.carried()}
        if not (unread or failed):
            return tuple(entries[key] for key in sorted(entries))
        without = ~samples.known | ~target.store.has(samples.digests)
        for i in np.flatnonzero(without).tolist():
            key = bytes(samples.keys[i])
            digest: bytes | None = samples.digests[i].tobytes() if samples.known[i] else None
            reason = None if digest is None else failed.get(digest)
            if reason is None:  # the bytes that were known may not be the ones that cannot be read
                digest, reason = None, unread.get(key)
                if reason is not None:
                    self.look.unlearn(i)
            if reason is not None:
                entries[key] = QuarantineEntry(
                    key=key,
                    digest=digest,
                    reason=reason,
                    decoder=decoder_version(),
                    limits=str(limits),
                )
        return tuple(entries[key] for key in sorted(entries))


def snapshot_now(now: Look, recorded: Snapshot, store: Store) -> Snapshot:
    """Return what a source is now, with those of the recorded failures that still hold."""
    samples = now.samples
    aside = set_aside(recorded.quarantine, samples, samples.known & store.has(samples.digests))
    keys = set(map(bytes, samples.keys[aside]))
    return _snapshot(now, tuple(entry for entry in recorded.quarantine if entry.key in keys))


def _snapshot(now: Look, quarantine: tuple[QuarantineEntry, ...]) -> Snapshot:
    return Snapshot(
        samples=now.samples,
        spec=now.source.spec,
        quarantine=quarantine,
        understood=now.listing.understood.to_json(),
        reading=READING,
    )


def look_and_plan(how: HowToLook, target: Target) -> Looked:
    """Look at a source beside its record, and plan what is to be done.

    Raises
    ------
    DataError
        When nothing is there, more than half of what was recorded is gone, or the same paths are
        read into other classes than recorded.
    """
    now = look(how.source, target.store_or_none, rehash=how.rehash)
    before = target.recorded
    if not how.allow_shrink:
        guard_shrink(before.samples if before else None, now.listing, how.source.name)
    guard_reading(before, now)
    settle_racy(now, how.threads)
    return Looked(look=now, plan=planned(how, target, now), before=before)


def plan_what_is_left(
    how: HowToLook,
    target: Target,
    looked: Looked,
    unread: Mapping[bytes, str],
    failed: Mapping[bytes, str],
) -> Looked:
    """Return the same look with a plan of what has no row by now, but for what was tried.

    Parameters
    ----------
    unread, failed : as in `Looked.quarantine`
    """
    now = looked.look
    found = planned(how, target, now)
    tried = [
        bytes(now.listing.keys[i]) in unread
        or (bool(now.known[i]) and now.digests[i].tobytes() in failed)
        for i in found.pending.tolist()
    ]
    found = changed(found, pending=found.pending[~np.array(tried, bool)])
    return changed(looked, plan=found, before=target.recorded)


def planned(how: HowToLook, target: Target, now: Look) -> Plan:
    """Return what is to be done, by what is known of the source now."""
    quarantine = target.recorded.quarantine if target.recorded else ()
    return plan(
        target.rows_store,
        now.samples,
        quarantine,
        decoder=decoder_version() if quarantine else "",
        limits=str(how.limits),
    )


def decoder_version() -> str:
    """Return what a failure to decode depends on; Pillow is imported for it."""
    from bottleneck.data import decode  # noqa: PLC0415 - where something was set aside

    return decode.decoder_version()
