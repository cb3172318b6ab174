"""What an extraction was asked for, and the tally of what it has learned and done."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.data.source import at_once
from bottleneck.data.undecodable import Limits
from bottleneck.pipeline.extraction.flow import Seconds, default_threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.core.recipe import RowSpec
    from bottleneck.core.reporter import Reporter
    from bottleneck.data.source import Source
    from bottleneck.pipeline.extraction.options import ExtractOptions
    from bottleneck.pipeline.network.network import Network

LONG_S = 60.0  # work that takes longer is announced


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Job:
    """What an extraction was asked for; it stays as it is while the run goes on."""

    options: ExtractOptions
    name: str  # the source's, in the store
    source: Source
    network: Network
    reporter: Reporter
    started: float  # time.perf_counter
    seconds: Seconds = field(default_factory=Seconds)  # what each step took; the steps add to it
    limits: Limits = field(default_factory=Limits)

    @property
    def threads(self) -> int:
        """How many threads read and decode."""
        return self.options.threads or max(default_threads(), at_once(self.source))

    @property
    def limit(self) -> float:
        """How many images may be computed."""
        return math.inf if self.options.limit is None else self.options.limit

    @property
    def is_over(self) -> bool:
        """Whether the budget of time is spent."""
        budget = self.options.budget_s
        return budget is not None and time.perf_counter() - self.started >= budget


@dataclass(slots=True)
class SharedOut:
    """What other processes were given to do.

    Attributes
    ----------
    workers : how many compute side by side
    n : shards that came back
    retried : those that were given out again, as their worker died
    """

    workers: int
    n: int = 0
    retried: int = 0


@dataclass(slots=True)
class Tally:
    """What a run has learned and done so far.

    Attributes
    ----------
    failed : digest → why it has no row
    unread : key → why it could not be read: positions would mean nothing in another listing
    computed : the digests (n, 32) of each batch's rows
    shared_out : None where this process did all
    """

    failed: dict[bytes, str] = field(default_factory=dict)
    unread: dict[bytes, str] = field(default_factory=dict)
    computed: list[NDArray[np.uint8]] = field(default_factory=list)
    n_computed: int = 0
    n_batches: int = 0
    n_misfits: int = 0
    bytes_written: int = 0
    is_partial: bool = False
    shared_out: SharedOut | None = None


def ahead(n_images: int, seconds: float, rows: Sequence[RowSpec]) -> str | None:
    """Return how much work there is, where it is more than a minute's.

    Parameters
    ----------
    rows : what an image has in each store
    """
    if seconds <= LONG_S:
        return None
    n_bytes = n_images * sum(np.dtype(r.dtype).itemsize * int(np.prod(r.shape)) for r in rows)
    minutes = f"about {seconds / 60:.0f} minutes"
    return f"up to {n_images} images, {n_bytes / 1e6:.0f} MB of cache, {minutes}"
