"""Tar archives of class folders, read in place: nothing is unpacked.

The layouts are those of folders, and so are the keys: `tar -cf photos.tar -C photos .` and
`tar -cf photos.tar photos` both give the keys of the folder `photos`. (A folder around all
others that holds no image itself, and is not named like a split, is the archive's own name.)
Folders of file servers and desktops are left alone, and images without an image's ending found, as
in folders.
The stat is the archive's, so a changed archive is hashed anew, sample by sample.

Hard links to earlier members are those members. Symbolic links, sparse files, devices and
pipes are counted and left alone. A member that leads out of the archive, one that is there twice,
and an archive that is cut, damaged, compressed, or several in one, are refused: never a short
listing.
"""

from __future__ import annotations

import os
import tarfile
from itertools import groupby
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.paths import absolute, shown
from bottleneck.core.sample import key_array, show_key
from bottleneck.data.by_path import by_path
from bottleneck.data.folder_words import split_said
from bottleneck.data.how import How
from bottleneck.data.layout import in_words
from bottleneck.data.left_alone import (
    HEAD_BYTES,
    SYSTEM_FOLDERS,
    LeftAlone,
    has_image_ending,
    is_image,
    may_be_image,
)
from bottleneck.data.reading import Container, open_container
from bottleneck.data.source import SKIPPED, Listing, Read, spec_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_PACKED = {
    b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\3\4": "zip", b"Rar!": "rar", b"7z\xbc\xaf": "7z", b"\x1f\x9d": "compress",
}  # fmt: skip
_ANEW = "make it anew: tar -cf FILE.tar -C FOLDER ."
_CHUNK = 1 << 20
_Place = tuple[int, int]  # offset and size of a member's content


