"""Groups of images that pairs put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def united(n: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the group (n,) of each of n images, which any chain of pairs (p, 2) puts together.

    A group's number is its lowest member; an image alone has its own.
    """
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, j in pairs.tolist():
        one, other = root(i), root(j)
        parent[max(one, other)] = min(one, other)
    return np.array([root(i) for i in range(n)], np.int64)


def around(n: int, pairs: NDArray[np.int64], weights: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the group (n,) of each image, in which every one is a pair with the group's own.

    A chain (each frame of a film is like the next one) would otherwise make one group of images
    whose ends have nothing in common. The image with the most pairs, and of those the heaviest,
    gathers all that it is a pair with and that are still free; then the next one. A group's number
    is the image that gathered it.

    Parameters
    ----------
    weights : (p,) of the pairs (p, 2)
    """
    near: list[list[int]] = [[] for _ in range(n)]
    for i, j in pairs.tolist():
        near[i].append(j)
        near[j].append(i)
    weight = np.zeros(n)
    for side in (0, 1):
        np.add.at(weight, pairs[:, side], weights)
    counts = np.array([len(some) for some in near])
    group = np.arange(n)
    free = np.ones(n, bool)
    for i in np.lexsort((np.arange(n), -weight, -counts)).tolist():
        if not counts[i]:
            break
        if free[i]:
            members = [j for j in near[i] if free[j]]
            group[members] = i
            free[[i, *members]] = False
    return group
