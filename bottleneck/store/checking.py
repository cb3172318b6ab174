"""Checking a store: every byte that a commit names, the newest or an older one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.core.recipe import read_recipe_file
from bottleneck.core.sealed import check_seal, read_own
from bottleneck.core.strict_json import parse
from bottleneck.store.damage import BadPart, Damage, part_damages
from bottleneck.store.given_up import given_up
from bottleneck.store.inventory import check_files, n_bytes
from bottleneck.store.log import Log
from bottleneck.store.part import Part
from bottleneck.store.rotation import rotation
from bottleneck.store.salvage import salvage
from bottleneck.store.snapshot import read_snapshot
from bottleneck.store.storage import storage_of
from bottleneck.store.store import Store
from bottleneck.store.table import ADVICE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bottleneck.core.portion import Portion
    from bottleneck.core.recipe import Recipe
    from bottleneck.store.anew import Anew
    from bottleneck.store.commit import State
    from bottleneck.store.part import PartEntry
    from bottleneck.store.snapshot import SnapshotEntry


_WITH_COPY = "in the bucket; this machine has a good copy"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Named:
    """A table that commits name: the last entry there is of it, and the numbers of the commits."""

    entry: PartEntry | SnapshotEntry
    recipe: str
    numbers: list[int]


@dataclass(slots=True, eq=False)
class Checked:
    """What a check saw of a store.

    Attributes
    ----------
    anew : of a store in a bucket, what came from there, and which copies are good
    states : the commits that can be read, by number
    store : the newest of them; None where there is none, or its recipe is damaged
    bad_parts : of that store
    bad_sources : of that store, those whose snapshot is damaged
    found : all damage
    to_compute : how many different images have lost their row
    """

    path: Path
    anew: Anew | None = None
    states: dict[int, State] = field(default_factory=dict)
    store: Store | None = None
    n_rows: int = 0
    bad_parts: list[BadPart] = field(default_factory=list)
    bad_sources: list[str] = field(default_factory=list)
    found: list[Damage] = field(default_factory=list)
    sample: dict[str, int] | None = None
    to_compute: int = 0

    @property
    def newest(self) -> int:
        """The number of the newest commit that can be read; 0 where none can."""
        return max(self.states, default=0)


def check(path: Path, portion: Portion | None = None, anew: Anew | None = None) -> Checked:
    """Check a store, or of its tables a portion: those that were not checked for longest."""
    seen = Checked(path, anew)
    _commits(seen)
    recipes = _recipes(seen)
    tables = _tables(seen)
    memory = rotation(path / "derived")
    chosen = set(tables)
    if portion is not None:
        sizes = {name: _n_bytes(named) for name, named in tables.items()}
        chosen = memory.choose(sizes, portion)
        seen.sample = {
            "files": len(chosen),
            "of_files": len(sizes),
            "bytes": sum(sizes[name] for name in chosen),
            "of_bytes": sum(sizes.values()),
        }
    damaged = [
        name for name in tables if name in chosen and not _table(seen, name, tables[name], recipes)
    ]
    if portion is not None:
        memory.save(chosen, damaged, tables)
    if seen.store is not None:
        damages, seen.to_compute = part_damages(seen.store, seen.bad_parts)
        seen.found += damages
    return seen


# --- commits and recipes ------------------------------------------------------------------------


def _commits(seen: Checked) -> None:
    log = Log(seen.path)
    for number in log.numbers():
        try:
            data = log.data(number)
            state = log.at(number)
            if not _is_as_written(data, sort_keys=False, ensure_ascii=True):
                raise DamagedError("not spelled as it was written", log.path(number), ADVICE)
        except FileNotFoundError:
            continue  # collected meanwhile
        except (DamagedError, UsageError) as error:
            if isinstance(error, UsageError) and _is_sealed(data):
                raise  # a newer program wrote it
            seen.found.append(Damage(what="commit", name=log.path(number).name, detail=error.what))
        else:
            seen.states[number] = state
    for number, state in list(seen.states.items()):
        before = seen.states.get(number - 1)
        if before is not None and before.checksum != state.parent:
            name, detail = log.path(number - 1).name, f"is not what commit {number} came after"
            seen.found.append(Damage(what="commit", name=name, detail=detail))
            del seen.states[number - 1]


def _is_sealed(data: bytes) -> bool:
    """Whether bytes are what somebody wrote, whatever version they say: their checksum is right."""
    try:
        check_seal(data, "", ADVICE)
    except DamagedError:
        return False
    return True


def _is_as_written(data: bytes, *, sort_keys: bool, ensure_ascii: bool) -> bool:
    """Whether bytes are what writing their content gives: a checksum covers the content alone."""
    spelled = json.dumps(parse(data), indent=1, sort_keys=sort_keys, ensure_ascii=ensure_ascii)
    text = f"{spelled}\n"
    return text.encode() == data


def _recipes(seen: Checked) -> dict[str, Recipe]:
    """Return the recipes that can be read, by id; damage of the others is found."""
    numbers: dict[str, list[int]] = {}
    for number, state in sorted(seen.states.items()):
        numbers.setdefault(state.recipe, []).append(number)
    passed = given_up(seen.states.values())
    recipes = {}
    for recipe_id, named in numbers.items():
        name = f"{recipe_id}.json"
        file = storage_of(seen.path).fetch(f"recipes/{name}")
        try:
            recipes[recipe_id] = _recipe(file, recipe_id)
            if seen.anew is not None:
                seen.anew.take(f"recipes/{name}")
        except (DamagedError, FileNotFoundError) as error:
            is_current = seen.newest in named
            if not is_current and not _is_there(seen.path, named):
                continue  # it was collected with its commits while this ran
            copy = _copied_recipe(seen, recipe_id)
            if copy is not None:
                recipes[recipe_id] = copy
                seen.found.append(
                    Damage(what="recipe", name=name, detail=f"damaged or lost {_WITH_COPY}")
                )
            elif is_current or f"recipes/{name}" not in passed:
                detail = error.what if isinstance(error, DamagedError) else "the file is missing"
                commits = [] if is_current else [named[0], named[-1]]
                seen.found.append(Damage(what="recipe", name=name, detail=detail, commits=commits))
    newest = seen.states.get(seen.newest)
    if newest is not None and newest.recipe in recipes:
        seen.store = Store(seen.path, newest)
    return recipes


def _recipe(file: Path, recipe_id: str) -> Recipe:
    """Return a recipe; DamagedError or FileNotFoundError where it is not as it was written."""
    data = read_own(file, ADVICE)
    recipe, _ = read_recipe_file(data, recipe_id, file)
    if not _is_as_written(data, sort_keys=True, ensure_ascii=False):
        raise DamagedError("not spelled as it was written", file, ADVICE)
    return recipe


def _copied_recipe(seen: Checked, recipe_id: str) -> Recipe | None:
    """Return a recipe that is damaged in a bucket by this machine's good copy; None without one."""
    name = f"recipes/{recipe_id}.json"
    if seen.anew is None:
        return None
    try:
        found = _recipe(seen.path / name, recipe_id)
    except (DamagedError, FileNotFoundError):
        return None
    seen.anew.take_copy(name)
    return found


