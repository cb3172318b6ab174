"""The table of the stat cache, and its file: each key's stats, and the digest its bytes had."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.digest import DIGEST_BYTES
from bottleneck.core.sample import key_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAGIC = b"bn-stat1"
_HEAD = struct.Struct("<8sQQ")  # magic, entries, width of a key


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StatTable:
    """What was seen of a source's files.

    Attributes
    ----------
    keys : (n,) bytes (`S`), sorted, unique
    stats : (n, 4) int64
        As in `Listing.stats`.
    digests : (n, 32) uint8
    since : (n,) int64
        0 when the stats can be trusted; of a racy entry, the clock (ns) when these stats and
        this digest were first seen.
    """

    keys: NDArray[np.bytes_]
    stats: NDArray[np.int64]
    digests: NDArray[np.uint8]
    since: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.keys)

    def same_as(self, other: StatTable) -> bool:
        """Whether both say the same."""
        return all(
            np.array_equal(mine, theirs)
            for mine, theirs in (
                (self.keys, other.keys),
                (self.stats, other.stats),
                (self.digests, other.digests),
                (self.since, other.since),
            )
        )

    def to_bytes(self) -> bytes:
        """Return the file: head, keys, stats, since, digests, SHA-256; little-endian."""
        body = b"".join(
            [
                _HEAD.pack(_MAGIC, len(self), self.keys.itemsize),
                self.keys.tobytes(),
                self.stats.astype("<i8").tobytes(),
                self.since.astype("<i8").tobytes(),
                self.digests.tobytes(),
            ]
        )
        return body + hashlib.sha256(body).digest()

    @classmethod
    def from_bytes(cls, data: bytes) -> StatTable:
        """Return the table of a file; an empty one for anything but what `to_bytes` wrote."""
        view = memoryview(data)
        if len(data) < _HEAD.size + DIGEST_BYTES:
            return EMPTY
        magic, n, width = _HEAD.unpack_from(data)
        length = _HEAD.size + n * (width + 4 * 8 + 8 + DIGEST_BYTES) + DIGEST_BYTES
        if magic != _MAGIC or not width or len(data) != length:
            return EMPTY
        if hashlib.sha256(view[:-DIGEST_BYTES]).digest() != view[-DIGEST_BYTES:]:
            return EMPTY
        at = np.cumsum([_HEAD.size, n * width, n * 4 * 8, n * 8])
        return cls(
            keys=np.frombuffer(data, f"S{width}", n, at[0]),
            stats=np.frombuffer(data, "<i8", n * 4, at[1]).reshape(n, 4),
            since=np.frombuffer(data, "<i8", n, at[2]),
            digests=np.frombuffer(data, np.uint8, n * DIGEST_BYTES, at[3]).reshape(n, DIGEST_BYTES),
        )


EMPTY = StatTable(
    keys=key_array([]),
    stats=np.zeros((0, 4), np.int64),
    digests=np.zeros((0, DIGEST_BYTES), np.uint8),
    since=np.zeros(0, np.int64),
)
