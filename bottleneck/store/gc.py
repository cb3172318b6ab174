"""Garbage collection: dead rows, what no commit within the grace refers to, and leftovers.

Names are unique to each write, so nothing that is deleted here can be what somebody is about to
refer to, unless it is younger than the grace. A commit is as old as the one that superseded it
(`Log.superseded`): a reader may have opened it until then. Age is what the file system says of a
file; should its clock be wrong, something is kept too long, or a reader that opened an old commit
finds it expired: never a wrong row.

Rows go first, by a commit of their own (`dead.py`), and small parts become large ones by another.
The parts that were replaced are older commits' from then on, and go like anything of theirs, after
the grace.
"""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.errors import DamagedError
from bottleneck.store.claim import ROOM as CLAIMS
from bottleneck.store.claim import is_claimed
from bottleneck.store.dead import drop_dead, find_dead
from bottleneck.store.fold import fold, foldable
from bottleneck.store.log import Log
from bottleneck.store.snapshot import read_snapshot
from bottleneck.store.storage import storage_of
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from bottleneck.store.commit import State
    from bottleneck.store.snapshot import SnapshotEntry

GRACE_S = 24 * 3600.0
MANY_FOR_GC = 1  # small parts that may stay: a run folds when it must, gc because it may
STATS = ("stats-*.bin", "heads-*.bin")  # in derived/: what is known of the files of a source
# Exactly the names that are given to what is not finished: a run may be called tmp-1 by its user.
_LEFTOVER = re.compile(rf"{re.escape(files.TEMPORARY_PREFIX)}[0-9a-f]{{32}}(\..*)?")


def gc(
    path: Path,
    *,
    grace_s: float = GRACE_S,
    dry_run: bool = False,
    derived_of: Callable[[Mapping[str, Any]], str] | None = None,
) -> dict[str, Any]:
    """Drop dead rows, fold, and delete old commits, what only they refer to, and leftovers.

    Parameters
    ----------
    grace_s : below zero: nobody else is at work, and no file is too young
    derived_of : from a source's spec to the name of its file in `derived/`; such files of sources
        that nothing refers to go too

    Returns
    -------
    dict
        deleted (relative names) and their bytes; rows that were dropped and about how many bytes
        they are; rows_left, dead ones whose part is needed for the most; unread, the sources that
        keep every row because some of their images were not read yet; folded, small parts that
        became larger ones; claimed, whether what no commit names stays because another command may
        be about to name it; commit

    Raises
    ------
    DamagedError
        When what is needed cannot be known for damage. Nothing was deleted.
    """
    before = time.time() - grace_s
    path = storage_of(path).root
    if dry_run:
        store = Store.open(path)
        dead = find_dead(store, before)
    else:
        dead, store = drop_dead(path, before)
    n_folded = sum(map(len, foldable(store, MANY_FOR_GC)))
    if not dry_run:
        store = fold(store, many=MANY_FOR_GC)
    doomed, claimed = _settled(path, grace_s, derived_of)
    n_bytes = sum(store.storage.n_bytes(name) for name in doomed)
    if not dry_run:
        store.storage.delete(*doomed)
    return {
        "deleted": doomed,
        "bytes": n_bytes,
        "rows": dead.n_dropped,
        "row_bytes": dead.n_bytes,
        "rows_left": dead.n_left,
        "unread": list(dead.unread),
        "folded": n_folded,
        "claimed": claimed,
        "commit": store.state.number,
        "dry_run": dry_run,
    }


def _settled(
    path: Path,
    grace_s: float,
    derived_of: Callable[[Mapping[str, Any]], str] | None,
) -> tuple[list[str], bool]:
    """Return what is to be deleted, and whether somebody claims what no commit names.

    Where a claim or a commit comes in between, it is looked for again. Claims are asked for before
    the commit: one that is gone by then has a commit that names what it held.
    """
    log, claimed = Log(path), False
    before = time.time() - grace_s
    # However short the grace: what no commit names may be what somebody is about to name. A run
    # of a head, and an extraction with --no-lock, publish while gc is at work.
    least_age_s = storage_of(path).least_age_s
    unnamed_before = min(before, time.time() - least_age_s) if grace_s >= 0 else before
    while True:
        newest = log.newest()
        with contextlib.suppress(FileNotFoundError):  # a commit that another gc deleted meanwhile
            doomed = list(dict.fromkeys(_doomed(path, log, before, unnamed_before, derived_of)))
            if not claimed and grace_s >= 0 and is_claimed(storage_of(path)):
                claimed, unnamed_before = True, 0.0
            elif log.numbers()[-1] == newest.number:
                return doomed, claimed


