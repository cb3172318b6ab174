"""The history of a store: a line about each run, for people; nothing rests on it."""

from __future__ import annotations

import contextlib
import json
import logging
from typing import TYPE_CHECKING, Any

from bottleneck.core import files
from bottleneck.core.errors import DamagedError
from bottleneck.core.sealed import check_seal, read_own, with_checksum
from bottleneck.store.table import ADVICE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger(__name__)
NAME = "history.jsonl"


def append(store: Path, entry: Mapping[str, Any]) -> None:
    """Append one line about a run, with its checksum.

    Where something that is no file has the name, it is left alone and a warning says so: the run
    itself is done, and nothing rests on its line.
    """
    try:
        files.append_line(store / NAME, json.dumps(with_checksum(entry)).encode())
    except files.NotAFileError as error:
        log.warning("%s %s, so this run is not recorded there", store / NAME, error.strerror)


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
