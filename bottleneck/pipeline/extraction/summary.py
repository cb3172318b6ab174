"""What an extraction says of itself, in keys that are never renamed."""

from __future__ import annotations

import os
import time
from collections import Counter
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.digest import as_void
from bottleneck.data.endings import UNDECODABLE
from bottleneck.data.reading import NOT_THERE
from bottleneck.heads.split import leaking
from bottleneck.pipeline.extraction.flow import default_threads
from bottleneck.pipeline.extraction.limits import limiting
from bottleneck.pipeline.extraction.plan import changes, set_aside, unique_count
from bottleneck.pipeline.extraction.relabelled import count_changed, count_regrouped
from bottleneck.pipeline.extraction.saying import source_values
from bottleneck.pipeline.extraction.spread import spread_of
from bottleneck.pipeline.network.recipe_words import recipe_values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from bottleneck.core.sample import Samples
    from bottleneck.pipeline.extraction.extraction import Extraction
    from bottleneck.pipeline.extraction.flow import Seconds
    from bottleneck.store.store import Store

MOST_REASONS = 5


def extract_report(run: Extraction) -> dict[str, Any]:
    """Return the report of an extraction: what was there, what was done, what is left."""
    job, target, tally, looked = run.job, run.target, run.tally, run.looked
    samples = looked.look.samples
    what = changes(run.before.samples if run.before else None, samples)
    n_class, n_split = count_changed(run.before.samples, samples) if run.before else (0, 0)
    has_row = _has_row(target.rows_store, samples)
    with_row = int(has_row.sum())
    mine = _is_mine(run, samples) & has_row
    n_mine = len(np.unique(as_void(samples.digests[mine])))  # what vanished since is not among them
    quarantine = target.recorded.quarantine if target.recorded else ()
    aside = looked.plan.quarantined  # what a dry run would try again is pending
    if not job.options.dry_run:
        aside = set_aside(quarantine, samples, has_row)
    quarantined = int(aside.sum())
    pending = len(samples) - with_row - quarantined
    unique = unique_count(samples)
    total = time.perf_counter() - job.started
    provenance = run.provenance
    return {
        "verb": "extract",
        "store": str(job.options.cache),
        "source": job.name,
        "recipe": job.network.recipe.id,
        "network": recipe_values(job.network.recipe, job.network.about),
        "samples": len(samples),
        "unique": unique,
        "duplicates": int(samples.known.sum()) - unique,
        **source_values(samples),
        "understood": looked.look.listing.understood.to_json(),
        "skipped": {why: n for why, n in looked.look.listing.skipped.items() if n},
        **_count_leaking(samples),
        "copies": int(mine.sum()) - n_mine,
        "cached": with_row - n_mine,
        "computed": tally.n_computed,
        "pending": pending,
        "first_look": run.before is None,
        "added": len(what.added),
        "changed": len(what.changed),
        "renamed": len(what.renamed),
        "deleted": len(what.deleted),
        "changed_class": n_class,
        "changed_split": n_split,
        "changed_group": count_regrouped(run.before.samples, samples) if run.before else 0,
        "quarantined": quarantined,
        "set_aside": commonest(entry.reason for entry in quarantine),
        "bytes_written": tally.bytes_written,
        "images_per_second": round(tally.n_computed / total, 1) if tally.n_computed else None,
        "seconds": {k: round(v, 3) for k, v in {**job.seconds.to_json(), "total": total}.items()},
        **_who_computed(run),
        "processor_seconds": run.meter.used.to_json() if run.meter.used else None,
        "limits": limiting(run.meter.used, may_decode_fast=_may_decode_fast(job.seconds)),
        "limit": job.options.limit,
        "device": provenance.get("device"),
        "engine": provenance.get("engine"),
        "batch": provenance.get("batch"),
        "spread": provenance.get("spread") or spread_of(target.rows_store),
        "canaries": run.canaries,
        "commit": target.store_or_none.state.number if target.store_or_none else None,
        "partial": tally.is_partial or (pending > 0 and not job.options.dry_run),
    }


