"""One extraction at work: what the driver computes is written, and the source recorded, in commits.

The listing (with the digests that the stat cache knows) once the first rows are trusted; parts
alone, at most once a minute; the completed snapshot at the end, also when the end is Ctrl-C or a
budget. A run that finds nothing to do commits nothing.
"""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import replace as changed
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import BusyError, DataError, Terminated
from bottleneck.core.sample import show_key
from bottleneck.pipeline.extraction.canaries import find_canaries
from bottleneck.pipeline.extraction.compute import Computer, EngineChoice, made_by
from bottleneck.pipeline.extraction.driver import Batch, Driver
from bottleneck.pipeline.extraction.flow import Item, Reader, default_threads
from bottleneck.pipeline.extraction.job import Job, Tally, ahead
from bottleneck.pipeline.extraction.limits import Meter
from bottleneck.pipeline.extraction.look import LOOKS, none_usable
from bottleneck.pipeline.extraction.looked import HowToLook, Looked, look_and_plan, planned
from bottleneck.pipeline.extraction.looked import plan_what_is_left as what_is_left
from bottleneck.pipeline.extraction.plan import in_an_order_of_its_own, mixed_order, reasons
from bottleneck.pipeline.extraction.saying import say_computing, say_understood
from bottleneck.pipeline.extraction.spread import spread_of
from bottleneck.pipeline.extraction.target import aim
from bottleneck.pipeline.extraction.writing import Writer, to_dtype
from bottleneck.store.fold import fold
from bottleneck.store.log import MovedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.pipeline.extraction.canaries import Canaries
    from bottleneck.pipeline.extraction.target import Target
    from bottleneck.store.snapshot import QuarantineEntry, Snapshot
    from bottleneck.store.store import Store

MISFIT_SHARE = 0.01


