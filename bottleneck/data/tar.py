"""What a tar says of its members: each has a head of 512 bytes or more, before its content.

Heads are gone through in order, as each says where the next one is. What becomes of them, which
members are images, and what links lead to, is the same wherever the archive is.
"""

from __future__ import annotations

import posixpath
import tarfile
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from bottleneck.core.errors import DataError
from bottleneck.core.sample import show_key
from bottleneck.data.contained import is_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bottleneck.data.contained import Left

AGAIN = "make it anew: tar -cf FILE.tar -C FOLDER ."
FILE, FOLDER, SYMBOLIC_LINK, HARD_LINK, OTHER = b"f", b"d", b"s", b"h", b"o"
_CHUNK = 1 << 20
_LARGEST = 1 << 63
Extent = tuple[int, int]  # offset and size of a member's content


class Head(NamedTuple):
    """What is known of a member.

    Attributes
    ----------
    name, link : bytes that need not be UTF-8; where a link leads, b"" for anything else
    kind : FILE and so on; a sparse file is OTHER, as its bytes do not stand there as they are
    offset, size : of the content
    """

    name: bytes
    kind: bytes
    offset: int
    size: int
    link: bytes = b""


def heads(file: BinaryIO, where: str) -> Iterator[Head]:
    """Yield the head of each member, to the end mark.

    Parameters
    ----------
    file : a plain tar; of it `read`, `seek` and `tell` are used

    Raises
    ------
    DataError
        When it is no tar, damaged, cut short, or more follows behind its end.
    """
    at = -1
    try:
        with tarfile.open(
            fileobj=file, mode="r:", encoding="utf-8", errors="surrogateescape"
        ) as archive:
            while (member := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined] # or it would keep each of them
                # A size below 0 leads back; no file is of one beyond 64 bits.
                if member.offset <= at or not 0 <= member.size < _LARGEST:
                    raise tarfile.ReadError("members that overlap, or of impossible size")
                at = member.offset
                yield _head(member)
            end = archive.offset
        _check_end(file, end, where)
    except (tarfile.TarError, ValueError, OverflowError, EOFError, RecursionError) as error:
        raise DataError(f"not a whole tar archive ({error})", where, AGAIN) from error


def _head(member: tarfile.TarInfo) -> Head:
    name, link = (
        text.encode("utf-8", "surrogateescape") for text in (member.name, member.linkname)
    )
    if member.issym() or member.islnk():
        kind = SYMBOLIC_LINK if member.issym() else HARD_LINK
        return Head(name, kind, member.offset_data, member.size, link)
    is_file = member.isreg() and not member.issparse()
    kind = FILE if is_file else FOLDER if member.isdir() else OTHER
    return Head(name, kind, member.offset_data, member.size)


def _check_end(file: BinaryIO, end: int, where: str) -> None:
    """Refuse what does not end in zeros: tarfile takes a damaged head for the end."""
    file.seek(end)
    rest = 0
    while chunk := file.read(_CHUNK):
        if chunk.strip(b"\0"):
            raise DataError("damaged, or another archive follows in the same file", where, AGAIN)
        rest += len(chunk)
    if not rest:
        raise DataError("cut short: it has no end mark", where, AGAIN)


def extents(
    found: Iterable[Head], left: Left, where: str
) -> tuple[dict[bytes, Extent], dict[bytes, Extent]]:
    """Return where each image and each other regular member lies; count what is left alone.

    Raises
    ------
    DataError
        When a member leads out of the archive, or an image is there twice.
    """
    images: dict[bytes, Extent] = {}
    others: dict[bytes, Extent] = {}
    regular: dict[bytes, Extent] = {}  # what links lead to, images or not
    links: dict[bytes, bytes] = {}  # symbolic ones, which may lead to what comes later

    def add(key: bytes, extent: Extent) -> None:
        if not is_image(key):
            left.counts["other"] += 1
            others[key] = extent
        elif key in images:
            raise DataError(f"the member {show_key(key)} is there twice", where, AGAIN)
        else:
            images[key] = extent

    for head in found:
        name = head.name.removeprefix(b"./")
        if head.kind == FILE:
            regular[name] = (head.offset, head.size)
        elif head.kind == FOLDER:
            continue
        key = left.key_of(head.name, where, AGAIN)
        is_hard = head.kind == HARD_LINK
        extent = regular.get(head.link.removeprefix(b"./") if is_hard else name)
        if key is None:
            continue
        if head.kind == SYMBOLIC_LINK:
            links[key] = posixpath.normpath(posixpath.join(posixpath.dirname(name), head.link))
        elif is_hard and extent is None:
            left.counts["links"] += 1
        elif extent is None:
            left.counts["other"] += 1
        else:
            add(key, extent)
    for key, target in links.items():
        if target in regular:
            add(key, regular[target])
        else:
            left.counts["links"] += 1
            left.dangling += [key] if is_image(key) else []
    return images, others
