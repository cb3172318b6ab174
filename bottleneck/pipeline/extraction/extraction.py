"""One extraction at work: what the driver computes is written, and the source recorded, in commits.

The listing (with the digests that the stat cache knows) once the first rows are trusted; parts
alone, at most once a minute; the completed snapshot at the end, also when the end is Ctrl-C or a
budget. A run that finds nothing to do commits nothing.
"""

from __future__ import annotations

import time
from dataclasses import replace as changed
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import BusyError, DataError
from bottleneck.core.sample import show_key
from bottleneck.pipeline.extraction.canaries import find_canaries
from bottleneck.pipeline.extraction.flow import Reader, default_threads
from bottleneck.pipeline.extraction.job import Job, Tally
from bottleneck.pipeline.extraction.limits import Meter
from bottleneck.pipeline.extraction.look import LOOKS, none_usable
from bottleneck.pipeline.extraction.looked import HowToLook, Looked, look_and_plan, planned
from bottleneck.pipeline.extraction.looked import plan_what_is_left as what_is_left
from bottleneck.pipeline.extraction.plan import in_an_order_of_its_own, mixed_order, reasons
from bottleneck.pipeline.extraction.saying import say_understood
from bottleneck.pipeline.extraction.target import aim
from bottleneck.pipeline.extraction.writing import Writer, as_stored
from bottleneck.store.fold import A_WHILE, fold
from bottleneck.store.log import MovedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bottleneck.data.scan import Seen
    from bottleneck.pipeline.extraction.canaries import Canaries
    from bottleneck.pipeline.extraction.compute import Computer
    from bottleneck.pipeline.extraction.flow import Item
    from bottleneck.pipeline.extraction.target import Target
    from bottleneck.store.part import PartEntry
    from bottleneck.store.snapshot import QuarantineEntry, Snapshot
    from bottleneck.store.store import Store

    Misfits = Mapping[bytes, str]  # digest → why its row does not fit

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
        target.before_commit = partial(self._save, may_wait=True)
        self.looked = looked
        self.meter = Meter(job.seconds, cores=default_threads(), threads=job.threads)
        recipe = job.network.recipe
        self.reader = Reader(
            source=job.source,
            image=recipe.image,
            views=recipe.views,
            limits=job.limits,
            has_row=self.target.has_row,
            seconds=job.seconds,
        )
        self.writer = Writer(
            target, lambda: self.provenance, job.seconds, is_shared=job.options.no_lock
        )
        self.computer: Computer | None = None  # once something is computed
        self.canaries: dict[str, Any] | None = None  # how many agreed, and how well the worst

    @property
    def provenance(self) -> dict[str, Any]:
        """What computes: engine, device, versions, batch shape; empty before anything did."""
        return self.computer.provenance if self.computer else {}

    def preview(self) -> list[dict[str, str]]:
        """Return what would be computed and why, having written nothing."""
        look = self.looked.look
        look.hash(np.flatnonzero(~look.known), self.job.threads)
        self.looked = changed(self.looked, plan=planned(HowToLook.of(self.job), self.target, look))
        order = in_order([self])
        samples = look.samples
        why = reasons(samples, self.before.samples if self.before else None, order)
        return [
            {"key": show_key(bytes(samples.keys[i])), "why": reason}
            for i, reason in zip(order, why, strict=True)
        ]

    # --- in a pass over images; see `passing` --------------------------------------------------

    def own_canaries(self, span: slice) -> Canaries:
        """Return images that have rows, and where theirs stand in a row that is computed."""
        looked = self.looked
        found = find_canaries(
            self.target.rows_store, self.job.name, self.reader, looked.look, looked.plan
        )
        return changed(found, span=span)

    def take(self, item: Item) -> None:
        """Learn of a sample that was read."""
        look = self.looked.look
        if item.digest is None or item.read is None:
            key = bytes(look.listing.keys[item.index])
            self.tally.unread[key] = item.failure or "cannot be read"
            look.unlearn(item.index)
            return
        look.learn(item.index, item.digest, item.read)
        if item.failure is not None:
            self.tally.failed[item.digest] = item.failure

    def take_all(self, seen: Seen, failed: Mapping[int, str], unread: Mapping[int, str]) -> None:
        """Learn of samples that others read, by their positions; see `shard.Done`."""
        look = self.looked.look
        look.learn_all(seen)
        for index, reason in failed.items():
            self.tally.failed[look.digests[index].tobytes()] = reason
        for index, reason in unread.items():
            self.tally.unread[bytes(look.listing.keys[index])] = reason
            look.unlearn(index)

    def record(self, items: Sequence[Item], rows: NDArray[np.float32]) -> list[Item]:
        """Write the rows (n, views, …) of those samples that the store lacks; return these."""
        digests = b"".join(item.digest or b"" for item in items)
        found = np.frombuffer(digests, np.uint8).reshape(-1, 32)
        lacking = np.flatnonzero(self.target.without_row(found))
        if not len(lacking):
            return []
        items = [items[i] for i in lacking.tolist()]
        stored, misfits = as_stored(rows[lacking], self.job.network.recipe.rows)
        self._note_misfits({items[i].digest or b"": why for i, why in misfits.items()})
        is_good = np.array([item.digest not in self.tally.failed for item in items], bool)
        found = found[lacking][is_good]
        self.writer.add(found, stored[is_good])
        self._count(found)
        return [item for item, good in zip(items, is_good.tolist(), strict=True) if good]

    def adopt(
        self,
        part: PartEntry | None,
        digests: NDArray[np.uint8],
        misfits: Misfits,
        *,
        n_workers: int,
    ) -> None:
        """Take in what another process has computed and published.

        Parameters
        ----------
        part : None where none of its rows is new
        digests : (n, 32) of those of its rows that are new
        misfits : digest → why a row does not fit
        n_workers : how many others compute
        """
        self._note_misfits(misfits)
        if part is not None:
            self.writer.adopt(part, n_workers)
        self._count(digests)

    def _count(self, digests: NDArray[np.uint8]) -> None:
        self.tally.n_batches += 1
        self.tally.computed.append(digests)
        self.tally.n_computed += len(digests)
        self.target.catch_up()

    def _note_misfits(self, found: Misfits) -> None:
        aside = {entry.digest for entry in self.looked.carried()} if found else set()
        for digest, reason in found.items():
            self.tally.failed[digest] = reason
            self.tally.n_misfits += digest not in aside  # else another store asked for it
        if self.tally.n_misfits > MISFIT_SHARE * max(100, len(self.looked.plan.pending)):
            raise DataError(
                f"{self.tally.n_misfits} rows do not fit {self.job.network.recipe.rows.dtype}",
                self.job.name,
                "use --rows float32 (another recipe: another --cache, or --replace)",
            )

    def announce(self) -> None:
        """Commit the listing, now that the first rows are trusted."""
        nothing = {"checked": 0, "worst": None}
        if self.canaries == nothing and self.target.has_any_row:
            self.job.reporter.warn(
                "no image with a row is at hand, so this machine's rows are not checked"
            )
        # Another run may have recorded the source while the network was loaded: what it recorded
        # stands until the finish, which looks again.
        try:
            self._set_source(self.looked.snapshot(self.looked.carried()))
        except MovedError:
            self.target.keep_source(self.job.network)

    # --- recording ----------------------------------------------------------------------------

    def _save(self, *, may_wait: bool = False) -> None:
        """Keep what was learned of the images, before the commit that it belongs to."""
        self.looked.look.save(self.target.store, may_wait=may_wait)

    def _set_source(self, snapshot: Snapshot) -> None:
        self._save()
        self.target.set_source(snapshot, self.job.network)

    def refuse_if_nothing_was_readable(self) -> None:
        """Raise DataError where there were images and not one has, or gets, a row."""
        tally, samples = self.tally, self.looked.look.samples
        why = [*tally.failed.values(), *tally.unread.values()]
        if not why or tally.n_computed or self.looked.plan.cached.any():
            return
        store = self.target.rows_store
        if store is None or not (samples.known & store.has(samples.digests)).any():
            raise none_usable(len(samples), why[0], self.job.name)

    def finish(self) -> None:
        """Publish what is left and commit the source as it is now known."""
        self.target.catch_up()
        self.writer.finish()
        self.tally.bytes_written = self.writer.bytes_written
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

    def is_something_left(self, *, is_listed_by_others: bool) -> bool:
        """Whether images are without a row that this run has not tried; they are then planned.

        Some are new since the first look; of others the rows were there, and another run has
        taken them away: a repair of what was damaged, a collection of what seemed dead.

        Parameters
        ----------
        is_listed_by_others : whether others may have listed the source since this looked at it
        """
        tally = self.tally
        self.target.catch_up()
        if not self.target.is_shared:
            return False
        if is_listed_by_others:
            self.looked = _look(self.job, self.target, again=True)
        how = HowToLook.of(self.job)
        self.looked = what_is_left(how, self.target, self.looked, tally.unread, tally.failed)
        return bool(len(self.looked.plan.pending))

    def fold(self) -> None:
        """Merge small parts of the store into larger ones, where there are many; a while of it.

        What is left of a run of terabytes is for gc: its parts can be read as they are.
        """
        self.target.store_or_none = fold(self.target.store, most_bytes=A_WHILE)

    def _quarantine(self) -> tuple[QuarantineEntry, ...]:
        tally = self.tally
        return self.looked.quarantine(tally.unread, tally.failed, self.target, self.job.limits)


def in_order(runs: Sequence[Extraction], batch_size: int = 1) -> NDArray[np.int64]:
    """Return the positions of what any of these is to do, in the order in which it is done."""
    options = runs[0].job.options
    pending = np.unique(np.concatenate([run.looked.plan.pending for run in runs]))
    if options.is_mixed:
        pending = mixed_order(runs[0].looked.look.samples, pending)
    if options.no_lock and len(pending):
        return in_an_order_of_its_own(pending, batch_size)
    return pending


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
