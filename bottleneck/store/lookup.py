"""Which digest stands in which row of which part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from bottleneck.core.digest import prefixes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.store.part import Part


class Lookup:
    """Digests of many parts, found by their first 8 bytes and then compared in full.

    They stand in levels, each sorted. What is added is a level of its own, and becomes one with
    those before it that are not larger: so a store that grows by a part at a time is not sorted
    anew each time, and there are few levels.

    Parameters
    ----------
    digests : one (n, 32) uint8 array a part, in the parts' order
    """

    def __init__(self, digests: Sequence[NDArray[np.uint8]]) -> None:
        self._n_parts = 0
        self._levels: list[_Level] = []
        self._add(digests)

    def extended(self, digests: Sequence[NDArray[np.uint8]]) -> Lookup:
        """Return the lookup of these parts after its own; this one stays as it is."""
        more = object.__new__(type(self))
        more._n_parts, more._levels = self._n_parts, [*self._levels]
        more._add(digests)
        return more

    def _add(self, digests: Sequence[NDArray[np.uint8]]) -> None:
        lengths = [len(d) for d in digests]
        numbers = np.arange(self._n_parts, self._n_parts + len(lengths), dtype=np.int32)
        starts = np.cumsum([0, *lengths])[:-1]
        part_of = np.repeat(numbers, lengths)
        row_of = (np.arange(sum(lengths)) - np.repeat(starts, lengths)).astype(np.int32)
        new = _Level.of(np.concatenate([_NONE, *digests]), part_of, row_of)
        while self._levels and len(self._levels[-1]) <= 2 * len(new):
            new = self._levels.pop().with_(new)
        if len(new):
            self._levels.append(new)
        self._n_parts += len(lengths)

    def find(self, digests: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return a handle for each digest of (n, 32), or -1 where it has no row."""
        found = np.full(len(digests), -1, np.int64)
        start = 0
        for level in self._levels:
            left = np.flatnonzero(found < 0) if start else np.arange(len(digests))
            if not len(left):
                break
            at = level.find(digests[left] if start else digests)
            there = at >= 0
            found[left[there]] = start + at[there]
            start += len(level)
        return found

    def places(self, handles: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (part, row) of each handle."""
        part, row = np.empty(len(handles), np.int64), np.empty(len(handles), np.int64)
        start = 0
        for level in self._levels:
            here = (handles >= start) & (handles < start + len(level))
            at = handles[here] - start
            part[here], row[here] = level.part_of[at], level.row_of[at]
            start += len(level)
        return part, row


def looked_up(parts: Sequence[Part], before: Lookup | None, of: Sequence[str]) -> Lookup:
    """Return the lookup of parts.

    Parameters
    ----------
    before, of : a lookup of parts of these names, which is extended where more came after them
    """
    if before is not None and [part.entry.name for part in parts[: len(of)]] == of:
        return before.extended([part.digests for part in parts[len(of) :]])
    return Lookup([part.digests for part in parts])


_NONE = np.zeros((0, 32), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class _Level:
    """Digests (n, 32) in the order of their first 8 bytes, and where their rows are."""

    prefixes: NDArray[np.uint64]
    digests: NDArray[np.uint8]
    part_of: NDArray[np.int32]
    row_of: NDArray[np.int32]

    @classmethod
    def of(
        cls, digests: NDArray[np.uint8], part_of: NDArray[np.int32], row_of: NDArray[np.int32]
    ) -> Self:
        """Return the level of these digests, in any order; of equal ones the first is found."""
        first = prefixes(digests)
        order = np.argsort(first, kind="stable")
        return cls(first[order], digests[order], part_of[order], row_of[order])

    def __len__(self) -> int:
        return len(self.prefixes)

    def with_(self, other: _Level) -> _Level:
        """Return the level of both."""
        return type(self).of(
            np.concatenate([self.digests, other.digests]),
            np.concatenate([self.part_of, other.part_of]),
            np.concatenate([self.row_of, other.row_of]),
        )

    def find(self, digests: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return where each digest of (n, 32) stands, or -1."""
        found = np.full(len(digests), -1, np.int64)
        at = np.searchsorted(self.prefixes, prefixes(digests))
        open_ = np.arange(len(digests))
        # Equal prefixes stand side by side; nearly always there is one, and this loop ends.
        while len(open_):
            at_open = at[open_]
            inside = at_open < len(self.prefixes)
            open_, at_open = open_[inside], at_open[inside]
            same = _equal(self.digests[at_open], digests[open_])
            found[open_[same]] = at_open[same]
            again = ~same & (self.prefixes[at_open] == prefixes(digests[open_]))
            open_ = open_[again]
            at[open_] += 1
        return found


def _equal(these: NDArray[np.uint8], those: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which of two times (n, 32) digests are equal, four words each instead of 32 bytes."""
    words, others = (np.ascontiguousarray(d).view(np.uint64) for d in (these, those))
    return np.asarray((words == others).all(axis=1))
