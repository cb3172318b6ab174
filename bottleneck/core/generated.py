"""Pictures made from numbers, equal on every machine: what networks are compared on."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

COARSE = 8  # patches along each side
NOISE = 32  # levels


def pictures(n: int, size: tuple[int, int], channels: int = 3) -> NDArray[np.uint8]:
    """Return n pictures (n, height, width, channels) uint8: patches under a little noise.

    Made from SHAKE-256 in integers alone, so no library's random generator decides them.
    """
    height, width = size
    rows = np.arange(height) * COARSE // height
    columns = np.arange(width) * COARSE // width
    made = np.empty((n, height, width, 3), np.uint8)
    for i in range(n):
        stream = hashlib.shake_256(b"picture %d" % i)
        n_patches = COARSE * COARSE * 3
        data = np.frombuffer(stream.digest(n_patches + height * width * 3), np.uint8)
        patches = data[:n_patches].reshape(COARSE, COARSE, 3)[rows][:, columns].astype(np.int32)
        noise = data[n_patches:].reshape(height, width, 3).astype(np.int32) % NOISE - NOISE // 2
        made[i] = np.clip(patches + noise, 0, 255)
    return made[..., :channels]
