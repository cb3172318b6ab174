"""Which run a command means: a folder, a name, or the last one that was finished."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bottleneck.core.errors import UsageError
from bottleneck.core.reporter import SILENT
from bottleneck.heads.run import LAST, finished_at
from bottleneck.pipeline.extraction.sources import the_one_store
from bottleneck.store.storage import storage_of
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from bottleneck.core.reporter import Reporter

TRAIN_FIRST = "run bottleneck train first"


def find_run(named: str, cache: Path | None = None, reporter: Reporter = SILENT) -> Path:
    """Return the folder of a run.

    Parameters
    ----------
    named : its path; its name; or `last`, the newest run that was finished, and no folder of that
        name (`./last` is one)
    cache : the store whose runs are meant. None: for a name, those of all stores below cache/; for
        `last`, the one store there
    reporter : is told which run the last one is

    Raises
    ------
    UsageError
        When there is none, or several of that name, or two that are the last.
    """
    path = Path(named)
    if ":/" in named and path.parent.name == "runs":  # of a store in a bucket
        return _called(path.name, storage_of(path.parent.parent).fetch_runs(), path.parent)
    if named == LAST:
        last = last_run(cache or the_one_store())
        reporter.say(f"the last run is {last}")
        return last
    if path.exists() or len(path.parts) != 1:
        return path
    if cache is not None:
        return _called(named, runs_of(cache), cache / "runs")
    found = sorted(run for run in Path("cache").glob("*/runs/*") if run.name == named)
    if len(found) != 1:
        where = ", ".join(map(str, found)) or "no folder, nor below cache/*/runs/"
        raise UsageError(f"which run is {named!r}?", where, "give the path of its folder")
    return found[0]


def _called(name: str, runs: list[Path], where: Path) -> Path:
    """Return the one of these runs that has a name; UsageError where none has it."""
    for run in runs:
        if run.name == name:
            return run
    listed = ", ".join(run.name for run in runs) or "none"
    do = "name one that is there, or give the path of its folder"
    raise UsageError(f"which run is {name!r}?", f"{where} has {listed}", do)


def runs_of(cache: Path) -> list[Path]:
    """Return the folders of the finished runs of a store, by name; UsageError where no store is."""
    return Store.open(cache).storage.fetch_runs()


def last_run(cache: Path) -> Path:
    """Return the newest finished run of a store, by what the receipts say of their time.

    Raises
    ------
    UsageError
        When there is no run, or when two are as new as each other (one is a copy, say).
    """
    times = {run: finished_at(run) for run in runs_of(cache)}
    if not times:
        raise UsageError("no run yet", cache, TRAIN_FIRST)
    newest = max(times.values())
    found = [run for run, time in times.items() if time == newest]
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} runs are the last", ", ".join(map(str, found)), "name one of them"
        )
    return found[0]
