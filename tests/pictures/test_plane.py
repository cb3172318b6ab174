"""Features in two dimensions."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from bottleneck.pictures.plane import principal_plane


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape) / np.arange(1, shape[-1] + 1)


@pytest.mark.parametrize("shape", [(40, 6), (6, 40), (30, 2, 3, 4), (300, 150)])
def test_the_plane_is_that_of_the_principal_components(shape):
    rows = noise(*shape).astype(np.float32)
    points, shares = principal_plane(rows)
    oracle = PCA(2, svd_solver="full").fit(rows.reshape(len(rows), -1).astype(np.float64))
    expected = oracle.transform(rows.reshape(len(rows), -1))
    expected *= np.sign(expected[np.abs(expected).argmax(0), [0, 1]])
    np.testing.assert_allclose(points, expected, atol=1e-8)
    np.testing.assert_allclose(shares, oracle.explained_variance_ratio_, atol=1e-10)


@pytest.mark.parametrize("rows", [np.zeros((5, 3)), np.ones((1, 4)), np.full((3, 2), 7.0)])
def test_rows_that_do_not_vary_lie_on_one_point(rows):
    points, shares = principal_plane(rows)
    np.testing.assert_allclose(points, np.zeros((len(rows), 2)), atol=1e-12)
    assert shares[1] == 0


def test_one_number_an_image_gives_a_line_however_large_it_is():
    points, shares = principal_plane(np.array([[0.0], [1e30], [2e30], [5e30]], np.float32))
    np.testing.assert_allclose(points[:, 0], np.array([-2, -1, 0, 3]) * 1e30, atol=1e24)
    assert not points[:, 1].any()
    assert shares == (pytest.approx(1.0), 0.0)


def test_float16_rows_give_the_same_plane_as_their_float64():
    rows = noise(30, 5).astype(np.float16)
    for one, other in zip(principal_plane(rows), principal_plane(rows.astype("f8")), strict=True):
        np.testing.assert_array_equal(one, other)
