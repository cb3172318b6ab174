"""Extract into several stores: one scan for each source, and a store that fails stops no other.

Each store has its own recipe, and its own sources unless images are named for all. Turns are taken
one after the other, in the order of the stores; the time, and the number of images, that the run
was given are what all turns may use together.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import STOPS, BottleneckError, UsageError, expected, in_json
from bottleneck.core.given import HANDED
from bottleneck.core.guest import as_guest
from bottleneck.core.reporter import SILENT
from bottleneck.data.shared import SharedSource
from bottleneck.pipeline.extraction.extract import existing
from bottleneck.pipeline.extraction.several_report import Ended, several_report
from bottleneck.pipeline.extraction.sources import choose_source, distinct
from bottleneck.pipeline.extraction.turn import Turn, failure_noted, take
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.extraction.options import ExtractOptions


PASSED = "its images were passed from Python, so only Python can pass them again"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Planned:
    """A turn to be taken: what is known of it before anything is looked at."""

    store: Path
    name: str | None
    source: SharedSource | None = None
    seen: str | None = None
    error: Exception | None = None
    skipped: str | None = None


def is_nothing(_: Ended) -> None:
    """Tell nobody of a turn that ended."""


def is_not_stopped() -> BaseException | None:
    """Return that nobody asked to stop: from Python, signals are the caller's."""
    return None


class _Several:
    """The stores of one run, their sources, and what may still be used of time and number."""

    def __init__(self, options: ExtractOptions, reporter: Reporter, *, is_strict: bool) -> None:
        self.options = options
        self.reporter = reporter
        self.is_strict = is_strict
        self.started = time.perf_counter()
        self.n_computed = 0
        self.stopped: Ended | None = None  # the turn in which somebody asked to stop
        self._shared: dict[str, SharedSource] = {}

    def plan(self, cache: Path) -> list[_Planned]:
        """Return the turns of a store; one that cannot be opened has one turn, which failed."""
        options, name = replace(self.options, cache=cache), self.options.source
        try:
            with failure_noted(options, name, time.perf_counter(), self.reporter):
                store = existing(cache)
                if store is None:
                    raise UsageError(
                        "not a feature store", cache, "make it alone first, with --backbone"
                    )
                recorded = _recorded(store, options)
                specs = {name: store.snapshot(name).spec for name in recorded}
        except Exception as error:  # noqa: BLE001 - whoever is told decides what it is
            return [_Planned(store=cache, name=name, error=error)]
        if options.data is not None:
            return [self._planned(options, store, name)]
        return [
            _Planned(store=cache, name=each, skipped=PASSED)
            if spec.get("kind") in HANDED
            else self._planned(options, store, each)
            for each, spec in specs.items()
        ]

    def _planned(self, options: ExtractOptions, store: Store, name: str | None) -> _Planned:
        try:
            with failure_noted(options, name, time.perf_counter(), self.reporter):
                chosen, source = choose_source(
                    store, options.data, name, options.reading, is_dry=options.dry_run
                )
        except Exception as error:  # noqa: BLE001 - whoever is told decides what it is
            return _Planned(store=options.cache, name=name, error=error)
        entry = store.state.sources.get(chosen)
        spec = json.dumps(source.spec, sort_keys=True)
        return _Planned(
            store=options.cache,
            name=chosen,
            source=self._shared.setdefault(spec, SharedSource(source)),
            seen=entry.snapshot if entry else None,
        )

    def take(self, planned: _Planned) -> Ended:
        """Take a turn, whatever comes of it."""
        if planned.source is None or planned.name is None:
            if planned.skipped is not None:
                self.reporter.say(
                    f"{planned.store}: {planned.name} is left alone: {planned.skipped}"
                )
            return Ended(
                store=planned.store,
                source=planned.name,
                error=planned.error,
                skipped=planned.skipped,
            )
        options = self._what_is_left(planned.store, planned.name)
        started = time.perf_counter()
        turn = Turn(
            options=options,
            name=planned.name,
            source=planned.source,
            reporter=self.reporter,
            started=started,
            seen=planned.seen,
            is_alone=False,
            is_strict=self.is_strict,
        )
        n_before = 0
        try:
            with failure_noted(options, planned.name, started, self.reporter):
                store = Store.open(planned.store)
                n_before = n_rows(store)
                report = take(turn, store)
        except BaseException as error:  # whoever is told decides what it is
            n_new = max(0, n_rows_now(planned.store) - n_before)
            self.n_computed += n_new
            end = Ended(store=planned.store, source=planned.name, error=error, computed=n_new)
            if isinstance(error, Exception):
                return end
            self.stopped = end
            raise
        self.n_computed += report["computed"]
        return Ended(store=planned.store, source=planned.name, report=report)

    def _what_is_left(self, cache: Path, name: str) -> ExtractOptions:
        """Return the options of a turn: of time and number, what earlier turns left."""
        told = self.options if self.options.data else replace(self.options, source=name)
        budget, limit, wait = told.budget_s, told.limit, told.wait_s
        if budget is not None:
            budget = max(0.0, budget - (time.perf_counter() - self.started))
            wait = None if wait is None else min(wait, budget)
        if limit is not None:
            limit = max(0, limit - self.n_computed)
        return replace(told, cache=cache, budget_s=budget, limit=limit, wait_s=wait)


