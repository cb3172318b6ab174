"""What a use case tells whoever called it while it works: messages, warnings, a running count.

Use cases take a `Reporter` and never print. From the command line it is `core.console`'s; from
Python it is `SILENT` unless the caller asks for progress.
"""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_log = logging.getLogger("bottleneck")
_log.addHandler(logging.NullHandler())  # without it, logging prints warnings that nobody asked for


class Progress(Protocol):
    """A running count."""

    def update(self, n: int) -> object:
        """Count `n` more."""


class Reporter(Protocol):
    """Who is told. Any thread may call."""

    def say(self, message: str) -> None:
        """Tell people what is happening: one line, without an end-of-line."""

    def warn(self, message: str) -> None:
        """Tell people what they should look at: one line."""

    def progress(self, total: int, what: str) -> AbstractContextManager[Progress]:
        """Count up to `total` images while the block runs; `what` is a verb, such as extract."""


class NoProgress:
    """A count that nobody sees."""

    def update(self, n: int) -> None:
        """Count nothing."""


class Silent:
    """Shows nothing; the logger `bottleneck` has the messages, for whoever configures logging."""

    def say(self, message: str) -> None:
        """Log at the level INFO."""
        _log.info("%s", message)

    def warn(self, message: str) -> None:
        """Log at the level WARNING."""
        _log.warning("%s", message)

    @contextmanager
    def progress(self, total: int, what: str) -> Iterator[Progress]:
        """Show nothing."""
        yield NoProgress()


class OneOfMany(Silent):
    """What each of many like tasks is told by: messages are nobody's, warnings are passed on."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    def say(self, message: str) -> None:
        """Say nothing; whoever runs them all says a line for each."""

    def warn(self, message: str) -> None:
        """Pass the warning on."""
        self._reporter.warn(message)


class Bars(Silent):
    """Shows a bar, in notebooks too, and messages on lines of their own beside it."""

    def say(self, message: str) -> None:
        """Write the message on a line of its own, on stderr."""
        _tqdm().write(message, file=sys.stderr)

    def warn(self, message: str) -> None:
        """Write the warning on a line of its own, on stderr."""
        self.say(f"warning: {message}")

    @contextmanager
    def progress(self, total: int, what: str) -> Iterator[Progress]:
        """Show a bar of `total` images."""
        with _tqdm()(total=total, desc=what, unit=" images", smoothing=0.1) as bar:
            yield bar


def _tqdm() -> Any:
    """Return tqdm's class of bars: widgets in a notebook that has them, else text."""
    with warnings.catch_warnings():  # in a notebook without ipywidgets it warns of the text
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm  # noqa: PLC0415 - 60 ms, when used
    return tqdm


SILENT: Reporter = Silent()
