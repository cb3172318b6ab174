"""Shards on a Ray cluster: a task each, a core each; Ray places them and retries what dies."""

from __future__ import annotations

import contextlib
import logging
import socket
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from bottleneck.core.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

R = TypeVar("R")
ANSWER_S = 5.0
RETRIES = 1  # of a task whose process died: a shard that dies twice is looked at more closely
CORES = 1


def connect(address: str) -> OnRay:
    """Return the workers of the cluster at HOST:PORT (Ray's client), or of this machine (`auto`).

    Raises
    ------
    UnavailableError
        When nobody answers there.
    """
    import ray  # noqa: PLC0415 - an extra

    try:
        if address != "auto":
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), ANSWER_S).close()  # Ray's own try is long
        if not ray.is_initialized():
            ray.init(
                address="auto" if address == "auto" else f"ray://{address}",
                logging_level=logging.ERROR,
                log_to_driver=False,
            )
            return OnRay(ray, is_ours=True)
    except (OSError, ValueError, OverflowError, TimeoutError) as error:
        raise UnavailableError(
            "no Ray cluster answers", f"ray://{address}", "start one: ray start --head"
        ) from error
    return OnRay(ray, is_ours=False)


class OnRay:
    """The cores of a cluster; see `crew.Hands`."""

    def __init__(self, ray: Any, *, is_ours: bool) -> None:
        self._ray, self._is_ours = ray, is_ours
        self.number = max(1, int(ray.cluster_resources().get("CPU", 1)) // CORES)
        self.cores: int | None = CORES
        self.deaths: tuple[type[BaseException], ...] = (
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.NodeDiedError,
            ray.exceptions.OutOfMemoryError,
            ray.exceptions.ObjectLostError,  # what a shard returned went with its node
        )
        self._task = ray.remote(num_cpus=CORES, max_retries=RETRIES)(_there)
        self._at_work: list[Any] = []

    def submit(self, work: Callable[[Any], R], shard: Any) -> Future[R]:
        """See `crew.Hands`."""
        found = self._task.remote(work, shard)
        self._at_work = [*self._at_work[-4 * self.number :], found]
        # What a task raised comes wrapped into an error of Ray's.
        future: Future[R] = Future()

        def settle(of: Future[R]) -> None:
            error = of.exception()
            if error is None:
                future.set_result(of.result())
            else:
                future.set_exception(getattr(error, "cause", None) or error)

        found.future().add_done_callback(settle)
        return future

    def close(self, *, now: bool) -> None:
        """See `crew.Hands`; the cluster goes on."""
        if now:
            for found in self._at_work:
                with contextlib.suppress(Exception):  # it is done, or the cluster is gone
                    self._ray.cancel(found, force=True)
        self._at_work = []
        if self._is_ours:
            self._ray.shutdown()


def _there(work: Callable[[Any], R], shard: Any) -> R:
    return work(replace(shard, cores=CORES))