def n_rows(store: Store) -> int:
    """Return how many rows a store's parts hold."""
    return sum(part.rows for part in store.state.parts)


def n_rows_now(cache: Path) -> int:
    """Return how many rows a store has by now; 0 where that cannot be known."""
    try:
        return n_rows(Store.open(cache))
    except (BottleneckError, OSError):
        return 0


def _recorded(store: Store, options: ExtractOptions) -> list[str]:
    """Return the recorded sources that are meant; with `--data` its name may be a new one."""
    if options.data is not None:
        return []
    return store.source_names if options.source is None else [store.source_name(options.source)]


@as_guest()
def extract_several(
    caches: Sequence[Path],
    options: ExtractOptions,
    reporter: Reporter = SILENT,
    *,
    is_strict: bool = False,
    tell: Callable[[Ended], None] = is_nothing,
    asked_to_stop: Callable[[], BaseException | None] = is_not_stopped,
) -> list[Ended]:
    """Bring several stores up to date, and return how each turn ended, in their order.

    What goes wrong in a turn stands in its place; Ctrl-C and SIGTERM end the turn that is at work,
    with what it has done committed, and all behind it.

    Parameters
    ----------
    caches : the stores' folders; one that is named twice is one
    options : what holds for all of them; its `cache` is not looked at
    is_strict : see `extract.extract`
    tell : called with each turn as it ends
    asked_to_stop : what a signal that came stands for. The exception that it raised may have been
        dropped, or turned into another error, by whatever library was at work

    Raises
    ------
    UsageError
        For what can be meant for one store alone.
    """
    check(options)
    work = _Several(options, reporter, is_strict=is_strict)
    each = distinct(caches)
    ends: list[Ended] = []
    turns: list[_Planned] = [_Planned(store=cache, name=None) for cache in each]
    try:
        turns = [turn for cache in each for turn in work.plan(cache)]
        for turn in turns:
            end = work.take(turn)
            asked = asked_to_stop()
            if asked is not None and end.report is None:
                work.stopped = replace(end, error=asked)
                raise asked
            ends.append(end)
            tell(end)
            if asked is not None:
                raise asked
    except STOPS as stop:
        if work.stopped is not None:
            ends.append(work.stopped)
        rest = turns[len(ends) :]
        ends += [Ended(store=turn.store, source=turn.name, error=stop) for turn in rest]
    return ends


def updated(
    caches: Sequence[Path], options: ExtractOptions, reporter: Reporter = SILENT
) -> dict[str, Any]:
    """Return the report of `extract_several`, for Python: a bug and a stop are raised."""
    started = time.perf_counter()
    caches = distinct(caches)
    return told_of(caches, extract_several(caches, options, reporter), started)


def told_of(caches: Sequence[Path], ends: Sequence[Ended], started: float) -> dict[str, Any]:
    """Return the report on several stores, for Python: a bug and a stop are raised."""
    told = {}
    for i, end in enumerate(ends):
        if end.error is not None:
            if isinstance(end.error, STOPS):
                raise end.error
            known = expected(end.error)
            if known is None:
                raise end.error
            told[i] = in_json(known)
    return several_report(caches, ends, told, time.perf_counter() - started)


def check(options: ExtractOptions) -> None:
    """Raise UsageError for an option that means one store."""
    for given, word in (
        (options.network.given, "--backbone, and what else describes a network,"),
        (options.format is not None, "--format"),
        (options.replace, "--replace"),
    ):
        if given:
            raise UsageError(
                f"{word} is for one store",
                "several stores",
                "each store knows its own: omit it, or name one store",
            )
    if options.data is None and any(options.reading.values()):
        raise UsageError(
            "--include, --exclude and how else images are read belong to --data",
            "several stores",
            "name the images too, or omit it: each source knows its own",
        )
