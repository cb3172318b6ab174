"""Which digest stands in which row of which part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.digest import prefixes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Lookup:
    """Digests of many parts, found by their first 8 bytes and then compared in full.

    Parameters
    ----------
    digests : one (n, 32) uint8 array a part, in the parts' order
    """

    def __init__(self, digests: Sequence[NDArray[np.uint8]]) -> None:
        lengths = [len(d) for d in digests]
        whole = np.concatenate([np.zeros((0, 32), np.uint8), *digests])
        first = prefixes(whole)
        order = np.argsort(first, kind="stable")
        self._prefixes = first[order]
        self._digests = whole[order]
        part_of = np.repeat(np.arange(len(lengths)), lengths)
        starts = np.cumsum([0, *lengths])[:-1]
        self._part_of = part_of[order]
        self._row_of = order - starts[self._part_of] if len(order) else order

    def find(self, digests: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return a handle for each digest of (n, 32), or -1 where it has no row."""
        found = np.full(len(digests), -1, np.int64)
        if not len(self._prefixes):
            return found
        at = np.searchsorted(self._prefixes, prefixes(digests))
        open_ = np.arange(len(digests))
        # Equal prefixes stand side by side; nearly always there is one, and this loop ends.
        while len(open_):
            at_open = at[open_]
            inside = at_open < len(self._prefixes)
            open_, at_open = open_[inside], at_open[inside]
            same = _equal(self._digests[at_open], digests[open_])
            found[open_[same]] = at_open[same]
            again = ~same & (self._prefixes[at_open] == prefixes(digests[open_]))
            open_ = open_[again]
            at[open_] += 1
        return found

    def places(self, handles: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (part, row) of each handle."""
        return self._part_of[handles].astype(np.int64), self._row_of[handles].astype(np.int64)


def _equal(these: NDArray[np.uint8], those: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which of two times (n, 32) digests are equal, four words each instead of 32 bytes."""
    words, others = (np.ascontiguousarray(d).view(np.uint64) for d in (these, those))
    return np.asarray((words == others).all(axis=1))
