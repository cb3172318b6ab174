"""The heads of tar archives, kept from one look to the next, for archives that did not change.

With the heads stands what else a listing would read of members: labels that lie beside images, and
the first bytes of members that may be images although their names do not say so. What was not
asked for in a look is not kept any longer.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO

from bottleneck.data.contained import is_image
from bottleneck.data.left_alone import HEAD_BYTES, may_be_image
from bottleneck.data.tar import FILE, Head, heads
from bottleneck.data.webdataset import may_be_label, of_label

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bottleneck.core.paths import Stat

    _Archive = tuple[str, Stat]

MOST_BYTES = 64 << 10  # of a label that is kept; larger ones are read at each look
_MAGIC = b"bn-tar-2"
_MEMBER = struct.Struct("<cqqIIi")  # kind, offset, size; bytes of name, link, content (-1: none)
_ARCHIVE = struct.Struct("<4qIQ")  # stat; bytes of its key, and of its packed members
_DIGEST_BYTES = 32

Known = tuple[Head, bytes | None]  # a member, and what is known of its content


def read_members(file: BinaryIO, where: str) -> bytes:
    """Go through a tar; return its members, packed. DataError as `tar.heads` raises it."""
    packer, packed = zlib.compressobj(1), []
    for head in heads(file, where):
        content = _content(file, head)
        n_content = -1 if content is None else len(content)
        sizes = len(head.name), len(head.link), n_content
        packed.append(
            packer.compress(
                _MEMBER.pack(head.kind, head.offset, head.size, *sizes)
                + head.name
                + head.link
                + (content or b"")
            )
        )
    return b"".join([*packed, packer.flush()])


def members(packed: bytes) -> Iterator[Known]:
    """Yield what `read_members` packed."""
    data, at = zlib.decompress(packed), 0
    while at < len(data):
        kind, offset, size, n_name, n_link, n_content = _MEMBER.unpack_from(data, at)
        at += _MEMBER.size
        name, link = data[at : at + n_name], data[at + n_name : at + n_name + n_link]
        at += n_name + n_link
        content = None if n_content < 0 else data[at : at + n_content]
        at += max(0, n_content)
        yield Head(name, kind, offset, size, link), content


def _content(file: BinaryIO, head: Head) -> bytes | None:
    """Return what a listing reads of a member; None where it reads nothing of it."""
    if head.kind != FILE or is_image(head.name):
        return None
    if may_be_label(head.name):
        if head.size > MOST_BYTES:
            return None
        file.seek(head.offset)
        return of_label(head.name, file.read(head.size))
    if not may_be_image(head.name):
        return None
    file.seek(head.offset)
    return file.read(min(HEAD_BYTES, head.size))


class TarHeads:
    """The members of archives by key and what proves these unchanged; see `left_alone.Kept`.

    Size and time alone would not tell shards apart where a server gives no tags.
    """

    def __init__(self) -> None:
        self._known: dict[_Archive, bytes] = {}
        self._seen: dict[_Archive, bytes] = {}
        self.has_news = False
        self.kept_at: set[Path] = set()

    def begin(self) -> None:
        """Begin a look: what it does not ask for goes."""
        self._known |= self._seen
        self._seen = {}

    def get(self, key: str, stat: Stat) -> bytes | None:
        """Return the packed members of an archive; None where they are not known."""
        found = self._known.get((key, stat))
        if found is not None:
            self._seen[key, stat] = found
        return found

    def learn(self, key: str, stat: Stat, packed: bytes) -> None:
        """Keep the packed members of an archive."""
        self._known[key, stat] = self._seen[key, stat] = packed
        self.has_news = True
        self.kept_at.clear()

    def to_bytes(self) -> bytes:
        """Return what was asked for in this look, and a checksum."""
        pieces = [_MAGIC]
        for (key, stat), data in self._seen.items():
            name = key.encode("utf-8", "surrogateescape")
            pieces += [_ARCHIVE.pack(*stat, len(name), len(data)), name, data]
        body = b"".join(pieces)
        return body + hashlib.sha256(body).digest()

    def recall(self, data: bytes) -> None:
        """Take in what `to_bytes` wrote; anything else is nothing."""
        body = data[:-_DIGEST_BYTES]
        if not body.startswith(_MAGIC) or hashlib.sha256(body).digest() != data[-_DIGEST_BYTES:]:
            return
        known: dict[_Archive, bytes] = {}
        at = len(_MAGIC)
        while at < len(body):
            a, b, c, d, n_name, n_bytes = _ARCHIVE.unpack_from(body, at)
            at += _ARCHIVE.size
            key = body[at : at + n_name].decode("utf-8", "surrogateescape")
            at += n_name
            known[key, (a, b, c, d)] = body[at : at + n_bytes]
            at += n_bytes
        self._known = known | self._known
