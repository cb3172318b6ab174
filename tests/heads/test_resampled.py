"""How sure figures of labels and numbers are, beside scikit-learn on rows that were drawn."""

import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)

from bottleneck.heads.resampled import (
    intervals_of_labels,
    intervals_of_numbers,
    macro_average_precision,
    mean_figures,
)

N = 90


@pytest.fixture
def labels():
    rng = np.random.default_rng(0)
    truth = (rng.random((N, 3)) < [0.5, 0.2, 0.1]).astype("f4")
    said = np.clip(truth * 0.3 + rng.random((N, 3)), 0, 1).astype("f4").round(2)  # with ties
    truth[rng.random((N, 3)) < 0.1] = np.nan
    return said, truth


@pytest.fixture
def numbers():
    rng = np.random.default_rng(1)
    truth = rng.normal(1e4, [3, 50], (N, 2)).astype("f4")
    said = (truth + rng.normal(0, [2, 30], (N, 2))).astype("f4")
    truth[::9, 1] = np.nan
    return said, truth


def column_means(figure, said, truth, rows):
    """The mean over columns of a figure of rows that are drawn, of those that are known."""
    found = []
    for s, t in zip(said[rows].T, truth[rows].T, strict=True):
        known = ~np.isnan(t)
        found.append(figure(t[known], s[known]))
    return np.mean(found)


def test_a_draw_s_figures_are_those_of_its_rows(labels, numbers):
    drawn = np.random.default_rng(2).integers(0, N, (5, N))
    weights = np.stack([np.bincount(rows, minlength=N) for rows in drawn]).astype("f8")
    found = macro_average_precision(*labels, weights)
    expected = [column_means(average_precision_score, *labels, rows) for rows in drawn]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    found = mean_figures(*numbers, weights)
    figures = (r2_score, root_mean_squared_error, mean_absolute_error)
    expected = [[column_means(each, *numbers, rows) for each in figures] for rows in drawn]
    np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.slow
def test_intervals_are_those_of_a_plain_bootstrap(labels, numbers):
    rng = np.random.default_rng(3)
    drawn = rng.integers(0, N, (800, N))
    low, high = np.quantile(
        [column_means(average_precision_score, *labels, rows) for rows in drawn], [0.025, 0.975]
    )
    found = intervals_of_labels(*labels, np.arange(N))["macro_average_precision"]
    assert found == pytest.approx([low, high], abs=0.02)
    found = intervals_of_numbers(*numbers, np.arange(N))
    for name, figure in (("r2", r2_score), ("mae", mean_absolute_error)):
        ends = np.quantile([column_means(figure, *numbers, rows) for rows in drawn], [0.025, 0.975])
        assert found[name] == pytest.approx(ends, abs=0.2 * np.ptp(ends))


def test_rows_that_belong_together_are_drawn_together(numbers):
    said, truth = (np.repeat(each, 10, axis=0) for each in numbers)  # each image ten times
    one = np.ptp(intervals_of_numbers(*numbers, np.arange(N))["mae"])
    apart = np.ptp(intervals_of_numbers(said, truth, np.arange(10 * N))["mae"])
    together = np.ptp(intervals_of_numbers(said, truth, np.repeat(np.arange(N), 10))["mae"])
    assert together == pytest.approx(one, rel=0.2)
    assert apart < one / 2


def test_nothing_is_said_of_one_unit_of_what_is_unknown_and_of_too_much(labels, numbers):
    assert intervals_of_labels(*labels, np.zeros(N, int)) == {"macro_average_precision": None}
    said, truth = numbers
    unknown = np.full_like(truth, np.nan)
    assert set(intervals_of_numbers(said, unknown, np.arange(N)).values()) == {None}
    same = np.ones_like(truth)
    assert intervals_of_numbers(said, same, np.arange(N))["r2"] is None
    nothing = np.zeros((0, 2), "f4")
    assert set(intervals_of_numbers(nothing, nothing, np.zeros(0, int)).values()) == {None}
    many = np.zeros((200_000, 2), "f4")
    assert intervals_of_labels(many, many, np.arange(200_000)) == {"macro_average_precision": None}
