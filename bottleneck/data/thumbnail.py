"""Small pictures for people, of what a source holds."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from bottleneck.data.decode import open_picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 224  # pixels of the longer one, at most
EXACT = 64  # up to here every pixel is kept
JPEG_QUALITY = 80


def thumbnail(content: bytes | NDArray[np.uint8], side: int = SIDE) -> bytes:
    """Return an image as a small file: PNG where it is tiny, else JPEG; never larger than it is.

    Upright and of its own proportions, before the recipe's resize. Nothing of the file but its
    pixels is in it: no place, no camera, no comment.

    Raises
    ------
    UndecodableError
        When this content gives no pixels.
    """
    picture = open_picture(content)
    picture.thumbnail((side, side))
    plain = Image.fromarray(np.asarray(picture))
    file = io.BytesIO()
    if max(plain.size) <= EXACT:
        plain.save(file, "PNG", optimize=True)
    else:
        plain.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()
