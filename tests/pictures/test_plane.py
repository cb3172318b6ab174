"""Features in two dimensions."""

import sys
import warnings

import numpy as np
import pytest
from sklearn.decomposition import PCA

from bottleneck.pictures.plane import NEIGHBOURS, plane_of, principal_plane


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


UMAP = """
import warnings
try:
    from .parametric_umap import ParametricUMAP
except ImportError:
    ParametricUMAP = None
class UMAP:
    def __init__(self, **options):
        self.options = options
    def fit_transform(self, rows):
        warnings.warn("of a compiler")
        assert rows.dtype == "float32" and rows.ndim == 2
        assert self.options["random_state"] == 0 and self.options["n_jobs"] == 1
        return rows[:, :2] * 2
"""


@pytest.fixture
def umap(tmp_path, monkeypatch):
    """Install a package that lays out as UMAP does, beside a part of it that nobody may import."""
    (tmp_path / "umap").mkdir()
    (tmp_path / "umap/__init__.py").write_text(UMAP)
    (tmp_path / "umap/parametric_umap.py").write_text("class ParametricUMAP: pass\n")
    about = tmp_path / "umap_learn-9.dist-info/METADATA"
    about.parent.mkdir()
    about.write_text("Metadata-Version: 2.1\nName: umap-learn\nVersion: 9\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "umap"
    for name in [name for name in sys.modules if name.partition(".")[0] == "umap"]:
        del sys.modules[name]


def test_without_umap_the_plane_is_of_components_and_says_their_variance(monkeypatch):
    monkeypatch.setattr("bottleneck.pictures.plane.has_umap", lambda: False)
    rows = noise(40, 6)
    found = plane_of(rows)
    points, shares = principal_plane(rows)
    np.testing.assert_array_equal(found.points, points)
    assert found.axes[1] == f"component 2, {shares[1]:.1%} of the variance"
    assert (found.how, found.has_scale) == ("first two principal components", True)


def test_where_umap_is_installed_it_lays_out_from_a_fixed_seed_and_nothing_of_it_stays(umap):
    rows = noise(NEIGHBOURS + 1, 2, 3).astype(np.float16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = plane_of(rows)
    np.testing.assert_array_equal(found.points, rows.reshape(-1, 6)[:, :2].astype("f4") * 2)
    assert found.axes == ("UMAP 1", "UMAP 2")
    assert found.how.startswith("UMAP of 15 neighbours, seed 0")
    assert not found.has_scale
    assert not [name for name in sys.modules if name.partition(".")[0] == "umap"]
    import umap as whole  # the caller's own, with the part that would have brought TensorFlow

    assert whole.ParametricUMAP is not None


def test_what_the_caller_imported_of_umap_stays(umap):
    import umap as mine

    plane_of(noise(20, 6))
    assert sys.modules["umap"] is mine
    assert mine.ParametricUMAP is not None


def test_of_fewer_rows_than_neighbours_and_where_umap_does_not_load_there_are_components(umap):
    assert plane_of(noise(NEIGHBOURS, 6)).how == "first two principal components"
    (umap / "__init__.py").write_text("raise ImportError('numba needs an older numpy')\n")
    found = plane_of(noise(20, 6))
    assert found.how == (
        "first two principal components (umap-learn does not load: numba needs an older numpy)"
    )
    assert "umap.parametric_umap" not in sys.modules
