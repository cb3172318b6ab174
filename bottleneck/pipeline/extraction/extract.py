"""Extract: compute exactly the rows that are missing, and record what the source is now."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from bottleneck import engines
from bottleneck.core.guest import as_guest
from bottleneck.core.reporter import SILENT
from bottleneck.pipeline.extraction.extraction import begin
from bottleneck.pipeline.extraction.job import Job
from bottleneck.pipeline.extraction.look import require_readable
from bottleneck.pipeline.extraction.sources import choose_source
from bottleneck.pipeline.extraction.summary import extract_report, preview_report
from bottleneck.pipeline.network import network as networks
from bottleneck.store.catalog import DEFAULT_FORMAT
from bottleneck.store.lock import hold
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from bottleneck.core.reporter import Reporter
    from bottleneck.data.source import Source
    from bottleneck.pipeline.extraction.extraction import Extraction
    from bottleneck.pipeline.extraction.options import ExtractOptions
    from bottleneck.pipeline.network.network import Network


NOT_OF_A_RUN = ("network", "classes")  # what the store says already


@as_guest()
def extract(options: ExtractOptions, reporter: Reporter = SILENT) -> dict[str, Any]:
    """Bring a store up to date with a source and return the report (DESIGN's keys).

    Raises
    ------
    DataError
        Nothing there, shrank by more than half, all unreadable, rows do not fit their dtype.
    RecipeError
        The recipe differs from the store's (without `replace`), or canaries disagree.
    BusyError
        Another run holds the store.
    """
    started = time.perf_counter()
    store = existing(options.cache)
    name, source = _choose(options, store)

    def job(network: Network) -> Job:
        return Job(
            options=options,
            name=name,
            source=source,
            network=network,
            reporter=reporter,
            started=started,
        )

    if options.dry_run:
        run = begin(job(networks.resolve(options.network, store, reporter)), store)
        return preview_report(run, run.preview())
    network = None
    if store is None:
        # Whatever is wrong with the data or the network must show before a folder is made.
        listing = source.list()
        engines.catalog.candidates(options.engine, devices=options.devices)
        network = networks.resolve(options.network, None, reporter)
        require_readable(source, len(listing), network.recipe.image)
        Store.prepare(options.cache)
    with _locked(options):
        now = _as_it_is_now(options, store, network)
        if now is not store and now.source_names:  # others may have given the name to other images
            name, source = _choose(options, now)
        network = network or networks.resolve(options.network, now, reporter)
        return _finished(begin(job(network), now))


def _choose(options: ExtractOptions, store: Store | None) -> tuple[str, Source]:
    return choose_source(store, options.data, options.source, options.reading)


def _as_it_is_now(options: ExtractOptions, store: Store | None, network: Network | None) -> Store:
    """Return the store with all that others did while this run waited for it."""
    if store is not None:
        return store.refresh()
    assert network is not None
    fmt = options.format or DEFAULT_FORMAT
    return Store.create(options.cache, network.recipe, network.about, fmt)


def _finished(run: Extraction) -> dict[str, Any]:
    run.go()
    report = extract_report(run)
    run.target.store.append_history({k: v for k, v in report.items() if k not in NOT_OF_A_RUN})
    return report


def existing(cache: Path) -> Store | None:
    """Return the store at `cache`, or None where one could be made."""
    return Store.open(cache) if Store.is_there(cache) else None


def _locked(options: ExtractOptions) -> contextlib.AbstractContextManager[None]:
    if options.no_lock:
        return contextlib.nullcontext()
    return hold(options.cache, options.wait_s)
