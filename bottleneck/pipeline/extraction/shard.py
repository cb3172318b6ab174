"""A shard, as it is done: what goes to a worker, what comes back, and what is done there.

A worker is any process that has this package and reaches the store and the images under the same
paths. It lists nothing and commits nothing: it reads its samples, computes, publishes one part in
the store, and tells what it published and what it learned. Done twice, a shard leaves a part that
no commit names, which gc takes away.

Before its first part counts a worker computes a few images anew that have rows already: another
machine, with other versions, may differ by rounding and by no more.
"""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import (
    ExpiredError,
    MissingDependencyError,
    OtherRowsError,
    RecipeError,
    UsageError,
)
from bottleneck.core.reporter import NoProgress
from bottleneck.core.version import __version__
from bottleneck.data.source import at_once
from bottleneck.pipeline.extraction.canaries import Canaries
from bottleneck.pipeline.extraction.compute import Computer
from bottleneck.pipeline.extraction.done import Done, digests_of, seen_of
from bottleneck.pipeline.extraction.driver import Driver
from bottleneck.pipeline.extraction.flow import Busy, Item, Reader, Seconds, default_threads
from bottleneck.pipeline.extraction.limits import Meter
from bottleneck.pipeline.extraction.writing import as_stored
from bottleneck.pipeline.network.network import Network
from bottleneck.store.log import Log
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.data.excerpt import Excerpt
    from bottleneck.data.undecodable import Limits
    from bottleneck.pipeline.extraction.compute import EngineChoice
    from bottleneck.pipeline.network.options import NetworkOptions
    from bottleneck.store.part import PartEntry

N_CANARIES = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probes:
    """Samples that have rows (k, v, …), for a worker's canaries; what computed those."""

    samples: Excerpt
    digests: Sequence[bytes]
    rows: NDArray[Any]
    provenance: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shard:
    """What a worker is told.

    Attributes
    ----------
    run : names the extraction; a worker's engine lives as long as it
    task : names this giving out: what is given out again is no task that failed already
    recipe : the id of what is to be computed
    commit : number and checksum of one that the store has
    is_apart : whether the network, if it must be loaded, is in a process of its own
    threads : that read and decode; None: one a core
    cores : that the worker may use; None: it knows by itself
    seconds : after which it is to end, with what it has done; None: when all is done
    """

    run: str
    task: str
    store: Path
    recipe: str
    commit: tuple[int, str]
    network: NetworkOptions
    is_apart: bool
    engine: EngineChoice
    limits: Limits
    samples: Excerpt
    probes: Probes
    threads: int | None = None
    cores: int | None = None
    seconds: float | None = None
    version: str = __version__


@dataclass(slots=True, eq=False)
class _Worker:
    """What a process keeps between the shards of one extraction."""

    run: str
    store: Store
    computer: Computer
    probes: list[Probes] = field(default_factory=list)


_kept: list[_Worker] = []  # one at most: networks are large
_one_at_a_time = threading.Lock()  # an engine uses all the cores that its process has


def compute(shard: Shard) -> Done:
    """Do a shard in this process; any number of threads may call.

    Raises
    ------
    OtherRowsError
        When this machine computes other rows than those that are there.
    UsageError
        When store or images are not here, or the package is of another version.
    """
    with _one_at_a_time:
        if shard.version != __version__:
            raise UsageError(
                f"a worker has bottleneck-cache {__version__}, and the driver {shard.version}",
                platform.node(),
                "install the same version on both",
            )
        try:
            return _Work(shard, _worker(shard)).done()
        except OtherRowsError as error:
            where = f"a worker on {platform.node()}: it wrote nothing"
            raise OtherRowsError(error.what, where, error.do, *error.details) from error
        except OSError as error:
            if isinstance(
                error.filename, str | bytes
            ):  # a disk that is full here need not be full elsewhere
                error.filename = f"{os.fsdecode(error.filename)} on {platform.node()}"
            raise


def _worker(shard: Shard) -> _Worker:
    """Return what was opened for this extraction, or open it."""
    if not _kept or _kept[0].run != shard.run:
        _kept.clear()
        store = _opened(shard)
        _require_images(shard.probes.samples)
        network = Network(shard.network, store.recipe, store.about, is_apart=shard.is_apart)
        choice = replace(shard.engine, threads=shard.cores, kept=store.derived)
        _kept.append(
            _Worker(
                shard.run,
                store,
                Computer(
                    network=network,
                    find_canaries=list,
                    choice=choice,
                    n_stores=1,
                    views=store.recipe.views.number,
                ),
            )
        )
    return _kept[0]