# --- tables -------------------------------------------------------------------------------------


def _tables(seen: Checked) -> dict[str, Named]:
    """Return every table that a commit names, by room and name, but what was given up."""
    tables: dict[str, Named] = {}
    for number, state in sorted(seen.states.items()):
        named = [(f"parts/{entry.name}", entry) for entry in state.parts]
        pairs: list[tuple[str, PartEntry | SnapshotEntry]] = [
            *named,
            *((f"snapshots/{entry.snapshot}", entry) for entry in state.sources.values()),
        ]
        for name, entry in pairs:
            numbers = tables[name].numbers if name in tables else []
            if number not in numbers:
                numbers.append(number)
            tables[name] = Named(entry=entry, recipe=state.recipe, numbers=numbers)
    passed = given_up(seen.states.values())
    return {
        name: named
        for name, named in tables.items()
        if name not in passed or seen.newest in named.numbers
    }


def _n_bytes(named: Named) -> int:
    return n_bytes(named.entry.files)


def _table(seen: Checked, name: str, named: Named, recipes: Mapping[str, Recipe]) -> bool:
    """Check a table; return whether it is whole. What is wrong is noted."""
    path = storage_of(seen.path).fetch(name, named.entry.files)
    try:
        if name.startswith("parts/"):
            return _part(seen, path, named, recipes.get(named.recipe))
        read_snapshot(path, named.entry)  # type: ignore[arg-type]  # by its room
    except DamagedError as error:
        if not _is_there(seen.path, named.numbers):
            return True  # it was collected with its commits while this ran
        if _has_copy(seen, named, error.what):
            return False
        _snapshot_damage(seen, path.name, named, error.what)
        return False
    return True


def _has_copy(seen: Checked, named: Named, detail: str) -> bool:
    """Note a damaged table of which this machine has a good copy; return whether it has one."""
    entry = named.entry
    if seen.anew is None or not seen.anew.has_good_copy(entry.table, entry.files):
        return False
    seen.anew.copied[entry.table] = entry.files
    what, _, name = entry.table.partition("/")
    detail = f"{detail} {_WITH_COPY}"
    is_current = seen.newest in named.numbers
    commits = [] if is_current else [named.numbers[0], named.numbers[-1]]
    damage = Damage(what=what.removesuffix("s"), name=name, detail=detail, commits=commits)
    seen.found.append(damage)
    return True


def _is_there(path: Path, numbers: list[int]) -> bool:
    """Whether any of these commits is still in the log."""
    log = Log(path)
    return any(log.has(number) for number in numbers)


def _snapshot_damage(seen: Checked, name: str, named: Named, detail: str) -> None:
    if seen.newest not in named.numbers:
        commits = [named.numbers[0], named.numbers[-1]]
        seen.found.append(Damage(what="snapshot", name=name, detail=detail, commits=commits))
        return
    for source, entry in seen.states[seen.newest].sources.items():
        if entry.snapshot == name:
            seen.bad_sources.append(source)
            seen.found.append(Damage(what="snapshot", name=f"{source} ({name})", detail=detail))


def _part(seen: Checked, path: Path, named: Named, recipe: Recipe | None) -> bool:
    entry: Any = named.entry
    is_current = seen.newest in named.numbers
    seen.n_rows += entry.rows if is_current else 0
    detail = ""
    try:
        check_files(path, entry.files)
    except DamagedError as error:
        detail = error.what
    if recipe is None and not detail:
        return True  # what the rows are, nothing says; their bytes are those that were written
    if recipe is not None and not detail:
        try:
            part = Part(path, entry, named.recipe, recipe.rows)
            if len(part.good_rows()) == entry.rows and len(part.digests) == entry.rows:
                return True
            detail = "rows do not match their checksums"
        except DamagedError as error:
            detail = error.what
    if not _is_there(seen.path, named.numbers):
        return True
    if _has_copy(seen, named, detail):
        return False
    if is_current and recipe is not None:
        left = salvage(path, entry, named.recipe, recipe.rows)
        seen.bad_parts.append(BadPart(entry=entry, detail=detail, left=left))
    else:
        commits = [] if is_current else [named.numbers[0], named.numbers[-1]]
        seen.found.append(Damage(what="part", name=entry.name, detail=detail, commits=commits))
    return False
