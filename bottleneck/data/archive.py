"""Tar archives of class folders, read in place: one that is not compressed is never unpacked.

The layouts are those of folders, and so are the keys: `tar -cf photos.tar -C photos .` and
`tar -cf photos.tar photos` both give the keys of the folder `photos`. (A folder around all
others that holds no image itself, and is not named like a split, is the archive's own name.)
The stat is the archive's, so a changed archive is hashed anew, sample by sample.

Links to members are those members. Links that lead elsewhere, sparse files, devices and pipes are
counted and left alone. A member that leads out of the archive, one that is there twice,
and an archive that is cut, damaged, compressed, or several in one, are refused: never a short
listing.
"""

from __future__ import annotations

import posixpath
import tarfile
from typing import TYPE_CHECKING, BinaryIO

from bottleneck.core.errors import DataError
from bottleneck.core.paths import shown
from bottleneck.core.sample import show_key
from bottleneck.data.catalog import kind_of
from bottleneck.data.contained import Left, Members, is_image
from bottleneck.data.members import MemberSource
from bottleneck.data.reading import open_container
from bottleneck.data.shards import matching, shards
from bottleneck.data.unpack import Aside, is_packed, unpacked
from bottleneck.data.zip import open_zip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bottleneck.data.how import How

_ANEW = "make it anew: tar -cf FILE.tar -C FOLDER ."
_CHUNK = 1 << 20
_Place = tuple[int, int]  # offset and size of a member's content


def open_archive(path: Path, how: How | None = None) -> MemberSource:
    """Return the source; nothing is read yet, or unpacked."""
    return _source("archive", path, how)


def open_shards(pattern: Path, how: How | None = None) -> MemberSource:
    """Return the source of all archives whose paths match; nothing is read yet."""
    return _source("shards", pattern, how, _shards)


def _source(
    kind: str, path: Path, how: How | None, several: Callable[[Path], list[Path]] | None = None
) -> MemberSource:
    folder = how["unpack"] if how else None

    def opened(path: Path, left: Left) -> Members:
        """Return the members of a tar, or of a zip by its ending."""
        if several is not None and path.suffix.lower() == ".zip":
            return open_zip(path, left)
        try:
            return open_tar(unpacked(path, folder, is_dry=source.is_dry), left)
        except DataError:
            error = _not_archives(source.path) if several and kind_of(path) != "archive" else None
            if error is not None:
                raise error from None
            raise

    source = MemberSource(kind, path, how, opened, several)
    return source


def _shards(pattern: Path) -> list[Path]:
    """Return the archives that a pattern means; DataError as `shards` raises it, or for others."""
    try:
        return shards(pattern)
    except DataError:
        if (error := _not_archives(pattern)) is not None:
            raise error from None
        raise


def _not_archives(pattern: Path) -> DataError | None:
    """Return the error for files that are no archives, where a pattern means any."""
    from bottleneck.data.together import not_archives  # noqa: PLC0415 - most patterns do without

    others = [path for path in matching(pattern) if kind_of(path) not in {"archive", "zip"}]
    return not_archives(pattern, others) if others else None


def open_tar(path: Path, left: Left) -> Members:
    """Return the members of a tar: of a plain one, its heads are read, and nothing else."""
    where = shown(path)
    read = None
    with open_container(path) as (file, container):
        if is_packed(file):
            aside = Aside(file, container, where)
            file, read = aside.file, aside.read
        images, others = _places(file, left, where)
    return Members(
        container=container,
        images=images,
        others=others,
        read=read or (lambda place: container.piece(*place)),
        is_plain=read is None,
    )


def _places(
    file: BinaryIO, left: Left, where: str
) -> tuple[dict[bytes, _Place], dict[bytes, _Place]]:
    """Return where each image and each other regular member lies; count what is left alone."""
    images: dict[bytes, _Place] = {}
    others: dict[bytes, _Place] = {}
    regular: dict[str, _Place] = {}  # what links lead to, images or not
    links: dict[bytes, str] = {}  # symbolic ones, which may lead to what comes later

    def add(key: bytes, place: _Place) -> None:
        if not is_image(key):
            left.counts["other"] += 1
            others[key] = place
        elif key in images:
            raise DataError(f"the member {show_key(key)} is there twice", where, _ANEW)
        else:
            images[key] = place

    for member in _members(file, where):
        name = member.name.removeprefix("./")
        if member.isreg() and not member.issparse():
            regular[name] = (member.offset_data, member.size)
        elif member.isdir():
            continue
        key = left.key_of(member.name.encode("utf-8", "surrogateescape"), where, _ANEW)
        place = regular.get(member.linkname.removeprefix("./") if member.islnk() else name)
        if key is None:
            continue
        if member.issym():
            links[key] = posixpath.normpath(
                posixpath.join(posixpath.dirname(name), member.linkname)
            )
        elif member.islnk() and place is None:
            left.counts["links"] += 1
        elif place is None:
            left.counts["other"] += 1
        else:
            add(key, place)
    for key, target in links.items():
        if target in regular:
            add(key, regular[target])
        else:
            left.counts["links"] += 1
            left.dangling += [key] if is_image(key) else []
    return images, others


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
