"""What people are told of past runs: a table of the history, the age of the last good one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.core import console
from bottleneck.core.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_RUNS = 30  # shown of a history; all of them stand in --json
HEADING = (
    "time", "verb", "source", "computed", "cached", "pending", "set aside", "seconds", "code",
    "outcome", "host",
)  # fmt: skip
UNITS = ((86400, "days"), (3600, "hours"), (60, "minutes"))


def history_lines(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the newest runs as a table, the oldest of them first."""
    if not entries:
        return ["no run is recorded"]
    shown = entries[-MOST_RUNS:]
    more = len(entries) - len(shown)
    first = [f"{more} older runs are in --json"] if more else []
    return [*first, *console.table([HEADING, *map(_row, shown)])]


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    seconds = entry.get("seconds")
    total = seconds.get("total") if isinstance(seconds, dict) else seconds
    known = {
        **entry,
        "set aside": entry.get("quarantined"),
        "seconds": f"{total:.1f}" if isinstance(total, int | float) else None,
        "outcome": _outcome(entry),
    }
    return tuple("-" if known.get(key) is None else printable(str(known[key])) for key in HEADING)


def _outcome(entry: Mapping[str, Any]) -> str | None:
    outcome, error = entry.get("outcome"), entry.get("error")
    return f"{outcome}: {error}" if outcome and error else outcome


def last_run_line(source: Mapping[str, Any]) -> list[str]:
    """Return when a source was last brought up to date, and how the last run failed if it did."""
    last, good = source["last_run"], source["last_good_run"]
    if last is None:
        return []
    found = f"last good run {age(good['age_s'])}" if good else "no good run is recorded"
    if not last["code"]:
        return [found]
    why = f": {printable(str(last['error']))}" if last.get("error") else ""
    return [f"{found}; the last run ended with code {last['code']}{why}"]


def age(seconds: float | None) -> str:
    """Return how long ago something was."""
    if seconds is None:
        return "at a time that is not recorded"
    for unit_s, unit in UNITS:
        if seconds >= 2 * unit_s:
            return f"{seconds / unit_s:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def age_words(check: Mapping[str, Any]) -> list[str]:
    """Return what was asked of the age of the last good run, and what it is."""
    if "max_age_s" not in check:
        return []
    limit = age(check["max_age_s"]).removesuffix(" ago")
    if check["age_s"] is None:
        return [f"no good run is recorded (wanted: one in {limit})"]
    old = f"too old: {limit} are allowed" if check["too_old"] else f"of {limit} that are allowed"
    return [f"last good run {age(check['age_s'])} ({old})"]