def _opened(shard: Shard) -> Store:
    """Open the store that is filled: not another one that has its path on this machine."""
    where, do = f"{shard.store} on {platform.node()}", "let all workers see the same store there"
    try:
        store = Store.open(shard.store)
    except MissingDependencyError:
        raise
    except UsageError as error:
        raise UsageError(f"a worker does not see the store ({error.what})", where, do) from error
    if store.recipe.id != shard.recipe:
        what = "the store has another recipe here than where it is filled from"
        raise RecipeError(what, where, do)
    number, checksum = shard.commit
    try:
        is_same = checksum in (store.state.checksum, Log(store.storage).at(number).checksum)
    except FileNotFoundError:
        is_same = store.state.number > number  # gc took that commit away
    if not is_same:
        raise UsageError("a worker sees another store, or a copy of it", where, do)
    return store


def _require_images(samples: Excerpt) -> None:
    """Raise UsageError where no image can be read here that was read before."""
    why = ""
    for i in range(len(samples)):
        try:
            samples.read(i)
        except OSError as error:
            if error.errno == errno.EAGAIN:  # it is here, and has changed
                return
            why = error.strerror or str(error)
        else:
            return
    if why:
        raise UsageError(
            f"a worker does not see the images ({why})",
            platform.node(),
            "let all workers see them under the same path",
        )


class _Work:
    """One shard at work."""

    def __init__(self, shard: Shard, worker: _Worker) -> None:
        self.shard, self.worker = shard, worker
        self.seconds = Seconds()
        self.computer = worker.computer
        self.computer.busy = Busy(self.seconds)
        self.computer.find_canaries = lambda: [self._canaries()]
        recipe = worker.store.recipe
        self.reader = Reader(
            source=shard.samples,
            image=recipe.image,
            views=recipe.views,
            limits=shard.limits,
            has_row=self._has_row,
            seconds=self.seconds,
        )
        self.items: list[Item] = []

    def done(self) -> Done:
        cores = self.shard.cores or default_threads()
        threads = self.shard.threads or max(cores, at_once(self.shard.samples))
        meter = Meter(self.seconds, cores=cores, threads=threads)
        began = time.perf_counter()
        with contextlib.suppress(ExpiredError):  # other runs replace its parts: ask the old ones
            self.worker.store = self.worker.store.refresh()
        was_open, at = self.computer.checked is not None, time.perf_counter()
        if was_open:
            meter.begin()
        computed: list[Item] = []
        rows: list[NDArray[np.float32]] = []
        ends = None if self.shard.seconds is None else began + self.shard.seconds
        for batch in Driver(
            reader=self.reader,
            computer=self.computer,
            threads=threads,
            took=lambda item: self.items.append(replace(item, image=None)),
            is_over=lambda: ends is not None and time.perf_counter() >= ends,
        ).batches(range(len(self.shard.samples)), NoProgress()):
            if not rows and not was_open:
                meter.begin()
                at = time.perf_counter()
            computed += batch.items
            rows.append(batch.rows)
        part, kept, misfits = self._published(computed, rows)
        meter.end()
        return Done(
            seen=seen_of(self.items),
            failed={i.index: i.failure for i in self.items if i.digest and i.failure},
            unread={i.index: i.failure or "cannot be read" for i in self.items if not i.digest},
            part=part,
            digests=digests_of(kept),
            rows_of=np.array([item.index for item in kept], np.int64),
            misfits=misfits,
            seconds=self.seconds,
            used=meter.used,
            wall_s=time.perf_counter() - at,
        )

    def _published(
        self, computed: list[Item], rows: list[NDArray[np.float32]]
    ) -> tuple[PartEntry | None, list[Item], dict[bytes, str]]:
        """Return the part, the samples whose rows it has, and why for those that do not fit."""
        if not rows:
            return None, [], {}
        store, start = self.worker.store, time.perf_counter()
        stored, why = as_stored(np.concatenate(rows), store.recipe.rows)
        fits = [i for i in range(len(stored)) if i not in why]
        kept, provenance = [computed[i] for i in fits], self.computer.provenance
        part = store.write_part(digests_of(kept), stored[fits], provenance) if kept else None
        self.seconds.write += time.perf_counter() - start
        return part, kept, {computed[i].digest or b"": reason for i, reason in why.items()}

    def _has_row(self, digest: bytes) -> bool:
        try:
            return bool(self.worker.store.has(np.frombuffer(digest, np.uint8)[None])[0])
        except ExpiredError:  # computed once more, then: the driver sees that it is there
            return False

    def _canaries(self) -> Canaries:
        probes = self.shard.probes
        images: list[NDArray[np.uint8]] = []
        at: list[int] = []
        one = replace(self.reader, source=probes.samples, seconds=Seconds())
        for i, digest in enumerate(probes.digests[: len(probes.samples)]):
            image = one.image_of(i, digest)
            if image is not None and len(images) < N_CANARIES:
                images.append(image)
                at.append(i)
        return Canaries(images=images, rows=probes.rows[at], provenance=probes.provenance)
