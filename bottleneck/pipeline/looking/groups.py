"""Groups of images: those that pairs put together, and those of the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.pipeline.looking.images import Images


def together(images: Images, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number (u,) for each image, equal where images are on one side of any division.

    Those are images that are the same, by pairs (p, 2), and those of a group of the source. An
    image that stands in several groups, or is the same as one of another group, joins them.
    """
    groups = images.samples.groups
    if groups is not None:
        number = groups.numbers[images.at]
        inside = np.flatnonzero(number >= 0)
        _, first, group = np.unique(number[inside], return_index=True, return_inverse=True)
        image = images.number[inside]
        own = np.stack([image[first][group.reshape(-1)], image], axis=1)
        pairs = np.concatenate([pairs, own])
    return united(len(images), pairs)


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
