"""Archives that are compressed as a whole: nothing in them can be read in place.

They are refused, unless the user says in which folder the plain archive may be put. There it lies
under a name made of the stat of the compressed one, so a later run finds it, and one that changed
is unpacked anew. What is unpacked is one plain file: nothing that a member is called can lead
anywhere.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import lzma
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from bottleneck.core import files
from bottleneck.core.errors import DataError, from_os_error
from bottleneck.core.paths import absolute, shown
from bottleneck.data.reading import open_container

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

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


def unpacked(path: Path, folder: str | None) -> Path:
    """Return a plain archive: the path itself, or what was unpacked from it into `folder`.

    Raises
    ------
    DataError
        When it is compressed and there is no folder to unpack it in, or it is damaged.
    """
    where = shown(path)
    with open_container(path) as (file, container):
        head = file.read(8)
        file.seek(0)
        packing = next((name for magic, name in _PACKED.items() if head.startswith(magic)), None)
        if packing is None:
            return path
        if packing not in _UNPACKERS or folder is None:
            can = "say where with --unpack FOLDER, or " if packing in _UNPACKERS else ""
            raise DataError(
                f"compressed ({packing}), so nothing in it can be read in place",
                where,
                f"{can}unpack it, and give what comes out (a folder, or a plain .tar)",
            )
        into = absolute(Path(folder))
        mark = hashlib.sha256(repr(tuple(container.stat)).encode()).hexdigest()[:16]
        target = into / f"{path.name.split('.')[0] or 'archive'}-{mark}.tar"
        if not target.is_file():
            files.make_folder(into)
            with contextlib.suppress(FileExistsError):  # another run was faster
                files.publish_chunks(target, _chunks(file, packing, where))
    return target


def _chunks(packed: BinaryIO, packing: str, where: str) -> Iterator[bytes]:
    """Yield what comes out of a packed file."""
    try:
        with _UNPACKERS[packing](packed) as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except (*_BROKEN, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise from_os_error(error) or error from error
        raise DataError(f"damaged ({error})", where, "get or make it anew") from error
