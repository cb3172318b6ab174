"""Small pictures of what a source holds."""

import io

import numpy as np
import pytest
from PIL import Image

from bottleneck.data.thumbnail import thumbnail
from bottleneck.data.undecodable import UndecodableError


def encoded(pixels, kind="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_a_tiny_image_keeps_every_pixel_whether_a_file_or_an_array():
    pixels = noise(8, 12, 3)
    for content in (encoded(pixels), pixels):
        np.testing.assert_array_equal(
            np.asarray(Image.open(io.BytesIO(thumbnail(content)))), pixels
        )


def test_a_large_image_is_made_small_upright_and_in_proportion():
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    small = Image.open(io.BytesIO(thumbnail(encoded(noise(300, 900, 3), "JPEG", exif=exif))))
    assert (small.format, small.size) == ("JPEG", (75, 224))


def test_nothing_of_the_file_but_its_pixels_is_in_it():
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    for side in (30, 300):
        content = encoded(
            noise(side, side, 3), "JPEG", exif=exif, comment=b"a place", icc_profile=b"a profile"
        )
        made = thumbnail(content)
        assert not {b"a camera", b"a place", b"a profile"} & {
            word for word in (b"a camera", b"a place", b"a profile") if word in made
        }


def test_what_is_no_image_gives_no_thumbnail():
    with pytest.raises(UndecodableError):
        thumbnail(b"no image")
