"""The history of a store: a line about each run, for people; nothing rests on it."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.errors import DamagedError
from bottleneck.core.sealed import check_seal, read_own, with_checksum
from bottleneck.core.spare import spared
from bottleneck.store.table import ADVICE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "history.jsonl"


def append(store: Path, entry: Mapping[str, Any]) -> None:
    """Append one line about a run, with its checksum; where that cannot be done, it is said.

    Where something that is no file has the name, it is left alone: nothing rests on that line.
    """
    path = store / NAME
    with spared(path):
        files.append_line(path, json.dumps(with_checksum(entry)).encode())


def read(store: Path) -> list[dict[str, Any]]:
    """Return what is recorded of runs, the oldest first; a line that is not whole is skipped."""
    try:
        data = read_own(store / NAME, ADVICE)
    except (FileNotFoundError, DamagedError):  # or a pipe, say, in its place: nobody wrote there
        return []
    found = []
    for line in data.splitlines():
        with contextlib.suppress(DamagedError):
            entry = check_seal(line, store / NAME, ADVICE)
            found.append({key: value for key, value in entry.items() if key != "checksum"})
    return found
