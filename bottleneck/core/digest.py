"""Digests of content: SHA-256 for identity, CRC-32C for single rows."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIGEST_BYTES = 32


def bytes_digest(data: bytes | bytearray | memoryview) -> bytes:
    """Return the SHA-256 of an encoded image's own bytes (32 bytes)."""
    return hashlib.sha256(data).digest()


def array_digest(array: NDArray[Any]) -> bytes:
    r"""Return the digest of an image that came as an array, not as a file (32 bytes).

    SHA-256 over ``array\0``, the dtype's numpy spelling, ``\0``, the shape as decimal numbers
    joined by ``x``, ``\0``, and the little-endian bytes in C order.
    """
    array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    shape = "x".join(str(n) for n in array.shape)
    head = f"array\0{array.dtype.str}\0{shape}\0".encode()
    return hashlib.sha256(head + array.tobytes()).digest()


def sample_digest(content: bytes | NDArray[Any]) -> bytes:
    """Return the digest of one sample's content, file bytes or array (32 bytes)."""
    return bytes_digest(content) if isinstance(content, bytes) else array_digest(content)


def as_void(digests: NDArray[np.uint8]) -> NDArray[np.void]:
    """Return (n, 32) digests as (n,) opaque values that numpy can sort and compare."""
    return np.ascontiguousarray(digests).view(f"V{DIGEST_BYTES}").reshape(-1)


def prefixes(digests: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the first 8 bytes of (n, 32) digests as (n,) numbers in the digests' order.

    They are compared in a tenth of the time; equal ones may begin unlike digests.
    """
    return np.ascontiguousarray(digests[:, :8]).view(">u8").reshape(-1).astype(np.uint64)
