"""What a stranger may put into a store: values of other kinds, and things that are no files."""

from __future__ import annotations

import copy
import io
import json
import os
import signal
import socket
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from bottleneck.core import console
from bottleneck.core.canonical import canonical_digest

ESCAPE = "a\x1b[2J\x1b]0;owned\x07\r\u202eb\x7f\x9b31m"
# In the place of any value of a file that is JSON.
VALUES = (None, True, -1, 0, 2**70, 0.5, "", ESCAPE, "../../x\0y", [], [[]], {}, {"x": ESCAPE})
LIMIT_S = 60  # of one command; more is a hang


def places(value: object, path: tuple = ()) -> list[tuple]:
    """Return the path of every value inside a JSON value, itself not included."""
    found = []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        found.append((*path, key))
        if isinstance(inner, dict | list):
            found += places(inner, (*path, key))
    return found


def with_value(plain: dict, path: tuple, value: object) -> dict:
    """Return a copy of a JSON object with another value at a place."""
    changed = copy.deepcopy(plain)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


def sealed(plain: dict) -> bytes:
    """Return JSON with the checksum that it must have to pass for ours."""
    content = {key: value for key, value in plain.items() if key != "checksum"}
    try:
        content["checksum"] = canonical_digest(content)
    except (ValueError, TypeError):
        content["checksum"] = "0" * 64
    return json.dumps(content).encode()


def run(main: object, words: list[str]) -> tuple[int, str]:
    """Run a door to its end; return its code and all that it printed."""
    out = io.StringIO()
    with limited(), redirect_stdout(out), redirect_stderr(out):
        code = console.run(main, words)
    return code, out.getvalue()


@contextmanager
def limited():
    """Fail where the block hangs."""

    def late(_number: int, _frame: object) -> None:
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def is_shown_safely(said: str) -> bool:
    """Whether a terminal would obey nothing in it."""
    return all(line.isprintable() for line in said.split("\n"))


def pipe(path: Path) -> None:
    """A pipe that nobody writes to."""
    os.mkfifo(path)


def folder(path: Path) -> None:
    """A folder with a file in it."""
    path.mkdir()
    (path / "x").write_text("x")


def listener(path: Path) -> None:
    """A socket."""
    here = Path.cwd()
    os.chdir(path.parent)  # its name may be 108 bytes long
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def endless(path: Path) -> None:
    """A link to a device that has no end."""
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    """A link to itself."""
    path.symlink_to(path)


def huge(path: Path) -> None:
    """A file of a terabyte that takes no room."""
    with path.open("wb") as file:
        file.truncate(1 << 40)


def deep(path: Path) -> None:
    """JSON of a depth that no reader bears."""
    path.write_bytes(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)


def doubled(path: Path) -> None:
    """JSON with a key that stands twice, and a number that is none."""
    path.write_bytes(b'{"number": 1, "number": 2, "time": NaN}')


def nothing(path: Path) -> None:
    """An empty file."""
    path.write_bytes(b"")


SPECIAL = (pipe, folder, listener, endless, loop, huge, deep, doubled, nothing)
