"""Upkeep of a store: forget a source, verify, collect garbage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.pipeline.extraction.look import stat_table_name
from bottleneck.store import gc as collecting
from bottleneck.store import verify as verifying
from bottleneck.store.lock import hold
from bottleneck.store.log import DropSource, Log
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path


def forget(cache: Path, source: str | None, *, dry_run: bool = False) -> dict[str, Any]:
    """Drop a source from a store; its rows stay until gc finds that nothing refers to them."""
    store = Store.open(cache)
    name = store.source_name(source)
    samples = len(store.snapshot(name).samples)
    if not dry_run:
        before = store.state.sources[name].snapshot
        store = store.commit([DropSource(name, before)], "forget")
    return {
        "verb": "forget",
        "store": str(cache),
        "source": name,
        "samples": samples,
        "commit": store.state.number,
        "dry_run": dry_run,
    }


def verify(cache: Path, *, repair: bool = False, wait_s: float | None = None) -> dict[str, Any]:
    """Read every byte of a store; with `repair`, mend it under the lock."""
    Log(cache).numbers()  # where there is no store, this fails before a lock file is made
    if not repair:
        report = verifying.verify(cache)
    else:
        with hold(cache, wait_s):
            report = verifying.verify(cache, repair=True)
    return {"verb": "verify", "store": str(cache), **report}


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
    return {"verb": "gc", "store": str(cache), **report}