class Extraction:
    """One extraction: its job, what it saw, what it has learned, and where it writes.

    Attributes
    ----------
    before : what was recorded of the source when the run began; `looked` may have moved on
    """

    def __init__(self, job: Job, target: Target, looked: Looked) -> None:
        self.job = job
        self.target = target
        self.before = target.recorded
        self.tally = Tally()
        target.before_commit = self._save
        self.looked = looked
        self.meter = Meter(job.seconds, cores=default_threads(), threads=job.threads)
        recipe, options = job.network.recipe, job.options
        self.reader = Reader(
            source=job.source,
            image=recipe.image,
            views=recipe.views,
            limits=job.limits,
            has_row=self.target.has_row,
            seconds=job.seconds,
        )
        batch_size = options.batch_size or self.target.provenance("batch")
        self.computer = Computer(
            network=job.network,
            find_canaries=self._canaries,
            seconds=job.seconds,
            choice=EngineChoice(
                name=options.engine,
                devices=options.devices,
                batch_size=batch_size or job.network.batch_size,
                made_by=made_by(target.rows_store),
                spread=spread_of(target.rows_store),
                kept=target.store_or_none.derived if target.store_or_none else None,
            ),
            has_rows=self.target.has_any_row,
            views=recipe.views.number,
        )

    def preview(self) -> list[dict[str, str]]:
        """Return what would be computed and why, having written nothing."""
        look = self.looked.look
        look.hash(np.flatnonzero(~look.known), self.job.threads)
        self.looked = changed(self.looked, plan=planned(HowToLook.of(self.job), self.target, look))
        order = self._order()
        samples = look.samples
        why = reasons(samples, self.before.samples if self.before else None, order)
        return [
            {"key": show_key(bytes(samples.keys[i])), "why": reason}
            for i, reason in zip(order, why, strict=True)
        ]

    def go(self) -> None:
        """Read, compute and write what is pending, and record what the source is."""
        with self._writer() as writer:
            try:
                self._work(writer)
                self._refuse_if_nothing_was_readable()
                self._finish(writer)
                for _ in range(LOOKS):  # what other runs took away or brought meanwhile
                    if not self._is_something_left():
                        break
                    self._work(writer)
                    self._finish(writer)
            except (KeyboardInterrupt, Terminated):
                self.tally.is_partial = True
                if self.tally.n_batches:
                    self._finish(writer)
                raise
        if not self.tally.is_partial:
            self.target.store_or_none = fold(self.target.store)

    def _writer(self) -> Writer:
        return Writer(
            self.target,
            lambda: self.computer.provenance,
            self.job.seconds,
            is_shared=self.job.options.no_lock,
        )

    # --- computing ----------------------------------------------------------------------------

    def _order(self) -> NDArray[np.int64]:
        """Return the positions of what is to be done, in the order in which it is."""
        options, pending = self.job.options, self.looked.plan.pending
        if options.limit is not None or options.budget_s is not None:
            pending = mixed_order(self.looked.look.samples, pending)
        if options.no_lock and len(pending):
            return in_an_order_of_its_own(pending, self.computer.batch_size)
        return pending

    def _canaries(self) -> Canaries:
        looked = self.looked
        return find_canaries(
            self.target.rows_store, self.job.name, self.reader, looked.look, looked.plan
        )

    def _work(self, writer: Writer) -> None:
        order = self._order()
        driver = Driver(
            reader=self.reader,
            computer=self.computer,
            threads=self.job.threads,
            took=self._take,
            is_needed=self._is_needed,
            wanted=lambda: self.job.limit - self.tally.n_computed,
            is_over=lambda: self.job.is_over,
        )
        total = int(min(len(order), self.job.limit))
        with (
            self.job.reporter.progress(total, "extract") as bar,
            contextlib.closing(driver.batches(order.tolist(), bar)) as batches,
        ):
            for batch in batches:
                self._record(batch, writer)
                self.meter.begin()
        self.meter.end()

    def _take(self, item: Item) -> None:
        look = self.looked.look
        if item.digest is None or item.read is None:
            key = bytes(look.listing.keys[item.index])
            self.tally.unread[key] = item.failure or "cannot be read"
            look.unlearn(item.index)
            return
        look.learn(item.index, item.digest, item.read)
        if item.failure is not None:
            self.tally.failed[item.digest] = item.failure

    def _is_needed(self, item: Item) -> bool:
        return not self.target.is_shared or not self.target.has_row(item.digest or b"")

    def _record(self, batch: Batch, writer: Writer) -> None:
        if not self.tally.n_batches:
            self._announce()
        self.tally.n_batches += 1
        self._say_ahead(len(batch.items))
        stored = self._fit(batch)
        good = [i for i, item in enumerate(batch.items) if item.digest not in self.tally.failed]
        digests = b"".join(batch.items[i].digest or b"" for i in good)
        found = np.frombuffer(digests, np.uint8).reshape(-1, 32)
        writer.add(found, stored[good])
        self.tally.computed.append(found)
        self.tally.n_computed += len(found)
        self.target.catch_up()

    def _fit(self, batch: Batch) -> NDArray[Any]:
        """Return rows (n, views, …) as they are stored; those that do not fit are failed."""
        rows, spec, n_views = batch.rows, self.job.network.recipe.rows, batch.rows.shape[1]
        stored, misfits = to_dtype(rows.reshape(-1, *rows.shape[2:]), spec.dtype)
        found = {i // n_views: reason for i, reason in misfits.items()}
        for i, reason in found.items():
            digest = batch.items[i].digest
            assert digest is not None
            self.tally.failed[digest] = reason
        self.tally.n_misfits += len(found)
        if self.tally.n_misfits > MISFIT_SHARE * max(100, len(self.looked.plan.pending)):
            raise DataError(
                f"{self.tally.n_misfits} rows do not fit {stored.dtype}",
                self.job.name,
                "use --rows float32 (another recipe: another --cache, or --replace)",
            )
        return stored.reshape(len(batch.items), *spec.shape)

    def _say_ahead(self, n_images: int) -> None:
        """With the second batch, whose time tells, say how much work there is if it is much."""
        tally, now = self.tally, time.perf_counter()
        if tally.n_batches == 2 and tally.first_at is not None:
            n_ahead = min(len(self.looked.plan.pending), self.job.options.limit or sys.maxsize)
            seconds = n_ahead * (now - tally.first_at) / n_images
            said = ahead(n_ahead, seconds, self.job.network.recipe.rows)
            if said:
                self.job.reporter.say(said)
        tally.first_at = tally.first_at or now

    def _announce(self) -> None:
        """Commit the listing, now that the first rows are trusted; say what computes."""
        say_computing(self.computer, self.job.reporter, has_rows=self.target.has_any_row)
        # Another run may have recorded the source while the network was loaded: what it recorded
        # stands until the finish, which looks again.
        try:
            self._set_source(self.looked.snapshot(self.looked.carried()))
        except MovedError:
            self.target.keep_source(self.job.network)

    # --- recording ----------------------------------------------------------------------------

    def _save(self) -> None:
        """Keep what was learned of the images, before the commit that it belongs to."""
        self.looked.look.save(self.target.store)

    def _set_source(self, snapshot: Snapshot) -> None:
        self._save()
        self.target.set_source(snapshot, self.job.network)

    def _refuse_if_nothing_was_readable(self) -> None:
        tally, samples = self.tally, self.looked.look.samples
        why = [*tally.failed.values(), *tally.unread.values()]
        if not why or tally.n_computed or self.looked.plan.cached.any():
            return
        store = self.target.rows_store
        if store is None or not (samples.known & store.has(samples.digests)).any():
            raise none_usable(len(samples), why[0], self.job.name)

    def _finish(self, writer: Writer) -> None:
        """Publish what is left and commit the source as it is now known."""
        self.target.catch_up()
        writer.finish()
        self.tally.bytes_written = writer.bytes_written
        for _ in range(LOOKS):
            try:
                self._set_source(self.looked.snapshot(self._quarantine()))
                break
            except MovedError:  # another run set this source: keep that, look again, try anew
                self._save()
                self.target.refresh(self.job.network, self.job.source.spec)
                self.before = self.target.recorded
                self.looked = _look(self.job, self.target, again=True)
        else:
            raise BusyError(
                f"the source {self.job.name} was moved {LOOKS} times by other runs",
                self.target.store.path,
                "the rows are kept; run the same command again",
            )
        self.job.network.remember(self.target.store)

    def _is_something_left(self) -> bool:
        """Whether images are without a row that this run has not tried; they are then planned.

        Some are new since the first look; of others the rows were there, and another run has
        taken them away: a repair of what was damaged, a collection of what seemed dead.
        """
        job, tally = self.job, self.tally
        self.target.catch_up()
        if not self.target.is_shared or tally.n_computed >= job.limit or job.is_over:
            return False
        how = HowToLook.of(job)
        self.looked = what_is_left(how, self.target, self.looked, tally.unread, tally.failed)
        self.reader.claimed.clear()  # what was claimed is committed by now, or failed, or is gone
        return bool(len(self.looked.plan.pending))

    def _quarantine(self) -> tuple[QuarantineEntry, ...]:
        tally = self.tally
        return self.looked.quarantine(tally.unread, tally.failed, self.target, self.job.limits)


def begin(job: Job, store: Store | None) -> Extraction:
    """Look at the source, plan what is to be done, and return the extraction that would do it.

    Raises
    ------
    DataError
        When nothing is there, or more than half of what was recorded is gone.
    RecipeError, UsageError
        As `aim` raises them.
    """
    target = aim(job.options, store, job.name, job.network)
    looked = _look(job, target)
    if not job.options.dry_run:
        say_understood(looked, job.name, job.reporter)
    return Extraction(job, target, looked)


def _look(job: Job, target: Target, *, again: bool = False) -> Looked:
    start = time.perf_counter()
    looked = look_and_plan(HowToLook.of(job, again=again), target)
    job.seconds.scan += time.perf_counter() - start
    return looked
