"""Whether two small pictures show one picture: edits of pictures that were drawn at random."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from bottleneck.data.glance import glance
from bottleneck.pipeline.looking.likeness import (
    CUT_LIKE_DETAILS,
    HOW,
    cut_likeness,
    likeness,
    may_be_same,
)

N = 30


def drawn(seed):
    """Return a picture with something in it: blobs of many sizes, and edges."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((96, 96, 3))
    for size in (3, 6, 12, 24):
        some = Image.fromarray(rng.integers(0, 256, (size, size, 3), np.uint8))
        pixels += np.asarray(some.resize((96, 96), Image.Resampling.BICUBIC), float) * size**0.5
    pixels = 255 * (pixels - pixels.min()) / (pixels.max() - pixels.min())
    return Image.fromarray(pixels.astype(np.uint8))


def grays(pictures):
    return np.stack([glance(np.asarray(p)).gray for p in pictures])


ORIGINALS = [drawn(i) for i in range(N)]
GRAY = grays(ORIGINALS)


@pytest.mark.parametrize(
    ("edit", "how"),
    [
        (lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "mirrored"),
        (lambda p: ImageEnhance.Brightness(p).enhance(0.6), "whole"),
        (lambda p: ImageEnhance.Contrast(p).enhance(0.5), "whole"),
        (lambda p: p.convert("L").convert("RGB"), "whole"),
        (lambda p: p.resize((40, 40)).resize((80, 60)), "whole"),
        (lambda p: p.filter(ImageFilter.GaussianBlur(1)), "whole"),
    ],
)
def test_an_edited_picture_is_the_same(edit, how):
    edited = grays([edit(p) for p in ORIGINALS])
    found = likeness(GRAY, edited)
    assert found.is_same.all()
    assert {HOW[i] for i in found.how} == {how}
    pairs = np.stack([np.arange(N), N + np.arange(N)], 1)
    assert may_be_same(np.concatenate([GRAY, edited]), pairs).all()


@pytest.mark.parametrize(("mirror", "how"), [(False, "cut"), (True, "mirrored and cut")])
def test_a_cut_is_found_whichever_of_the_two_it_is(mirror, how):
    rng = np.random.default_rng(0)
    cuts = []
    for picture in ORIGINALS:
        x, y = rng.integers(0, 18, 2)
        cut = picture.crop((x, y, x + 78, y + 78))  # four fifths of each side
        cuts.append(cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirror else cut)
    for one, other in ((GRAY, grays(cuts)), (grays(cuts), GRAY)):
        found = cut_likeness(one, other)
        assert found.is_same.mean() > 0.7  # a cut between two pixels loses its details
        assert {HOW[i] for i in found.how[found.is_same]} == {how}


def test_other_pictures_are_not_the_same():
    others = np.roll(GRAY, 1, axis=0)
    assert not likeness(GRAY, others).is_same.any()
    assert not cut_likeness(GRAY, others).is_same.any()


def beetle(seed):
    """Return a dark thing somewhere on a plain leaf, whose own grain is faint."""
    rng = np.random.default_rng(seed)
    ground = np.clip(rng.normal((120, 180, 120), 17, (96, 96, 3)), 0, 255).astype(np.uint8)
    image = Image.fromarray(ground).filter(ImageFilter.GaussianBlur(2))
    x, y = rng.integers(30, 66, 2)
    r = int(rng.integers(12, 20))
    ImageDraw.Draw(image).ellipse((x - r, y - 0.8 * r, x + r, y + 0.8 * r), fill=(30, 40, 70))
    return image


def test_drawings_of_one_kind_are_no_cuts_of_each_other_though_a_window_always_fits():
    beetles = [beetle(i) for i in range(40)]
    gray = grays(beetles)
    pairs = cut_likeness(gray, np.roll(gray, 1, axis=0))
    assert (pairs.details >= CUT_LIKE_DETAILS).sum() > 10  # beetle upon beetle
    assert not pairs.is_same.any()
    cuts = grays([p.crop((5, 6, 89, 90)) for p in beetles])  # of which the leaf is the same too
    assert cut_likeness(gray, cuts).is_same.mean() > 0.7


def test_two_of_the_same_light_and_dark_are_not_the_same_by_that_alone():
    # One large bright spot on a dark ground, each with details of its own.
    y, x = np.mgrid[:32, :32]
    spot = 180 * np.exp(-((x - 16) ** 2 + (y - 16) ** 2) / 60)
    rng = np.random.default_rng(1)
    one, other = (
        np.clip(spot + rng.normal(30, 8, (40, 32, 32)), 0, 255).astype("u1") for _ in "ab"
    )
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(one, other, strict=True)]
    assert min(correlation) > 0.9
    assert likeness(one, other).is_same.mean() < 0.1


def test_blank_pictures_are_the_same_where_they_are_equally_bright():
    blank = np.stack([np.full((32, 32), v, "u1") for v in (10, 10, 200)])
    found = likeness(blank[[0, 0]], blank[[1, 2]])
    assert found.is_same.tolist() == [True, False]
    assert may_be_same(blank, np.array([[0, 1], [0, 2]])).all()


def test_it_counts_pairs():
    counted = []
    cut_likeness(np.repeat(GRAY, 20, 0), np.repeat(GRAY, 20, 0), counted.append)
    assert sum(counted) == 20 * N
