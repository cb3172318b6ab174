"""Archives that are compressed as a whole: nothing in them can be read in place.

They are refused, unless the user says in which folder the plain archive may be put. There it lies
under a name made of the stat of the compressed one, so a later run finds it, and one that changed
is unpacked anew. What is unpacked is one plain file: nothing that a member is called can lead
anywhere. A dry run leaves nothing behind: it unpacks into a file
without a name.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import lzma
import os
import tarfile
import tempfile
import threading
import weakref
import zlib
from pathlib import Path, PurePath
from shlex import quote
from typing import TYPE_CHECKING, Any, BinaryIO

from bottleneck.core import files
from bottleneck.core.errors import DataError, from_os_error
from bottleneck.core.paths import absolute, shown
from bottleneck.data.left_alone import has_image_ending
from bottleneck.data.reading import check_size, open_container
from bottleneck.data.source import Read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bottleneck.data.reading import Container

_PACKED = {
    b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\3\4": "zip", b"Rar!": "rar", b"7z\xbc\xaf": "7z", b"\x1f\x9d": "compress",
}  # fmt: skip
_UNPACKERS: Mapping[str, Callable[[BinaryIO], Any]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "bzip2": lambda file: bz2.BZ2File(file),
    "xz": lambda file: lzma.LZMAFile(file),  # noqa: SIM115 - its user closes it
}
_BROKEN = (EOFError, zlib.error, lzma.LZMAError)
_CHUNK = 1 << 20
_MOST_PEEKED, _MOST_PEEKED_BYTES = 20, 64 << 20  # members at the beginning of an archive


def unpacked(path: Path, folder: str | None, *, is_dry: bool = False) -> Path:
    """Return a plain archive: the path itself, or what was unpacked from it into `folder`.

    Parameters
    ----------
    is_dry : whether nothing may be written: then it is the path itself also where it is compressed,
        and nothing was unpacked from it before

    Raises
    ------
    DataError
        When it is compressed and there is no folder to unpack it in, or it is damaged.
    """
    where = shown(path)
    with open_container(path) as (file, container):
        how = packing(file)
        if how is None:
            return path
        if how not in _UNPACKERS or folder is None:
            do = _way_out(path, file, how)
            what = f"compressed ({how}), so nothing in it can be read in place"
            raise DataError(what, where, do)
        into = absolute(Path(folder))
        mark = hashlib.sha256(repr(tuple(container.stat)).encode()).hexdigest()[:16]
        target = into / f"{path.name.split('.')[0] or 'archive'}-{mark}.tar"
        if not target.is_file():
            if is_dry:
                return path
            files.make_folder(into)
            with contextlib.suppress(FileExistsError):  # another run was faster
                files.publish_chunks(target, _chunks(file, how, where))
    return target


def by_hand(path: PurePath, names: Sequence[bytes]) -> str:
    """Return how an archive is unpacked by hand, and what of it is given then.

    Parameters
    ----------
    names : of its members
    """
    tops = {name.lstrip(b"./").partition(b"/")[0] for name in names}
    below = "/" + os.fsdecode(tops.pop()) if len(tops) == 1 and b"/" in names[0] else ""
    is_zip = path.suffix.lower() == ".zip"
    command = (
        f"unzip {quote(str(path))} -d"
        if is_zip
        else f"mkdir -p FOLDER && tar -xf {quote(str(path))} -C"
    )
    return f"unpack it: {command} FOLDER, and give --data {quote('FOLDER' + below)}"


class Aside:
    """What came out of a compressed archive: a file without a name, gone with the process."""

    def __init__(self, file: BinaryIO, container: Container, where: str) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as its members are read
        weakref.finalize(self, self.file.close)
        self._container, self._lock = container, threading.Lock()
        for chunk in _chunks(file, packing(file) or "", where):
            self.file.write(chunk)
        self.file.seek(0)

    def read(self, place: tuple[int, int]) -> Read:
        """Return a member by its offset and its size."""
        offset, n_bytes = place
        check_size(n_bytes, self._container.path)
        with self._lock:
            self.file.seek(offset)
            content = self.file.read(n_bytes)
        clock_ns = self._container.clock_ns
        return Read(content=content, stat=self._container.stat, clock_ns=clock_ns)


def is_packed(file: BinaryIO) -> bool:
    """Whether a file is compressed in a way that is known here."""
    return packing(file) in _UNPACKERS


def packing(file: BinaryIO) -> str | None:
    """Return how a file is compressed, None for not at all; it is at its beginning afterwards."""
    head = file.read(8)
    file.seek(0)
    return next((name for magic, name in _PACKED.items() if head.startswith(magic)), None)


def _way_out(path: Path, file: BinaryIO, how: str) -> str:
    """Return what to do with a compressed archive; where its beginning shows no image, by hand."""
    if how not in _UNPACKERS:
        return "unpack it, and give what comes out (a folder, or a plain .tar)"
    names: list[bytes] = []
    with (
        contextlib.suppress(tarfile.TarError, OSError, *_BROKEN),
        _UNPACKERS[how](file) as plain,
        tarfile.open(fileobj=plain, mode="r|") as archive,
    ):
        for member in archive:
            names += [os.fsencode(member.name)] if member.isreg() else []
            if len(names) == _MOST_PEEKED or member.offset > _MOST_PEEKED_BYTES:
                break
    if names and not any(map(has_image_ending, names)):
        return by_hand(path, names)
    return (
        "say where with --unpack FOLDER, or unpack it, and give what comes out (a folder, or a "
        "plain .tar)"
    )


def _chunks(packed: BinaryIO, how: str, where: str) -> Iterator[bytes]:
    """Yield what comes out of a packed file."""
    with _damage(where), _UNPACKERS[how](packed) as file:
        while chunk := file.read(_CHUNK):
            yield chunk


@contextlib.contextmanager
def _damage(where: str) -> Iterator[None]:
    """Turn what unpacking raises into the error for a damaged archive."""
    try:
        yield
    except (*_BROKEN, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise from_os_error(error) or error from error
        raise DataError(f"damaged ({error})", where, "get or make it anew") from error
