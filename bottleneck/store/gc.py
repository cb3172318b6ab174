"""Garbage collection: what no commit within the grace refers to, and nothing younger than it.

Names are unique to each write, so nothing that is deleted here can be what somebody is about to
refer to, unless it is younger than the grace. A commit is as old as the one that superseded it
(`Log.superseded`): a reader may have opened it until then. Age is what the file system says of a
file; should its clock be wrong, something is kept too long, or a reader that opened an old commit
finds it expired: never a wrong row.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.store.log import Log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GRACE_S = 24 * 3600.0


def gc(path: Path, *, grace_s: float = GRACE_S, dry_run: bool = False) -> dict[str, Any]:
    """Delete old commits and what only they refer to, and leftovers of killed runs.

    Returns
    -------
    dict
        deleted (relative names), bytes
    """
    while True:
        log = Log(path)
        newest = log.newest()
        before = time.time() - grace_s
        doomed = list(_doomed(path, log, before))
        if log.numbers()[-1] == newest.number:  # else a commit came in between: look again
            break
    n_bytes = sum(_size(file) for file in doomed)
    if not dry_run:
        for file in doomed:
            files.delete(file)
    return {
        "deleted": [file.relative_to(path).as_posix() for file in doomed],
        "bytes": n_bytes,
        "dry_run": dry_run,
    }


def _doomed(path: Path, log: Log, before: float) -> Iterator[Path]:
    kept: set[str] = set()
    superseded = set(log.superseded(before))
    for number in log.numbers():
        if number in superseded:
            yield log.path(number)
            continue
        state = log.at(number)
        kept |= {part.name for part in state.parts}
        kept |= {entry.snapshot for entry in state.sources.values()}
        kept.add(f"{state.recipe}.json")
    for room in ("parts", "snapshots", "recipes", "runs", "log", "derived"):
        for file in sorted((path / room).glob("*")):
            leftover = file.name.startswith(files.TEMPORARY_PREFIX)
            unreferenced = room in ("parts", "snapshots", "recipes") and file.name not in kept
            if (leftover or unreferenced) and _is_old(file, before):
                yield file
    recipes = {name[:16] for name in kept if name.endswith(".json")}
    for folder in sorted((path / "derived").glob("*/*")):  # derived/ENGINE/RECIPE
        if folder.name not in recipes and _is_old(folder, before):
            yield folder


def _is_old(file: Path, before: float) -> bool:
    try:
        return file.stat().st_mtime < before
    except FileNotFoundError:
        return False


def _size(file: Path) -> int:
    if file.is_dir():
        return sum(inner.stat().st_size for inner in file.rglob("*") if inner.is_file())
    return file.stat().st_size
