"""An image named by itself, wherever it is: for a look at it, never a store's source."""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import TYPE_CHECKING

from bottleneck.core.paths import stat_row
from bottleneck.data.source import Read

if TYPE_CHECKING:
    from pathlib import Path

MAX_FILE_BYTES = 1 << 30  # read whole into memory, so there must be an end
# Not waiting for the other end of a pipe that took a file's name.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class LooseImage:
    """One file; a link is followed, for it was named."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, index: int) -> Read:
        """See `source.Source.read`; there is index 0 alone."""
        assert index == 0
        path = self._path
        clock_ns = time.time_ns()
        with open(os.open(path, _OPEN_FLAGS), "rb", buffering=0) as file:  # noqa: PTH123 - a handle
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise OSError(errno.EINVAL, "no regular file", str(path))
            if before.st_size > MAX_FILE_BYTES:
                raise OSError(errno.EINVAL, f"larger than {MAX_FILE_BYTES} bytes", str(path))
            content = file.read()
            after = os.fstat(file.fileno())
        if stat_row(before) != stat_row(after) or len(content) != before.st_size:
            raise OSError(errno.EAGAIN, "changes while it is read", str(path))
        return Read(content=content, stat=stat_row(before), clock_ns=clock_ns)
