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

from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.paths import absolute, shown
from bottleneck.data.catalog import kind_of
from bottleneck.data.contained import Left, Members, OnDisk
from bottleneck.data.members import MemberSource
from bottleneck.data.reading import open_container
from bottleneck.data.shards import matching, shards
from bottleneck.data.tar import extents, heads
from bottleneck.data.unpack import Aside, is_packed, unpacked
from bottleneck.data.zip import open_zip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bottleneck.data.how import How


def open_archive(path: Path, how: How | None = None) -> MemberSource:
    """Return the source; nothing is read yet, or unpacked."""
    return _source("archive", path, how)


def open_shards(pattern: Path, how: How | None = None) -> MemberSource:
    """Return the source of all archives whose paths match; nothing is read yet."""
    return _source("shards", pattern, how, _shards)


def _source(
    kind: str, pattern: Path, how: How | None, several: Callable[[Path], list[Path]] | None = None
) -> MemberSource:
    folder = how["unpack"] if how else None
    pattern = absolute(pattern)

    def opened(path: Path, left: Left) -> Members:
        """Return the members of a tar, or of a zip by its ending."""
        if several is not None and path.suffix.lower() == ".zip":
            return open_zip(path, left)
        try:
            return open_tar(unpacked(path, folder, is_dry=source.is_dry), left)
        except DataError:
            error = _not_archives(pattern) if several and kind_of(path) != "archive" else None
            if error is not None:
                raise error from None
            raise

    source = MemberSource(kind, OnDisk(pattern, opened, several), how)
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
        images, others = extents(heads(file, where), left, where)
    return Members(
        container=container,
        images=images,
        others=others,
        read=read or (lambda place: container.piece(*place)),
        is_plain=read is None,
    )
