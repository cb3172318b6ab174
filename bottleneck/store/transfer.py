"""A store's newest commit, brought to another store: between disks, buckets, and both.

What a commit names goes first, each file checked against the digests that the commit records; a
commit of its own in the other store is the last step. So it may be stopped at any time, and goes
on where it was. The other store holds copies alone: once it has commits of another kind, what is
there would be lost, and it is left as it is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import ConflictError, UsageError
from bottleneck.store.claim import claimed
from bottleneck.store.inventory import n_bytes
from bottleneck.store.log import Log
from bottleneck.store.storage import storage_of
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bottleneck.store.commit import State
    from bottleneck.store.part import PartEntry
    from bottleneck.store.snapshot import SnapshotEntry
    from bottleneck.store.storage_protocol import Storage

ACTION = "copy"
BY = "copy"
LOOKS = 5  # how often what gc took from under a long copy is brought again


@dataclass(frozen=True, slots=True)
class Copied:
    """Take over the state of another store; stops where there is more than earlier copies."""

    state: State
    location: str

    def apply(self, state: State) -> State | None:
        """Return the other store's state as this store's, or None where it stands there already."""
        if state.actions and state.actions[-1] == self.to_json():
            return None
        if not is_copy(state):
            raise ConflictError(
                f"the store has commits of its own ({state.by}, commit {state.number})",
                self.location,
                "copy into another one: nothing here is replaced",
            )
        of = self.state
        return replace(
            state, format=of.format, recipe=of.recipe, parts=of.parts, sources=of.sources
        )

    def to_json(self) -> dict[str, Any]:
        """Return the action as the commit records it."""
        return {"action": ACTION, "commit": self.state.number, "checksum": self.state.checksum}


def is_copy(state: State) -> bool:
    """Whether a commit holds nothing but what came from another store."""
    made = state.actions[-1].get("action") if state.actions else None
    return made == ACTION or (made == "create" and not state.parts and not state.sources)


@dataclass(slots=True)
class Moved:
    """What a copy brought, and what was there already; `commit` is the first store's."""

    store: Store
    commit: int
    n_files: int = 0
    n_bytes: int = 0
    there: int = 0


def target_of(store: Store, target: Path) -> Store:
    """Return the store that copies go to; it is made where there is none.

    Raises
    ------
    UsageError
        When both are one, one is in the other, or something else is there.
    """
    there = storage_of(target)
    _check_apart(store.storage, there)
    if there.is_there():
        return Store.open(target)
    there.prepare()
    return Store.create(target, store.recipe, store.about, store.format)


def transfer(store: Store, other: Store, told: Callable[[int], object]) -> Moved:
    """Bring the commit that a store is open at to another store; see `target_of`.

    Parameters
    ----------
    told : is told how many rows have come

    Raises
    ------
    ConflictError
        When the other holds more than copies.
    DamagedError
        When a file is not as it was written.
    """
    there, before = other.storage, Log(other.storage).newest()
    action = Copied(store.state, there.location)
    _require_same_store(store, before, there.location)
    action.apply(before)  # refused before anything is brought
    entries: list[PartEntry | SnapshotEntry] = [*store.state.sources.values(), *store.state.parts]
    moved = Moved(other, store.state.number)
    with claimed(there, at_once=True) as claim:  # what a killed copy left may be old enough for gc
        for look in range(LOOKS):
            claim.renew()  # before looking, as after a sleep: what is there then stays
            other.write_recipe(store.recipe, store.about)
            missing = _missing(there, entries)
            if not look:
                moved.there = len(entries) - len(missing)
                told(sum(part.rows for part in store.state.parts if part not in missing))
            elif not missing:
                break
            for entry in missing:
                with store.storage.lent(entry.table, entry.files) as path:
                    there.take_in(entry.table, path, entry.files)
                moved.n_files += 1
                moved.n_bytes += n_bytes(entry.files)
                told(getattr(entry, "rows", 0))
        moved.store = other.commit([action], BY)
    return moved


def _require_same_store(store: Store, state: State, location: str) -> None:
    """Raise ConflictError where the copies that are there came from another store, or a later one.

    A commit of this store tells it: the one that was copied last. Where gc has taken that one
    away, the recipe does.
    """
    last = state.actions[-1] if state.actions else {}
    if last.get("action") != ACTION:
        return
    number, checksum = last["commit"], last["checksum"]
    refusal = ConflictError(
        "holds copies of another store, or of a later commit",
        location,
        "copy into another one: nothing here is replaced",
    )
    if number > store.state.number:
        raise refusal
    try:
        is_same = Log(store.storage).at(number).checksum == checksum
    except FileNotFoundError:
        is_same = store.state.recipe == state.recipe
    if not is_same:
        raise refusal


def _check_apart(source: Storage, target: Storage) -> None:
    """Refuse a copy of a store into itself, however it is spelled; UsageError."""
    of, to = (_real(storage) for storage in (source, target))
    if of == to:
        raise UsageError("both are the same store", source.location, "name another one to copy to")
    if of in to.parents:
        do = f"choose a place that is not below {source.location}"
        raise UsageError("a store is not copied into itself", target.location, do)


def _real(storage: Storage) -> Path:
    is_local = Path(storage.location).is_absolute()  # an address is not
    return Path(os.path.realpath(storage.location)) if is_local else Path(storage.location)


def _missing(
    there: Storage, entries: Sequence[PartEntry | SnapshotEntry]
) -> list[PartEntry | SnapshotEntry]:
    """Return what is not there, or not whole."""
    rooms = {room: there.entries(room) for room in ("parts", "snapshots")}
    names = {f"{room}/{found.name}" for room, listed in rooms.items() for found in listed}
    return [
        entry
        for entry in entries
        if entry.table not in names or there.n_bytes(entry.table) != n_bytes(entry.files)
    ]
