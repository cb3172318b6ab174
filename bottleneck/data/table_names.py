"""Which file a field of a table means: as it stands, or in the ways that people write names.

A field is taken as it stands where there is such a file. Else blanks around it, backslashes,
percent escapes, `file://` and `~` are understood, then another case or Unicode form of letters,
then a missing ending; always when exactly one file fits, never when two do. Folders are listed
once.
"""

from __future__ import annotations

import contextlib
import os
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from bottleneck.core.errors import DataError
from bottleneck.core.sample import show_key
from bottleneck.data.endings import EXTENSIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(slots=True)
class Seeker:
    """Finds files by names that are not quite theirs."""

    encoding: str
    where: str
    counts: Counter[str] = field(default_factory=Counter)
    folders: dict[bytes, _Names | None] = field(default_factory=dict)

    def find(self, key: bytes, roots: Iterable[bytes]) -> bytes | None:
        """Return the one file that a name means below the folders; None for none."""
        found = [(how, path) for root in roots for how, path in [self._below(key, root)] if path]
        if len(found) > 1:
            raise DataError(
                f"{show_key(key)} is in {' and in '.join(show_key(path) for _, path in found)}",
                self.where,
                "give one of these folders as --root",
            )
        if not found:
            return None
        if found[0][0]:
            self.counts[found[0][0]] += 1
        return found[0][1]

    def _below(self, key: bytes, root: bytes) -> tuple[str, bytes]:
        for how, name in _spellings(key, self.encoding):
            path = os.path.join(root, name)  # noqa: PTH118
            if os.path.lexists(path) and not os.path.isdir(path):  # noqa: PTH112
                return how, path
        for how, name in _spellings(key, self.encoding):
            folder, base = os.path.split(os.path.join(root, name))  # noqa: PTH118
            names = self._names(folder)
            if names is not None and base:
                added, exact = names.find(base, self.where)
                if exact:
                    moved = "spelled" if names.folder != folder else ""
                    return added or moved or how, os.path.join(names.folder, exact)  # noqa: PTH118
        return "", b""

    def _names(self, folder: bytes) -> _Names | None:
        """Return what is in a folder, whose own name may be in another case too."""
        if folder not in self.folders:
            self.folders[folder] = self._listed(folder)
        return self.folders[folder]

    def _listed(self, folder: bytes) -> _Names | None:
        try:
            return _Names(folder)
        except PermissionError:
            return None
        except OSError:
            above, base = os.path.split(folder)
            if not base or above == folder:
                return None
            names = self._names(above)
            exact = names.folder_like(base) if names is not None else b""
            if names is None or not exact or exact == base:
                return None
            return self._names(os.path.join(names.folder, exact))  # noqa: PTH118


class _Names:
    """The names in one folder, by what people make of them."""

    def __init__(self, folder: bytes) -> None:
        self.folder = folder
        self._all: list[bytes] = []
        folders: list[bytes] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                (folders if entry.is_dir() else self._all).append(entry.name)
        self._folders = _grouped((_fold(name), name) for name in folders)
        self._folded = _grouped((_fold(name), name) for name in self._all)
        self._stems: dict[str, list[bytes]] | None = None

    def folder_like(self, base: bytes) -> bytes:
        """Return the one folder that this name means; nothing for none, or several."""
        found = self._folders.get(_fold(base), [])
        return found[0] if len(found) == 1 else b""

    def find(self, base: bytes, where: str) -> tuple[str, bytes]:
        """Return the name that this one means, and how it was found; nothing for none."""
        folded = self._folded.get(_fold(base), [])
        if base in folded:
            return "", base
        if folded:
            return "spelled", self._one(base, folded, where)
        if self._stems is None:
            self._stems = _grouped(
                (_fold(name[: name.rfind(b".")]), name)
                for name in self._all
                if ending_of(name) in EXTENSIONS
            )
        images = self._stems.get(_fold(base), [])
        exact = [name for name in images if name.startswith(base)]
        return "ending", self._one(base, exact or images, where) if images else b""

    @staticmethod
    def _one(base: bytes, found: list[bytes], where: str) -> bytes:
        if len(found) > 1:
            names = " or ".join(map(show_key, sorted(found)[:3]))
            raise DataError(f"{show_key(base)} may be {names}", where, "write which")
        return found[0]


def _grouped(pairs: Iterable[tuple[str, bytes]]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for folded, name in pairs:
        found.setdefault(folded, []).append(name)
    return found


def _fold(name: bytes) -> str:
    return unicodedata.normalize("NFC", os.fsdecode(name)).casefold()


def ending_of(name: bytes) -> bytes:
    """Return what stands behind the last point of a name, with it, in small letters."""
    return name[name.rfind(b".") :].lower()


def _spellings(key: bytes, encoding: str) -> Iterator[tuple[str, bytes]]:
    """Yield the ways to read a name, each once, with how."""
    yield "", key
    plain = key.strip()
    if encoding and not key.isascii():
        with contextlib.suppress(UnicodeError):
            yield "", plain.decode().encode(encoding)
    is_url = plain[:7].lower() == b"file://"
    if is_url:
        plain = re.sub(rb"^file://(localhost)?(?=/)|^file:///?", b"", plain, flags=re.IGNORECASE)
    ways = [plain, plain.replace(b"\\", b"/"), unquote_to_bytes(plain)]
    ways += [unquote_to_bytes(ways[1])]
    ways += [os.path.expanduser(way) for way in ways if way[:1] == b"~"]  # noqa: PTH111 - bytes
    seen = {key}
    for way in ways:
        if way and way not in seen:
            seen.add(way)
            yield "written", way