class ArchiveSource:
    """An uncompressed tar archive. `list` reads its heads; `read` reads one piece."""

    def __init__(self, path: Path, how: How | None = None) -> None:
        self.path = absolute(path)
        self.how = how or How()
        self._listed: tuple[Container, NDArray[np.int64]] | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return shown(self.path.name)

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`; `where` is the absolute path."""
        return spec_of("archive", self.path, self.how)

    def exists(self) -> bool:
        """Whether the archive is there."""
        return self.path.is_file()

    def list(self) -> Listing:
        """See `Source.list`."""
        where = shown(self.path)
        left = LeftAlone(dict.fromkeys(SKIPPED, 0))
        with open_container(self.path) as (file, container):
            _refuse_packed(file, where)
            places = _unwrapped(_images(file, left, self.how, where))
        keys = sorted(key for key in places if self.how.patterns.keeps(key))
        left.skipped["excluded"] += len(places) - len(keys)
        left.refuse(len(keys), self.how, where)
        if not keys:
            raise DataError(
                "no images" + in_words(left.counts()), where, "give one that holds images"
            )
        said = by_path(
            [(f, len([*group])) for f, group in groupby(keys, key=_folder_of)],
            lambda: keys,
            self.how,
            name=os.fsencode(self.path.stem),
            where=where,
        )
        self._listed = container, np.array([places[key] for key in keys], np.int64)
        return Listing(
            keys=key_array(keys),
            labels=said.labels,
            splits=said.splits,
            classes=said.classes,
            stats=np.repeat(np.array([container.stat], np.int64), len(keys), axis=0),
            skipped=left.counts(),
            device=container.device,
            understood=left.told(said.understood),
            groups=said.groups,
        )

    def read(self, index: int) -> Read:
        """See `Source.read`; the archive must be the one that was listed."""
        if self._listed is None:
            raise ValueError("read() before list()")
        container, places = self._listed
        offset, n_bytes = places[index].tolist()
        return container.piece(offset, n_bytes)


def _folder_of(key: bytes) -> bytes:
    return key[: key.rfind(b"/") + 1]


def _refuse_packed(file: BinaryIO, where: str) -> None:
    head = file.read(8)
    file.seek(0)
    for magic, name in _PACKED.items():
        if head.startswith(magic):
            raise DataError(
                f"compressed ({name}), so nothing in it can be read in place",
                where,
                "unpack it, and give what comes out (a folder, or a plain .tar)",
            )


def _images(file: BinaryIO, left: LeftAlone, how: How, where: str) -> dict[bytes, _Place]:
    """Return where each image lies, by its name without `./`; count what is left alone."""
    images: dict[bytes, _Place] = {}
    others: dict[bytes, _Place] = {}  # files whose names do not say what they are
    skipped = left.skipped
    regular: dict[str, _Place] = {}  # what hard links lead to, images or not
    hidden = set()
    for member in _members(file, where):
        if member.isreg() and not member.issparse():
            regular[member.name] = (member.offset_data, member.size)
        elif member.isdir():
            continue
        raw = member.name.encode("utf-8", "surrogateescape")
        parts = [part for part in raw.split(b"/") if part not in (b"", b".")]
        if raw.startswith(b"/") or b".." in parts or b"\0" in raw:
            raise DataError(f"the member {show_key(raw)} leads out of the archive", where, _ANEW)
        key = b"/".join(parts)
        place = regular.get(member.linkname if member.islnk() else member.name)
        dotted = next((i for i, part in enumerate(parts) if part.startswith(b".")), None)
        system = next((part for part in parts[:-1] if part.lower() in SYSTEM_FOLDERS), None)
        if system is not None:
            left.add_system(system, int(has_image_ending(key)))
        elif dotted is not None:
            hidden.add(tuple(parts[: dotted + 1]))  # a hidden folder counts once
        elif member.issym() or (member.islnk() and place is None):
            skipped["links"] += 1
        elif place is None or not (has_image_ending(key) or may_be_image(key)):
            skipped["other"] += 1
        elif not has_image_ending(key):
            others[key] = place
        elif key in images:
            raise DataError(f"the member {show_key(key)} is there twice", where, _ANEW)
        else:
            images[key] = place
    skipped["hidden"] += len(hidden)
    return images | _unnamed(file, others, left, how)


def _unnamed(
    file: BinaryIO, others: dict[bytes, _Place], left: LeftAlone, how: How
) -> dict[bytes, _Place]:
    """Return the images without an image's ending that are to be taken; count the others."""
    taken: dict[bytes, _Place] = {}
    for key, place in others.items():
        file.seek(place[0])
        if how["any_name"] is False or not is_image(file.read(min(HEAD_BYTES, place[1]))):
            left.skipped["other"] += 1
        elif how["any_name"]:
            taken[key] = place
        elif how.patterns.keeps(key):
            left.add_unnamed(key)
        else:
            left.skipped["excluded"] += 1
    return taken


def _members(file: BinaryIO, where: str) -> Iterator[tarfile.TarInfo]:
    """Yield all members, to the end mark; DataError where there is none."""
    at = -1
    try:
        with tarfile.open(
            fileobj=file, mode="r:", encoding="utf-8", errors="surrogateescape"
        ) as archive:
            while (member := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined] # or it would keep each of them
                if member.offset <= at or member.size < 0:  # a size below 0 leads back
                    raise tarfile.ReadError("members that overlap")
                at = member.offset
                yield member
            end = archive.offset
        _check_end(file, end, where)
    except (tarfile.TarError, ValueError, OverflowError, EOFError, RecursionError) as error:
        raise DataError(f"not a whole tar archive ({error})", where, _ANEW) from error


def _check_end(file: BinaryIO, end: int, where: str) -> None:
    """Refuse what does not end in zeros: tarfile takes a damaged head for the end."""
    file.seek(end)
    rest = 0
    while chunk := file.read(_CHUNK):
        if chunk.strip(b"\0"):
            raise DataError("damaged, or another archive follows in the same file", where, _ANEW)
        rest += len(chunk)
    if not rest:
        raise DataError("cut short: it has no end mark", where, _ANEW)


def _unwrapped(images: dict[bytes, _Place]) -> dict[bytes, _Place]:
    """Return the images without the one folder around all of them, if that is all it is."""
    tops = {key[: key.find(b"/") + 1] for key in images}
    if len(tops) != 1:
        return images
    (top,) = tops
    n_direct = sum(key.count(b"/") == 1 for key in images)
    if not top or n_direct or split_said(top[:-1]) is not None:
        return images
    return {key[len(top) :]: place for key, place in images.items()}
