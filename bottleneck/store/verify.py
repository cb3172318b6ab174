"""Verify: every byte against what was written; repair: keep what is good, say what is lost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.errors import DamagedError
from bottleneck.store.inventory import check_files
from bottleneck.store.log import DropSource, Log, ReplaceParts
from bottleneck.store.part import Part
from bottleneck.store.snapshot import read_snapshot
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.store.commit import Action
    from bottleneck.store.part import PartEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One thing whose bytes are not those that were written."""

    what: str  # commit, recipe, part or snapshot
    name: str
    detail: str
    rows_lost: int = 0


def verify(path: Path, *, repair: bool = False) -> dict[str, Any]:
    """Read every byte of a store; with `repair`, bring it back to a state without damage.

    Repairing loses only what is damaged: a newest commit moves to log/damaged and the one before
    is the truth again; a part is replaced by one of its good rows; a source whose snapshot is
    damaged is forgotten, its rows stay (extracting it again computes nothing). A damaged recipe
    cannot be repaired, for nothing else says what the rows are.

    Returns
    -------
    dict
        commit, parts, rows, damaged (a list of `Damage` as dicts), repaired (bool)
    """
    found = list(_commits(path, repair=repair))
    store = None
    n_rows = 0
    try:
        store = Store(path, Log(path).newest())
    except DamagedError as error:
        if not any(damage.what == "commit" for damage in found):
            found.append(Damage(what="recipe", name=str(error.where), detail=error.what))
    actions: list[Action] = []
    if store is not None:
        for entry in store.state.parts:
            n_rows += entry.rows
            damage, good = _part(store, entry)
            if damage is not None:
                found.append(damage)
                if repair:
                    actions.append(_without_bad(store, entry, good))
        for name in store.source_names:
            damage = _snapshot(store, name)
            if damage is not None:
                found.append(damage)
                actions.append(DropSource(name, store.state.sources[name].snapshot))
    can_repair = all(damage.what != "recipe" for damage in found) and store is not None
    if repair and actions and store is not None:
        store = store.commit(actions, "verify --repair")
    return {
        "commit": store.state.number if store else None,
        "parts": len(store.state.parts) if store else 0,
        "rows": n_rows,
        "damaged": [asdict(damage) for damage in found],
        "repaired": bool(repair and found and can_repair),
    }


def _commits(path: Path, *, repair: bool) -> Iterator[Damage]:
    """Check every commit; with `repair`, damaged ones move to log/damaged."""
    log = Log(path)
    for number in reversed(log.numbers()):
        try:
            log.at(number)
        except DamagedError as error:
            yield Damage(what="commit", name=log.path(number).name, detail=error.what)
            if repair:
                files.move(log.path(number), _free_name(log.folder / "damaged", number))


def _free_name(folder: Path, number: int) -> Path:
    """Return where a damaged commit goes: its number may have been damaged before."""
    path, again = folder / f"{number:08d}.json", 1
    while path.exists():
        again += 1
        path = folder / f"{number:08d}-{again}.json"
    return path


def _part(store: Store, entry: PartEntry) -> tuple[Damage | None, NDArray[np.int64] | None]:
    """Return what is wrong with a part, and which of its rows are good (None: none can be read)."""
    path = store.path / "parts" / entry.name
    try:
        check_files(path, entry.files)
        detail = ""
    except DamagedError as error:
        detail = error.what
    try:
        part = Part(path, entry, store.state.recipe, store.recipe.rows)
        good = part.good_rows()
        n_bad = entry.rows - len(good)
    except DamagedError as error:
        return (
            Damage(what="part", name=entry.name, detail=error.what, rows_lost=entry.rows),
            None,
        )
    if not detail and not n_bad:
        return None, None
    detail = detail or "rows do not match their checksums"
    return Damage(what="part", name=entry.name, detail=detail, rows_lost=n_bad), good


def _without_bad(store: Store, entry: PartEntry, good: NDArray[np.int64] | None) -> ReplaceParts:
    if good is None or not len(good):
        return ReplaceParts((entry.name,), ())
    path = store.path / "parts" / entry.name
    part = Part(path, entry, store.state.recipe, store.recipe.rows)
    digests, rows = part.salvage(good)
    return ReplaceParts((entry.name,), (store.write_part(digests, rows, part.provenance),))


def _snapshot(store: Store, name: str) -> Damage | None:
    entry = store.state.sources[name]
    try:
        read_snapshot(store.path / "snapshots" / entry.snapshot, entry)
    except DamagedError as error:
        return Damage(what="snapshot", name=f"{name} ({entry.snapshot})", detail=error.what)
    return None
