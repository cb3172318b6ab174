"""A source's turn in a store: looked at, computed, recorded; and a line about it in the history.

An extraction is one turn, or one after the other where a command names several stores.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bottleneck import engines
from bottleneck.core.errors import BottleneckError, code_of
from bottleneck.core.text import as_known, printable
from bottleneck.data.shared import SharedSource
from bottleneck.pipeline.extraction.compute import is_apart, made_by
from bottleneck.pipeline.extraction.extraction import begin
from bottleneck.pipeline.extraction.job import Job
from bottleneck.pipeline.extraction.limits import sentence
from bottleneck.pipeline.extraction.look import require_readable
from bottleneck.pipeline.extraction.passing import go
from bottleneck.pipeline.extraction.sources import choose_source
from bottleneck.pipeline.extraction.summary import extract_report, preview_report
from bottleneck.pipeline.network import network as networks
from bottleneck.store import history
from bottleneck.store.catalog import DEFAULT_FORMAT
from bottleneck.store.lock import hold
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bottleneck.core.reporter import Reporter
    from bottleneck.data.source import Source
    from bottleneck.pipeline.extraction.extraction import Extraction
    from bottleneck.pipeline.extraction.options import ExtractOptions
    from bottleneck.pipeline.network.network import Network

NOT_OF_A_RUN = ("network", "classes")  # what the store says already
PARTIAL = 7  # what a command ends with that was told to be strict


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Turn:
    """What is to be done for one source of one store.

    Attributes
    ----------
    seen : the snapshot that the store recorded for the source before the shared listing was made.
        Where it names another one by now, somebody looked at the source later than that listing,
        so a new one is made. None where it had none.
    is_alone : whether no other store shares the source; then every look is a new one
    """

    options: ExtractOptions
    name: str
    source: SharedSource
    reporter: Reporter
    started: float  # time.perf_counter
    seen: str | None = None
    is_alone: bool = True
    is_strict: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing may be computed any more, because other stores used up what there was."""
        return 0 in (self.options.limit, self.options.budget_s)

    def view(self, store: Store | None) -> Source:
        """Return the source as this store looks at it."""
        entry = store.state.sources.get(self.name) if store else None
        has_moved = (entry.snapshot if entry else None) != self.seen
        return self.source.view(is_new=self.is_alone or has_moved)

    def job(self, network: Network, store: Store | None) -> Job:
        """Return what the extraction is asked for."""
        return Job(
            options=self.options,
            name=self.name,
            source=self.view(store),
            network=network,
            reporter=self.reporter,
            started=self.started,
        )


def take(turn: Turn, store: Store | None) -> dict[str, Any]:
    """Bring a store up to date with a source and return the report (DESIGN's keys).

    Parameters
    ----------
    store : what is there, None where a store is to be made
    """
    turn = _with_arithmetic(turn, store)
    options = turn.options
    if options.dry_run:
        return previewed(turn, begin(turn.job(_network(turn, store), store), store))
    network = None
    if store is None:
        # Whatever is wrong with the data or the network must show before a folder is made.
        asked = options.network.completed()
        engines.catalog.candidates(options.engine, devices=options.devices, only=asked.engines)
        apart = is_apart(options.engine, options.devices, None)
        begun = networks.begin(asked, turn.reporter, is_apart=apart)
        source = turn.view(None)
        listing = source.list()
        network = begun()
        require_readable(source, len(listing), network.recipe.image)
        Store.prepare(options.cache)
    with locked(options):
        now = as_it_is_now(options, store, network)
        if now is not store and now.source_names:
            turn = as_named_now(turn, now)
        return _finished(turn, begin(turn.job(network or _network(turn, now), now), now))


def _with_arithmetic(turn: Turn, store: Store | None) -> Turn:
    """Return the turn with its arithmetic as recipes say it: of fewer bits, an engine's own."""
    options, asked = turn.options, turn.options.network.compute
    if asked is None:
        return turn
    compute = engines.catalog.arithmetic(
        asked, options.engine, made_by=made_by(store), devices=options.devices
    )
    network = replace(options.network, compute=compute)
    return replace(turn, options=replace(options, network=network))


def as_it_is_now(options: ExtractOptions, store: Store | None, network: Network | None) -> Store:
    """Return the store with all that others did while this run waited for it."""
    if store is not None:
        return store.refresh()
    assert network is not None
    fmt = options.format or DEFAULT_FORMAT
    return Store.create(options.cache, network.recipe, network.about, fmt)


def as_named_now(turn: Turn, now: Store) -> Turn:
    """Return the turn of what the words mean now: others may have given the name to other images.

    Raises
    ------
    UsageError
        As `choose_source` does: the source may have been dropped as well.
    """
    options = turn.options
    name, source = choose_source(now, options.data, options.source, options.reading)
    if source.spec == turn.source.source.spec:
        return replace(turn, name=name)
    return replace(turn, name=name, source=SharedSource(source))


@contextlib.contextmanager
def failure_noted(
    options: ExtractOptions, source: str | None, started: float, reporter: Reporter
) -> Iterator[None]:
    """Record in the store's history that a run failed, where there is a store to write to."""
    try:
        yield
    except BaseException as error:
        if not options.dry_run:
            what = error.what if isinstance(error, BottleneckError) else str(error)
            entry = {
                "verb": "extract",
                "store": as_known(str(options.cache)),
                "source": source,
                "seconds": {"total": round(time.perf_counter() - started, 3)},
                "error": printable(what),
            }
            _note(options, history.ended(entry, code_of(error)), reporter)
        raise


def _note(options: ExtractOptions, entry: dict[str, Any], reporter: Reporter) -> None:
    failure = history.note(options.cache, entry)
    if failure is not None:
        why = failure.strerror or failure
        reporter.warn(f"{options.cache}: {history.NAME} does not have this run: {why}")


def _network(turn: Turn, store: Store | None) -> Network:
    apart = is_apart(turn.options.engine, turn.options.devices, store)
    return networks.resolve(turn.options.network, store, turn.reporter, is_apart=apart)


def previewed(turn: Turn, run: Extraction) -> dict[str, Any]:
    """Return the report of a dry run."""
    would_compute = run.preview()
    turn.source.learn(run.looked.look.learned())
    return preview_report(run, would_compute)


def _finished(turn: Turn, run: Extraction) -> dict[str, Any]:
    if turn.is_over and len(run.looked.plan.pending):
        turn.reporter.say(f"{turn.options.cache}: {turn.name} is left for the next run")
        return extract_report(run)
    try:
        go(run)
    finally:
        turn.source.learn(run.looked.look.learned())
    return ended(turn, run)


def ended(turn: Turn, run: Extraction) -> dict[str, Any]:
    """Return the report of a turn that came to its end, and enter it in the store's history."""
    report = extract_report(run)
    if report["limits"] is not None:
        turn.reporter.say(sentence(report["limits"], report["cores"]))
    code = PARTIAL if turn.is_strict and report["partial"] else 0
    entry = {key: value for key, value in report.items() if key not in NOT_OF_A_RUN}
    _note(turn.options, history.ended(entry, code, run.provenance), turn.reporter)
    return report


def locked(options: ExtractOptions) -> contextlib.AbstractContextManager[None]:
    """Return what holds the store's lock, unless the run goes without."""
    if options.no_lock:
        return contextlib.nullcontext()
    return hold(options.cache, options.wait_s)
