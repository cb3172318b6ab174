"""All errors that a user can cause: each says what went wrong, where, and what to do.

Each class has the exit code that the command line ends with. There is one class for each case that
a caller may want to treat differently. Codes are never changed, only added.
"""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING, ClassVar

from bottleneck.core.text import as_known, kept_below

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class BottleneckError(Exception):
    """An expected failure: `what` went wrong, `where`, and what to `do` next.

    `details` are further lines, for what does not fit one line (one for each option that differs).
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, where: object, do: str, *details: str) -> None:
        super().__init__(what, where, do, *details)  # all in args, so that it survives pickling
        self.what = what
        self.where = where
        self.do = do
        self.details = details

    def __str__(self) -> str:
        """Return one line, even where a file name holds a line break."""
        parts = (self.what, str(self.where), self.do)
        return as_known(": ".join(" ".join(part.split()) for part in parts if part))


class UsageError(BottleneckError):
    """A wrong option or argument, or a folder that is not a store of a format known here."""

    exit_code = 2


class OccupiedError(UsageError):
    """Something else is where a store was to be."""


class MissingDependencyError(UsageError):
    """An optional package is not installed; `do` is the command that installs it."""


class DataError(BottleneckError):
    """Unusable data: no images, no labels, a single class, most images gone or unreadable."""

    exit_code = 3


class RecipeError(BottleneckError):
    """The store was made with other network options than those that were asked for."""

    exit_code = 4

    @property
    def differences(self) -> tuple[str, ...]:
        """The keys that differ: `("pooling",)`; each has a line in `details`."""
        return tuple(line.partition(":")[0] for line in self.details)


class OtherRowsError(RecipeError):
    """The features in the store and those that this machine computes differ."""


class ConflictError(RecipeError):
    """Another run changed what this one worked on: it forgot the data source, for example."""


class DamagedError(BottleneckError):
    """A file of the store does not hold the bytes that were written."""

    exit_code = 5


class StaleError(BottleneckError):
    """Images changed since extraction, and the caller asked to stop in that case."""

    exit_code = 6


class UnavailableError(BottleneckError):
    """Something must be downloaded, and there is no network."""

    exit_code = 9


class NoSpaceError(BottleneckError):
    """No space left on the disk, or not enough memory for a single image."""

    exit_code = 12


class PermissionDeniedError(BottleneckError):
    """No permission to read or write a file or folder."""

    exit_code = 13


class BusyError(BottleneckError):
    """Another run is using the store."""

    exit_code = 75


class ExpiredError(BusyError):
    """The store was cleaned up while it was being read; opening it again helps."""


class Terminated(BaseException):
    """The process was asked to stop by SIGTERM (exit code 143), as Ctrl-C asks it."""


class HungUp(Terminated):
    """The terminal of the process went away: SIGHUP (exit code 129)."""


STOPS = (KeyboardInterrupt, Terminated)  # what asks a command to end
# As shells spell a death by SIGINT, SIGTERM, SIGHUP.
STOP_CODES = {KeyboardInterrupt: 130, Terminated: 143, HungUp: 129}

# What counts most when several stores in one command end differently; others follow.
_WORST_FIRST = (1, 5, 13, 12, 4, 3, 2, 9, 75, 7)


def first_code(codes: Iterable[int]) -> int:
    """Return the exit code of a command on several stores: that of the gravest failure, else 0."""
    failed = {code for code in codes if code}
    return next((code for code in _WORST_FIRST if code in failed), max(failed, default=0))


# What libraries say of a full disk, and of memory and files that ran out, in words of their own
# (HDF5, TensorFlow, OpenVINO, and C++'s and numpy's allocators). Compiled when one is needed: every
# command imports this module.
_SAID = (
    (errno.ENOSPC, r"No space left on device|errno = 28\b|iostream error"),
    (errno.EDQUOT, r"quota exceeded|errno = 122\b"),
    (errno.EMFILE, r"Too many open files|errno = 24\b"),
    (
        errno.ENOMEM,
        r"Cannot allocate memory|failed to map segment|bad_?alloc|Unable to allocate|"
        r"Out of memory|errno = 12\b|can't start new thread|"
        r"(?<!\] )Resource temporarily unavailable",  # C++'s for a thread; OSError says [Errno 11]
    ),
)


def in_json(error: BottleneckError) -> dict[str, Any]:
    """Return an error as it stands in JSON."""
    return {
        "code": error.exit_code,
        "what": error.what,
        "where": as_known(str(error.where)),
        "do": as_known(error.do),
        "details": list(error.details),
    }


def expected(error: BaseException) -> BottleneckError | None:
    """Return the error of this module that says what went wrong; None for a bug of ours."""
    if isinstance(error, BottleneckError):
        return error
    if not isinstance(error, Exception):  # somebody stops us, whatever was being handled
        return None
    known = from_os_error(error) if isinstance(error, OSError) else None
    return known or from_foreign(error)


def code_of(error: BaseException) -> int:
    """Return the exit code of a command that ends with this error; 1 for a bug of ours."""
    if type(error) in STOP_CODES:
        return STOP_CODES[type(error)]
    known = expected(error)
    return 1 if known is None else known.exit_code


_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.ENOMEM}
_TOO_MANY_FILES = {errno.EMFILE, errno.ENFILE}
_RAN_OUT = _NO_SPACE | _TOO_MANY_FILES
_NOT_PERMITTED = {errno.EACCES, errno.EPERM, errno.EROFS}


def from_os_error(error: OSError) -> BottleneckError | None:
    """Return the error of this module that fits an operating system's error, or None."""
    where = error.filename if error.filename is not None else "(no file named)"
    if isinstance(where, bytes):
        where = where.decode("utf-8", "backslashreplace")
    part_cache = kept_below(str(where))  # of which people know the address alone
    other = "name another folder: --part-cache, or BOTTLENECK_PART_CACHE"
    if error.errno in _NO_SPACE:
        what, do = "no space or memory left", "free some, then run the same command again"
        if part_cache:
            what, where, do = (
                "no space left for the part cache",
                part_cache,
                f"free some, or {other}",
            )
        return NoSpaceError(what, where, do)
    if error.errno in _NOT_PERMITTED:
        what, do = "not permitted", "check the owner and the permissions, or choose another folder"
        if part_cache:
            what, where, do = "the part cache may not be written", part_cache, other
        return PermissionDeniedError(what, where, do)
    if error.errno in _TOO_MANY_FILES:
        return NoSpaceError(
            "too many open files", where, "raise the limit, such as with ulimit -n 4096"
        )
    if error.errno is not None:
        return PermissionDeniedError(
            f"cannot read or write ({error.strerror})", where, "check the disk and the path"
        )
    return None


def from_foreign(error: BaseException) -> BottleneckError | None:
    """Return the error of this module for what a library says in its own words, or None.

    Libraries lose the number that the system gave: HDF5 keeps it in a sentence, OpenVINO says that
    a stream failed. What led to the error is looked at as well.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, MemoryError):
            return from_os_error(OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), "memory"))
        if isinstance(cause, OSError) and cause.errno in _RAN_OUT:
            return from_os_error(cause)
        for number, words in _SAID:
            if re.search(words, str(cause), re.IGNORECASE):
                where = f"({' '.join(str(cause).split())[-120:]})"
                return from_os_error(OSError(number, os.strerror(number), where))
        cause = cause.__cause__ or cause.__context__
    return None