def _doomed(
    path: Path,
    log: Log,
    before: float,
    unnamed_before: float,
    derived_of: Callable[[Mapping[str, Any]], str] | None,
) -> Iterator[str]:
    storage = storage_of(path)
    superseded = set(log.superseded(before))
    kept, passed = _Named(), _Named()
    for number in log.numbers():
        if number in superseded:
            yield log.name(number)
            with contextlib.suppress(DamagedError):
                passed.add(log.at(number))
        else:
            kept.add(log.at(number))
    # Recipes first: until they are gone, who comes now may set one, whose claim is too late.
    for room in ("recipes", "parts", "snapshots", CLAIMS):
        for name, modified in storage.entries(room):
            # A recipe that older commits name may be set again: its name is that of its content.
            is_passed = name in passed.files and room != "recipes"
            since = before if is_passed else unnamed_before
            if name not in kept.files and modified < since:
                yield f"{room}/{name}"
    for name, modified in storage.entries("log/damaged"):
        if modified < before:
            yield f"log/damaged/{name}"
    ours = [*_leftovers(path, unnamed_before), *_underived(path, kept, before, derived_of)]
    yield from (file.relative_to(path).as_posix() for file in ours)


@dataclass(slots=True)
class _Named:
    """What commits refer to; they themselves, of which a day may have 1,440, are not kept."""

    files: set[str] = field(default_factory=set)
    recipes: set[str] = field(default_factory=set)
    snapshots: dict[str, SnapshotEntry] = field(default_factory=dict)

    def add(self, state: State) -> None:
        self.files.update(part.name for part in state.parts)
        self.files.update(entry.snapshot for entry in state.sources.values())
        self.files.add(f"{state.recipe}.json")
        self.recipes.add(state.recipe)
        self.snapshots.update((entry.snapshot, entry) for entry in state.sources.values())


def _leftovers(path: Path, before: float) -> Iterator[Path]:
    """Yield what killed runs had not finished."""
    rooms = ("parts", "snapshots", "recipes", "runs", "unsent", "log", "derived")
    for pattern in ("tmp-*", *(f"{room}/tmp-*" for room in rooms), "derived/*/*/tmp-*"):
        for file in sorted(path.glob(pattern)):
            if _LEFTOVER.fullmatch(file.name) and all(
                _is_old(each, before) for each in (file, *file.rglob("*"))
            ):
                yield file


def _underived(
    path: Path,
    named: _Named,
    before: float,
    derived_of: Callable[[Mapping[str, Any]], str] | None,
) -> Iterator[Path]:
    """Yield what was derived for recipes and sources that nothing refers to."""
    recipes = {recipe[:16] for recipe in named.recipes}
    for folder in sorted((path / "derived").glob("*/*")):  # derived/ENGINE/RECIPE
        if folder.name not in recipes and _is_old(folder, before):
            yield folder
    found = sorted(file for pattern in STATS for file in (path / "derived").glob(pattern))
    suspects = [file for file in found if _is_old(file, before)]
    if derived_of is not None and suspects:  # reading snapshots is not free
        in_use = {_of_source(derived_of(spec)) for spec in _specs(path, named)}
        yield from (file for file in suspects if _of_source(file.name) not in in_use)


def _specs(path: Path, named: _Named) -> Iterator[Mapping[str, Any]]:
    """Yield the description of each source, as far as it can be read: what is derived is cheap."""
    for entry in named.snapshots.values():
        with contextlib.suppress(DamagedError):
            yield read_snapshot(storage_of(path).fetch(entry.table, entry.files), entry).spec


def _is_old(file: Path, before: float) -> bool:
    try:
        return file.lstat().st_mtime < before
    except FileNotFoundError:
        return False


def _of_source(name: str) -> str:
    """Return the part of a name in `derived/` that says of which source it is."""
    return name.partition("-")[2]
