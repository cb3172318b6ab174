"""The files of a table: their names, sizes and digests, and what a commit records of them."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from bottleneck.core.errors import DamagedError
from bottleneck.store.table import ADVICE, bad_bytes_are_damage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_TABLE_NAME = re.compile(r"[0-9a-f]{16}-[0-9a-f]{8}\.[a-z0-9]+")
PIECE_BYTES = 8 << 20
COMMIT = re.compile(r"[0-9]{8}\.json")  # a commit's name in the log
# What may stand where a store is to be made: what a run that was killed early had made.
BEFORE_A_STORE = {"lock", "log", "recipes", "derived", "history.jsonl"}
COPY_OF = "copy-of"  # in a folder of copies of a store in a bucket: a file with the address
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Entry(NamedTuple):
    """A file or table as a listing of its room has it."""

    name: str
    modified: float  # seconds of the epoch, by the clock of whoever keeps it


class Recorded(Protocol):
    """A part or a snapshot, as a commit records it."""

    @property
    def table(self) -> str:
        """Its name in the store."""

    @property
    def files(self) -> Mapping[str, Any]:
        """Its files: relative path → [bytes, sha256]."""


def table_name(name: object) -> str:
    """Return a table's name from a commit; ValueError where it is none (a path elsewhere, say)."""
    if not isinstance(name, str) or not _TABLE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no table's name")
    return name


def recorded_files(plain: object) -> dict[str, list[Any]]:
    """Return `{relative path: [bytes, sha256]}` from a commit; ValueError where it is not that."""
    if not isinstance(plain, dict) or not plain:
        raise ValueError("a table without files")
    for relative, record in plain.items():
        inside = relative == "" or not {"", ".", ".."} & set(relative.split("/"))
        size, digest = record
        if not inside or "\\" in relative or (relative == "" and len(plain) > 1):
            raise ValueError(f"{relative!r} is no path inside a table")
        if type(size) is not int or size < 0 or not _SHA256.fullmatch(digest):
            raise ValueError(f"{record!r} is no size and digest")
    return plain


def table_files(path: Path) -> dict[str, Path]:
    """Return `{relative path: file}` of a table; a single file's path is "".

    Hidden files (a desktop's, a network mount's) are passed over: no reader looks at them.

    Raises
    ------
    DamagedError
        When nothing is there, or anything that is neither file nor folder: the bytes behind a
        link are not the bytes that were written here, and a pipe would never end.
    """
    with bad_bytes_are_damage(path):
        return dict(_walk(path, ""))


def _walk(path: Path, relative: str) -> Iterator[tuple[str, Path]]:
    mode = path.lstat().st_mode
    if stat.S_ISDIR(mode):
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            if not entry.name.startswith("."):
                yield from _walk(path / entry.name, f"{relative}/{entry.name}".lstrip("/"))
    elif stat.S_ISREG(mode):
        yield relative, path
    else:
        raise DamagedError("neither a file nor a folder", path, ADVICE)


def files_of(path: Path) -> dict[str, list[Any]]:
    """Return `{relative path: [bytes, sha256]}` of a table; a single file's path is ""."""
    return {relative: _measure(file) for relative, file in table_files(path).items()}


def n_bytes(recorded: Mapping[str, Any]) -> int:
    """Return the size of a table, as a commit records its files."""
    return sum(size for size, _ in recorded.values())


def check_sizes(path: Path, expected: Mapping[str, Any]) -> None:
    """Raise DamagedError unless exactly the recorded files are there, with their sizes."""
    found = table_files(path)
    for relative, (size, _) in expected.items():
        if relative not in found:
            raise DamagedError("a file is missing", path / relative, ADVICE)
        there = found[relative].stat().st_size
        if there != size:
            raise DamagedError(f"has {there} bytes, {size} were written", found[relative], ADVICE)
    for relative in found.keys() - expected.keys():
        raise DamagedError("a file that was not written here", path / relative, ADVICE)


def check_files(path: Path, expected: Mapping[str, Any]) -> None:
    """Raise DamagedError unless exactly the recorded files are there, with their bytes."""
    check_sizes(path, expected)
    for relative, found in files_of(path).items():
        if found[1] != expected[relative][1]:
            raise DamagedError("its bytes changed", path / relative, ADVICE)


def size_of(path: Path) -> int:
    """Return the size of a file, or that of all files in a folder."""
    if path.is_dir() and not path.is_symlink():
        return sum(inner.lstat().st_size for inner in path.rglob("*") if inner.is_file())
    return path.lstat().st_size


def pieces(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, some megabytes at a time."""
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _measure(path: Path) -> list[Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return [file.tell(), digest]
