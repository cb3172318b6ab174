"""Zip archives of class folders, read in place: nothing is unpacked.

The layouts and keys are those of folders, as for tar archives (`archive`). Members are stored or
deflated (or packed by what else Python's zipfile knows), with zip64 or without. Names are UTF-8
where the archive says so or where their bytes are; other names are taken for cp437, the encoding
that the format names. Encrypted members, and members that are links, are no images of ours. The
checksum of each member is checked whenever it is read.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
import time
import weakref
import zipfile
import zlib
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.paths import shown, stat_row
from bottleneck.core.sample import show_key
from bottleneck.data.contained import Left, Members, OnDisk, is_image
from bottleneck.data.members import MemberSource
from bottleneck.data.reading import Container, check_size, open_container
from bottleneck.data.source import Read

if TYPE_CHECKING:
    from pathlib import Path

    from bottleneck.data.how import How

_AGAIN = "make it anew: zip -r FILE.zip FOLDER"
_ENCRYPTED = 1
_UTF8 = 1 << 11  # the flag of a name's encoding
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OverflowError)


def open_zip_source(path: Path, how: How | None = None) -> MemberSource:
    """Return the source; nothing is read yet."""
    return MemberSource("zip", OnDisk(path, open_zip), how)


def open_zip(path: Path, left: Left) -> Members:
    """Return the members of a zip: its directory is read, and nothing else.

    Raises
    ------
    DataError
        When it is no whole zip, a member is encrypted, there twice, or leads out.
    """
    where = shown(path)
    with open_container(path) as (_, container):
        try:
            archive = zipfile.ZipFile(os.fsdecode(container.path))
        except (*_BROKEN, NotImplementedError) as error:
            raise DataError(f"not a whole zip archive ({error})", where, _AGAIN) from error
    reader = _Reader(container, archive)
    images: dict[bytes, zipfile.ZipInfo] = {}
    others: dict[bytes, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name, is_guessed = _name_of(info)
        if is_guessed and is_image(name):
            left.guessed.append(name)
        if name.endswith(b"/"):
            continue
        key = left.key_of(name, where, _AGAIN)
        if key is None:
            continue
        if stat.S_ISLNK(info.external_attr >> 16):
            left.counts["links"] += 1
        elif not is_image(key):
            left.counts["other"] += 1
            others[key] = info
        elif info.flag_bits & _ENCRYPTED:
            raise DataError(
                f"{show_key(key)} is encrypted", where, "unpack it, and give the folder"
            )
        elif key in images:
            raise DataError(f"the member {show_key(key)} is there twice", where, _AGAIN)
        else:
            images[key] = info
    return Members(container=container, images=images, others=others, read=reader.read)


class _Reader:
    """Reads members of one zip, in any thread."""

    def __init__(self, container: Container, archive: zipfile.ZipFile) -> None:
        self.container, self.archive = container, archive
        weakref.finalize(self, archive.close)  # also where an error's traceback holds it in a cycle
        self._opening = threading.Lock()  # zipfile counts who reads, and two threads miscount

    def read(self, info: zipfile.ZipInfo) -> Read:
        """Return a member's bytes; OSError when it is damaged, or the zip is another one by now."""
        path = self.container.path
        check_size(info.file_size, path)
        clock_ns = time.time_ns()
        self._check_same()
        try:
            with self._opening:
                member = self.archive.open(info)
            try:
                content = member.read()
            finally:
                with self._opening:
                    member.close()
        except (*_BROKEN, NotImplementedError, RuntimeError) as error:
            raise OSError(errno.EINVAL, f"cannot be unpacked: {error}", path) from error
        self._check_same()
        return Read(content=content, stat=self.container.stat, clock_ns=clock_ns)

    def _check_same(self) -> None:
        """Raise OSError unless the path still is the file that was listed, unchanged."""
        path = self.container.path
        assert self.archive.fp is not None
        mine = stat_row(os.fstat(self.archive.fp.fileno()))
        if not mine == stat_row(os.stat(path)) == self.container.stat:  # noqa: PTH116 - bytes
            raise OSError(errno.EAGAIN, "changed after it was listed", path)


def _name_of(info: zipfile.ZipInfo) -> tuple[bytes, bool]:
    """Return a member's name as bytes with `/`, and whether its encoding is only guessed."""
    name, is_guessed = info.orig_filename, False
    if info.flag_bits & _UTF8:
        raw = name.encode("utf-8", "surrogateescape")
    else:
        raw = name.encode("cp437")  # the bytes as they stand there
        try:
            raw.decode("utf-8")  # many write UTF-8 without saying so
        except UnicodeDecodeError:
            raw, is_guessed = name.encode(), True
    # Some programs on Windows write its separator, which the format does not allow.
    return (raw if b"/" in raw else raw.replace(b"\\", b"/")), is_guessed
