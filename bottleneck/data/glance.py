"""An image at a glance: how large, how bright, how sharp, and a small gray picture of it.

Cheap: a JPEG is decoded at the fraction of its size that is enough. What is found here compares
images with each other and is shown to people; no feature depends on it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from bottleneck.core.digest import array_digest
from bottleneck.data.decode import FORMATS, open_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 32  # of the small gray picture
ENOUGH = 128  # pixels of each side that brightness and sharpness are measured on, at most
ALMOST_ALL = 5  # percent of pixels that may be brighter than `light`, or darker than `dark`


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Glance:
    """What an image is at a glance.

    Attributes
    ----------
    width, height : pixels of the file itself
    light, dark : 0 to 1
        The brightness that almost no pixel exceeds, and that almost none is below.
    contrast : standard deviation of brightness, 0 to 0.5
    sharpness : mean absolute second difference of brightness, as a share of its deviation
    gray : (SIDE, SIDE) uint8, the whole picture squashed
    """

    width: int
    height: int
    light: float
    dark: float
    contrast: float
    sharpness: float
    gray: NDArray[np.uint8]


def glance(content: bytes | NDArray[np.uint8]) -> Glance:
    """Return what one image is at a glance; UndecodableError when it gives no pixels."""
    picture = open_picture(content, mode="L", least=(ENOUGH, ENOUGH))
    width, height = _size(content, picture)
    gray = picture.resize((SIDE, SIDE), Image.Resampling.BOX)
    picture.thumbnail((ENOUGH, ENOUGH), Image.Resampling.BOX)
    values = np.asarray(picture, np.float32) / np.float32(255)
    dark, light = np.percentile(values, (ALMOST_ALL, 100 - ALMOST_ALL))
    contrast = float(values.std())
    return Glance(
        width=width,
        height=height,
        light=float(light),
        dark=float(dark),
        contrast=contrast,
        sharpness=_second_difference(values) / contrast if contrast else 0.0,
        gray=np.asarray(gray, np.uint8),
    )


def pixel_digest(content: bytes | NDArray[np.uint8]) -> bytes:
    """Return the digest of an image's upright RGB pixels, whatever file they were in."""
    return array_digest(np.asarray(open_picture(content)))


def _size(content: bytes | NDArray[np.uint8], picture: Image.Image) -> tuple[int, int]:
    """Return width and height as the file has them, upright like the picture."""
    if not isinstance(content, bytes):
        return picture.size
    with Image.open(io.BytesIO(content), formats=FORMATS) as file:  # its header alone
        width, height = file.size
    is_turned = (width > height) != (picture.width > picture.height) and width != height
    return (height, width) if is_turned else (width, height)


def _second_difference(values: NDArray[np.float32]) -> float:
    """Return the mean absolute second difference along both sides, 0 where there is none."""
    found = [np.abs(np.diff(values, 2, axis=axis)) for axis in (0, 1)]
    return float(np.mean([some.mean() for some in found if some.size] or [0.0]))
