"""Relocate: a recorded source lies elsewhere now, or is to be read in another way."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.digest import as_void
from bottleneck.core.errors import DataError
from bottleneck.core.guest import as_guest
from bottleneck.core.reporter import SILENT
from bottleneck.data.catalog import open_source
from bottleneck.pipeline.extraction.flow import default_threads
from bottleneck.pipeline.extraction.look import look
from bottleneck.pipeline.extraction.looked import snapshot_now
from bottleneck.pipeline.extraction.reading import guard_reading
from bottleneck.pipeline.extraction.saying import source_values
from bottleneck.store.lock import hold
from bottleneck.store.log import SetSource
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bottleneck.core.reporter import Reporter
    from bottleneck.core.sample import Samples
    from bottleneck.data.source import Source
    from bottleneck.pipeline.extraction.look import Look


@dataclass(frozen=True, slots=True, kw_only=True)
class RelocateOptions:
    """What `bottleneck relocate` is asked for.

    Attributes
    ----------
    source : its name in the store, which stays
    data, reading : where it is, and how it is read, as of `extract`
    allow_shrink : accept that less than half of the recorded images are there
    """

    cache: Path
    source: str
    data: str
    reading: Mapping[str, Any] = field(default_factory=dict)
    allow_shrink: bool = False
    dry_run: bool = False
    wait_s: float | None = None


@as_guest()
def relocate(options: RelocateOptions, reporter: Reporter = SILENT) -> dict[str, Any]:
    """Record that a source is what `data` names; its images are read, and nothing is computed.

    Rows belong to the bytes of images, not to where they lie, so images that are the same keep
    theirs.

    Raises
    ------
    DataError
        When there is nothing, less than half of the recorded images are there, or some of them
        would change class or split and no option says how the source is read.
    BusyError
        Another run holds the store.
    """
    store = Store.open(options.cache)
    name = store.source_name(options.source, "write one of them before DATA")
    source = open_source(options.data, options.reading)
    with nullcontext() if options.dry_run else hold(options.cache, options.wait_s):
        store = store.refresh()
        recorded = store.snapshot(name)
        now = _looked(source, store, reporter)
        guard_reading(recorded, now)
        n_before, n_there = _count_there(recorded.samples, now.samples)
        if 2 * n_there < n_before and not options.allow_shrink:
            raise DataError(
                f"only {n_there:,} of the {n_before:,} recorded images of {name} are there",
                source.name,
                "check that it is the same data; --allow-shrink if it is meant",
            )
        snapshot = snapshot_now(now, recorded, store)
        if not options.dry_run:
            if not recorded.same_as(snapshot):
                before = store.state.sources[name].snapshot
                action = SetSource(name, before, store.write_snapshot(snapshot))
                store = store.commit([action], "relocate")
            now.save(store)
    samples = now.samples
    with_row = samples.known & store.has(samples.digests)
    return {
        "verb": "relocate",
        "store": str(options.cache),
        "source": name,
        "from": recorded.spec,
        "to": source.spec,
        "samples": len(samples),
        "there": n_there,
        "gone": n_before - n_there,
        "cached": int(with_row.sum()),
        "pending": int((~with_row).sum()) - len(snapshot.quarantine),
        "quarantined": len(snapshot.quarantine),
        "computed": 0,
        **source_values(samples),
        "understood": now.listing.understood.to_json(),
        "commit": store.state.number,
        "dry_run": options.dry_run,
    }


def _looked(source: Source, store: Store, reporter: Reporter) -> Look:
    """Return the source as it is, with every digest that can be had."""
    now = look(source, store)
    unknown = np.flatnonzero(~now.known)
    if len(unknown):
        reporter.say(f"reading {len(unknown):,} images")
    now.hash(unknown, default_threads())
    return now


def _count_there(recorded: Samples, samples: Samples) -> tuple[int, int]:
    """Return how many different images were recorded, and how many of those are there."""
    before = np.unique(as_void(recorded.digests[recorded.known]))
    return len(before), int(np.isin(before, as_void(samples.digests[samples.known])).sum())
