"""Who computes shards: processes of this machine, a cluster, or an executor that the caller has.

All are a `concurrent.futures.Executor`; who retries, restarts and places what is theirs to know.
A crew is what a command names; opened, it is hands.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, CancelledError
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from bottleneck.core.errors import MissingDependencyError, NoSpaceError, UsageError
from bottleneck.core.installed import is_here
from bottleneck.pipeline.extraction.flow import default_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Executor, Future

R = TypeVar("R")

AT_ONCE = 8  # shards that an executor is given whose number of workers nobody knows
IDLE_S = 60  # after which a process that has nothing to do ends
_LOOK_EVERY_S = 1.0


class Hands(Protocol):
    """An open crew.

    Attributes
    ----------
    number : shards that it computes side by side
    cores : that each worker may use; None: each knows by itself
    deaths : what a shard raises whose worker died
    """

    number: int
    cores: int | None
    deaths: tuple[type[BaseException], ...]

    def submit(self, work: Callable[[Any], R], shard: Any) -> Future[R]:
        """Have a shard done by `work`, by workers that are alive; it has `cores`, as they do."""

    def close(self, *, now: bool) -> None:
        """End what was begun; `now`: whatever is at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSpec:
    """A kind of cluster, by the scheme of its address."""

    module: str  # with `connect(address) -> Hands`
    needs: str  # the package that must be there
    extra: str  # of ours, that installs it
    spelled: str


CLUSTERS: Mapping[str, ClusterSpec] = MappingProxyType(
    {
        "dask": ClusterSpec(
            module="bottleneck.pipeline.extraction.on_dask",
            needs="distributed",
            extra="dask",
            spelled="dask://HOST:PORT",
        ),
        "ray": ClusterSpec(
            module="bottleneck.pipeline.extraction.on_ray",
            needs="ray",
            extra="ray",
            spelled="ray://HOST:PORT or ray://auto",
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Crew:
    """Who computes shards. `hands` opens it; the caller closes them."""

    hands: Callable[[], Hands]

    @contextlib.contextmanager
    def open(self) -> Iterator[Hands]:
        """Open it while the block runs; what is at work when that fails is ended.

        Raises
        ------
        UnavailableError
            When nobody answers at its address.
        """
        found = self.hands()
        try:
            yield found
        except BaseException:
            found.close(now=True)
            raise
        found.close(now=False)


def crew(
    workers: int | None = None, cluster: str | None = None, executor: Executor | None = None
) -> Crew | None:
    """Return who is to compute; None where that is this process, as nobody else was named.

    Parameters
    ----------
    workers : processes of this machine; or how many shards an executor is given at once
    cluster : the address of one, as `CLUSTERS` spells it
    executor : the caller's, who shuts it down

    Raises
    ------
    UsageError
        For an address that is none; where two of them are named.
    MissingDependencyError
        When what talks to such a cluster is not installed.
    """
    if executor is not None and cluster is not None:
        raise UsageError("an executor and a cluster were given", "executor", "omit one of them")
    if executor is not None:
        return Crew(hands=lambda: Given(executor, workers))
    if cluster is None:
        return None if workers is None else Crew(hands=lambda: Local(workers))
    if workers is not None:
        raise UsageError(
            "--workers and --cluster were given", "--workers", "a cluster has workers: omit it"
        )
    scheme, mark, place = cluster.partition("://")
    spec = CLUSTERS.get(scheme)
    if spec is None or not mark or not place:
        ways = " or ".join(each.spelled for each in CLUSTERS.values())
        raise UsageError(f"no address of a cluster: {cluster}", "--cluster", f"give {ways}")
    if not is_here(spec.needs):
        raise MissingDependencyError(
            f"{spec.needs} is not installed",
            f"--cluster {cluster}",
            f"pip install 'bottleneck-cache[{spec.extra}]'",
        )
    return Crew(hands=lambda: cast("Hands", import_module(spec.module).connect(place)))


class Local:
    """Processes of this machine, which share its cores.

    Those of loky: they start clean, whatever threads this process has; one that dies is noticed,
    and the caller's main module is not run again in each. Not the pool that joblib shares, which
    the caller may be using.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.cores: int | None = max(1, default_threads() // number)
        self.deaths: tuple[type[BaseException], ...] = (BrokenExecutor,)
        self._pool = self._started()

    def _started(self) -> Any:
        from joblib.externals.loky import process_executor  # noqa: PLC0415 - 0.3 s of imports

        threads = str(self.cores)
        return process_executor.ProcessPoolExecutor(
            self.number,
            timeout=IDLE_S,
            initializer=begin_worker,
            initargs=(os.getpid(),),
            env={
                "TF_NUM_INTRAOP_THREADS": threads,
                "TF_NUM_INTEROP_THREADS": threads,
                "OMP_NUM_THREADS": threads,
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
        )

    def submit(self, work: Callable[[Any], R], shard: Any) -> Future[R]:
        """See `Hands`; a pool that one death broke is made anew."""
        try:
            return cast("Future[R]", self._pool.submit(work, shard))
        except BrokenExecutor:
            self._pool.shutdown(wait=True, kill_workers=True)
            self._pool = self._started()
            return cast("Future[R]", self._pool.submit(work, shard))

    def close(self, *, now: bool) -> None:
        """See `Hands`."""
        self._pool.shutdown(wait=True, kill_workers=now)


def begin_worker(parent: int) -> None:
    """Begin a process of `Local`: Ctrl-C is for the driver, and without it there is nothing to do.

    Parameters
    ----------
    parent : the driver's process id
    """
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_EVERY_S)
        os._exit(1)

    # Also where the driver is gone already: it may have been killed while this process started.
    threading.Thread(target=watch, name="driver", daemon=True).start()


class Given:
    """The caller's executor: dask's, mpi4py's, the standard library's, any."""

    def __init__(self, executor: Executor, number: int | None) -> None:
        self._executor = executor
        known = int(getattr(executor, "_max_workers", None) or 0)
        self.number = number or known or AT_ONCE
        # Processes of this machine share it; of others nobody here knows.
        is_local = hasattr(executor, "_processes") and known
        self.cores: int | None = max(1, default_threads() // known) if is_local else None
        self.deaths: tuple[type[BaseException], ...] = (BrokenExecutor, *deaths_on_dask())
        self._futures: set[Future[Any]] = set()
        is_dask = type(executor).__module__.startswith("distributed.")
        self._there = [import_module(CLUSTERS["dask"].module).there] if is_dask else []

    def submit(self, work: Callable[[Any], R], shard: Any) -> Future[R]:
        """See `Hands`; an executor that broke is the caller's to make anew.

        Raises
        ------
        NoSpaceError
            When it takes no more work, as one of its processes died.
        """
        try:
            submit: Callable[..., Future[R]] = self._executor.submit
            future = submit(*self._there, work, shard)
        except (BrokenExecutor, RuntimeError) as error:
            raise NoSpaceError(
                f"the executor takes no more work ({' '.join(str(error).split())[:120]})",
                "executor",
                "make a new one and call again: what was committed is kept; a process that dies "
                "has mostly run out of memory",
            ) from error
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return future

    def close(self, *, now: bool) -> None:
        """See `Hands`; what has not begun is cancelled."""
        if now:
            for future in [*self._futures]:
                future.cancel()


def deaths_on_dask() -> tuple[type[BaseException], ...]:
    """Return what Dask raises where workers died of a task, if it is used here at all."""
    module = sys.modules.get("distributed.scheduler")
    return () if module is None else (module.KilledWorker,)


LOST = (CancelledError, ConnectionError)  # what a future raises whose cluster went away
