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
    from collections.abc import Callable, Iterable, Iterator

# What makes a name worth a second reading.
_ODD = re.compile(rb"[\\%~\s]|^[fF][iI][lL][eE]:|^/data/local-files/")
_LOCAL_FILES = b"/data/local-files/?d="  # Label Studio's, before a path


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
                "give one of these folders: --root FOLDER",
            )
        if not found:
            return None
        if found[0][0]:
            self.counts[found[0][0]] += 1
        return found[0][1]

    def with_other_ending(self, key: bytes, roots: Iterable[bytes]) -> bytes | None:
        """Return a file that is called so but for its ending: for a message, never in its place."""
        for root in roots:
            folder, base = os.path.split(os.path.join(root, key.replace(b"\\", b"/")))  # noqa: PTH118
            names = self._names(folder)
            found = names.with_other_ending(base) if names is not None else None
            if found is not None:
                return found
        return None

    def _below(self, key: bytes, root: bytes) -> tuple[str, bytes]:
        ways = [*_spellings(key, self.encoding)]
        for how, name in ways:
            path = os.path.join(root, name)  # noqa: PTH118
            if os.path.lexists(path) and not os.path.isdir(path):  # noqa: PTH112
                return how, path
        for how, name in ways:
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
        files: list[bytes] = []
        folders: list[bytes] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                (folders if entry.is_dir() else files).append(entry.name)
        self._files = frozenset(files)
        self._folders = _grouped(_fold, folders)
        self._by: dict[Callable[[bytes], bytes], dict[bytes, list[bytes]]] = {}

    def folder_like(self, base: bytes) -> bytes:
        """Return the one folder that this name means; nothing for none, or several."""
        found = self._folders.get(_fold(base), [])
        return found[0] if len(found) == 1 else b""

    def with_other_ending(self, base: bytes) -> bytes | None:
        """Return a name that is this one but for its ending; None for none."""
        wanted = _folded_stem(base)
        return next((name for name in self._files if wanted and _folded_stem(name) == wanted), None)

    def find(self, base: bytes, where: str) -> tuple[str, bytes]:
        """Return the name that this one means, and how it was found; nothing for none."""
        if base in self._files:
            return "", base
        ways = [("spelled", _fold, _fold(base)), ("ending", _folded_stem, _fold(base))]
        if ending_of(base) not in EXTENSIONS:
            ways.insert(0, ("ending", _stem, base))
        for how, key, wanted in ways:
            if key not in self._by:  # made when the first name needs it
                self._by[key] = _grouped(key, self._files)
            found = self._by[key].get(wanted, [])
            if found:
                return how, self._one(base, found, where)
        return "", b""

    @staticmethod
    def _one(base: bytes, found: list[bytes], where: str) -> bytes:
        if len(found) > 1:
            names = " or ".join(map(show_key, sorted(found)[:3]))
            raise DataError(f"{show_key(base)} may be {names}", where, "write which")
        return found[0]


def _grouped(key: Callable[[bytes], bytes], names: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for name in names:
        found.setdefault(key(name), []).append(name)
    return found


def _fold(name: bytes) -> bytes:
    """Return a name as it is compared where case and Unicode form do not count."""
    if name.isascii():
        return name.lower()
    return os.fsencode(unicodedata.normalize("NFC", os.fsdecode(name)).casefold())


def _stem(name: bytes) -> bytes:
    """Return an image's name without its ending; any other name as nothing."""
    return name[: name.rfind(b".")] if ending_of(name) in EXTENSIONS else b""


def _folded_stem(name: bytes) -> bytes:
    return _fold(_stem(name))


def ending_of(name: bytes) -> bytes:
    """Return what stands behind the last point of a name, with it, in small letters."""
    return name[name.rfind(b".") :].lower()


def _spellings(key: bytes, encoding: str) -> Iterator[tuple[str, bytes]]:
    """Yield the ways to read a name, each once, with how."""
    yield "", key
    if not encoding and not _ODD.search(key):
        return
    plain = key.strip()
    if encoding and not key.isascii():
        with contextlib.suppress(UnicodeError):
            yield "", plain.decode().encode(encoding)
    plain = plain.removeprefix(_LOCAL_FILES)
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
