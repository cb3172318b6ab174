"""Shards on a Dask cluster: its scheduler places and retries them."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from bottleneck.core.errors import UnavailableError
from bottleneck.pipeline.extraction.crew import AT_ONCE, deaths_on_dask

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

R = TypeVar("R")
ANSWER_S = 5.0


def connect(address: str) -> OnDask:
    """Return the workers of the scheduler at HOST:PORT.

    Raises
    ------
    UnavailableError
        When nobody answers there.
    """
    from distributed import Client  # noqa: PLC0415 - an extra

    noisy = logging.getLogger("distributed")
    level = noisy.level
    noisy.setLevel(logging.CRITICAL)
    try:
        return OnDask(Client(f"tcp://{address}", timeout=ANSWER_S, set_as_default=False))
    except (OSError, TimeoutError, ValueError) as error:
        raise UnavailableError(
            "no Dask scheduler answers", f"dask://{address}", "start one: dask scheduler"
        ) from error
    finally:
        noisy.setLevel(level)


class OnDask:
    """The workers of a scheduler; see `crew.Hands`."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._executor = client.get_executor(pure=False)
        n_workers = len(client.scheduler_info(n_workers=-1)["workers"])
        self.number = n_workers or AT_ONCE
        self.cores: int | None = None  # those of each worker's threads
        self.deaths = deaths_on_dask()

    def submit(self, work: Callable[[Any], R], shard: Any) -> Future[R]:
        """See `crew.Hands`."""
        future: Future[R] = self._executor.submit(there, work, shard)
        return future

    def close(self, *, now: bool) -> None:
        """See `crew.Hands`; the cluster goes on."""
        with contextlib.suppress(Exception):  # it may be gone
            self._executor.shutdown(wait=not now)
        self._client.close(timeout=ANSWER_S)


def there(work: Callable[[Any], R], shard: Any) -> R:
    """Do a shard on a worker of Dask, with as many cores as it was given threads."""
    from distributed import get_worker  # noqa: PLC0415 - an extra

    return work(replace(shard, cores=get_worker().state.nthreads))
