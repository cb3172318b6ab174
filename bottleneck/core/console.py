"""The only printer: results on stdout; messages and progress on stderr; one JSON object.

Also the one place where an error becomes a line and an exit code, and where text of strangers
(names in data, stores and models) is made harmless to a terminal.
"""

from __future__ import annotations

import atexit
import gc
import json
import logging
import os
import shlex
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from bottleneck.core import message_log, streams
from bottleneck.core.errors import Terminated
from bottleneck.core.failures import Failures
from bottleneck.core.neighbour import check_alone
from bottleneck.core.reporter import NoProgress
from bottleneck.core.signals import KINDS, Stops
from bottleneck.core.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bottleneck.core.reporter import Progress

LOG_EVERY_S = 60.0


class Console:
    """The command line's reporter: messages and progress on stderr; nothing with --quiet.

    On a terminal progress is a bar, and a message never shares a line with it; in a log it is a
    line a minute.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.stops: Stops | None = None
        self._bar: Any = None

    def say(self, message: str) -> None:
        """Print a message for people, on stderr."""
        if self.quiet:
            message_log.note(message)
        elif self._bar is not None:
            message_log.note(message)
            with suppress(OSError, ValueError):
                self._bar.write(printable(message), file=sys.stderr)
        else:
            streams.err(printable(message))

    def warn(self, message: str) -> None:
        """Print what people should look at, on stderr."""
        self.say(f"warning: {message}")

    @contextmanager
    def progress(self, total: int, what: str) -> Iterator[Progress]:
        """Show a bar of `total` images on a terminal, else a line a minute."""
        if self.quiet and not message_log.is_kept():
            yield NoProgress()
        elif self.quiet or not sys.stderr.isatty():
            yield _Lines(self, total, what)
        else:
            from tqdm import tqdm  # noqa: PLC0415 - 60 ms that --help and quiet runs need not pay

            around = self._bar
            bar = tqdm(total=total, desc=what, unit=" images", smoothing=0.1, dynamic_ncols=True)
            self._bar = bar
            try:
                yield bar
            finally:
                bar.close()  # first, so that a message of another thread gets a line of its own
                self._bar = around


class _Lines:
    """Progress where there is no terminal: a line a minute."""

    def __init__(self, console: Console, total: int, what: str) -> None:
        self.console, self.total, self.what = console, total, what
        self.done = 0
        self.said_at = time.monotonic()

    def update(self, n: int) -> None:
        """Count `n` more, and say so once a minute."""
        self.done += n
        now = time.monotonic()
        if now - self.said_at >= LOG_EVERY_S:
            self.said_at = now
            self.console.say(f"{self.what}: {self.done} of {self.total} images")


_console = Console()


def configure(*, quiet: bool) -> Console:
    """Return what a door hands to its use case: who is told of messages and progress."""
    _console.quiet = quiet
    return _console


def asked_to_stop() -> BaseException | None:
    """Return what a signal that came stands for; None while none came.

    What libraries make of the exception that it raised may be any error, or nothing at all.
    """
    number = _console.stops.number if _console.stops is not None else None
    return None if number is None else KINDS[number][0]()


def result(report: Mapping[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    """Print a command's result on stdout: one JSON object, or lines for people.

    With --quiet there are no lines; the object was asked for, so it is there.
    """
    message_log.note(*lines)
    if as_json:
        streams.out(json.dumps(report, ensure_ascii=True, allow_nan=False))
    elif not _console.quiet:
        streams.out("\n".join(map(printable, lines)))


def output(lines: Sequence[str]) -> None:
    """Print what was asked for on stdout, also with --quiet: a format that programs read."""
    streams.out("\n".join(lines))


def table(rows: Sequence[Sequence[object]]) -> list[str]:
    """Return rows of cells as lines with aligned columns, the first row as the heading."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def run(
    main: Callable[[Sequence[str] | None], int],
    argv: Sequence[str] | None = None,
    *,
    verb: str | None = None,
    is_process: bool | None = None,
) -> int:
    """Call a door's `main` and turn whatever it raises into one line and an exit code.

    With `--json` among the words the error is also one object on stdout.

    Parameters
    ----------
    verb : what the object says; None where the door's module has its name
    is_process : whether the process ends with this call, and its streams and signals are ours;
        None: where no words are handed over
    """
    is_process = argv is None if is_process is None else is_process
    if is_process:
        streams.prepare()
    words = sys.argv[1:] if argv is None else argv
    failures = Failures(main, words, verb)
    configure(quiet=False)  # until the command's words are read
    stops = _console.stops = Stops(failures.end_now if is_process else _end_nothing)
    try:
        with stops:
            code = _code_of(main, words, failures, stops)
            message_log.note(f"ended with exit code {code}")
            if is_process:
                stops.done()
    except (KeyboardInterrupt, Terminated) as error:  # there is one, wherever it came
        code = failures.stopped(*(stops.ending(error) or (130, "interrupted")))
    message_log.end()
    if is_process and stops.number is not None:
        # Threads may still be at work. Python would wait for them, or end while they are in native
        # code, which glibc answers with an abort.
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(code)
    # The process ends next. Looking once more through all that TensorFlow made takes a second.
    atexit.register(gc.freeze)
    return code


def _end_nothing(code: int, how: str) -> None:
    """Leave a process that is not ours to its owner, who was told by the first exception."""


def _code_of(
    main: Callable[[Sequence[str] | None], int],
    words: Sequence[str],
    failures: Failures,
    stops: Stops,
) -> int:
    try:
        message_log.start(words)
        message_log.note(f"bottleneck {failures.verb or ''} {shlex.join(words)}".replace("  ", " "))
        check_alone()
        with _libraries_hushed():
            code = _called(main, words)
        streams.flush_out()
    except BaseException as error:  # noqa: BLE001 - the one place that catches everything
        ending = stops.ending(error)
        return failures.told(error) if ending is None else failures.stopped(*ending)
    else:
        return code


def _called(main: Callable[[Sequence[str] | None], int], words: Sequence[str]) -> int:
    try:
        return main(words)
    except SystemExit as end:  # argparse's, after a help text
        return int(end.code or 0)


class _Messages(logging.Handler):
    """Shows people what our own modules tell or warn of where no reporter reaches them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one message, or one warning."""
        show = _console.warn if record.levelno >= logging.WARNING else _console.say
        show(record.getMessage())


@contextmanager
def _libraries_hushed() -> Iterator[None]:
    """Show our own warnings, and not those that libraries give to whoever writes programs.

    Python prints warnings that no handler takes. Whoever asks for them (`python -W`) sees them.
    """
    ours = logging.getLogger("bottleneck")
    level = ours.level
    ours.setLevel(logging.INFO)
    handlers: dict[logging.Logger, logging.Handler] = {
        ours: _Messages(logging.INFO),
        logging.getLogger(): logging.NullHandler(),
    }
    for logger, handler in handlers.items():
        logger.addHandler(handler)
    logging.captureWarnings(not sys.warnoptions)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        ours.setLevel(level)
        for logger, handler in handlers.items():
            logger.removeHandler(handler)
