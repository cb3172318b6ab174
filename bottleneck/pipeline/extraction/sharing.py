"""Positions → shares of them, each for one worker: how large, which next, what a death means.

A share takes about `TARGET_S` of a worker's time and gives one part of rows at most. Where there is
much to do, it takes up to `MOST_S`: parts are then fewer, and a death still costs little of the
whole. Towards the end shares become smaller, so that all workers end together.

When workers die. A death takes every share that was at work with it, and does not say whose fault
it was. So those are given out again, and one that was there twice is given out alone, when nothing
else is at work. Dies the worker then too, the share is halved and each half given out alone, down
to the one sample that does it.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import NoSpaceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TARGET_S = 20.0  # of a worker, for a share
MOST_S = 120.0  # and for one that is a small part of the worker's work:
SHARES = 50  # it has so many of them
FIRST_BATCHES = 2  # in a share, before anybody knows how long one takes
AHEAD = 2  # shares that each worker is given: one that it computes, and one that waits
MOST_DEATHS = 12  # one after the other, of shares that were alone: it is not the samples


@dataclass(slots=True, eq=False)
class Share:
    """Positions that are done together.

    Attributes
    ----------
    deaths : how often a worker died when it was given out beside others
    alone : how often when it, or what it is a half of, was given out alone
    """

    positions: list[int]
    deaths: int = 0
    alone: int = 0

    @property
    def is_suspect(self) -> bool:
        """Whether it is given out alone."""
        return self.deaths >= 2 or self.alone > 0


@dataclass(slots=True, eq=False)
class Sharing:
    """What is still to be given out.

    Attributes
    ----------
    batch : images that are computed at once: a share is whole batches
    most : images whose rows are one part
    n_workers : who compute side by side
    rate : images a second of one worker; 0 while nobody knows
    """

    batch: int
    most: int
    n_workers: int
    rate: float = 0.0
    _rest: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    _again: deque[Share] = field(default_factory=deque)
    _n_deaths: int = 0

    def add(self, positions: Sequence[int] | NDArray[np.int64]) -> None:
        """Take in what is to be done."""
        self._rest = np.concatenate([self._rest, np.asarray(positions, np.int64)])

    def next(self, n_wanted: float, *, is_idle: bool) -> Share | None:
        """Return what is given out next, of so many positions at most; None for nothing now.

        Parameters
        ----------
        is_idle : whether nothing is at work: only then a suspect comes
        """
        for share in self._again:
            if not share.is_suspect:
                self._again.remove(share)
                return share
        if len(self._rest):
            n = int(min(self._size(), n_wanted, len(self._rest)))
            first, self._rest = self._rest[:n], self._rest[n:]
            return Share(first.tolist())
        return self._again.popleft() if self._again and is_idle else None

    def _size(self) -> int:
        left = len(self._rest) / self.n_workers
        n = max(self.rate * TARGET_S, min(self.rate * MOST_S, left / SHARES))
        n = min(n if self.rate else FIRST_BATCHES * self.batch, math.ceil(left / AHEAD), self.most)
        return max(1, min(self.most, max(self.batch, int(n) // self.batch * self.batch)))

    def came_back(self) -> None:
        """Note that a worker did what it was given."""
        self._n_deaths = 0

    def died(self, share: Share) -> int | None:
        """Take back what a worker died of, or beside; return the one sample that does it, if known.

        Raises
        ------
        NoSpaceError
            When workers die whatever they are given.
        """
        positions = share.positions
        if not share.is_suspect:
            self._again.append(Share(positions, share.deaths + 1))
            return None
        self._n_deaths += 1
        if self._n_deaths >= MOST_DEATHS:
            raise NoSpaceError(
                "the workers die, whatever they are given",
                "the workers",
                "most often that is memory: use fewer --workers, or a smaller --batch-size",
            )
        if len(positions) == 1 and share.alone >= 2:
            return positions[0]
        # One that is alone dies twice before it is set aside: somebody may have killed the worker.
        middle = len(positions) // 2
        halves = [positions[:middle], positions[middle:]] if middle else [positions]
        alone = 1 if middle else share.alone + 1
        self._again.extendleft(Share(half, alone=alone) for half in reversed(halves))
        return None

    def put_back(self, positions: list[int]) -> None:
        """Take back what was more than can be sent at once."""
        self._again.appendleft(Share(positions))
