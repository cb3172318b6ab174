"""Verify: every byte against what was written; repair: keep what is good, say what is lost.

`checking.py` finds; here is what becomes of it, in one commit.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import DamagedError
from bottleneck.core.sealed import read_own
from bottleneck.store.checking import check
from bottleneck.store.claim import claimed
from bottleneck.store.copying import in_pieces, write_rows
from bottleneck.store.damage import with_advice
from bottleneck.store.given_up import GiveUp
from bottleneck.store.log import DropSource, Log, ReplaceParts, SetSource
from bottleneck.store.snapshot import read_snapshot
from bottleneck.store.storage import storage_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bottleneck.core.portion import Portion
    from bottleneck.store.anew import Anew
    from bottleneck.store.checking import Checked
    from bottleneck.store.commit import Action, State
    from bottleneck.store.damage import BadPart, Damage
    from bottleneck.store.storage_protocol import Storage
    from bottleneck.store.store import Store

BY = "verify --repair"


def verify(path: Path, *, repair: bool = False, portion: Portion | None = None) -> dict[str, Any]:
    """Read every byte of a store; with `repair`, bring it back to a state without damage.

    Repairing loses only what is damaged. A damaged commit moves to log/damaged, and if it was the
    newest, the one before is the truth again. A part is replaced by one of its good rows. A source
    whose snapshot is damaged goes back to the newest one that can be read; where there is none it
    is forgotten (its rows stay, so extracting it again computes nothing). What only older commits
    name is recorded as given up. Of a store in a bucket, what is whole among this machine's copies
    is put back under its name, and nothing of it is lost. A damaged recipe of the newest commit
    cannot be repaired, for nothing else says what the rows are.

    Parameters
    ----------
    portion : check so much of the tables alone, other ones each time

    Returns
    -------
    dict
        commit, parts, rows (that were checked), damaged (a list of `Damage` as dicts), repaired
        (bool), rows_lost, to_compute (different images that the next extraction computes for
        that), sample (None, or how many files and bytes of how many were checked)
    """
    storage = storage_of(path)
    with storage.read_anew() as anew:
        return _verified(storage.root, anew, repair=repair, portion=portion)


def _verified(
    path: Path, anew: Anew | None, *, repair: bool, portion: Portion | None
) -> dict[str, Any]:
    seen = check(path, portion, anew)
    n_before = len(seen.found)
    if any(damage.what == "commit" for damage in seen.found):
        told = _commits(seen, repair=repair)
        if repair:  # the store is another one now
            seen = check(path, portion, anew)
        seen.found = [*told, *(damage for damage in seen.found if damage.what != "commit")]
    if repair and anew is not None:
        anew.put_back()
    store = _repaired(seen, seen.store) if repair and seen.store is not None else seen.store
    copied = {} if anew is None else anew.copied
    recipes = [damage for damage in seen.found if damage.what == "recipe"]
    beyond = any(not damage.commits and _table_of(damage) not in copied for damage in recipes)
    is_repaired = repair and bool(n_before) and store is not None and not beyond
    found = [with_advice(d, path, is_copied=_table_of(d) in copied) for d in seen.found]
    return {
        "commit": store.state.number if store else None,
        "parts": len(store.state.parts) if store else 0,
        "rows": seen.n_rows,
        "damaged": [damage.to_json() for damage in found],
        "repaired": is_repaired,
        "rows_lost": _rows_lost(seen),
        "to_compute": seen.to_compute,
        "sample": seen.sample,
    }


def _rows_lost(seen: Checked) -> int:
    """Return how many rows are gone: those of two parts that were swapped are still there."""
    left = sum(one.entry.rows - one.n_good for one in seen.bad_parts)
    return max(0, left) + sum(d.rows_lost for d in seen.found if d.what == "commit")


# --- commits ------------------------------------------------------------------------------------


def _commits(seen: Checked, *, repair: bool) -> list[Damage]:
    """Return the damaged commits and what is lost with them; with `repair` they move aside."""
    log, storage, told = Log(seen.path), storage_of(seen.path), []
    for damage in seen.found:
        if damage.what != "commit":
            continue
        number = int(damage.name[:8])
        if number > seen.newest:
            damage = _with_loss(damage, log.path(number), seen.states.get(seen.newest))
        told.append(damage)
        if repair:
            storage.move(log.name(number), _free_name(storage, number))
    return told


def _with_loss(damage: Damage, file: Path, before: State | None) -> Damage:
    """Say what a newest commit had recorded that the one before has not, if that can be read."""
    if before is None:
        return damage
    try:
        plain = json.loads(read_own(file, ""))
        rows = {str(part["name"]): int(part["rows"]) for part in plain["parts"]}
        by = str(plain["by"])
    except (DamagedError, OSError, ValueError, LookupError, TypeError, RecursionError):
        known = "what it recorded"
        return replace(damage, detail=f"{damage.detail}; {known} after commit {before.number}")
    old = {part.name: part.rows for part in before.parts}
    lost = sum(n for name, n in rows.items() if name not in old)
    lost -= sum(n for name, n in old.items() if name not in rows)
    said = f"{max(0, lost)} rows that {by} recorded after commit {before.number}"
    return replace(damage, detail=f"{damage.detail}; {said}", rows_lost=max(0, lost))


def _free_name(storage: Storage, number: int) -> str:
    """Return where a damaged commit goes: its number may have been damaged before."""
    name, again = f"log/damaged/{number:08d}.json", 1
    while storage.has(name):
        again += 1
        name = f"log/damaged/{number:08d}-{again}.json"
    return name


# --- tables -------------------------------------------------------------------------------------


def _table_of(damage: Damage) -> str:
    """Return the name in the store of what is damaged."""
    return f"{damage.what}s/{damage.name}"


def _repaired(seen: Checked, store: Store) -> Store:
    """Commit what becomes of damaged tables; ExpiredError where gc took what is to replace them."""
    with claimed(store.storage) as claim:
        parts = [ReplaceParts((one.entry.name,), _good_part(store, one)) for one in seen.bad_parts]
        claim.require([entry for action in parts for entry in action.new])
        actions = _actions(seen, parts)
        return store.commit(actions, BY) if actions else store


def _actions(seen: Checked, parts: Sequence[ReplaceParts]) -> list[Action]:
    assert seen.store is not None
    actions: list[Action] = [*parts]
    actions += [_restored(seen, name) for name in seen.bad_sources]
    lost = {f"parts/{one.entry.name}" for one in seen.bad_parts}
    lost |= {f"snapshots/{seen.store.state.sources[name].snapshot}" for name in seen.bad_sources}
    copied = {} if seen.anew is None else seen.anew.copied
    lost |= {_table_of(d) for d in seen.found if d.commits} - copied.keys()
    return [*actions, GiveUp(tuple(sorted(lost)))] if lost else actions


def _good_part(store: Store, one: BadPart) -> tuple[Any, ...]:
    """Publish a part of the good rows; nothing where there is none."""
    left = one.left
    if left is None or not len(left.good):
        return ()
    blocks = in_pieces(store, left.good, left.take)
    digests, sums = left.digests[left.good], left.checksums[left.good]
    return (write_rows(store, digests, sums, blocks, left.provenance),)


def _restored(seen: Checked, name: str) -> Action:
    """Return what becomes of a source whose snapshot is damaged."""
    assert seen.store is not None
    damaged = seen.states[seen.newest].sources[name].snapshot
    for _, state in sorted(seen.states.items(), reverse=True):
        entry = state.sources.get(name)
        if entry is not None and entry.snapshot != damaged:
            try:
                path = seen.store.storage.fetch(entry.table, entry.files)
                read_snapshot(path, entry)
            except DamagedError:
                continue
            return SetSource(name, damaged, entry)
    return DropSource(name, damaged)