def _who_computed(run: Extraction) -> dict[str, Any]:
    """Return the workers, their shards, and how many cores computed, as far as that is known."""
    shared, used = run.tally.shared_out, run.meter.used
    if shared is None:
        return {"workers": None, "shards": None, "cores": default_threads()}
    return {
        "workers": shared.workers,
        "shards": {"n": shared.n, "retried": shared.retried},
        "cores": default_threads() if used is None else shared.workers * used.cores,
    }


def _may_decode_fast(seconds: Seconds) -> bool:
    return seconds.n_large > seconds.n_seen / 2


def preview_report(run: Extraction, would_compute: list[dict[str, str]]) -> dict[str, Any]:
    """Return the report of a dry run: `extract_report`, and what the run would do.

    `would` has the number of images, the bytes of their rows, and the seconds that they would
    take at the rate of the longest run with this network; None where there was none.
    `undecodable` has how many of them no Pillow decodes, by the endings of their names.
    """
    rows = run.job.network.recipe.rows
    row_bytes = np.dtype(rows.dtype).itemsize * int(np.prod(rows.shape))
    samples, pending = run.looked.look.samples, run.looked.plan.pending
    is_unread = ~samples.known[pending]  # what cannot be read may hold anything
    listing = run.looked.look.listing
    if listing.understood.missing:  # what is not there holds nothing
        is_unread &= (listing.stats[pending] != NOT_THERE).any(axis=1)
    unread = int(is_unread.sum())
    n = len(np.unique(as_void(samples.digests[pending][samples.known[pending]]))) + unread
    n = int(min(n, run.job.limit))
    rate = _recorded_rate(run.target.rows_store, run.job.network.recipe.id)
    would = {
        "computed": n,
        "bytes": n * row_bytes,
        "seconds": round(n / rate, 1) if rate else None,
    }
    listed = {"would_compute": would_compute} if run.job.options.list_keys else {}
    by_ending = Counter(
        os.path.splitext(key)[1].lower().decode("ascii", "replace")  # noqa: PTH122 - bytes
        for key in samples.keys[pending].tolist()
    )
    undecodable = {ending: n for ending in UNDECODABLE if (n := by_ending[ending])}
    return {**extract_report(run), "would": would, "undecodable": undecodable, **listed}


def commonest(reasons: Iterable[str]) -> dict[str, int]:
    """Return the commonest reasons and how often each was given."""
    return dict(Counter(reasons).most_common(MOST_REASONS))


def _recorded_rate(store: Store | None, recipe_id: str) -> float | None:
    """Return the images a second of the run that computed most with a recipe; None if none did.

    Starting takes seconds too, so a run of a few images says nothing about many.
    """
    runs = [
        (entry["computed"], entry["seconds"]["total"])
        for entry in (store.history() if store else [])
        if entry.get("verb") == "extract" and entry.get("recipe") == recipe_id
    ]
    n, seconds = max(runs, key=itemgetter(0), default=(0, 0.0))
    return n / seconds if n and seconds else None


def _is_mine(run: Extraction, samples: Samples) -> NDArray[np.bool_]:
    """Return which samples (n,) have a row that this run computed, for them or for others."""
    if not run.tally.n_computed:
        return np.zeros(len(samples), bool)
    mine = np.concatenate(run.tally.computed)
    return np.asarray(np.isin(as_void(samples.digests), as_void(mine)))


def _count_leaking(samples: Samples) -> dict[str, int]:
    """Return how many known images are judged by as well: by their bytes, or by their group alone.

    See `heads.split.leaking`.
    """
    if not samples.splits.any():
        return {"leaking": 0, "leaking_by_group": 0}
    known, groups = samples.known, samples.groups
    digests, splits = samples.digests[known], samples.splits[known]
    by_bytes = leaking(digests, splits)
    by_group = 0
    if groups:
        from bottleneck.core.sample import Groups  # noqa: PLC0415 - few sources have groups
        from bottleneck.heads.groups import together  # noqa: PLC0415

        of = Groups(numbers=groups.numbers[known], names=groups.names)
        by_group = int((leaking(together(digests, of), splits) & ~by_bytes).sum())
    return {"leaking": int(by_bytes.sum()), "leaking_by_group": by_group}


def _has_row(store: Store | None, samples: Samples) -> NDArray[np.bool_]:
    return samples.known & False if store is None else samples.known & store.has(samples.digests)
