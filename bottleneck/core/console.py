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
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import (
    BottleneckError,
    Terminated,
    code_of,
    expected,
    from_os_error,
    in_json,
)
from bottleneck.core.neighbour import check_alone
from bottleneck.core.reporter import NoProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bottleneck.core.reporter import Progress

INTERRUPTED = 130
TERMINATED = 143
KEPT = "everything saved so far is kept; run the same command to go on"
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


def result(report: Mapping[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    """Print a command's result on stdout: one JSON object, or lines for people.

    With --quiet there are no lines; the object was asked for, so it is there.
    """
    if as_json:
        print(json.dumps(report, ensure_ascii=True, allow_nan=False))
    elif not _console.quiet:
        print("\n".join(lines))


def output(lines: Sequence[str]) -> None:
    """Print what was asked for on stdout, also with --quiet: a format that programs read."""
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
    """Call a door's `main` and turn whatever it raises into one line and an exit code.

    With `--json` among the words the error is also one object on stdout.
    """
    failures = _Failures(main, sys.argv[1:] if argv is None else argv)

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
        return failures.tell(error)
    except KeyboardInterrupt:
        return failures.stopped(INTERRUPTED, "interrupted")
    except Terminated:
        return failures.stopped(TERMINATED, "terminated")
    except BrokenPipeError:  # `| head` closed our output: not our fault, not an error to show
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except MemoryError:
        return failures.tell_system(OSError(errno.ENOMEM, "out of memory", "memory"))
    except OSError as error:
        return failures.tell_system(error)
    except Exception:  # noqa: BLE001 - the one place that catches everything
        return failures.bug()
    else:
        return code
    finally:
        signal.signal(signal.SIGTERM, before)
        # The process ends next. Looking once more through all that TensorFlow made takes a second.
        atexit.register(gc.freeze)


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


def show_error(error: BottleneckError) -> None:
    """Print an error as one line, and its details below, on stderr."""
    print(f"error: {error}", *error.details, sep="\n  ", file=sys.stderr)


def error_object(error: BottleneckError) -> dict[str, Any]:
    """Return an error as it stands in JSON."""
    return in_json(error)


def _object(code: int, what: str, where: object, do: str) -> dict[str, Any]:
    return {"code": code, "what": what, "where": str(where), "do": do, "details": []}


def failed(error: BaseException) -> dict[str, Any]:
    """Tell of what ended the work on one of several stores; return it as it stands in JSON."""
    known = expected(error)
    if known is None:
        return _bug(error)
    show_error(known)
    return error_object(known)


def stopped(
    turns: Sequence[tuple[int, object, BaseException | None]],
) -> dict[int, dict[str, Any]]:
    """Tell, once, that somebody stopped the work on several stores; return it for each of them.

    Parameters
    ----------
    turns : number, store, and what stopped it; none where nobody did
    """
    found: dict[int, dict[str, Any]] = {}
    for number, store, error in turns:
        code = code_of(error) if error is not None else INTERRUPTED
        how = "terminated" if code == TERMINATED else "interrupted"
        if not found:
            print(f"{how}: {KEPT}", file=sys.stderr)
        found[number] = _object(code, how, store, KEPT)
    return found


def _bug(error: BaseException) -> dict[str, Any]:
    """Write a traceback to a file, and name it on stderr; return what stands in JSON."""
    lines = traceback.format_exception(error)
    with tempfile.NamedTemporaryFile(
        "w", prefix="bottleneck-", suffix=".txt", delete=False
    ) as file:
        file.writelines(lines)
    what = f"a bug in bottleneck: {''.join(lines).strip().splitlines()[-1]}"
    print(f"error: {what}: please report {file.name}", file=sys.stderr)
    return _object(1, what, file.name, "please report this file")


class _Failures:
    """How a command tells why it ended: a line on stderr, with --json an object on stdout too."""

    def __init__(self, main: Callable[..., int], words: Sequence[str]) -> None:
        spec = sys.modules[
            main.__module__
        ].__spec__  # of `python -m` too, where __name__ is no help
        verb = spec.name.rpartition(".")[2] if spec else None
        self.verb = None if verb == "__main__" else verb
        self.as_json = "--json" in words

    def tell(self, error: BottleneckError) -> int:
        """Tell of an error that we expect; return its exit code."""
        show_error(error)
        return self._json(error_object(error))

    def tell_system(self, error: OSError) -> int:
        """Tell of what the operating system refused; return the exit code."""
        known = from_os_error(error)
        return self.bug() if known is None else self.tell(known)

    def stopped(self, code: int, how: str) -> int:
        """Tell that somebody stopped the command; return the exit code."""
        print(f"{how}: {KEPT}", file=sys.stderr)
        return self._json(_object(code, how, "", KEPT))

    def bug(self) -> int:
        """Write the traceback that is being handled to a file, and name it; return the code."""
        error = sys.exception()
        assert error is not None
        return self._json(_bug(error))

    def _json(self, error: Mapping[str, Any]) -> int:
        if self.as_json:
            with suppress(OSError):  # what cannot be written is on stderr already
                print(json.dumps({"error": error, "verb": self.verb}), flush=True)
        return int(error["code"])
