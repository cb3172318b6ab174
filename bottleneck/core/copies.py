"""Copies of what lies elsewhere, on this disk: they have their names whole, or not at all.

Nothing rests on them, so nothing here is made durable: what is lost is fetched again. But others
may be reading them, and a half one must not pass for a whole one.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from bottleneck.core import files

if TYPE_CHECKING:
    from pathlib import Path


def take_place(temporary: Path, path: Path, *, is_anew: bool = False) -> None:
    """Give a finished copy its name; it need not be durable.

    A file takes the place of an older one. A folder that is there stays, as others may be opening
    what is in it, unless the copy is made `anew`: then it gives way in one step.
    """
    if is_anew and path.is_dir():
        discard(path)
    try:
        os.replace(temporary, path)  # noqa: PTH105 - as files.py does
    except OSError:
        if not path.is_dir():  # another process made the same copy meanwhile
            raise
        files.delete(temporary)


def discard(path: Path) -> None:
    """Delete a copy so that no half of it ever has its name, whenever this is stopped."""
    aside = files.temporary_name(path.parent, path.suffix)
    with contextlib.suppress(FileNotFoundError):
        os.replace(path, aside)  # noqa: PTH105 - as files.py does
        files.delete(aside)


def set_age(path: Path, modified: float) -> None:
    """Say when a copy was written, or was used last (seconds of the epoch)."""
    os.utime(path, (modified, modified))
