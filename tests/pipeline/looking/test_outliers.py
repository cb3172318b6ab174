"""What lies apart: by its rows, and by its pixels."""

import numpy as np
import pytest

from bottleneck.data.glance import glance
from bottleneck.pipeline.looking.outliers import FAR, PIXEL_KINDS, farness, pixel_kinds

MEASURES = ("width", "height", "light", "dark", "contrast", "sharpness")


def cosines(values, k=5):
    return np.repeat(np.asarray(values, "f4")[:, None], k, axis=1)


def test_what_is_far_is_far_beside_its_own_class():
    rng = np.random.default_rng(0)
    near = rng.normal(0.9, 0.01, 50)  # a class of images that are much alike
    wide = rng.normal(0.4, 0.05, 50)  # and one of images that are not
    near[7] = 0.6
    distance, deviations = farness(cosines([*near, *wide]), np.repeat([0, 1], 50))
    assert np.flatnonzero(deviations > FAR).tolist() == [7]
    np.testing.assert_allclose(distance, 1 - np.array([*near, *wide]), atol=1e-6)


def test_a_small_class_is_measured_by_all_images():
    rng = np.random.default_rng(0)
    values = [*rng.normal(0.8, 0.02, 60), 0.2, 0.81]
    labels = np.array([0] * 60 + [1, 1])
    _, deviations = farness(cosines(values), labels)
    assert np.flatnonzero(deviations > FAR).tolist() == [60]


def test_without_neighbours_nothing_is_far():
    _, deviations = farness(np.zeros((1, 0), "f4"), np.array([-1]))
    assert deviations.tolist() == [0]


def picture(size=(40, 40), low=0, high=256, seed=0):
    return np.random.default_rng(seed).integers(low, high, (*size, 3), np.uint8)


def blurred(seed):
    y, x = np.mgrid[:40, :40]
    return np.stack([127 + 100 * np.sin((x + y + seed) / 9)] * 3, 2).astype("u1")


@pytest.mark.parametrize(
    ("kind", "odd"),
    [
        ("blank", np.full((40, 40, 3), 90, "u1")),
        ("dark", picture(low=0, high=30)),
        ("bright", picture(low=235, high=256)),
        ("tiny", picture((6, 6))),
        ("odd shape", picture((30, 120))),
        ("blurred", blurred(3)),
    ],
)
def test_an_odd_picture_is_named_and_the_others_are_not(kind, odd):
    pictures = [picture(seed=i) for i in range(30)]
    pictures.insert(11, odd)
    seen = [glance(p) for p in pictures]
    measures = {name: np.array([getattr(g, name) for g in seen], "f4") for name in MEASURES}
    found = pixel_kinds(measures)
    assert found.shape == (31, len(PIXEL_KINDS))
    assert np.flatnonzero(found[:, PIXEL_KINDS.index(kind)]).tolist() == [11]
    assert not np.delete(found, 11, axis=0).any()
    if kind == "blank":  # which is nothing else: sharpness says nothing of it
        assert found[11].sum() == 1


@pytest.mark.parametrize(("side", "odd"), [(15, []), (16, [11])])
def test_of_a_few_pixels_none_is_called_blurred(side, odd):
    """As with the digits of scikit-learn, 8 x 8: a thick stroke is as smooth as a blur."""
    sharpness = np.random.default_rng(0).uniform(1, 1.1, 30).astype("f4")
    sharpness[11] = 0.01
    same = dict.fromkeys(MEASURES, np.full(30, 0.5, "f4"))
    sides = np.full(30, side, "f4")
    found = pixel_kinds({**same, "width": sides, "height": sides, "sharpness": sharpness})
    assert np.flatnonzero(found[:, PIXEL_KINDS.index("blurred")]).tolist() == odd


def test_no_pictures_are_no_kinds():
    assert pixel_kinds({name: np.zeros(0, "f4") for name in MEASURES}).shape == (0, 6)
