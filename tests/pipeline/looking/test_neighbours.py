"""Nearest rows, beside a plain sort of all cosines."""

import numpy as np
import pytest

from bottleneck.pipeline.looking import neighbours
from bottleneck.pipeline.looking.neighbours import nearest, unit_rows


def rows(n, d=24, seed=0):
    return unit_rows(np.random.default_rng(seed).normal(size=(n, d)).astype("f4"))


def by_sorting(asked, found, k, *, is_itself):
    cosines = asked.astype("f8") @ found.T.astype("f8")
    if is_itself:
        np.fill_diagonal(cosines, -np.inf)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(cosines, order, 1)


# From few rows, where each column is a group, to many, where a group holds several.
@pytest.mark.parametrize(("n", "k"), [(2, 1), (7, 3), (130, 11), (3001, 5), (3001, 1)])
def test_the_nearest_are_those_of_a_plain_sort(n, k, monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", 1 << 20)
    x = rows(n)
    which, cosines = by_sorting(x, x, k, is_itself=True)
    found = nearest(x, k)
    np.testing.assert_array_equal(found.which, which)
    np.testing.assert_allclose(found.cosines, cosines, atol=1e-6)


def test_others_may_be_asked_for_and_are_not_left_out():
    x = rows(500)
    which, cosines = by_sorting(x[:9], x, 4, is_itself=False)
    found = nearest(x, 4, x[:9])
    np.testing.assert_array_equal(found.which, which)
    np.testing.assert_array_equal(found.which[:, 0], np.arange(9))
    np.testing.assert_allclose(found.cosines, cosines, atol=1e-6)


def test_there_are_no_more_neighbours_than_rows():
    assert nearest(rows(4), 11).which.shape == (4, 3)
    assert nearest(rows(4), 11, rows(2, seed=1)).which.shape == (2, 4)
    assert nearest(rows(1), 5).which.shape == (1, 0)


def test_it_counts_what_is_done_and_can_be_stopped_between_blocks(monkeypatch):
    monkeypatch.setattr(neighbours, "MOST_BLOCK_ROWS", 10)
    counted = []
    nearest(rows(25), 3, counted=counted.append)
    assert counted == [10, 10, 5]

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nearest(rows(25), 3, counted=stop)


def test_a_row_of_any_size_has_length_one_and_one_that_is_the_mean_has_none():
    x = np.array([[3e30, 4e30], [3e-30, 4e-30], [1, 1]], "f4")
    np.testing.assert_allclose(unit_rows(x)[:2], [[0.6, 0.8]] * 2, rtol=1e-6)
    np.testing.assert_array_equal(unit_rows(x, np.array([1, 1], "f4"))[2], 0)
