"""Small pieces of an object, each of which comes with what follows it: a window, in one request.

Members of an archive are mostly read in the order in which they lie, and one request for each takes
longer to be answered than its bytes take to come. So a piece that lies close behind a window is
asked for with more of what follows, twice as much each time; after a leap it is asked for almost
alone. To go through a tar of small members takes all its bytes, in few requests, and through one of
large members little more than their heads.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.data.source import Read

ALONE, LEAST, MOST = 4 << 10, 64 << 10, 8 << 20  # bytes of a window: after a leap, and else
SMALL = 64 << 10  # larger pieces are asked for by themselves: several at once come as fast
KEPT = 4  # windows: threads that read side by side are not all in the newest
GAP = 4 << 10  # bytes between members that are read together: heads, labels, captions
RUN = 4  # members, at least


class Whole(Protocol):
    """An object, as it was listed."""

    @property
    def size(self) -> int:
        """In bytes."""

    def fetch(self, offset: int, n_bytes: int) -> Read:
        """Return bytes of it, in one request; all of them are there."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Window:
    """Bytes that are here, or on their way."""

    of: Whole
    start: int
    end: int
    read: Future[Read] = field(default_factory=Future)


class Windows:
    """The windows of some objects. Any thread may ask: whoever wants what is on its way waits.

    Parameters
    ----------
    alone : bytes of a window after a leap
    kept : how many windows
    """

    def __init__(self, alone: int = ALONE, kept: int = KEPT) -> None:
        self._lock = Lock()
        self._windows: deque[_Window] = deque(maxlen=kept)
        self._alone, self._n_wanted = alone, 0

    def piece(self, of: Whole, offset: int, n_bytes: int, end: int) -> Read:
        """Return bytes of an object; all of them are there. Raises what `fetch` does.

        Parameters
        ----------
        end : where that ends what may come besides
        """
        if n_bytes > SMALL:
            return of.fetch(offset, n_bytes)
        with self._lock:
            near = [each for each in self._windows if each.of is of]
            found = next((w for w in near if w.start <= offset and offset + n_bytes <= w.end), None)
            window = found or self._begin(near, of, offset, offset + n_bytes, end)
        if found is None:
            self._fetch(window)
        read = window.read.result()
        content = cast("bytes", read.content)
        at = offset - window.start
        return replace(read, content=content[at : at + n_bytes])

    def _begin(self, near: list[_Window], of: Whole, offset: int, least: int, most: int) -> _Window:
        reach = max(self._n_wanted, LEAST)
        close = next((w for w in reversed(near) if w.start <= offset <= w.end + reach), None)
        if close is None:
            start, n_bytes = offset, self._alone
            self._n_wanted //= 2
        else:
            start = min(offset, close.end)  # what lies between both is mostly another thread's
            n_bytes = self._n_wanted = min(max(2 * self._n_wanted, LEAST), MOST)
        window = _Window(of=of, start=start, end=max(least, min(start + n_bytes, most)))
        self._windows.append(window)
        return window

    def _fetch(self, window: _Window) -> None:
        try:
            window.read.set_result(window.of.fetch(window.start, window.end - window.start))
        except BaseException as error:  # noqa: BLE001 - whoever waits must be told, of Ctrl-C too
            window.read.set_exception(error)
            with self._lock:
                if window in self._windows:
                    self._windows.remove(window)


def runs(offsets: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where members that are read in this order lie one behind the other.

    Parameters
    ----------
    offsets, ends : of each member (n,)

    Returns
    -------
    (runs, 2): offset and end of each run, in order, none of which overlap
    """
    gaps = offsets[1:] - ends[:-1]
    first = np.flatnonzero(np.r_[True, (gaps < 0) | (gaps > GAP)]) if len(offsets) else offsets
    last = np.r_[first[1:], len(offsets)][: len(first)] - 1
    is_long = last - first >= RUN - 1
    found = np.column_stack([offsets[first], ends[last]])[is_long]
    found = found[np.argsort(found[:, 0])]
    reached = np.maximum.accumulate(found[:, 1])
    begins = np.flatnonzero(np.r_[True, found[1:, 0] > reached[:-1]][: len(found)])
    until = np.r_[begins[1:], len(found)][: len(begins)] - 1
    return np.column_stack([found[begins, 0], reached[until]])


class InOrder:
    """An object as a file to go through in order, leaping over what is not wanted."""

    def __init__(self, of: Whole) -> None:
        self._of, self._windows = of, Windows(LEAST, kept=1)
        self._at = 0

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position; return it."""
        self._at = offset + (0, self._at, self._of.size)[whence]
        return self._at

    def read(self, n_bytes: int = -1) -> bytes:
        """Return the next bytes, fewer at the end."""
        end = self._of.size if n_bytes < 0 else min(self._at + n_bytes, self._of.size)
        if end <= self._at:
            return b""
        content = self._windows.piece(self._of, self._at, end - self._at, self._of.size).content
        self._at = end
        return cast("bytes", content)
