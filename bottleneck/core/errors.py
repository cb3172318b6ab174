"""The one family of errors: what went wrong, where, and what to do; each class has an exit code.

A class exists for each thing that a caller does differently. Codes are append-only.
"""

from __future__ import annotations

import errno
from typing import ClassVar


class BottleneckError(Exception):
    """A failure that we expect: `what` went wrong, `where`, and what to `do` next.

    `details` are further lines where one line cannot say it (each key that differs, say).
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, where: object, do: str, *details: str) -> None:
        super().__init__(what, where, do, *details)  # all in args, so that it survives pickling
        self.what = what
        self.where = where
        self.do = do
        self.details = details

    def __str__(self) -> str:
        """One line, whatever the parts hold (a file name may hold a newline)."""
        parts = (self.what, str(self.where), self.do)
        return ": ".join(" ".join(part.split()) for part in parts if part)


class UsageError(BottleneckError):
    """Wrong usage; not a store, or of a newer format; code that we cannot know."""

    exit_code = 2


class MissingDependencyError(UsageError):
    """An optional dependency is not installed; `do` holds the install command."""


class DataError(BottleneckError):
    """The data will not do: nothing there, one class, no labels, shrank, all unreadable."""

    exit_code = 3


class RecipeError(BottleneckError):
    """The recipe differs from the store's, or another run changed it meanwhile."""

    exit_code = 4

    @property
    def differences(self) -> tuple[str, ...]:
        """The keys that differ: `("pooling",)`; each has a line in `details`."""
        return tuple(line.partition(":")[0] for line in self.details)


class OtherRowsError(RecipeError):
    """The rows of this machine are not those in the store."""


class ConflictError(RecipeError):
    """Another run changed what this one was working on (a source forgotten, say)."""


class DamagedError(BottleneckError):
    """Bytes in the store are not the ones that were written."""

    exit_code = 5


class StaleError(BottleneckError):
    """Images changed after extraction, and the caller asked for that to be an error."""

    exit_code = 6


class UnavailableError(BottleneckError):
    """Not to be had without a network."""

    exit_code = 9


class NoSpaceError(BottleneckError):
    """No space left, or no memory for a batch of one."""

    exit_code = 12


class PermissionDeniedError(BottleneckError):
    """May not read or write there."""

    exit_code = 13


class BusyError(BottleneckError):
    """Another run holds the store."""

    exit_code = 75


class ExpiredError(BusyError):
    """A part that this reader had not opened yet is gone because the log moved on."""


class Terminated(BaseException):
    """SIGTERM arrived (exit code 143); raised where KeyboardInterrupt would be."""


_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM}
_NOT_PERMITTED = {errno.EACCES, errno.EPERM, errno.EROFS}


def from_os_error(error: OSError) -> BottleneckError | None:
    """Return the family's word for an operating system's error, or None where there is none."""
    where = error.filename if error.filename is not None else "(no file named)"
    if isinstance(where, bytes):
        where = where.decode("utf-8", "backslashreplace")
    if error.errno in _NO_SPACE:
        return NoSpaceError("no space left", where, "free some, then run the same command again")
    if error.errno in _NOT_PERMITTED:
        return PermissionDeniedError(
            "not permitted", where, "check the owner and mode, or choose another folder"
        )
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return NoSpaceError("too many open files", where, "raise the limit (ulimit -n)")
    if error.errno is not None:
        return PermissionDeniedError(
            f"cannot read or write ({error.strerror})", where, "check the disk and the path"
        )
    return None
