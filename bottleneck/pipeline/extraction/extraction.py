"""One extraction at work: reads, computes and writes what is pending, in commits.

The listing (with the digests that the stat cache knows) once the first rows are trusted; parts
alone, at most once a minute; the completed snapshot at the end, also when the end is Ctrl-C or a
budget. A run that finds nothing to do commits nothing.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import console
from bottleneck.core.errors import DataError, RecipeError, Terminated, UsageError
from bottleneck.core.sample import show_key
from bottleneck.data.decode import Limits, decoder_version
from bottleneck.pipeline.extraction.canaries import N_CANARIES, Canaries, find_canaries
from bottleneck.pipeline.extraction.compute import Computer
from bottleneck.pipeline.extraction.flow import (
    Background,
    Item,
    Reader,
    Seconds,
    default_threads,
    read_ahead,
)
from bottleneck.pipeline.extraction.look import Look, guard_shrink, look, none_usable, settle_racy
from bottleneck.pipeline.extraction.plan import mixed_order, plan, reasons
from bottleneck.pipeline.extraction.writing import Writer, to_dtype
from bottleneck.pipeline.network import network as networks
from bottleneck.store.fold import fold
from bottleneck.store.log import MovedError, SetRecipe, SetSource
from bottleneck.store.snapshot import QuarantineEntry, Snapshot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.core.recipe import RowSpec
    from bottleneck.data.source import Source
    from bottleneck.pipeline.extraction.options import ExtractOptions
    from bottleneck.store.store import Store

LOOKS = 5  # how often a source that another run keeps moving is looked at again
MISFIT_SHARE = 0.01


class Extraction:
    """One extraction: what it knows, what it has learned, and what it has still to write."""

    def __init__(
        self,
        options: ExtractOptions,
        store: Store | None,
        name: str,
        source: Source,
        started: float,
        network: networks.Network | None = None,
    ) -> None:
        self.options = options
        self.name = name
        self.source = source
        self.started = started
        self.seconds = Seconds()
        self.threads = options.threads or default_threads()
        self.limits = Limits()
        self.decoder = decoder_version()
        self._adopt(store, network)
        self.look = self._look()
        self.failed: dict[bytes, str] = {}  # digest → why it has no row
        self.bytes_written = 0
        self.computer = Computer(
            network=self.network,
            find_canaries=self._find_canaries,
            seconds=self.seconds,
            engine_name=options.engine,
            devices=options.devices,
            planned_batch=options.batch_size or self._recorded("batch") or self.network.batch_size,
            made_by=self._recorded("engine"),
            kept=self.store_or_none.derived if self.store_or_none else None,
            views=self.network.recipe.views.number,
        )
        self.reader = Reader(
            source=source,
            image=self.network.recipe.image,
            views=self.network.recipe.views,
            limits=self.limits,
            has_row=self._has_row,
            seconds=self.seconds,
        )
        self.unread: dict[int, str] = {}  # position → why it could not be read
        self.batch: list[Item] = []
        self.background = Background(self._rows)
        self.recorded_at = started
        self.computed = 0
        self.n_batches = 0
        self.n_misfits = 0
        self.announced = False
        self.partial = False

    def _adopt(self, store: Store | None, network: networks.Network | None) -> None:
        options = self.options
        self.network = network or networks.resolve(options.network, store)
        self.replacing = False
        if store is not None:
            if options.format not in (None, store.format):
                raise UsageError(
                    f"the store's format is {store.format}", store.path, "leave --format away"
                )
            if store.recipe.id != self.network.recipe.id:
                if not options.replace:
                    networks.check_same(store.recipe, self.network.recipe, store.path)
                self.replacing = True
        self.store_or_none = store
        before = store.snapshot(self.name) if store and self.name in store.source_names else None
        self.before = before
        self.recorded = before
        # The snapshot that this run saw the source at: others may move it, and must be noticed.
        self.seen = store.state.sources[self.name].snapshot if store and before else None

    @property
    def store(self) -> Store:
        """The store that is written to, at the newest commit of this run."""
        assert self.store_or_none is not None
        return self.store_or_none

    @property
    def rows_store(self) -> Store | None:
        """The store whose rows serve this recipe; none while the recipe is being replaced."""
        return None if self.replacing else self.store_or_none

    def _look(self) -> Look:
        start = time.perf_counter()
        now = look(self.source, self.store_or_none, rehash=self.options.rehash)
        if not self.options.allow_shrink:
            guard_shrink(
                self.before.samples if self.before else None, now.listing, self.source.name
            )
        settle_racy(now, self.threads)
        self.seconds.scan += time.perf_counter() - start
        return now

    def _plan(self) -> NDArray[np.int64]:
        samples = self.look.samples
        self.planned = plan(
            self.rows_store,
            samples,
            self.before.quarantine if self.before else (),
            decoder=self.decoder,
            limits=str(self.limits),
        )
        pending = self.planned.pending
        if self.options.limit is not None or self.options.budget_s is not None:
            return mixed_order(samples, pending)
        return pending

    # --- what would be done -------------------------------------------------------------------

    def preview(self) -> list[dict[str, str]]:
        """Return what would be computed and why, having written nothing."""
        self.look.hash(np.flatnonzero(~self.look.known), self.threads)
        order = self._plan()
        samples = self.look.samples
        why = reasons(samples, self.before.samples if self.before else None, order)
        return [
            {"key": show_key(bytes(samples.keys[i])), "why": reason}
            for i, reason in zip(order, why, strict=True)
        ]

    # --- doing it -----------------------------------------------------------------------------

    def go(self) -> None:
        """Read, compute and write what is pending."""
        self.writer = Writer(
            self.store, lambda: self.computer.provenance, self.seconds, self._committed
        )
        order = self._plan()
        try:
            self._work(order)
        except (KeyboardInterrupt, Terminated):
            self.partial = True
            if self.announced:
                self._finish()
            raise
        self._refuse_if_nothing_was_readable()
        self._finish()

    def _committed(self, store: Store) -> None:
        """Keep what was learned of the files beside the rows that were just committed."""
        self.look.save(store)

    def _find_canaries(self) -> Canaries:
        return find_canaries(self.rows_store, self.name, self.reader, self.look, self.planned)

    def _has_row(self, digest: bytes) -> bool:
        store = self.rows_store
        return store is not None and bool(store.has(np.frombuffer(digest, np.uint8)[None])[0])

    def _recorded(self, key: str) -> Any:
        """Return what is recorded of the computation of the rows that are continued, or None."""
        return self.rows_store.provenance().get(key) if self.rows_store else None

    def _work(self, order: NDArray[np.int64]) -> None:
        limit = len(order) if self.options.limit is None else self.options.limit
        ahead = self.reader.window(self.computer.batch_size)
        items = read_ahead(self.reader, order.tolist(), threads=self.threads, window=ahead)
        with (
            contextlib.closing(items),
            self.background,
            console.progress(min(len(order), limit), "extract") as bar,
        ):
            for item in items:
                bar.update(1)
                self._take(item)
                enough = self.computed + len(self.background) + len(self.batch) >= limit
                if enough or (self.batch and len(self.batch) >= self._room()):
                    self._compute()
                if enough:
                    self._take_in()
                if self.computed >= limit or self._over_budget():
                    break
            self._compute()
            self._take_in()

    def _room(self) -> int:
        """How many images the next batch takes; the first leaves room for the canaries."""
        size = self.computer.batch_size
        canaries = 0 if self.announced or not self._has_any_row() else N_CANARIES
        return max(1, size - canaries)

    def _over_budget(self) -> bool:
        budget = self.options.budget_s
        return budget is not None and time.perf_counter() - self.started >= budget

    def _take(self, item: Item) -> None:
        if item.digest is None or item.read is None:
            self.unread[item.index] = item.failure or "cannot be read"
            return
        self.look.learn(item.index, item.digest, item.read)
        if item.failure is not None:
            self.failed[item.digest] = item.failure
        elif item.image is not None:
            self.batch.append(item)

    def _compute(self) -> None:
        """Have the batch computed; meanwhile, take in the rows of the one before.

        The very first is waited for: what is announced and written is trusted.
        """
        batch, self.batch = self.batch, []
        if not batch:
            return
        self.background.start(batch)
        self._take_in(but=1 if self.announced else 0)

    def _rows(self, batch: list[Item]) -> NDArray[np.float32]:
        return self.computer([item.image for item in batch if item.image is not None])

    def _take_in(self, *, but: int = 0) -> None:
        for batch, rows in self.background.results(but=but):
            self._record(batch, rows)

    def _record(self, batch: list[Item], rows: NDArray[np.float32]) -> None:
        if not self.announced:
            self._announce()
        self.n_batches += 1
        now = time.perf_counter()
        if self.n_batches == 2:  # the first one compiles
            n_ahead = min(len(self.planned.pending), self.options.limit or sys.maxsize)
            say_ahead(n_ahead, (now - self.recorded_at) / len(batch), self.network.recipe.rows)
        self.recorded_at = now
        stored = self._fit(batch, rows)
        good = [i for i, item in enumerate(batch) if item.digest not in self.failed]
        digests = np.array(
            [np.frombuffer(batch[i].digest or b"", np.uint8) for i in good], np.uint8
        ).reshape(-1, 32)
        self.writer.add(digests, stored[good])
        self.computed += len(good)

    def _fit(self, batch: list[Item], rows: NDArray[np.float32]) -> NDArray[Any]:
        """Return rows (n, views, …) as they are stored; those that do not fit are failed."""
        spec, n_views = self.network.recipe.rows, rows.shape[1]
        stored, misfits = to_dtype(rows.reshape(-1, *rows.shape[2:]), spec.dtype)
        found = {i // n_views: reason for i, reason in misfits.items()}
        for i, reason in found.items():
            digest = batch[i].digest
            assert digest is not None
            self.failed[digest] = reason
        self.n_misfits += len(found)
        if self.n_misfits > MISFIT_SHARE * max(100, len(self.planned.pending)):
            raise DataError(
                f"{self.n_misfits} rows do not fit {stored.dtype}",
                self.name,
                "use --rows float32 (another recipe: another --cache, or --replace)",
            )
        return stored.reshape(len(batch), *spec.shape)

    def _announce(self) -> None:
        """Commit the listing, now that the first rows are trusted; say what is ahead."""
        engine = self.computer.engine
        console.say(f"computing on {engine.device}, {engine.batch_size} images a batch")
        if engine.warning:
            console.warn(engine.warning)
        if self.computer.canaries == {"checked": 0, "worst": None} and self._has_any_row():
            console.warn("no image with a row is at hand, so this machine's rows are not checked")
        actions: list[Any] = []
        if self.replacing:
            self.store.write_recipe(self.network.recipe, self.network.about)
            actions.append(SetRecipe(self.store.recipe.id, self.network.recipe.id))
        self._commit_snapshot(
            actions,
            Snapshot(samples=self.look.samples, spec=self.source.spec, quarantine=self._carried()),
        )
        self.announced = True

    def _has_any_row(self) -> bool:
        return self.rows_store is not None and bool(self.rows_store.state.parts)

    def _commit_snapshot(self, actions: list[Any], snapshot: Snapshot) -> None:
        if self.recorded is None or not self.recorded.same_as(snapshot):
            entry = self.store.write_snapshot(snapshot)
            actions.append(SetSource(self.name, self.seen, entry))
        if actions:
            self.store_or_none = self.writer.store = self.store.commit(actions, "extract")
            self.recorded = snapshot
            self.seen = self.store.state.sources[self.name].snapshot
            self.replacing = False
            self.look.save(self.store)

    def _carried(self) -> tuple[QuarantineEntry, ...]:
        """Return the recorded failures that still hold."""
        if self.before is None:
            return ()
        keys = {bytes(key) for key in self.look.listing.keys[self.planned.quarantined]}
        return tuple(entry for entry in self.before.quarantine if entry.key in keys)

    def _refuse_if_nothing_was_readable(self) -> None:
        n_failed = len(self.failed) + len(self.unread)
        if n_failed and not self.computed and not self.partial and not self.planned.cached.any():
            store = self.rows_store
            samples = self.look.samples
            if store is None or not (samples.known & store.has(samples.digests)).any():
                reason = next(iter([*self.failed.values(), *self.unread.values()]))
                raise none_usable(len(samples), reason, self.name)

    def _finish(self) -> Store:
        """Publish what is left and commit the source as it is now known."""
        self.store_or_none = self.writer.finish()
        self.bytes_written = self.writer.bytes_written
        for _ in range(LOOKS):
            snapshot = Snapshot(
                samples=self.look.samples, spec=self.source.spec, quarantine=self._quarantine()
            )
            try:
                self._commit_snapshot([], snapshot)
                break
            except MovedError:  # another run set this source: keep that, look again, try anew
                self.look.save(self.store)
                self.store_or_none = self.store.refresh()
                if self.store.recipe.id != self.network.recipe.id:
                    raise
                self.recorded = self.store.snapshot(self.name)
                self.seen = self.store.state.sources[self.name].snapshot
                self.look = self._look()
        else:
            raise RecipeError(
                f"the source {self.name} was moved {LOOKS} times by other runs",
                self.store.path,
                "the rows are kept; run the same command again",
            )
        self.look.save(self.store)
        self.network.remember(self.store)
        if not self.partial:
            self.store_or_none = fold(self.store)
        return self.store

    def _quarantine(self) -> tuple[QuarantineEntry, ...]:
        samples = self.look.samples
        entries = {entry.key: entry for entry in self._carried()}
        without = np.flatnonzero(samples.known & ~self.store.has(samples.digests))
        found: list[tuple[int, bytes | None, str]] = [(i, None, r) for i, r in self.unread.items()]
        for i in without.tolist():
            digest = samples.digests[i].tobytes()
            if digest in self.failed:
                found.append((i, digest, self.failed[digest]))
        for i, digest_or_none, reason in found:
            key = bytes(samples.keys[i])
            entries[key] = QuarantineEntry(
                key=key,
                digest=digest_or_none,
                reason=reason,
                decoder=self.decoder,
                limits=str(self.limits),
            )
        return tuple(entries[key] for key in sorted(entries))


def say_ahead(n_images: int, seconds_an_image: float, rows: RowSpec) -> None:
    """Before more than a minute of work, say how much it is."""
    seconds = n_images * seconds_an_image
    if seconds > 60:
        n_bytes = n_images * np.dtype(rows.dtype).itemsize * int(np.prod(rows.shape))
        console.say(
            f"up to {n_images} images, {n_bytes / 1e6:.0f} MB of cache, "
            f"about {seconds / 60:.0f} minutes"
        )
