"""Pending samples → shards → an executor → descriptions of published parts, as they come.

The seam between an extraction and whoever else computes. The driver plans, opens the network,
computes the first batch itself, so that the checks are made and the network is kept once, and
commits it; the rest it cuts (`sharing`) into shards (`shard`) and hands to a crew (`crew`). What a
worker has published comes out as if it had been computed here, and is committed with the rest.

Retrying is the executor's; a pool of this machine's processes is made anew. A sample that ends
every process that computes it is set aside, as any that cannot be decoded.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, field, replace
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.digest import as_void, sample_digest
from bottleneck.core.errors import (
    STOPS,
    BottleneckError,
    MissingDependencyError,
    UnavailableError,
    UsageError,
)
from bottleneck.core.sample import show_key
from bottleneck.data.excerpt import excerpt
from bottleneck.pipeline.extraction.compute import EngineChoice
from bottleneck.pipeline.extraction.crew import LOST
from bottleneck.pipeline.extraction.done import Written
from bottleneck.pipeline.extraction.flow import STEPS, Item
from bottleneck.pipeline.extraction.job import SharedOut
from bottleneck.pipeline.extraction.shard import Probes, Shard, compute
from bottleneck.pipeline.extraction.sharing import AHEAD, Sharing
from bottleneck.pipeline.extraction.writing import PART_BYTES

if TYPE_CHECKING:
    from collections.abc import Generator
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Progress
    from bottleneck.pipeline.extraction.crew import Crew, Hands
    from bottleneck.pipeline.extraction.done import Done
    from bottleneck.pipeline.extraction.driver import Batch, Driver
    from bottleneck.pipeline.extraction.extraction import Extraction
    from bottleneck.pipeline.extraction.sharing import Share

TICK_S = 1.0  # how long results are waited for before it is seen whether a commit is due
QUIET_S = 60.0
N_PROBES = 8  # samples of which a worker tries canaries: some may have changed
KILLS = "killed the process that computed it, twice"


@dataclass(frozen=True, slots=True, eq=False)
class Shards:
    """Has a crew do what a driver would do; see `driver.Driver`, whose place it takes.

    Attributes
    ----------
    expected : digests that have a row, or are to get one
    """

    driver: Driver
    crew: Crew
    run: Extraction
    expected: set[bytes]

    def batches(
        self, positions: NDArray[np.int64], bar: Progress
    ) -> Generator[Batch | Written, None, None]:
        """Yield what is computed, here or elsewhere; what is one batch is computed here."""
        if len(positions) <= self.driver.computer.batch_size:
            yield from self.driver.batches(positions, bar)
            return
        with self.crew.open() as hands:
            at = yield from self._led(positions, bar)
            rest = self._once_each(positions[at:], bar)
            if not len(rest) or not self.may_go_on:
                return
            self.run.writer.finish()  # what a worker's canaries are compared with
            work = _Work(self, hands, self._told(hands), self._sharing(hands), bar)
            work.sharing.add(rest)
            try:
                yield from work.done()
            except (*STOPS, Exception) as error:
                yield from work.finished()  # what was published meanwhile is kept
                if isinstance(error, STOPS):
                    raise  # and committed by whoever is stopped
                with contextlib.suppress(BottleneckError):  # the first one is told
                    self.run.writer.finish()
                raise

    def _led(self, positions: NDArray[np.int64], bar: Progress) -> Generator[Batch, None, int]:
        """Compute here until rows are believed; return how many positions that took."""
        at, n = 0, self.driver.computer.room
        while at < len(positions) and self.driver.computer.checked is None and self.may_go_on:
            yield from self.driver.batches(positions[at : at + n], bar)
            at, n = at + n, 2 * n  # where they have rows, thousands may be only read
        return at

    @property
    def may_go_on(self) -> bool:
        """Whether more may be computed: by number, and by time."""
        return self.driver.wanted() > 0 and not self.driver.is_over()

    def _once_each(self, at: NDArray[np.int64], bar: Progress) -> NDArray[np.int64]:
        """Return the positions without those that are known to be copies of others of them."""
        look = self.run.looked.look
        is_known = look.known[at]
        _, first = np.unique(as_void(look.digests[at]), return_index=True)
        is_first = ~is_known
        is_first[first] = True
        bar.update(int((~is_first).sum()))
        return at[is_first]

    def _sharing(self, hands: Hands) -> Sharing:
        rows = self.run.job.network.recipe.rows
        row_bytes = np.dtype(rows.dtype).itemsize * int(np.prod(rows.shape))
        most = max(1, PART_BYTES // max(1, row_bytes))
        return Sharing(batch=self.driver.computer.batch_size, most=most, n_workers=hands.number)

    def _told(self, hands: Hands) -> Shard:
        """Return what all shards have in common."""
        run, computer = self.run, self.driver.computer
        look, store, job = run.looked.look, run.target.store, run.job
        with_row = np.flatnonzero(look.known & store.has(look.digests))
        n = min(N_PROBES, len(with_row))
        at = with_row[np.unique(np.linspace(0, max(0, len(with_row) - 1), n).astype(np.int64))]
        digests = look.digests[at]
        run.tally.shared_out = run.tally.shared_out or SharedOut(workers=hands.number)
        job.reporter.say(f"the rest goes to {hands.number} workers")
        return Shard(
            run=uuid.uuid4().hex,
            task="",
            store=Path(store.storage.location),
            recipe=store.recipe.id,
            commit=(store.state.number, store.state.checksum),
            network=job.network.options,
            is_apart=job.network.is_apart,
            engine=EngineChoice(
                name=computer.engine.name,
                devices=job.options.devices,
                batch_size=computer.engine.batch_size,
                made_by=computer.engine.name,
                spread=computer.provenance.get("spread"),
            ),
            limits=job.limits,
            samples=excerpt(job.source, []),
            probes=Probes(
                samples=excerpt(job.source, at.tolist()),
                digests=[digest.tobytes() for digest in digests],
                rows=store.recipe.views.apart(store.rows(digests)),
                provenance=store.provenance(),
            ),
            threads=job.options.threads,
            cores=hands.cores,
        )


@dataclass(slots=True, eq=False)
class _Work:
    """The shards of one pass, given out and taken in."""

    shards: Shards
    hands: Hands
    told: Shard
    sharing: Sharing
    bar: Progress
    out: dict[Future[Done], Share] = field(default_factory=dict)
    heard_at: float = field(default_factory=time.monotonic)

    def done(self) -> Generator[Written, None, None]:
        """Yield what workers publish, until nothing is left or nothing more is wanted."""
        while True:
            self._give_out()
            if not self.out:
                return
            done, _ = wait(self.out, timeout=TICK_S, return_when=FIRST_COMPLETED)
            self._say_if_quiet(is_quiet=not done)
            if self.shards.run.writer.commit_when_due(self.hands.number):
                self.shards.expected.clear()  # the store itself knows them now
            for future in [one for one in self.out if one.done()]:
                yield from self._ended(self.out.pop(future), future)

    def _say_if_quiet(self, *, is_quiet: bool) -> None:
        """Say it where nothing came for a minute: a cluster may have no worker that is alive."""
        now = time.monotonic()
        if not is_quiet:
            self.heard_at = now
        elif now - self.heard_at >= QUIET_S:
            self.heard_at = now
            reporter = self.shards.run.job.reporter
            reporter.say(f"{len(self.out)} shards are out, and none came back for a minute")

    def finished(self) -> Generator[Written, None, None]:
        """Yield what workers have published by now, and nobody has asked for."""
        for future, share in self.out.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                with contextlib.suppress(UsageError):  # the first error is told
                    yield self._taken(share, future.result())

    def _give_out(self) -> None:
        job = self.shards.run.job
        while self.shards.may_go_on and len(self.out) < AHEAD * self.hands.number:
            if any(share.is_suspect for share in self.out.values()):
                return
            n_wanted = self.shards.driver.wanted()
            n_wanted -= sum(len(share.positions) for share in self.out.values())
            share = self.sharing.next(n_wanted, is_idle=not self.out) if n_wanted > 0 else None
            if share is None:
                return
            some = excerpt(job.source, share.positions)
            if len(some) < len(share.positions):
                self.sharing.put_back(share.positions[len(some) :])
                share.positions = share.positions[: len(some)]
            budget = job.options.budget_s
            left = None if budget is None else budget - (time.perf_counter() - job.started)
            shard = replace(self.told, task=uuid.uuid4().hex, samples=some, seconds=left)
            self.out[self.hands.submit(compute, shard)] = share

    def _ended(self, share: Share, future: Future[Done]) -> Generator[Written, None, None]:
        try:
            done = future.result()
        except self.hands.deaths:
            shared = self.shards.run.tally.shared_out
            assert shared is not None
            shared.retried += 1
            guilty = self.sharing.died(share)
            if guilty is not None:
                self._set_aside(guilty)
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                f"a worker has no {error.name}",
                "the workers",
                "install bottleneck-cache there as here, with what its engine needs",
            ) from error
        except LOST as error:
            raise UnavailableError(
                f"the workers went away ({type(error).__name__})",
                "the cluster",
                "what was committed is kept; run the same command again",
            ) from error
        else:
            yield self._taken(share, done)

    def _taken(self, share: Share, done: Done) -> Written:
        run, expected = self.shards.run, self.shards.expected
        done.require_part_in(run.target.store.storage)
        positions = np.array(share.positions, np.int64)
        run.take_all(
            replace(done.seen, index=positions[done.seen.index]),
            {share.positions[at]: reason for at, reason in done.failed.items()},
            {share.positions[at]: reason for at, reason in done.unread.items()},
        )
        self.bar.update(len(done))
        self._measure(done)
        each = [*map(bytes, as_void(done.digests))]
        is_new = np.array([digest not in expected for digest in each], bool)
        is_new &= run.target.without_row(done.digests)
        expected.update(compress(each, is_new))
        return Written(
            n=len(done),
            part=done.part if is_new.any() else None,
            digests=done.digests[is_new],
            indices=positions[done.rows_of[is_new]],
            misfits=done.misfits,
            n_workers=self.hands.number,
            seconds=done.wall_s / self.hands.number,
        )

    def _measure(self, done: Done) -> None:
        run = self.shards.run
        seconds, shared = run.job.seconds, run.tally.shared_out
        assert shared is not None
        shared.n += 1
        self.sharing.came_back()
        for step in STEPS:
            setattr(seconds, step, getattr(seconds, step) + getattr(done.seconds, step))
        seconds.n_seen += done.seconds.n_seen
        seconds.n_large += done.seconds.n_large
        if done.used is not None:
            run.meter.add(done.used)
        if done.wall_s > 0 and len(done) >= self.sharing.batch:
            self.sharing.rate = len(done) / done.wall_s

    def _set_aside(self, index: int) -> None:
        """Have a sample quarantined that ends whoever computes it; to read it does no harm."""
        job, took = self.shards.run.job, self.shards.driver.took
        try:
            read = job.source.read(index)
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            took(Item(index=index, digest=None, read=None, failure=reason))
        else:
            digest = sample_digest(read.content)
            read = replace(read, content=b"")
            took(Item(index=index, digest=digest, read=read, failure=KILLS))
            key = show_key(bytes(self.shards.run.looked.look.listing.keys[index]))
            job.reporter.warn(f"set aside: {key} {KILLS}")
        self.bar.update(1)
