"""The only printer: results on stdout; messages and progress on stderr; one JSON object.

Also the one place where an error becomes a line and an exit code.
"""

from __future__ import annotations

import atexit
import errno
import gc
import json
import logging
import os
import signal
import sys
import tempfile
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import BottleneckError, Terminated, UsageError, from_os_error
from bottleneck.core.neighbour import check_alone
from bottleneck.core.reporter import NoProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from bottleneck.core.reporter import Progress

INTERRUPTED = 130
TERMINATED = 143
LOG_EVERY_S = 60.0


class Console:
    """The command line's reporter: messages and progress on stderr; nothing with --quiet.

    On a terminal progress is a bar, and a message never shares a line with it; in a log it is a
    line a minute.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._bar: Any = None

    def say(self, message: str) -> None:
        """Print a message for people, on stderr."""
        if self.quiet:
            return
        if self._bar is not None:
            self._bar.write(message, file=sys.stderr)
        else:
            print(message, file=sys.stderr, flush=True)

    def warn(self, message: str) -> None:
        """Print what people should look at, on stderr."""
        self.say(f"warning: {message}")

    @contextmanager
    def progress(self, total: int, what: str) -> Iterator[Progress]:
        """Show a bar of `total` images on a terminal, else a line a minute."""
        if self.quiet:
            yield NoProgress()
        elif not sys.stderr.isatty():
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


def say(message: str) -> None:
    """Print a message for people, on stderr."""
    _console.say(message)


def warn(message: str) -> None:
    """Print what people should look at, on stderr."""
    _console.warn(message)


def progress(total: int, what: str) -> AbstractContextManager[Progress]:
    """Show progress as the console does."""
    return _console.progress(total, what)


def result(report: Mapping[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    """Print a command's result on stdout: one JSON object, or lines for people.

    With --quiet there are no lines; the object was asked for, so it is there.
    """
    if as_json:
        print(json.dumps(report, ensure_ascii=True, allow_nan=False))
    elif not _console.quiet:
        print("\n".join(lines))


def table(rows: Sequence[Sequence[object]]) -> list[str]:
    """Return rows of cells as lines with aligned columns, the first row as the heading."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def run(main: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None = None) -> int:
    """Call a door's `main` and turn whatever it raises into one line and an exit code."""

    def terminate(_number: int, _frame: object) -> None:
        raise Terminated

    configure(quiet=False)  # until the command's words are read
    before = signal.signal(signal.SIGTERM, terminate)
    try:
        check_alone()
        with _libraries_hushed():
            code = main(argv)
        sys.stdout.flush()
    except BottleneckError as error:
        return _fail(error)
    except KeyboardInterrupt:
        print("interrupted; what was published stays", file=sys.stderr)
        return INTERRUPTED
    except Terminated:
        print("terminated; what was published stays", file=sys.stderr)
        return TERMINATED
    except BrokenPipeError:  # `| head` closed our output: not our fault, not an error to show
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except MemoryError:
        return _fail(from_os_error(OSError(errno.ENOMEM, "out of memory", "memory")))
    except OSError as error:
        return _fail(from_os_error(error)) if error.errno is not None else _report_bug()
    except Exception:  # noqa: BLE001 - the one place that catches everything
        return _report_bug()
    else:
        return code
    finally:
        signal.signal(signal.SIGTERM, before)
        # The process ends next. Looking once more through all that TensorFlow made takes a second.
        atexit.register(gc.freeze)


class _Warnings(logging.Handler):
    """Shows people what our own modules warn of, for which they use `logging`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one warning."""
        _console.warn(record.getMessage())


@contextmanager
def _libraries_hushed() -> Iterator[None]:
    """Show our own warnings, and not those that libraries give to whoever writes programs.

    Python prints warnings that no handler takes. Whoever asks for them (`python -W`) sees them.
    """
    handlers: dict[logging.Logger, logging.Handler] = {
        logging.getLogger("bottleneck"): _Warnings(logging.WARNING),
        logging.getLogger(): logging.NullHandler(),
    }
    for logger, handler in handlers.items():
        logger.addHandler(handler)
    logging.captureWarnings(not sys.warnoptions)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        for logger, handler in handlers.items():
            logger.removeHandler(handler)


def _fail(error: BottleneckError | None) -> int:
    error = error or UsageError("failed", "", "run again")
    print(f"error: {error}", *error.details, sep="\n  ", file=sys.stderr)
    return error.exit_code


def _report_bug() -> int:
    with tempfile.NamedTemporaryFile(
        "w", prefix="bottleneck-", suffix=".txt", delete=False
    ) as file:
        traceback.print_exc(file=file)
    summary = traceback.format_exc().strip().splitlines()[-1]
    print(f"error: a bug in bottleneck: {summary}: please report {file.name}", file=sys.stderr)
    return 1
