"""Reading files that others may change meanwhile: whole ones, and pieces of containers."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from bottleneck.core.errors import DataError, from_os_error
from bottleneck.core.paths import Stat, stat_row
from bottleneck.core.sample import show_key
from bottleneck.data.source import Read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_FILE_BYTES = 1 << 30  # read whole into memory, so there must be an end
NOT_THERE: Stat = (0, 0, 0, 0)  # no file has it, so it never proves anything
_ATTEMPTS = 3
_BAD_PLACE = {errno.EINVAL, errno.EOVERFLOW}  # what a position that makes no sense is answered with
# Not waiting for the other end of a pipe that took a file's name; following no last link.
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def read_file(path: bytes) -> Read:
    """Return a file's bytes: one open, one read, `fstat` before and after.

    Raises
    ------
    OSError
        When it cannot be read, is no regular file or a link, is too large, or keeps changing.
    """
    for _ in range(_ATTEMPTS):
        clock_ns = time.time_ns()
        # By number: an object around it costs as much as reading a small image does.
        number, before = _open_regular_number(path)
        try:
            check_size(before.st_size, path)
            # One byte more shows that it grew; all that there is may have no end.
            content = _read_whole(number, before.st_size + 1)
            after = os.fstat(number)
        finally:
            os.close(number)
        row = stat_row(before)
        if row == stat_row(after) and len(content) == before.st_size:
            return Read(content=content, stat=row, clock_ns=clock_ns)
    raise OSError(errno.EAGAIN, "changes while it is read", path)


def _read_whole(number: int, n_bytes: int) -> bytes:
    """Return up to so many bytes of an open file; one read may give fewer."""
    content = os.read(number, n_bytes)
    while len(content) < n_bytes and (more := os.read(number, n_bytes - len(content))):
        content += more
    return content


def stat_of(path: bytes) -> Stat:
    """Return the stat of a file, `NOT_THERE` where there is none.

    Raises
    ------
    PermissionDeniedError
        When its folder may not be looked into: nothing in it can be told from nothing there.
    """
    try:
        return stat_row(os.stat(path))  # noqa: PTH116 - bytes
    except PermissionError as error:
        raise from_os_error(error) or error from error
    except OSError:
        return NOT_THERE


def check_size(n_bytes: int, path: bytes) -> None:
    """Raise OSError for more bytes than one image may have."""
    if n_bytes > MAX_FILE_BYTES:
        raise OSError(errno.EINVAL, f"larger than {MAX_FILE_BYTES} bytes", path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A file that holds many samples, as it was when it was listed.

    Attributes
    ----------
    path : bytes
        Without links, so that what is read is what was listed.
    stat : Stat
    size : int
        In bytes.
    device : int
        Of its file system.
    clock_ns : int
        The clock before it was opened.
    """

    path: bytes
    stat: Stat
    size: int
    device: int
    clock_ns: int

    def piece(self, offset: int, n_bytes: int) -> Read:
        """Return bytes of it, while it is still the container that was listed.

        Raises
        ------
        OSError
            When it cannot be read, or is another one by now.
        """
        check_size(n_bytes, self.path)
        clock_ns = time.time_ns()
        file, found = _open_regular(self.path)
        with file:
            file.seek(offset)
            content = file.read(n_bytes)
            after = stat_row(os.fstat(file.fileno()))
        if not stat_row(found) == after == self.stat or len(content) != n_bytes:
            raise OSError(errno.EAGAIN, "changed after it was listed", self.path)
        return Read(content=content, stat=after, clock_ns=clock_ns)


@contextlib.contextmanager
def open_container(path: Path) -> Iterator[tuple[BinaryIO, Container]]:
    """Open a file that holds many samples, to list it.

    Raises
    ------
    DataError
        When it is not there, no regular file, or changed before the end of the `with`.
    PermissionDeniedError
        When it may not be read.
    """
    where = show_key(os.fsencode(path))
    real = os.path.realpath(os.fsencode(path))
    clock_ns = time.time_ns()
    try:
        file, found = _open_regular(real)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError("no such file", where, "check the name") from error
    except OSError as error:
        if error.errno in {errno.EINVAL, errno.ENXIO, errno.ENODEV, errno.ELOOP}:
            raise DataError("no regular file", where, "give a file on a disk") from error
        raise from_os_error(error) or error from error
    with file:
        row = stat_row(found)
        try:
            yield (
                file,
                Container(
                    path=real,
                    stat=row,
                    size=found.st_size,
                    device=found.st_dev,
                    clock_ns=clock_ns,
                ),
            )
        except OSError as error:
            if error.errno in _BAD_PLACE:
                raise DataError(
                    "it is cut short, or damaged: it names places that no file has",
                    where,
                    "get the file again",
                ) from error
            raise from_os_error(error) or error from error
        if stat_row(os.fstat(file.fileno())) != row:
            raise DataError("changes while it is read", where, "run again")


def _open_regular(path: bytes) -> tuple[BinaryIO, os.stat_result]:
    """Return the open file, which the caller closes, and its stat."""
    number, found = _open_regular_number(path)
    try:
        return open(number, "rb"), found  # noqa: PTH123 - a number
    except BaseException:
        os.close(number)
        raise


def _open_regular_number(path: bytes) -> tuple[int, os.stat_result]:
    """Return the number of the open file, which the caller closes, and its stat."""
    number = os.open(path, _OPEN_FLAGS)
    try:
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "no regular file", path)
    except BaseException:
        os.close(number)
        raise
    return number, found
