"""Views of an image, each operation against a plain loop over pixels, and what decides them."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from bottleneck.core.errors import RecipeError, UsageError
from bottleneck.core.recipe import ViewSpec
from bottleneck.data import views
from bottleneck.data.views import OPERATIONS, make, spec

SIZE = (11, 17)


def noise(seed=0, size=SIZE):
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


def digest(n):
    return hashlib.sha256(b"image %d" % n).digest()


def drawn(n, view, name, seed=0):
    """Return the three numbers of an operation, as docs/format.md says them."""
    said = f"{seed} {view} {OPERATIONS[name].spelled} ".encode()
    found = hashlib.sha256(said + digest(n)).digest()
    return [(int.from_bytes(found[8 * i :][:8], "big") >> 11) / 2**53 for i in range(3)]


def bilinear(image, where):
    """Return the image with each pixel taken from `where(x, y)`: positions from -1 to 1."""
    height, width = image.shape[:2]

    def at(y, x):  # mirrored beyond the edges
        y, x = (-1 - y if y < 0 else y), (-1 - x if x < 0 else x)
        y, x = (2 * height - 1 - y if y >= height else y), (2 * width - 1 - x if x >= width else x)
        return image[y, x].astype(float)

    out = np.zeros(image.shape)
    for i in range(height):
        for j in range(width):
            x, y = where((2 * j + 1) / width - 1, (2 * i + 1) / height - 1)
            x, y = (x + 1) / 2 * width - 0.5, (y + 1) / 2 * height - 0.5
            left, top = int(np.floor(x)), int(np.floor(y))
            dx, dy = x - left, y - top
            upper = (1 - dx) * at(top, left) + dx * at(top, left + 1)
            lower = (1 - dx) * at(top + 1, left) + dx * at(top + 1, left + 1)
            out[i, j] = (1 - dy) * upper + dy * lower
    return out


def shown(n, view, names, image):
    """Return what a view is expected to be before brightness, of plain words for each operation."""

    def where(x, y):
        for name in reversed([name for name in OPERATIONS if name in names]):
            u, v, w = drawn(n, view, name)
            if name == "flip" and u < 0.5:
                x = -x
            elif name == "crop":  # a window of this side, this far along what room there is
                side = 0.8 + 0.2 * u
                x = side * x + (1 - side) * (2 * v - 1)
                y = side * y + (1 - side) * (2 * w - 1)
            elif name == "shear":
                x += (0.4 * u - 0.2) * y
            elif name == "zoom":
                x, y = x * (0.8 + 0.4 * u), y * (0.8 + 0.4 * u)
        return x, y

    return bilinear(image, where)


MOVES = ["flip", "crop", "shear", "zoom"]


@pytest.mark.parametrize("names", [["crop"], ["shear"], ["zoom"], MOVES])
def test_moves_are_those_of_a_plain_loop_over_pixels(names):
    image = noise()
    found = make(image, digest(3), spec(6, names, 0))
    for view in range(1, 6):
        expected = shown(3, view, names, image)
        assert np.abs(found[view] - expected).max() <= 1  # Pillow rounds down
        assert (found[view] != image).any()


@pytest.mark.parametrize("size", [SIZE, (49, 51), (1, 1)])
def test_a_flip_is_the_exact_mirror_image_every_other_time(size):
    image = noise(1, size)
    found = make(image, digest(3), spec(30, ["flip"], 0))
    mirrored = [drawn(3, view, "flip")[0] < 0.5 for view in range(1, 30)]
    assert 8 < sum(mirrored) < 22
    for view, turned in enumerate(mirrored, 1):
        np.testing.assert_array_equal(found[view], image[:, ::-1] if turned else image)


def test_brightness_multiplies_rounds_and_cuts_off():
    image = noise(2)
    found = make(image, digest(4), spec(9, ["brightness"], 0))
    gains = [0.7 + 0.6 * drawn(4, view, "brightness")[0] for view in range(1, 9)]
    assert min(gains) < 0.9
    assert max(gains) > 1.1
    for view, gain in enumerate(gains, 1):
        np.testing.assert_array_equal(found[view], np.minimum(np.rint(image * gain), 255))


def test_brightness_comes_after_the_moves():
    image = noise(2)
    found = make(image, digest(4), spec(4, ["zoom", "brightness"], 0))
    moved = make(image, digest(4), spec(4, ["zoom"], 0))
    for view in range(1, 4):
        gain = 0.7 + 0.6 * drawn(4, view, "brightness")[0]
        np.testing.assert_array_equal(found[view], np.minimum(np.rint(moved[view] * gain), 255))


def test_no_view_shows_what_is_not_in_the_image():
    image = np.full((9, 14, 3), 200, np.uint8)
    for n in range(40):
        found = make(image, digest(n), spec(5, ["flip", "crop", "shear", "zoom"], 0))
        assert (found >= 199).all()


def test_the_first_view_is_the_image_itself():
    image = noise()
    np.testing.assert_array_equal(make(image, digest(1), spec(3, None, 0))[0], image)
    np.testing.assert_array_equal(make(image, digest(1), ViewSpec()), image[None])


def test_seed_digest_and_number_of_the_view_decide_and_nothing_else_does():
    image, asked = noise(), spec(4, None, 5)
    found = make(image, digest(1), asked)
    make(noise(9), digest(2), asked)
    np.testing.assert_array_equal(make(image, digest(1), asked), found)
    np.testing.assert_array_equal(make(image, digest(1), spec(2, None, 5)), found[:2])
    assert (make(image, digest(2), asked)[1:] != found[1:]).any(axis=(1, 2, 3)).all()
    assert (make(image, digest(1), spec(4, None, 6))[1:] != found[1:]).any(axis=(1, 2, 3)).all()
    assert len(np.unique(found.reshape(4, -1), axis=0)) == 4


def test_an_operation_draws_the_same_whatever_else_is_asked_for():
    image = noise()
    alone = make(image, digest(1), spec(9, ["flip"], 0))
    both = make(image, digest(1), spec(9, ["flip", "brightness"], 0))
    turned = [(view != image).any() for view in alone[1:]]
    for view, is_turned in zip(both[1:], turned, strict=True):
        expected = image[:, ::-1] if is_turned else image
        assert np.corrcoef(view.reshape(-1), expected.reshape(-1))[0, 1] > 0.99


def test_the_order_of_the_names_is_no_part_of_it():
    assert spec(3, ["zoom", "flip", "flip"], 0) == spec(3, ("flip", "zoom"), None)
    assert spec(3, None, 0) == spec(3, list(OPERATIONS), 0)


def test_one_view_is_the_image_alone():
    assert spec(None, None, None) == spec(1, None, None) == ViewSpec()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((4, ["flip", "rotate"], 0), "no operation 'rotate'.*--augment.*of flip, crop"),
        ((4, [], 0), "no operation named"),
        ((1, ["flip"], None), "--augment.*--views 2 or more"),
        ((None, None, 3), "--views-seed.*--views 2 or more"),
        ((257, None, 0), "257 views.*from 1 to 256"),
        ((0, None, 0), "0 views"),
        ((2, None, 2**60), "too large"),
    ],
)
def test_wrong_words_are_refused_by_their_flag(words, said):
    with pytest.raises(UsageError, match=said):
        spec(*words)


def test_views_of_an_arithmetic_that_is_not_known_here_are_refused():
    asked = ViewSpec(number=2, operations=("flip 0.5", "rotate 90"), seed=0)
    with pytest.raises(RecipeError, match=r"no such views: rotate 90"):
        make(noise(), digest(1), asked)


def test_a_recipe_s_words_come_back_from_json_and_one_view_is_the_number_one():
    for found in (ViewSpec(), spec(4, None, 7)):
        assert ViewSpec.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert ViewSpec().to_json() == 1
    assert spec(2, ["flip"], 7).to_json() == {
        "number": 2, "operations": ("flip 0.5",), "seed": 7,
    }  # fmt: skip


@pytest.mark.parametrize("plain", [{"number": 1, "operations": ["flip 0.5"], "seed": 0}, 4, "1"])
def test_other_views_are_no_recipe(plain):
    with pytest.raises((ValueError, TypeError, KeyError)):
        ViewSpec.from_json(plain)


def test_what_a_name_does_never_changes_without_its_name():
    """Whoever sees this, or a test above, fail has changed the arithmetic: change the names too."""
    assert [operation.spelled for operation in OPERATIONS.values()] == [
        "flip 0.5", "crop 0.8..1", "shear 0.2", "zoom 0.8..1.2", "brightness 0.7..1.3",
    ]  # fmt: skip
    ramp = (np.arange(12 * 10 * 3).reshape(12, 10, 3) % 251).astype(np.uint8)
    found = make(ramp, digest(0), spec(5, ["flip", "brightness"], 0))
    assert hashlib.sha256(found).hexdigest()[:16] == "66dd40ae0357b602"


def test_pillow_moves_from_the_middle_of_a_pixel():
    """The transform is only exact while Pillow keeps to this."""
    image = Image.fromarray(noise())
    same = image.transform(
        image.size, Image.Transform.AFFINE, (1, 0, 0, 0, 1, 0), Image.Resampling.BILINEAR
    )
    assert same == image
    assert views.MARGIN * 2 > 1.2 * 1.2 - 1
