"""Rows for the linear head, in blocks, beside the whole matrix at once."""

import tracemalloc

import numpy as np
import pytest

from bottleneck.core.errors import DataError
from bottleneck.heads import design_matrix as module
from bottleneck.heads import linear
from bottleneck.heads.design_matrix import design_matrix
from bottleneck.heads.task import Task


class OnDisk:
    """Features that give copies of rows alone, as a store's do; they count how many."""

    def __init__(self, rows):
        self.rows, self.shape, self.dtype, self.taken = rows, rows.shape, rows.dtype, 0

    def __len__(self):
        return len(self.rows)

    def take(self, indices):
        self.taken += len(indices)
        return self.rows[indices]


@pytest.fixture(params=["held in memory", "read anew"])
def held(request, monkeypatch):
    """Whether the matrix is held, with blocks of a few rows."""
    monkeypatch.setattr(module, "BLOCK_ROWS", 32)
    if request.param == "read anew":
        monkeypatch.setattr(module, "KEPT_BYTES", 0)
    return request.param == "held in memory"


def whole(matrix):
    """Return all rows of a matrix, having looked at what its blocks say of their places."""
    out = np.full((len(matrix), matrix.width), np.nan, np.float32)
    for at, block in matrix.blocks():
        assert np.isnan(out[at]).all()
        out[at] = block
    return out


@pytest.mark.parametrize("views", [1, 3])
def test_rows_are_centred_and_scaled_by_their_own_deviation_and_a_typical_one(held, views):
    rng = np.random.default_rng(0)
    shape = (200, 5, 2) if views == 1 else (200, views, 5, 2)
    rows = (rng.normal(size=shape) * 7 + 3).astype(np.float16)
    images = rng.permutation(200)[:150]
    x = design_matrix(OnDisk(rows), images, views, 100)
    flat = rows[images].reshape(150 * views, 10).astype(np.float64)
    seen = flat[: 100 * views]
    deviation = seen.std(axis=0)
    typical = np.sort(deviation)[6]  # the upper quartile of ten
    expected = (flat - seen.mean(axis=0)) / (deviation**0.25 * typical**0.75)
    assert (x.kept is not None) == held
    assert len(x) == 150 * views
    assert x.width == 10
    np.testing.assert_allclose(whole(x), expected, atol=2e-6)
    np.testing.assert_allclose(whole(x.between(100, 150)), whole(x)[100 * views :])
    np.testing.assert_allclose(whole(x.first_views()), whole(x)[::views])
    np.testing.assert_allclose(
        whole(x.between(100, 150).first_views()), whole(x)[100 * views :: views]
    )


def test_some_rows_are_spread_evenly_over_all(held):
    x = design_matrix(np.arange(1000, dtype="f4")[:, None], np.arange(1000), 1, 1000)
    step = 1000 // 90
    np.testing.assert_array_equal(x.some(90), whole(x)[::step])
    np.testing.assert_array_equal(x.some(5000), whole(x))


@pytest.mark.parametrize("views", [1, 2])
def test_what_is_fitted_does_not_depend_on_the_memory_there_is(monkeypatch, views):
    rng = np.random.default_rng(1)
    n, d, k = 600, 20, 4
    y = rng.integers(0, k, n).astype(np.int32)
    rows = (rng.normal(size=(n, views, d)) + rng.normal(size=(k, d))[y][:, None]).astype(np.float16)
    rows = rows[:, 0] if views == 1 else rows
    split = (rng.random(n) < 0.3).astype(np.uint8)
    task = Task(rows=OnDisk(rows), targets=y, split=split, n_outputs=k, views=views)
    monkeypatch.setattr(module, "BLOCK_ROWS", 64)
    held = linear.fit(task)
    monkeypatch.setattr(module, "KEPT_BYTES", 0)
    anew = linear.fit(task)
    for name in ("weights", "bias", "mean", "scale", "validation"):
        np.testing.assert_array_equal(getattr(held, name), getattr(anew, name))
    assert held.options == anew.options
    assert list(held.history) == list(anew.history)


def test_rows_that_are_read_anew_are_never_all_in_memory(monkeypatch):
    rng = np.random.default_rng(2)
    n, d = 20_000, 256
    y = (np.arange(n) % 2).astype(np.int32)
    rows = rng.normal(size=(n, d)).astype(np.float16)
    rows[:, 0] += y
    features = OnDisk(rows)
    task = Task(rows=features, targets=y, split=(np.arange(n) % 5 == 0).astype("u1"), n_outputs=2)
    monkeypatch.setattr(module, "BLOCK_ROWS", 512)
    monkeypatch.setattr(module, "KEPT_BYTES", 0)
    monkeypatch.setattr("bottleneck.heads.softmax_regression.WHITEN_ROWS", 512)
    tracemalloc.start()
    try:
        linear.fit(task)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert features.taken > 3 * n
    assert peak < 4 * n * d / 3


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_finite_number_is_refused(held, value):
    rows = np.ones((100, 3), "f4")
    rows[70, 1] = value
    with pytest.raises(DataError, match="not finite"):
        design_matrix(rows, np.arange(100), 1, 50)


def test_rows_far_beyond_those_that_are_trained_on_are_refused(held):
    rows = np.random.default_rng(0).normal(size=(100, 3)).astype("f4")
    rows[70, 1] = 1e20
    with pytest.raises(DataError, match="too large beside"):
        design_matrix(rows, np.arange(100), 1, 50)


def test_what_varies_far_more_than_all_others_does_not_drown_them():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 20)).astype("f4")
    rows[:, 3] *= 1e6
    deviation = whole(design_matrix(rows, np.arange(200), 1, 200)).std(axis=0)
    assert deviation[3] == pytest.approx(10, rel=1e-3)
    assert np.delete(deviation, 3).min() > 0.7
