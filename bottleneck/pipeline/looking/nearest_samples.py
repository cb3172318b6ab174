"""The nearest samples of each sample of a source, by the positions that a store's arrays have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.reporter import SILENT
from bottleneck.pipeline.looking.images import images_of
from bottleneck.pipeline.looking.kept_neighbours import NEAREST, neighbours_of
from bottleneck.pipeline.looking.neighbours import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.store.store import Store


def nearest_samples(
    store: Store, source: str | None, k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the k nearest of each of n samples: positions (n, k) among them, and cosines.

    Of several samples of one image, the first stands for all.
    """
    images = images_of(store, source)
    # Those that are kept serve, and are kept, where there are many images.
    near = nearest(images.units, k) if k > NEAREST else neighbours_of(images, SILENT).near
    first = np.searchsorted(images.at, images.first)  # among the samples that have a row
    return first[near.which[:, :k]][images.number], near.cosines[:, :k][images.number]
