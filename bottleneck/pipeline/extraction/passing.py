"""A pass over images: each that some store lacks is read, decoded and computed once, for all.

Mostly there is one store. Several are cuts of one network: each has its own extraction, which takes
the rows that its store lacks; one that fails ends alone.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import STOPS
from bottleneck.pipeline.extraction.compute import Computer, EngineChoice, made_by
from bottleneck.pipeline.extraction.driver import Driver
from bottleneck.pipeline.extraction.extraction import in_order
from bottleneck.pipeline.extraction.flow import Busy
from bottleneck.pipeline.extraction.job import ahead
from bottleneck.pipeline.extraction.look import LOOKS
from bottleneck.pipeline.extraction.saying import say_computing
from bottleneck.pipeline.extraction.spread import spread_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bottleneck.pipeline.extraction.done import Written
    from bottleneck.pipeline.extraction.driver import Batch
    from bottleneck.pipeline.extraction.extraction import Extraction
    from bottleneck.pipeline.extraction.flow import Item
    from bottleneck.pipeline.extraction.shards import Shards
    from bottleneck.pipeline.network.network import Network


ALL = slice(None)  # of a row that is computed


def go(run: Extraction) -> None:
    """Do what one extraction has to do."""
    work = Pass([run], run.job.network, [ALL])
    work.go()
    if work.errors:
        raise work.errors[0]


class Pass:
    """One pass over the images of a source, for one or several extractions of it.

    Their options are the same but for store, layer and pooling; so is their look at the source.

    Attributes
    ----------
    errors : by number, what ended an extraction
    """

    def __init__(
        self, runs: Sequence[Extraction], network: Network, spans: Sequence[slice]
    ) -> None:
        self.runs = list(runs)
        self.job = runs[0].job
        self.errors: dict[int, Exception] = {}
        self._n_computed = 0  # images, whatever number of stores they are for
        self._n_batches = 0
        self._first_at = 0.0  # when the first batch was there; that one compiled the network
        self._spans = spans
        self._meter = runs[0].meter
        for run in runs:
            run.meter = self._meter  # all of them took the same time
        self._reader = replace(runs[0].reader, has_row=self._have_row)
        self._computer = self._computing(network)

    def _computing(self, network: Network) -> Computer:
        options = self.job.options
        known = options.batch_size or self._recorded("batch")
        stores = [run.target.rows_store for run in self.runs]
        return Computer(
            network=network,
            find_canaries=lambda: [
                run.own_canaries(span) for run, span in zip(self.runs, self._spans, strict=True)
            ],
            busy=Busy(self.job.seconds),
            choice=EngineChoice(
                name=options.engine,
                devices=options.devices,
                batch_size=known or network.batch_size,
                may_grow=known is None,
                made_by=next(
                    filter(None, (made_by(run.target.rows_store) for run in self.runs)), None
                ),
                kept=self.runs[0].target.store.derived,
                spread=spread_of(stores[0]),
            ),
            n_stores=sum(run.target.has_any_row for run in self.runs),
            views=network.recipe.views.number,
            spans=self._spans,
        )

    def _recorded(self, key: str) -> Any:
        """Return what the first store that says it has of the computation of its rows, or None."""
        return next(filter(None, (run.target.provenance(key) for run in self.runs)), None)

    @property
    def _alive(self) -> list[int]:
        return [i for i in range(len(self.runs)) if i not in self.errors]

    def go(self) -> None:
        """Read, compute and write what is pending, and record what the source is."""
        with contextlib.ExitStack() as writing:
            for run in self.runs:
                writing.enter_context(run.writer)
            try:
                self._attempt(self._alive, lambda: self._work(self.runs))
                for i in self._alive:
                    self._attempt([i], self.runs[i].refuse_if_nothing_was_readable)
                    self._attempt([i], self.runs[i].finish)
                for i in self._alive:
                    self._attempt([i], partial(self._finish_what_is_left, self.runs[i]))
            except STOPS:
                for i in self._alive:
                    self._attempt([i], partial(self._stop, self.runs[i]))
                raise
        for i in self._alive:
            self._attempt([i], self.runs[i].fold)

    def _attempt(self, numbers: Sequence[int], step: Callable[[], None]) -> None:
        """Take a step of these extractions; what goes wrong ends them, and no other."""
        if not set(numbers) - self.errors.keys():
            return
        try:
            step()
        except Exception as error:  # noqa: BLE001 - whoever is told decides what it is
            for i in set(numbers) - self.errors.keys():
                self.errors[i] = error

    def _stop(self, run: Extraction) -> None:
        run.tally.is_partial = True
        if run.tally.n_batches:
            run.finish()

    def _finish_what_is_left(self, run: Extraction) -> None:
        """Compute what other runs took away or brought meanwhile."""
        several = len(self.runs) > 1
        for _ in range(LOOKS):
            if self._wanted() <= 0 or self.job.is_over:
                return
            if not run.is_something_left(is_listed_by_others=several):
                return
            # What was expected is committed by now, or failed, or is gone.
            self._reader.expected.clear()
            self._work([run])
            run.finish()

    # --- computing ----------------------------------------------------------------------------

    def _work(self, runs: Sequence[Extraction]) -> None:
        order = in_order(runs, self._computer.batch_size)
        driver = self._driver(runs)
        total = int(min(len(order), self.job.limit))
        with (
            self.job.reporter.progress(total, "extract") as bar,
            contextlib.closing(driver.batches(order, bar)) as batches,
        ):
            for batch in batches:
                self._record(batch, n_ahead=total)
                self._meter.begin()
                if not self._alive:
                    break
        self._meter.end()

    def _driver(self, runs: Sequence[Extraction]) -> Driver | Shards:
        """Return what computes: this process, or it and a crew."""
        driver = Driver(
            reader=self._reader,
            computer=self._computer,
            threads=self.job.threads,
            took=lambda item: self._take(runs, item),
            is_needed=self._is_needed,
            wanted=self._wanted,
            is_over=lambda: self.job.is_over,
        )
        crew = self.job.options.crew
        if crew is None:
            return driver
        from bottleneck.pipeline.extraction.shards import Shards  # noqa: PLC0415 - most do without

        return Shards(driver, crew, runs[0], self._reader.expected)

    def _wanted(self) -> float:
        return self.job.limit - self._n_computed

    def _have_row(self, digest: bytes) -> bool:
        """Whether no store lacks a row for these bytes. Any thread may ask."""
        return all(self.runs[i].target.has_row(digest) for i in self._alive)

    def _is_needed(self, item: Item) -> bool:
        is_shared = any(self.runs[i].target.is_shared for i in self._alive)
        return not is_shared or not self._have_row(item.digest or b"")

    def _take(self, runs: Sequence[Extraction], item: Item) -> None:
        for run in runs:
            run.take(item)

    def _record(self, batch: Batch | Written, n_ahead: int) -> None:
        if not self._n_batches:
            say_computing(self._computer, self.job.reporter)
        self._n_batches += 1
        self._say_ahead(batch, n_ahead)
        recorded: set[int] = set()

        def record(i: int) -> None:
            run = self.runs[i]
            if not run.tally.n_batches:
                self._begin(i)
            recorded.update(batch.record_in(run, self._spans[i]))

        for i in self._alive:
            self._attempt([i], partial(record, i))
        self._n_computed += len(recorded)

    def _begin(self, i: int) -> None:
        """Begin to write what is computed: only now is it known whether it may be believed."""
        run, computer = self.runs[i], self._computer
        if i in computer.refused:
            raise computer.refused[i]
        assert computer.checked is not None
        run.computer, run.canaries = computer, computer.checked[i]
        run.announce()

    def _say_ahead(self, batch: Batch | Written, n_ahead: int) -> None:
        """With the second batch, whose time tells, say how much work there is if it is much."""
        now = time.perf_counter()
        if self._n_batches == 2:
            took = now - self._first_at if batch.seconds is None else batch.seconds
            seconds = n_ahead * took / max(1, batch.n)
            said = ahead(n_ahead, seconds, [run.job.network.recipe.rows for run in self.runs])
            if said:
                self.job.reporter.say(said)
        self._first_at = self._first_at or now
