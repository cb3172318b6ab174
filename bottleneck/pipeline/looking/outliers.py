"""Images that lie apart: far from all others by their rows, or odd by their pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FAR_FROM = 10  # neighbours
FAR = 3.5  # deviations above the middle of its class from which an image is far from everything
LEAST_OF_CLASS = 20  # images; of fewer, the class is measured by all images
PER_DEVIATION = 1.4826  # the deviation of a normal distribution, by its median absolute one
BLANK = 0.01  # contrast; 0 to 0.5
DARK, BRIGHT = 0.2, 0.85  # brightness that almost no pixel is above, or below
TINY = 0.25  # of the middle short side
ODD_SHAPE = 2.5  # times as wide, or as high, as is usual
BLURRED = -3.5  # deviations of the logarithm of sharpness
BLURRED_FROM = 16  # pixels of the shorter side: of fewer, a thick stroke is as smooth as a blur
PIXEL_KINDS = ("blank", "dark", "bright", "tiny", "odd shape", "blurred")


def farness(
    cosines: NDArray[np.float32], labels: NDArray[np.int32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the distance (n,) of images from their nearest, and how unusual it is in their class.

    Parameters
    ----------
    cosines : (n, k) of the nearest neighbours
    labels : (n,), -1 without one

    Returns
    -------
    distance : 1 - the mean cosine
    deviations : from the median of the class, in robust standard deviations
    """
    distance = 1 - cosines.mean(axis=1) if cosines.shape[1] else np.zeros(len(cosines), np.float32)
    middle, spread = np.empty((2, len(distance)), np.float32)
    middle[:], spread[:] = _middle(distance)
    for label in np.unique(labels[labels >= 0]):
        of_class = labels == label
        if of_class.sum() >= LEAST_OF_CLASS:
            middle[of_class], spread[of_class] = _middle(distance[of_class])
    deviations = (distance - middle) / np.maximum(spread, 1e-6)
    return np.asarray(distance, np.float32), np.asarray(deviations, np.float32)


def pixel_kinds(measures: Mapping[str, NDArray[np.float32]]) -> NDArray[np.bool_]:
    """Return which of PIXEL_KINDS each of n images is, (n, kinds).

    Parameters
    ----------
    measures : `width height light dark contrast sharpness`, (n,) each, as in `data.glance.Glance`
    """
    width, height = measures["width"], measures["height"]
    n = len(width)
    if not n:
        return np.zeros((0, len(PIXEL_KINDS)), bool)
    shorter, shape = np.minimum(width, height), np.log(width / height)
    is_blank = measures["contrast"] < BLANK
    sharp = np.log(np.maximum(measures["sharpness"], 1e-6))
    middle, spread = _middle(sharp[~is_blank] if not is_blank.all() else sharp)
    return np.stack(
        [
            is_blank,
            measures["light"] < DARK,
            measures["dark"] > BRIGHT,
            shorter < TINY * np.median(shorter),
            np.abs(shape - np.median(shape)) > np.log(ODD_SHAPE),
            ~is_blank
            & (shorter >= BLURRED_FROM)
            & ((sharp - middle) / max(spread, 1e-6) < BLURRED),
        ],
        axis=1,
    )


def _middle(values: NDArray[np.float32]) -> tuple[float, float]:
    """Return the median, and the deviation from it by the median absolute one."""
    if not len(values):
        return 0.0, 1.0
    median = float(np.median(values))
    return median, PER_DEVIATION * float(np.median(np.abs(values - median)))
