"""The history of a store: a line about each run, for people; nothing rests on it."""

from __future__ import annotations

import contextlib
import json
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.errors import DamagedError
from bottleneck.core.sealed import check_seal, read_own, with_checksum
from bottleneck.core.version import __version__
from bottleneck.store.storage import storage_of
from bottleneck.store.table import ADVICE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NAME = "history.jsonl"
LIBRARIES = ("keras", "tensorflow", "openvino")  # whose versions a provenance may name
# How a run ended, by its exit code; whatever else it is, it failed.
OUTCOMES = {0: "done", 7: "partial", 129: "stopped", 130: "stopped", 143: "stopped"}


def ended(
    entry: Mapping[str, Any], code: int = 0, computed_by: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return an entry with how its run ended: `time` (UTC), `host`, `versions`, `outcome`, `code`.

    Parameters
    ----------
    code : what the command ends with
    computed_by : provenance of what the run computed, whose versions are noted
    """
    outcome = "partial" if code == 0 and entry.get("partial") else OUTCOMES.get(code, "failed")
    return {
        **entry,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "versions": {
            "bottleneck": __version__,
            "python": platform.python_version(),
            **{key: computed_by[key] for key in LIBRARIES if computed_by and key in computed_by},
        },
        "outcome": outcome,
        "code": code,
    }


def note(store: Path, entry: Mapping[str, Any]) -> OSError | None:
    """Append a line where a store can be written; return why it could not be.

    What became of a run does not depend on whether that could be recorded. Where there is no commit
    there is no store, and nothing is made.
    """
    root = storage_of(store).root
    if not any((root / "log").glob("*.json")):
        return None
    try:
        append(root, entry)
    except OSError as error:
        return error
    return None


def append(store: Path, entry: Mapping[str, Any]) -> None:
    """Append one line about a run, with its checksum; OSError where that cannot be done.

    Where something that is no file has the name, it is left alone: nothing rests on that line.
    """
    files.append_line(store / NAME, json.dumps(with_checksum(entry)).encode())


def read(store: Path) -> list[dict[str, Any]]:
    """Return what is recorded of runs, the oldest first; a line that is not whole is skipped."""
    return list(newest_first(store))[::-1]


def newest_first(store: Path) -> Iterator[dict[str, Any]]:
    """Yield what is recorded of runs, the newest first; a line is checked when it is its turn."""
    try:
        data = read_own(store / NAME, ADVICE)
    except (FileNotFoundError, DamagedError):  # or a pipe, say, in its place: nobody wrote there
        return
    for line in reversed(data.splitlines()):
        with contextlib.suppress(DamagedError):
            entry = check_seal(line, store / NAME, ADVICE)
            yield {key: value for key, value in entry.items() if key != "checksum"}
