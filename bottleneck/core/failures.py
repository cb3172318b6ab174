"""How a command tells why it ended: a line on stderr, with --json an object on stdout too."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bottleneck.core import streams
from bottleneck.core.errors import BottleneckError, expected, in_json
from bottleneck.core.signals import KINDS
from bottleneck.core.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

UNREAD = 141  # whoever read our output closed it, as `| head` does
KEPT = "everything saved so far is kept; run the same command to go on"


def show_error(error: BottleneckError) -> None:
    """Print an error as one line, and its details below, on stderr."""
    streams.err(*_error_lines(error))


def _error_lines(error: BottleneckError) -> list[str]:
    return [f"error: {printable(str(error))}", *(f"  {printable(d)}" for d in error.details)]


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


def stopped(turns: Sequence[tuple[int, object, BaseException]]) -> dict[int, dict[str, Any]]:
    """Tell, once, that somebody stopped the work on several stores; return it for each of them.

    Parameters
    ----------
    turns : number, store, and what stopped it
    """
    found: dict[int, dict[str, Any]] = {}
    for number, store, error in turns:
        code, how = next((code, how) for kind, code, how in KINDS.values() if type(error) is kind)
        if not found:
            streams.err(f"{how}: {KEPT}")
        found[number] = _object(code, how, store, KEPT)
    return found


def _bug(error: BaseException) -> dict[str, Any]:
    """Write a traceback to a file, and name it on stderr; return what stands in JSON."""
    import traceback  # noqa: PLC0415 - for bugs alone, as what is below

    lines = traceback.format_exception(error)
    what = f"a bug in bottleneck: {''.join(lines).strip().splitlines()[-1]}"
    try:
        import tempfile  # noqa: PLC0415

        with tempfile.NamedTemporaryFile(
            "w", prefix="bottleneck-", suffix=".txt", errors="backslashreplace", delete=False
        ) as file:
            file.writelines(lines)
        where, do = file.name, "please report this file"
        line = f"please report {where}"
    except OSError as failure:
        where, do = "", f"please report it; its details could not be written ({failure.strerror})"
        line = do
    streams.err(printable(f"error: {what}: {line}"))
    return _object(1, what, where, do)


class Failures:
    """How a command tells why it ended: a line on stderr, with --json an object on stdout too."""

    def __init__(self, main: Callable[..., int], words: Sequence[str], verb: str | None) -> None:
        spec = sys.modules[
            main.__module__
        ].__spec__  # of `python -m` too, where __name__ is no help
        named = spec.name.rpartition(".")[2] if spec else None
        self.verb = verb or (None if named == "__main__" else named)
        self.as_json = "--json" in words
        self._has_told = False

    def told(self, error: BaseException) -> int:
        """Tell of whatever was raised; return the exit code."""
        if isinstance(error, BrokenPipeError):  # `| head` closed our output: no error to show
            streams.drop(sys.stdout)
            return UNREAD
        if isinstance(error, OSError) and error.filename == streams.STDOUT:
            streams.drop(sys.stdout)
        known = expected(error)
        if known is None:
            return self._json(_bug(error))
        show_error(known)
        return self._json(error_object(known))

    def stopped(self, code: int, how: str) -> int:
        """Tell that somebody stopped the command; return the exit code."""
        if not self._has_told:
            streams.err(f"{how}: {KEPT}")
        return self._json(_object(code, how, "", KEPT))

    def end_now(self, code: int, how: str) -> None:
        """Tell the same and end the process at once; nothing here waits for anything."""
        if not self._has_told:
            lines = {2: f"{how}: {KEPT}\n"}
            if self.as_json:
                lines[1] = self._spelled(_object(code, how, "", KEPT)) + "\n"
            for number, line in lines.items():
                with suppress(OSError):
                    # Whoever started us shares the file, and with it this setting.
                    was = os.get_blocking(number)
                    os.set_blocking(number, False)
                    with suppress(OSError):
                        os.write(number, line.encode())
                    os.set_blocking(number, was)
        os._exit(code)

    def _json(self, error: Mapping[str, Any]) -> int:
        if self.as_json and not self._has_told:
            with suppress(OSError, ValueError):  # what cannot be written is on stderr already
                streams.out(self._spelled(error))
                streams.flush_out()
        self._has_told = True
        return int(error["code"])

    def _spelled(self, error: Mapping[str, Any]) -> str:
        return json.dumps({"error": error, "verb": self.verb})
