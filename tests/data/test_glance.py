"""An image at a glance, beside plain arithmetic."""

import io

import numpy as np
import pytest
from PIL import Image

from bottleneck.data.glance import ENOUGH, SIDE, glance, pixel_digest
from bottleneck.data.undecodable import UndecodableError


def file_of(pixels, how="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, how, **options)
    return file.getvalue()


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_of_a_small_image_it_is_what_the_pixels_say():
    pixels = noise(40, 60)
    found = glance(file_of(pixels))
    gray = np.asarray(Image.fromarray(pixels).convert("L"), float) / 255
    assert (found.width, found.height) == (60, 40)
    assert found.contrast == pytest.approx(gray.std(), abs=1e-6)
    assert (found.dark, found.light) == pytest.approx(np.percentile(gray, (5, 95)), abs=1e-6)
    second = (np.abs(np.diff(gray, 2, 0)).mean() + np.abs(np.diff(gray, 2, 1)).mean()) / 2
    assert found.sharpness == pytest.approx(second / gray.std(), rel=1e-4)
    assert found.gray.shape == (SIDE, SIDE)


def test_a_large_photo_is_measured_small_and_its_size_is_the_files():
    y, x = np.mgrid[:900, :1200]
    pixels = np.stack([(x + y) // 9] * 3, 2).astype(np.uint8)
    found = glance(file_of(pixels, "JPEG"))
    assert (found.width, found.height) == (1200, 900)
    assert max(found.width, found.height) > ENOUGH
    assert found.light - found.dark > 0.5


def test_a_turned_photo_has_the_size_that_people_see():
    exif = Image.Exif()
    exif[0x0112] = 6
    found = glance(file_of(noise(40, 80), "JPEG", exif=exif))
    assert (found.width, found.height) == (40, 80)


def test_arrays_are_images_too_and_a_blank_one_has_no_sharpness():
    found = glance(np.full((5, 7), 200, np.uint8))
    assert (found.width, found.height) == (7, 5)
    assert found.contrast == pytest.approx(0, abs=1e-6)
    assert found.sharpness == 0
    assert found.dark == found.light == pytest.approx(200 / 255)


def test_one_pixel_is_an_image():
    assert glance(noise(1, 1)).sharpness == 0


def test_equal_pixels_in_other_files_have_one_digest():
    pixels = noise(9, 9)
    assert pixel_digest(file_of(pixels)) == pixel_digest(file_of(pixels, "BMP"))
    assert pixel_digest(file_of(pixels)) == pixel_digest(pixels)
    other = pixels.copy()
    other[0, 0, 0] ^= 1
    assert pixel_digest(other) != pixel_digest(pixels)


def test_what_is_no_image_is_refused():
    with pytest.raises(UndecodableError):
        glance(b"no image")
