"""Folders below a table that hold the files which are missing: for a message."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.sample import show_key
from bottleneck.data.table_names import Seeker

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_FOLDERS, _MOST_NAMES, _MOST_ROOTS, _DEPTH = 200, 2_000, 8, 3


def roots_of(keys: Sequence[bytes], own: bytes, seeker: Seeker) -> str:
    """Return `--root` for each folder below a table's own that holds some of these files.

    Nothing where most of them are in none, or they are in too many.
    """
    tried = keys[:: max(1, len(keys) // _MOST_NAMES)][:_MOST_NAMES]
    found: list[bytes] = []
    there: set[bytes] = set()
    for folder in _folders_below(own):
        alone = Seeker(encoding=seeker.encoding, where=seeker.where, folders=seeker.folders)
        here = {key for key in tried if _is_in(key, folder, alone)}
        if here - there:
            found.append(folder)
            there |= here
    if not found or len(found) > _MOST_ROOTS or 2 * len(there) < len(tried):
        return ""
    return " ".join(f"--root {shlex.quote(show_key(folder))}" for folder in found)


def _is_in(key: bytes, folder: bytes, seeker: Seeker) -> bool:
    try:
        return seeker.find(key, [folder]) is not None
    except DataError:  # two fit: it is there
        return True


def _folders_below(own: bytes) -> list[bytes]:
    """Return folders in the order of their depth."""
    found: list[bytes] = []
    level = [own]
    for _ in range(_DEPTH):
        below: list[bytes] = []
        for folder in level:
            try:
                with os.scandir(folder) as entries:
                    below += sorted(e.path for e in entries if e.is_dir() and e.name[:1] != b".")
            except OSError:
                continue
            if len(below) > _MOST_FOLDERS:
                return found
        found += below
        level = below
    return found
