"""The three streams of a command: whatever they are, nothing is lost that was meant to be kept.

- One that the caller closed (`>&-`) is opened on the null device. Otherwise the next file that is
  opened, one of the store perhaps, gets its number, and whatever prints then writes into it.
- What cannot be spelled in the terminal's encoding is spelled with backslashes.
- Messages that cannot be written are no reason to end a run, so they are dropped. A result that
  cannot be written is an error.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys

from bottleneck.core import message_log
from bottleneck.core.text import as_known

STDOUT = "standard output"
_STREAMS = ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w"))


def prepare() -> None:
    """Make the streams of this process such that they can be written to; see above."""
    for number, name, mode in _STREAMS:
        try:
            os.fstat(number)
        except OSError:
            _to_null(number)
        if getattr(sys, name) is None:
            opened = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - a number, for good
            setattr(sys, name, opened)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def out(text: str) -> None:
    """Write a line of a result; OSError that names the stream where that fails."""
    try:
        sys.stdout.write(as_known(text) + "\n")
    except BrokenPipeError:
        raise
    except OSError as error:
        error.filename = STDOUT
        raise


def flush_out() -> None:
    """Write what is still held back; OSError that names the stream where that fails."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        error.filename = STDOUT
        raise


def err(*lines: str) -> None:
    """Write messages; where that fails, drop them and all that follow. The log has them too."""
    lines = tuple(map(as_known, lines))
    message_log.note(*lines)
    try:
        sys.stderr.write("\n".join(lines) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        drop(sys.stderr)


def drop(stream: object) -> None:
    """Send what is still held back, and all that follows, nowhere.

    Python writes what is held back once more at the end, and would fail with a code of its own.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):
        _to_null(stream.fileno())  # type: ignore[attr-defined] # suppressed where it has none


def _to_null(number: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != number:
        os.dup2(null, number)
        os.close(null)
