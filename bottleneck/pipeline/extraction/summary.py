"""What an extraction says of itself, in keys that are never renamed."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bottleneck.pipeline.extraction.plan import changes, unique_count

if TYPE_CHECKING:
    from bottleneck.pipeline.extraction.extraction import Extraction


def extract_report(run: Extraction) -> dict[str, Any]:
    """Return the report of an extraction: what was there, what was done, what is left."""
    store = run.store_or_none
    samples = run.look.samples
    what = changes(run.before.samples if run.before else None, samples)
    rows_store = None if run.replacing else store
    with_row = (
        samples.known & rows_store.has(samples.digests) if rows_store else samples.known & False
    )
    snapshot = run.recorded
    quarantined = (
        int(run.planned.quarantined.sum())
        if run.options.dry_run
        else len(snapshot.quarantine)
        if snapshot
        else 0
    )
    n_with_row = int(with_row.sum())
    total = time.perf_counter() - run.started
    busy = run.seconds.compute
    provenance = run.computer.provenance
    pending = len(samples) - n_with_row - quarantined
    return {
        "verb": "extract",
        "store": str(run.options.cache),
        "source": run.name,
        "recipe": run.network.recipe.id,
        "samples": len(samples),
        "unique": unique_count(samples),
        "cached": n_with_row - run.computed,
        "computed": run.computed,
        "pending": pending,
        "added": len(what.added),
        "changed": len(what.changed),
        "renamed": len(what.renamed),
        "deleted": len(what.deleted),
        "quarantined": quarantined,
        "bytes_written": run.bytes_written,
        "images_per_second": round(run.computed / busy, 1) if busy else None,
        "seconds": {k: round(v, 3) for k, v in {**asdict(run.seconds), "total": total}.items()},
        "limit": run.options.limit,
        "device": provenance.get("device"),
        "engine": provenance.get("engine"),
        "batch": provenance.get("batch"),
        "canaries": run.computer.canaries,
        "commit": store.state.number if store else None,
        "partial": run.partial or (pending > 0 and not run.options.dry_run),
    }
