"""The only printer: results on stdout; messages and progress on stderr; one JSON object.

Also the one place where an error becomes a line and an exit code.
"""

from __future__ import annotations

import atexit
import errno
import gc
import json
import os
import signal
import sys
import tempfile
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bottleneck.core.errors import BottleneckError, Terminated, UsageError, from_os_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

INTERRUPTED = 130
TERMINATED = 143


@dataclass(slots=True)
class _Settings:
    quiet: bool = False


_settings = _Settings()


def configure(*, quiet: bool) -> None:
    """Set whether messages and progress are printed; results and errors always are."""
    _settings.quiet = quiet


def say(message: str) -> None:
    """Print a message for people, on stderr."""
    if not _settings.quiet:
        print(message, file=sys.stderr, flush=True)


def warn(message: str) -> None:
    """Print what must be seen even with --quiet, on stderr."""
    print(f"warning: {message}", file=sys.stderr, flush=True)


def result(report: Mapping[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    """Print a command's result on stdout: one JSON object, or lines for people."""
    if as_json:
        print(json.dumps(report, ensure_ascii=True, allow_nan=False))
    else:
        print("\n".join(lines))


def table(rows: Sequence[Sequence[object]]) -> list[str]:
    """Return rows of cells as lines with aligned columns, the first row as the heading."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


class Progress(Protocol):
    """A running count."""

    def update(self, n: int) -> object:
        """Count `n` more."""


class _Silent:
    def update(self, n: int) -> None:
        """Count nothing."""


@contextmanager
def progress(total: int, what: str) -> Iterator[Progress]:
    """Show a bar of `total` images on a terminal; nothing in a log or with --quiet."""
    if _settings.quiet or not sys.stderr.isatty():
        yield _Silent()
        return
    from tqdm import tqdm  # noqa: PLC0415 - 60 ms that --help and quiet runs need not pay

    with tqdm(total=total, desc=what, unit=" images", smoothing=0.1, dynamic_ncols=True) as bar:
        yield bar


def run(main: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None = None) -> int:
    """Call a door's `main` and turn whatever it raises into one line and an exit code."""

    def terminate(_number: int, _frame: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
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
