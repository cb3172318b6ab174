"""Extract several cuts of one network in one pass: each into a store of its own.

What a store gets is what it would get alone: its recipe, its rows, its commits, its lock, its line
in its history. Images are listed, read and decoded once, and the network computes once.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bottleneck import engines
from bottleneck.core.errors import STOPS, ConflictError
from bottleneck.core.guest import as_guest
from bottleneck.core.reporter import SILENT
from bottleneck.data.shared import SharedSource
from bottleneck.pipeline.extraction.compute import is_apart
from bottleneck.pipeline.extraction.cut_options import Cut, told_apart
from bottleneck.pipeline.extraction.extract import existing
from bottleneck.pipeline.extraction.extraction import begin
from bottleneck.pipeline.extraction.flow import Seconds
from bottleneck.pipeline.extraction.look import require_readable
from bottleneck.pipeline.extraction.passing import Pass
from bottleneck.pipeline.extraction.several import (
    is_not_stopped,
    is_nothing,
    n_rows,
    n_rows_now,
    told_of,
)
from bottleneck.pipeline.extraction.several_report import Ended
from bottleneck.pipeline.extraction.sources import choose_source
from bottleneck.pipeline.extraction.turn import (
    Turn,
    as_it_is_now,
    as_named_now,
    ended,
    failure_noted,
    locked,
    previewed,
)
from bottleneck.pipeline.network import joint
from bottleneck.pipeline.network import network as networks
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.extraction.options import ExtractOptions


@dataclass(slots=True, kw_only=True)
class _Cuts:
    """All cuts of a command, and what they share."""

    reporter: Reporter
    is_strict: bool
    tell: Callable[[Ended], None]
    asked_to_stop: Callable[[], BaseException | None]
    each: list[Cut]
    first_reporter: Reporter
    source: SharedSource | None = None
    ends: list[Ended] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)
    seconds: Seconds = field(default_factory=Seconds)

    @property
    def alive(self) -> list[Cut]:
        return [cut for cut in self.each if cut.end is None]

    @contextlib.contextmanager
    def failure_of(self, *cuts: Cut) -> Iterator[None]:
        """End these cuts with what goes wrong, and no other."""
        asked = self.asked_to_stop()
        if asked is not None:  # what it raised may have been dropped by whatever was at work
            raise asked
        try:
            with contextlib.ExitStack() as noted:
                for cut in cuts:
                    noted.enter_context(
                        failure_noted(cut.options, cut.name, self.started, self.reporter)
                    )
                yield
        except BaseException as error:  # whoever is told decides what it is
            asked = self.asked_to_stop()
            for cut in cuts:
                self.end(cut, error=asked or error)
            if asked is not None:
                raise asked from error
            if not isinstance(error, Exception):
                raise

    def end(self, cut: Cut, **how: Any) -> None:
        """Note how a cut ended."""
        n_new = 0 if cut.run is None else n_rows_now(cut.options.cache) - cut.n_before
        n_new = 0 if "report" in how else max(0, n_new)
        cut.end = Ended(store=cut.options.cache, source=cut.name, computed=n_new, **how)
        self.ends.append(cut.end)
        if not isinstance(cut.end.error, STOPS):
            self.tell(cut.end)

    # --- before anything is written -------------------------------------------------------------

    def look_at_stores(self) -> None:
        """Open what is there, and find the one source that all are about."""
        for cut in self.each:
            with self.failure_of(cut):
                cut.store = existing(cut.options.cache)
                o = cut.options
                cut.name, source = choose_source(
                    cut.store, o.data, o.source, o.reading, is_dry=o.dry_run
                )
                self.source = self.source or SharedSource(source)
                if _spelled(source.spec) != _spelled(self.source.source.spec):
                    raise _other_source(cut)

    def load(self) -> None:
        """Resolve each cut's recipe: in its store's warm map, or by loading the network once."""
        cuts = self.alive
        if not cuts:
            return
        with self.failure_of(*cuts):
            first = cuts[0].options
            store = next((cut.store for cut in cuts if cut.store is not None), None)
            apart = is_apart(first.engine, first.devices, store)
            engines.catalog.candidates(first.engine, devices=first.devices)
            for cut in cuts:
                asked = cut.options.network.completed()
                if cut.store is not None:
                    cut.network = networks.recalled(asked, cut.store, self.reporter, is_apart=apart)
            unknown = [cut for cut in cuts if cut.network is None]
            if unknown:
                asked_all = [cut.options.network.completed() for cut in unknown]
                begun = joint.begin(asked_all, self.reporter, is_apart=apart)
                assert self.source is not None
                self.source.view().list()  # meanwhile
                for cut, network in zip(unknown, begun(), strict=True):
                    known = cut.store.recipe if cut.store else network.recipe
                    cut.network = networks.continued(network, known)

    def leave_out_copies(self) -> None:
        """End a cut without a store whose recipe another one has: its rows are there."""
        seen: dict[str, Cut] = {}
        for cut in self.alive:
            assert cut.network is not None
            same = seen.setdefault(cut.network.recipe.id, cut)
            if same is not cut and cut.store is None:
                where = same.options.cache
                self.reporter.say(
                    f"{cut.options.cache}: not made: its rows would be those of {where}"
                )
                self.end(cut, skipped=f"its rows would be those of {where}")

    def prepare(self) -> None:
        """See that the images can be read, before a folder is made for them."""
        new = [cut for cut in self.alive if cut.store is None]
        if not new:
            return
        with self.failure_of(*new):
            assert self.source is not None
            assert new[0].network is not None
            view = self.source.view()
            require_readable(view, len(view.list()), new[0].network.recipe.image)
        for cut in new:
            if cut.end is None:
                with self.failure_of(cut):
                    Store.prepare(cut.options.cache)

    # --- with the locks held --------------------------------------------------------------------

    def begin(self, cut: Cut, now: Store | None) -> None:
        """Look at the source beside what the store records of it."""
        assert self.source is not None
        assert cut.name is not None
        assert cut.network is not None
        entry = now.state.sources.get(cut.name) if now else None
        turn = Turn(
            options=cut.options,
            name=cut.name,
            source=self.source,
            reporter=self.reporter,
            started=self.started,
            seen=entry.snapshot if entry else None,
            is_alone=False,
            is_strict=self.is_strict,
        )
        if now is not None and now is not cut.store and now.source_names:
            turn = as_named_now(turn, now)
            cut.name = turn.name
            if turn.source is not self.source:
                raise _other_source(cut)
        cut.turn = turn
        job = replace(turn.job(cut.network, now), seconds=self.seconds)
        cut.n_before = n_rows(now) if now else 0
        cut.run = begin(replace(job, reporter=self.first_reporter), now)
        cut.run.job = job
        self.first_reporter = SILENT  # how the source was read is said once
        self.source.learn(cut.run.looked.look.learned())

    def preview(self) -> None:
        """Say what would be computed for each."""
        for cut in self.alive:
            with self.failure_of(cut):
                self.begin(cut, cut.store)
                assert cut.turn is not None
                assert cut.run is not None
                self.end(cut, report=previewed(cut.turn, cut.run))

    def extract(self) -> None:
        """Take the locks, and bring all stores up to date."""
        with contextlib.ExitStack() as held:
            # In one order, whoever names them: two runs must not wait for each other.
            for cut in sorted(self.alive, key=lambda cut: str(cut.options.cache.absolute())):
                with self.failure_of(cut):
                    held.enter_context(locked(cut.options))
            assert self.source is not None
            self.source.listing = None  # others may have looked later than we, until now
            for cut in self.alive:
                with self.failure_of(cut):
                    self.begin(cut, as_it_is_now(cut.options, cut.store, cut.network))
            # Those that lack nothing first: what they would have computed is not computed.
            lacking = [cut for cut in self.alive if cut.run and len(cut.run.looked.plan.pending)]
            complete = [cut for cut in self.alive if cut not in lacking]
            for cuts in ([cut] for cut in complete):
                self.go(cuts)
            if lacking:
                self.go(lacking)

    def go(self, cuts: Sequence[Cut]) -> None:
        """Compute what some cuts lack in one pass, and end them."""
        runs = [cut.run for cut in cuts if cut.run is not None]
        parts = [cut.network for cut in cuts if cut.network is not None]
        with self.failure_of(*cuts):
            work = Pass(runs, joint.joined(parts), joint.spans_of(parts))
            work.go()
        for i, cut in enumerate(cuts):
            if cut.end is not None:
                continue
            with self.failure_of(cut):
                if i in work.errors:
                    raise work.errors[i]
                assert cut.turn is not None
                self.end(cut, report=ended(cut.turn, runs[i]))


def _spelled(spec: dict[str, Any]) -> str:
    return json.dumps(spec, sort_keys=True)


def _other_source(cut: Cut) -> ConflictError:
    return ConflictError(
        f"the source {cut.name} is other images there than in the other stores",
        cut.options.cache,
        "name the images with --data, and the source with --source",
    )


@as_guest()
def extract_cuts(
    options: ExtractOptions,
    reporter: Reporter = SILENT,
    *,
    is_strict: bool = False,
    tell: Callable[[Ended], None] = is_nothing,
    asked_to_stop: Callable[[], BaseException | None] = is_not_stopped,
) -> list[Ended]:
    """Bring the store of each cut up to date; return how each ended, as they did, stops last.

    What goes wrong with one store stops no other; Ctrl-C and SIGTERM end all, with what was done
    committed.

    Parameters
    ----------
    options : `layers`, `poolings` and `cache_each` say which cuts, and where
    is_strict, tell, asked_to_stop : see `several.extract_several`

    Raises
    ------
    UsageError
        Where stores cannot be told apart.
    """
    each = [Cut(one) for one in told_apart(options)]
    work = _Cuts(
        reporter=reporter,
        is_strict=is_strict,
        tell=tell,
        asked_to_stop=asked_to_stop,
        each=each,
        first_reporter=reporter,
    )
    try:
        work.look_at_stores()
        work.load()
        work.leave_out_copies()
        if options.dry_run:
            work.preview()
        else:
            work.prepare()
            work.extract()
    except STOPS as stop:
        for cut in work.alive:
            work.end(cut, error=stop)
    return sorted(work.ends, key=lambda end: isinstance(end.error, STOPS))


def updated(options: ExtractOptions, reporter: Reporter = SILENT) -> dict[str, Any]:
    """Return the report of `extract_cuts`, for Python: a bug and a stop are raised."""
    started = time.perf_counter()
    caches = [one.cache for one in told_apart(options)]
    return told_of(caches, extract_cuts(options, reporter), started)
