"""The advisory lock: one extraction at a time. Correctness never rests on it."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from bottleneck.core import files
from bottleneck.core.errors import BusyError
from bottleneck.store.storage import storage_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def hold(store: Path, wait_s: float | None = None) -> Iterator[None]:
    """Hold the store's lock, waiting at most `wait_s` seconds; the kernel frees it at our death.

    Raises
    ------
    BusyError
        When another process still holds it, naming that process where it says so.
    """
    path = storage_of(store).root / "lock"
    lock = FileLock(path)
    try:
        lock.acquire(timeout=wait_s or 0)
    except Timeout as error:
        raise BusyError(
            f"another run holds the store{_holder(path)}",
            store,
            "try again later, or let this run wait for it: --wait 10m",
        ) from error
    try:
        # What stands in the file is for people alone; anything may stand there.
        with contextlib.suppress(OSError):
            path.write_text(json.dumps({"pid": os.getpid(), "host": platform.node()}))
        yield
    finally:
        lock.release()


def _holder(path: Path) -> str:
    try:
        holder = json.loads(files.read(path, most_bytes=4096, follow=False))
        return f" (process {int(holder['pid'])} on {str(holder['host'])[:64]})"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
