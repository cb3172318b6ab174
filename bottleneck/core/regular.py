"""Regular files, opened and read. What else has taken a file's name is refused, not waited for."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOST_BYTES = 1 << 32  # read whole into memory, so there must be an end
_NOT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
# What opening answers where the name is a link, a pipe that nobody reads, a socket, a folder.
_NOT_REGULAR = {errno.ELOOP, errno.ENXIO, errno.ENODEV, errno.EISDIR}


class NotAFileError(OSError):
    """Something else than a regular file has the name: a pipe, a device, a folder, a link."""


def read(path: Path, *, most_bytes: int = MOST_BYTES, follow: bool = True) -> bytes:
    """Return the whole content of a regular file.

    A pipe that took the file's name is not waited for, a device is not read, and neither is more
    than there was when it was opened.

    Parameters
    ----------
    follow : whether the name may be a link

    Raises
    ------
    NotAFileError
        When it is something else than a regular file, or of more than `most_bytes` bytes.
    """
    with open(open_regular(path, os.O_RDONLY, follow=follow), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes:
            raise NotAFileError(errno.EINVAL, f"has {size} bytes, too many", str(path))
        return file.read(size)


def open_regular(
    path: Path, flags: int, *, follow: bool, opened: Callable[..., int] = os.open
) -> int:
    """Return the number of an open regular file, which the caller closes."""
    if not follow:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        # Not waiting: whoever opens a pipe would wait for its other end.
        number = opened(path, flags | _NOT_WAITING, 0o666)
    except OSError as error:
        if error.errno in _NOT_REGULAR:
            raise NotAFileError(error.errno, "is no regular file", str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise NotAFileError(errno.EINVAL, "is no regular file", str(path))
    return number
