"""Upkeep of a store: forget a source, verify, collect garbage."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from bottleneck.core.reporter import SILENT
from bottleneck.core.text import as_known
from bottleneck.pipeline.extraction.look import stat_table_name
from bottleneck.pipeline.upkeep.recompute import recompute
from bottleneck.store import gc as collecting
from bottleneck.store import history
from bottleneck.store import verify as verifying
from bottleneck.store.lock import hold
from bottleneck.store.log import DropSource, Log
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bottleneck.core.portion import Portion
    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.upkeep.recompute import RecomputeOptions


def forget(cache: Path, source: str | None, *, dry_run: bool = False) -> dict[str, Any]:
    """Drop a source from a store; its rows stay until gc finds that nothing refers to them."""
    store = Store.open(cache)
    name = store.source_name(source, "name one: bottleneck forget SOURCE")
    samples = len(store.snapshot(name).samples)
    if not dry_run:
        before = store.state.sources[name].snapshot
        store = store.commit([DropSource(name, before)], "forget")
    report = {
        "verb": "forget",
        "store": as_known(str(cache)),
        "source": name,
        "samples": samples,
        "commit": store.state.number,
        "dry_run": dry_run,
    }
    if not dry_run:
        _note(cache, report)
    return report


def verify(
    cache: Path,
    *,
    repair: bool = False,
    sample: Portion | None = None,
    again: RecomputeOptions | None = None,
    wait_s: float | None = None,
    reporter: Reporter = SILENT,
) -> dict[str, Any]:
    """Read every byte of a store, or a sample; with `repair`, mend it under the lock.

    With `again`, rows are computed again then, unless damage is left.
    """
    Log(cache).numbers()  # where there is no store, this fails before a lock file is made
    with hold(cache, wait_s) if repair else contextlib.nullcontext():
        report = verifying.verify(cache, repair=repair, portion=sample)
    report = {"verb": "verify", "store": as_known(str(cache)), **report}
    if report["repaired"]:
        _note(cache, {**report, "damaged": len(report["damaged"])})
    if again is None:
        return report
    is_whole = report["repaired"] or not report["damaged"]
    done = recompute(Store.open(cache), again, reporter) if is_whole else None
    return {**report, "recompute": done}


def gc(
    cache: Path, *, grace_s: float, dry_run: bool = False, wait_s: float | None = None
) -> dict[str, Any]:
    """Drop dead rows and delete what nothing refers to any more, under the lock."""
    Log(cache).newest()
    if dry_run:
        report = collecting.gc(cache, grace_s=grace_s, dry_run=True, derived_of=stat_table_name)
    else:
        with hold(cache, wait_s):
            report = collecting.gc(cache, grace_s=grace_s, derived_of=stat_table_name)
    report = {"verb": "gc", "store": as_known(str(cache)), **report}
    if not dry_run:
        _note(cache, {**report, "deleted": len(report["deleted"])})
    return report


def _note(cache: Path, report: Mapping[str, Any]) -> None:
    """Add a line to the store's history about what changed it; where it cannot be, there is none.

    What only reads (`verify` without `repair`, a dry run) changes no file, so this one neither.
    """
    history.note(cache, history.ended(report))
