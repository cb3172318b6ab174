"""Folders below a table, or around it, that hold the files which are missing: for a message."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.sample import show_key
from bottleneck.data.table_names import Seeker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MOST_DIGITS = 13
_MOST_FOLDERS, _MOST_NAMES, _MOST_ROOTS, _DEPTH = 200, 2_000, 8, 3


def roots_of(names: Iterable[Sequence[bytes]], own: bytes, seeker: Seeker) -> str:
    """Return `--root` for each folder below a table's own, or around it, that holds these files.

    Nothing where most of them are in none, or they are in too many.

    Parameters
    ----------
    names : of the files, as they stand and then without what they begin with
    """
    around = [*_around(own)]
    each = (
        (keys[:: max(1, len(keys) // _MOST_NAMES)][:_MOST_NAMES], folders)
        for keys in names
        for folders in (_folders_below(own), around)
    )
    return next((found for tried, folders in each if (found := _roots(tried, folders, seeker))), "")


def _roots(tried: Sequence[bytes], folders: Iterable[bytes], seeker: Seeker) -> str:
    found: list[bytes] = []
    there: set[bytes] = set()
    for folder in folders:
        alone = Seeker(encoding=seeker.encoding, where=seeker.where, folders=seeker.folders)
        here = {key for key in tried if _is_in(key, folder, alone)}
        if here - there:
            found.append(folder)
            there |= here
    if not found or len(found) > _MOST_ROOTS or 2 * len(there) < len(tried):
        return ""
    return " ".join(f"--root {shlex.quote(show_key(folder))}" for folder in found)


def zeros_lost(key: bytes, roots: Sequence[bytes], seeker: Seeker) -> bytes | None:
    """Return a file that a number with zeros before it names, where the number alone does not."""
    number = key.strip()
    if not number.isdigit():
        return None
    padded = (number.zfill(width) for width in range(len(number) + 1, _MOST_DIGITS))
    return next((name for name in padded for root in roots if _is_in(name, root, seeker)), None)


def _is_in(key: bytes, folder: bytes, seeker: Seeker) -> bool:
    try:
        return seeker.find(key, [folder]) is not None
    except DataError:  # two fit: it is there
        return True


def _around(own: bytes) -> Iterator[bytes]:
    """Yield the two folders around a table's own, each with those in it."""
    for above in (os.path.dirname(own), os.path.dirname(os.path.dirname(own))):  # noqa: PTH120
        yield above
        yield from _in(above)[:_MOST_FOLDERS]


def _in(folder: bytes) -> list[bytes]:
    try:
        with os.scandir(folder) as entries:
            return sorted(e.path for e in entries if e.is_dir() and e.name[:1] != b".")
    except OSError:
        return []


def _folders_below(own: bytes) -> list[bytes]:
    """Return folders in the order of their depth."""
    found: list[bytes] = []
    level = [own]
    for _ in range(_DEPTH):
        below: list[bytes] = []
        for folder in level:
            below += _in(folder)
            if len(below) > _MOST_FOLDERS:
                return found
        found += below
        level = below
    return found
