"""When images were read in this run, until the stat cache has it."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.core.paths import Stat
    from bottleneck.data.scan import Seen


class Reads:
    """When which images were read, and their stats then: numbers, as there may be millions."""

    def __init__(self) -> None:
        self._numbers = array("q")

    def __bool__(self) -> bool:
        return bool(self._numbers)

    def append(self, index: int, stat: Stat, clock_ns: int) -> None:
        """Take in when a sample was read."""
        self._numbers.extend((index, *stat, clock_ns))

    def extend(self, seen: Seen) -> None:
        """Take in when samples were read."""
        rows = np.column_stack([seen.index, seen.stats, seen.clocks])
        self._numbers.frombytes(rows.astype(np.int64).tobytes())

    def last_of_each(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return samples (k,), in order, with stats (k, 4) and clocks (k,) of their last read."""
        rows = np.frombuffer(self._numbers, np.int64).reshape(-1, 6)[::-1]
        index, last = np.unique(rows[:, 0], return_index=True)
        return index, rows[last, 1:5], rows[last, 5]
