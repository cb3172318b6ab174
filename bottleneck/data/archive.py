"""Tar archives of class folders, read in place: nothing is unpacked.

The layouts are those of folders, and so are the keys: `tar -cf photos.tar -C photos .` and
`tar -cf photos.tar photos` both give the keys of the folder `photos`. (A folder around all
others that holds no image itself, and is not named like a split, is the archive's own name.)
The stat is the archive's, so a changed archive is hashed anew, sample by sample.

Hard links to earlier members are those members. Symbolic links, sparse files, devices and
pipes are counted and left alone. A member that leads out of the archive, one that is there twice,
and an archive that is cut, damaged, compressed, or several in one, are refused: never a short
listing.
"""

from __future__ import annotations

import tarfile
from itertools import groupby
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.paths import absolute, shown
from bottleneck.core.sample import key_array, show_key
from bottleneck.data.endings import EXTENSIONS
from bottleneck.data.how import How
from bottleneck.data.layout import SPLIT_FOLDERS, assign, in_words
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
        skipped = dict.fromkeys(SKIPPED, 0)
        with open_container(self.path) as (file, container):
            _refuse_packed(file, where)
            places = _unwrapped(_images(file, skipped, where))
        keys = sorted(key for key in places if self.how.patterns.keeps(key))
        skipped["excluded"] = len(places) - len(keys)
        if not keys:
            raise DataError("no images" + in_words(skipped), where, "give one that holds images")
        folders = [(f, len([*group])) for f, group in groupby(keys, key=_folder_of)]
        splits, labels, classes = assign([folder for folder, _ in folders], where)
        counts = [n for _, n in folders]
        self._listed = container, np.array([places[key] for key in keys], np.int64)
        return Listing(
            keys=key_array(keys),
            labels=np.repeat(np.array(labels, np.int32), counts),
            splits=np.repeat(np.array(splits, np.uint8), counts),
            classes=classes,
            stats=np.repeat(np.array([container.stat], np.int64), len(keys), axis=0),
            skipped=skipped,
            device=container.device,
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


def _images(file: BinaryIO, skipped: dict[str, int], where: str) -> dict[bytes, _Place]:
    """Return where each image lies, by its name without `./`; count what is left alone."""
    images: dict[bytes, _Place] = {}
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
        if dotted is not None:
            hidden.add(tuple(parts[: dotted + 1]))  # a hidden folder counts once
        elif member.issym() or (member.islnk() and place is None):
            skipped["links"] += 1
        elif place is None or key[key.rfind(b".") :].lower() not in EXTENSIONS:
            skipped["other"] += 1
        elif key in images:
            raise DataError(f"the member {show_key(key)} is there twice", where, _ANEW)
        else:
            images[key] = place
    skipped["hidden"] += len(hidden)
    return images


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
    if not top or n_direct or top[:-1].lower() in SPLIT_FOLDERS:
        return images
    return {key[len(top) :]: place for key, place in images.items()}
