"""Which rows validate, chosen by content: stable when images come and go, without leaks."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def validation_mask(digests: NDArray[np.uint8], seed: int, fraction: float) -> NDArray[np.bool_]:
    """Return which rows are for validation, as (n,) bool.

    A row validates when hash(seed, digest) is below `fraction` of the hash's range. So adding or
    deleting images or classes never moves others, equal images are always on one side, and each
    class is cut at the same rate (exactly `fraction` only in the mean: a small class may have
    none). A class's number is no part of it: a new class that sorts earlier would change it.

    Parameters
    ----------
    digests : (n, 32) uint8
    fraction : from 0 to 1
    """
    threshold = int(fraction * 2**64)
    head = hashlib.blake2b(f"validation {seed} ".encode(), digest_size=8)
    mask = np.empty(len(digests), bool)
    for i, digest in enumerate(digests):
        one = head.copy()
        one.update(digest.tobytes())
        mask[i] = int.from_bytes(one.digest(), "big") < threshold
    return mask


def conflicting(digests: NDArray[np.uint8], labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which rows hold an image that stands under two labels, as (n,) bool.

    Parameters
    ----------
    digests : (n, 32) uint8
    labels : (n,) int32
        Below zero is no label, and contradicts none.
    """
    if not len(digests):
        return np.zeros(0, bool)
    opaque = np.ascontiguousarray(digests).view("V32").reshape(-1)
    _, group = np.unique(opaque, return_inverse=True)
    low = np.full(group.max() + 1, np.iinfo(np.int32).max, np.int32)
    high = np.full(group.max() + 1, np.iinfo(np.int32).min, np.int32)
    labelled = labels >= 0
    np.minimum.at(low, group[labelled], labels[labelled])
    np.maximum.at(high, group[labelled], labels[labelled])
    return np.asarray((low < high)[group])  # of an image without any label, low stays above high
