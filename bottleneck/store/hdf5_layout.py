"""The bytes of an HDF5 file of contiguous columns, computed here and written like any other bytes.

Why not by the HDF5 library. It holds an open file, and what the system answers to its writes is
its own affair: a write that fails once may be dropped without a word when the file is closed
later, and a file that cannot be written at all is written again when the process ends, which ends
it with a segmentation fault. An image of the file in memory would be safe, but folded parts have
a gigabyte. The layout here never varies, so its metadata are a page for each column; the columns
follow as they are, and one function writes it all and knows of each write what became of it. The
bytes also do not depend on the installed library. HDF5 reads, and the tests read with h5py.

The layout, of the file format specification's version 3 (HDF5 1.10 and later): everything starts
at a multiple of 4096; the superblock; the root group with a link for each data set and the
attribute `format_version`; then for each data set its header and its bytes.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bottleneck.store.table import Blocks

ALIGNMENT = 4096
# A superblock: signature, version, sizes of offsets and lengths, flags, base address, address of
# the extension, end of the file. The address of the root group and a checksum follow.
SUPERBLOCK = struct.Struct("<8sBBBBQQQ")
SIGNATURE = b"\x89HDF\r\n\x1a\n"
UNDEFINED = 2**64 - 1
ROOM = 256  # what HDF5 itself gives to the header of a data set
MOST_LINKS = 8  # more are compact only where the group says so
_WORD = 0xFFFFFFFF

# Messages of an object header, and the flags that they have.
_NOTHING, _DATASPACE, _LINK_INFO, _DATATYPE, _FILL, _LINK, _LAYOUT = 0, 1, 2, 3, 5, 6, 8
_GROUP_INFO, _ATTRIBUTE, _ATTRIBUTE_INFO = 10, 12, 21
_CONSTANT, _UNSHARED = 1, 4
# Version, class and flags; bytes; then bit offset and precision, and of a float: exponent's place
# and size, mantissa's place and size, bias.
_DATATYPES = {
    "|u1": struct.pack("<BBBBIHH", 0x10, 0x00, 0, 0, 1, 0, 8),
    "<u4": struct.pack("<BBBBIHH", 0x10, 0x00, 0, 0, 4, 0, 32),
    "<i4": struct.pack("<BBBBIHH", 0x10, 0x08, 0, 0, 4, 0, 32),
    "<i8": struct.pack("<BBBBIHH", 0x10, 0x08, 0, 0, 8, 0, 64),
    "<f2": struct.pack("<BBBBIHHBBBBI", 0x11, 0x20, 15, 0, 2, 0, 16, 10, 5, 0, 10, 15),
    "<f4": struct.pack("<BBBBIHHBBBBI", 0x11, 0x20, 31, 0, 4, 0, 32, 23, 8, 0, 23, 127),
}


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    blocks: Blocks
    header_at: int
    data_at: int  # UNDEFINED where it has no bytes

    @property
    def n_bytes(self) -> int:
        return math.prod(self.blocks.shape) * self.blocks.dtype.itemsize


def pieces(columns: Sequence[tuple[str, Blocks]], format_version: int) -> Iterator[bytes | Any]:
    """Yield the bytes of a file of these named columns, in order, each piece a buffer.

    A column's own pieces are yielded as they come, so that a large one needs little memory.
    """
    if len(columns) > MOST_LINKS:
        raise ValueError(f"{len(columns)} columns: {MOST_LINKS} at most")
    placed, end = _placed(columns)
    root = _object_header(
        [
            (_LINK_INFO, 0, struct.pack("<BBQQ", 0, 0, UNDEFINED, UNDEFINED)),
            (_GROUP_INFO, _CONSTANT, bytes(2)),
            *((_LINK, 0, _link(column)) for column in placed),
            (_ATTRIBUTE_INFO, _UNSHARED, struct.pack("<BBQQ", 0, 0, UNDEFINED, UNDEFINED)),
            (_ATTRIBUTE, 0, _number("format_version", format_version)),
        ]
    )
    head = SUPERBLOCK.pack(SIGNATURE, 3, 8, 8, 0, 0, UNDEFINED, end) + struct.pack("<Q", ALIGNMENT)
    at = 0
    for data, start in ((_checked(head), 0), (root, ALIGNMENT)):
        yield bytes(start - at) + data
        at = start + len(data)
    for column in placed:
        header = _object_header(_messages(column), ROOM)
        yield bytes(column.header_at - at) + header
        at = column.header_at + len(header)
        if column.n_bytes:
            yield bytes(column.data_at - at)
            at = column.data_at + column.n_bytes
        for _, block in column.blocks.pieces():
            if block.nbytes:
                yield block.reshape(-1).view(np.uint8).data


def _placed(columns: Sequence[tuple[str, Blocks]]) -> tuple[list[_Column], int]:
    """Return the columns with their places, and the end of the file."""
    placed, end = [], 2 * ALIGNMENT
    for name, blocks in columns:
        column = _Column(name, blocks, _aligned(end), UNDEFINED)
        end = column.header_at + len(_object_header(_messages(column), ROOM))
        if column.n_bytes:
            column = _Column(name, blocks, column.header_at, _aligned(end))
            end = column.data_at + column.n_bytes
        placed.append(column)
    return placed, end


def _aligned(at: int) -> int:
    return -(-at // ALIGNMENT) * ALIGNMENT


def _messages(column: _Column) -> list[tuple[int, int, bytes]]:
    shape = column.blocks.shape
    return [
        (
            _DATASPACE,
            0,
            struct.pack(f"<BBBB{2 * len(shape)}Q", 2, len(shape), 1, 1, *shape, *shape),
        ),
        (_DATATYPE, _CONSTANT, _DATATYPES[column.blocks.dtype.str]),
        # Version 3; space is made late, a fill value is written where one is set, and none is.
        (_FILL, _CONSTANT, bytes([3, 0x0A])),
        (_LAYOUT, 0, struct.pack("<BBQQ", 4, 1, column.data_at, column.n_bytes)),
    ]


def _link(column: _Column) -> bytes:
    name = column.name.encode("ascii")
    return struct.pack("<BBB", 1, 0, len(name)) + name + struct.pack("<Q", column.header_at)


def _number(name: str, value: int) -> bytes:
    """Return an attribute that is one int32."""
    spelled, kind = name.encode("ascii") + b"\0", _DATATYPES["<i4"]
    scalar = bytes([2, 0, 0, 0])
    head = struct.pack("<BBHHHB", 3, 0, len(spelled), len(kind), len(scalar), 0)
    return head + spelled + kind + scalar + struct.pack("<i", value)


def _object_header(messages: Sequence[tuple[int, int, bytes]], n_bytes: int = 0) -> bytes:
    """Return an object header of version 2 in one chunk of at least so many bytes."""
    body = b"".join(
        struct.pack("<BHB", kind, len(data), flags) + data for kind, flags, data in messages
    )
    if len(body) + 4 <= n_bytes:
        empty = bytes(n_bytes - len(body) - 4)
        body += struct.pack("<BHB", _NOTHING, len(empty), 0) + empty
    size = bytes([0, len(body)]) if len(body) < 256 else struct.pack("<BH", 1, len(body))
    return _checked(b"OHDR" + bytes([2]) + size + body)


def _checked(data: bytes) -> bytes:
    return data + struct.pack("<I", lookup3(data))


def lookup3(data: bytes) -> int:
    """Return Bob Jenkins' lookup3 checksum (2006, `hashlittle` from 0), as HDF5's metadata has it.

    Three 32-bit words are stirred for each twelve bytes; the last twelve are stirred otherwise.
    """
    a = b = c = (0xDEADBEEF + len(data)) & _WORD
    words = struct.unpack(f"<{-(-len(data) // 12) * 3}I", data + bytes(-len(data) % 12))
    for i in range(0, len(words), 3):
        a, b, c = (a + words[i]) & _WORD, (b + words[i + 1]) & _WORD, (c + words[i + 2]) & _WORD
        if i + 3 < len(words):
            for turn in (4, 6, 8, 16, 19, 4):
                a = ((a - c) & _WORD) ^ _turned(c, turn)
                a, b, c = b, (c + b) & _WORD, a
        else:
            for turn in (14, 11, 25, 16, 4, 14, 24):
                c = ((c ^ b) - _turned(b, turn)) & _WORD
                a, b, c = b, c, a
            c = b  # the word that was stirred last
    return c


def _turned(word: int, by: int) -> int:
    """Return 32 bits rotated to the left."""
    return (word << by | word >> (32 - by)) & _WORD
