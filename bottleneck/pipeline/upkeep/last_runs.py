"""What the history says of the last runs of each source, and whether the last good one is too old.

A run is good when its command ended with 0. A run that failed before any source was known (the
store was held by another, or damaged) is the last run of every source.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bottleneck.store import history

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

KEYS = ("time", "outcome", "code", "computed", "error", "host")


def last_runs(store: Path, sources: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return `last_run` and `last_good_run` of each source, None where none is recorded.

    Extractions alone are counted. Lines are read from the end until all is known.
    """
    found: dict[str, dict[str, Any]] = {
        name: {"last_run": None, "last_good_run": None} for name in sources
    }
    for entry in history.newest_first(store):
        if all(runs["last_good_run"] for runs in found.values()):
            break
        if entry.get("verb") != "extract":
            continue
        for name, runs in found.items():
            if entry.get("source") not in (name, None):
                continue
            runs["last_run"] = runs["last_run"] or _run(entry)
            if not runs["last_good_run"] and not _code(entry) and entry.get("source") == name:
                runs["last_good_run"] = _run(entry)
    return found


def _code(entry: Mapping[str, Any]) -> int:
    code = entry.get("code", 0)  # what was recorded before codes were had ended well
    return code if isinstance(code, int) else 1


def _run(entry: Mapping[str, Any]) -> dict[str, Any]:
    seconds = entry.get("seconds")
    total = seconds.get("total") if isinstance(seconds, dict) else None
    at = timestamp(entry.get("time"))
    return {
        **{key: entry.get(key) for key in KEYS},
        "code": _code(entry),
        "seconds": total if isinstance(total, int | float) else None,
        "age_s": None if at is None else max(0.0, round(datetime.now(UTC).timestamp() - at, 1)),
    }


def timestamp(time: object) -> float | None:
    """Return the seconds since 1970 of a time as it is recorded; None where it is none."""
    try:
        return datetime.fromisoformat(str(time)).astimezone(UTC).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def with_age(
    check: Mapping[str, Any], runs: Mapping[str, Any], max_age_s: float | None
) -> dict[str, Any]:
    """Return what a check of a source found, and whether its last good run is too old."""
    if max_age_s is None:
        return dict(check)
    good = runs["last_good_run"]
    age = good["age_s"] if good else None
    too_old = age is None or age > max_age_s
    return {
        **check,
        "stale": bool(check["stale"]) or too_old,
        "age_s": age,
        "max_age_s": max_age_s,
        "too_old": too_old,
    }
