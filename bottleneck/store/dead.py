"""Dead rows: those that no snapshot names, and how they leave a store.

A row is needed while any snapshot names its digest: of the newest commit, or of one that a reader
may still have open. While a current snapshot has samples whose bytes are not known, any row may be
theirs, so none is dead. Whoever drops rows says where every source stood when it looked; where one
has moved by the time of the commit, nothing is dropped.

A part is rewritten when less than half of its rows are needed. Above that the copying costs more
than the space is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import ExpiredError
from bottleneck.store.claim import claimed
from bottleneck.store.copying import copied, groups, once
from bottleneck.store.given_up import given_up
from bottleneck.store.log import Log, ReplaceParts
from bottleneck.store.lookup import Lookup
from bottleneck.store.snapshot import SnapshotEntry, read_snapshot
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.store.commit import State
    from bottleneck.store.copying import Chosen
    from bottleneck.store.part import Part, PartEntry

LEAST_LIVE_SHARE = 0.5
LOOKS = 5  # how often a store whose sources keep moving is looked at again


@dataclass(frozen=True, slots=True, kw_only=True)
class DropRows:
    """Put parts without dead rows in the place of parts that held them.

    Dropped unless all the old parts are still there and every source stands where it was seen: a
    source that moved, or that came, may need a row that was dead.
    """

    old: tuple[str, ...]
    new: tuple[PartEntry, ...]
    rows: int
    sources: Mapping[str, str]  # name → its snapshot's

    def apply(self, state: State) -> State | None:
        """Return the state without the dead rows, or None."""
        if standing(state) != self.sources:
            return None
        return ReplaceParts(self.old, self.new).apply(state)

    def to_json(self) -> dict[str, Any]:
        """Return the action as the commit records it."""
        return {
            "action": "drop rows",
            "old": list(self.old),
            "new": [part.name for part in self.new],
            "rows": self.rows,
            "sources": dict(self.sources),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dead:
    """What is dead in a store.

    Attributes
    ----------
    rewrite : parts that are to be rewritten, each with the rows that are needed
    n_dropped : how many rows that drops
    n_bytes : about how many bytes the parts are then smaller
    n_left : dead rows that stay, because most of their part is needed
    unread : sources with samples whose bytes are not known, for which all rows stay
    """

    rewrite: Sequence[Chosen]
    n_dropped: int
    n_bytes: int
    n_left: int
    unread: Sequence[str]


def find_dead(store: Store, before: float) -> Dead:
    """Return the dead rows of a store that was opened at its newest commit.

    Parameters
    ----------
    before : commits that were superseded before this time are nobody's any more

    Raises
    ------
    DamagedError
        When a snapshot or a part's digests cannot be believed: then nobody knows what is needed.
    """
    unread = [name for name in store.source_names if not store.snapshot(name).samples.known.all()]
    nothing = Dead(rewrite=(), n_dropped=0, n_bytes=0, n_left=0, unread=unread)
    if unread or not store.parts:
        return nothing
    lookup = Lookup([part.digests for part in store.parts])
    is_needed = np.zeros(sum(map(len, store.parts)), bool)
    for digests in _named(store, before):
        handles = lookup.find(digests)
        is_needed[handles[handles >= 0]] = True
        if is_needed.all():
            return nothing
    rewrite, n_dropped, n_bytes, n_left = list[Any](), 0, 0, 0
    for part in store.parts:
        needed = is_needed[lookup.find(part.digests)]
        n_dead = len(part) - int(needed.sum())
        if len(part) and n_dead > (1 - LEAST_LIVE_SHARE) * len(part):
            rewrite.append((part, np.flatnonzero(needed)))
            n_dropped += n_dead
            n_bytes += part.entry.n_bytes * n_dead // len(part)
        else:
            n_left += n_dead
    return Dead(rewrite=rewrite, n_dropped=n_dropped, n_bytes=n_bytes, n_left=n_left, unread=unread)


def _named(store: Store, before: float) -> Iterator[NDArray[np.uint8]]:
    """Yield the known digests of each snapshot that anybody may read, the newest first."""
    seen = set()
    for name in store.source_names:
        samples = store.snapshot(name).samples
        seen.add(store.state.sources[name].snapshot)
        yield samples.digests[samples.known]
    log = Log(store.storage)
    superseded = set(log.superseded(before))
    damaged, entries = set[str](), dict[str, SnapshotEntry]()
    for number in reversed(log.numbers()):
        if number not in superseded:
            state = log.at(number)  # one at a time: each may name thousands of parts
            damaged |= given_up([state])
            for entry in state.sources.values():
                entries.setdefault(entry.snapshot, entry)
    for name, entry in entries.items():
        if name not in seen and f"snapshots/{name}" not in damaged:
            path = store.storage.fetch(entry.table, entry.files)
            samples = read_snapshot(path, entry).samples
            yield samples.digests[samples.known]


def drop_dead(path: Path, before: float) -> tuple[Dead, Store]:
    """Drop the dead rows of a store, if any; return what was dead, and the store as it then is.

    The replaced parts stay on the disk for whoever reads them. If other runs move the sources or
    the parts all the time, nothing is dropped.
    """
    for _ in range(LOOKS):
        store = Store.open(path)
        try:
            dead = find_dead(store, before)
        except ExpiredError:  # another gc was faster
            continue
        if not dead.rewrite:
            return dead, store
        with claimed(store.storage) as claim:
            actions = list(_actions(store, dead))
            if not claim.holds([entry for action in actions for entry in action.new]):
                continue  # it took very long, and another gc what nobody named yet
            done = store.commit(actions, "gc")
        if done.state.number > store.state.number and _is_done(actions, done.state):
            return dead, done
    return Dead(rewrite=(), n_dropped=0, n_bytes=0, n_left=0, unread=()), Store.open(path)


def _actions(store: Store, dead: Dead) -> Iterator[DropRows]:
    sources = standing(store.state)

    def action(chosen: Sequence[Chosen], *new: PartEntry) -> DropRows:
        n_before = sum(len(part) for part, _ in chosen)
        return DropRows(
            old=tuple(part.entry.name for part, _ in chosen),
            new=new,
            rows=n_before - sum(entry.rows for entry in new),
            sources=sources,
        )

    empty = [(part, rows) for part, rows in dead.rewrite if not len(rows)]
    if empty:
        yield action(empty)
    partly = [(part, rows) for part, rows in dead.rewrite if len(rows)]
    for group in groups(partly, _part, _live_bytes):
        yield action(group, copied(store, once(group)))


def _part(chosen: Chosen) -> Part:
    return chosen[0]


def _live_bytes(chosen: Chosen) -> int:
    part, rows = chosen
    return part.entry.n_bytes * len(rows) // len(part)


def _is_done(actions: Sequence[DropRows], state: State) -> bool:
    gone = {name for action in actions for name in action.old}
    return not gone & {part.name for part in state.parts}


def standing(state: State) -> dict[str, str]:
    """Return where each source stands: name → its snapshot's."""
    return {name: entry.snapshot for name, entry in state.sources.items()}
