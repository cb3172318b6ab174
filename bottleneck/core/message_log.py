"""`--log FILE`: what a command says, a line each with the time, appended to a file.

For jobs that nobody watches: it also has what --quiet keeps off the screen, and what a closed or
full stderr loses. The file is opened anew for each line, so that whoever rotates it (logrotate
renames it) finds the next line in a new one. Nothing rests on it: once it could be opened, a line
that cannot be written is dropped.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from bottleneck.core.errors import UsageError
from bottleneck.core.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

OPTION = "--log"
_NEVER_WAIT = getattr(os, "O_NONBLOCK", 0)
_path: list[str] = []  # of the command at work; empty where it keeps no log


def start(words: Sequence[str]) -> None:
    """Begin the log that a command line names, if it names one.

    The words are looked at before they are parsed, because a mistake in them is worth a line too.

    Raises
    ------
    UsageError
        When the file cannot be written.
    """
    end()
    named = _named(words)
    if named is None:
        return
    try:
        os.close(_opened(named))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"cannot write the log ({why})", f"{OPTION} {printable(named)}", "name another file"
        ) from error
    _path.append(named)


def end() -> None:
    """Keep no log from now on."""
    _path.clear()


def is_kept() -> bool:
    """Whether the command at work keeps a log."""
    return bool(_path)


def note(*lines: str) -> None:
    """Append lines, each with the time; where no log is kept, do nothing."""
    if not _path:
        return
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    text = "".join(f"{now} {printable(line)}\n" for line in lines if line)
    with contextlib.suppress(OSError):
        file = _opened(_path[0])
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)


def _opened(path: str) -> int:
    """Open the file to append to it; a pipe that nobody reads is an error, not a wait."""
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | _NEVER_WAIT, 0o666)


def _named(words: Sequence[str]) -> str | None:
    said = list(words[: words.index("--")] if "--" in words else words)
    for i, word in enumerate(said):
        if word == OPTION:
            return said[i + 1] if i + 1 < len(said) else None
        if word.startswith(f"{OPTION}="):
            return word.partition("=")[2]
    return None
