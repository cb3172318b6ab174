"""The interval of a mean, beside scipy's Student t."""

import numpy as np
import pytest
from scipy import stats

from bottleneck.pictures import interval
from bottleneck.pictures.interval import accuracy_interval, mean_interval


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 10, 11, 50])
def test_the_interval_of_a_mean_is_student_s(n):
    values = np.random.default_rng(n).normal(0.7, 0.05, n)
    theirs = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
    assert mean_interval(values) == pytest.approx(theirs)


def test_fits_that_share_their_images_make_the_interval_wider():
    values = [0.70, 0.72, 0.75, 0.71, 0.74]
    low, high = mean_interval(values, 1 / 4)
    half = stats.t.ppf(0.975, 4) * np.std(values, ddof=1) * np.sqrt(1 / 5 + 1 / 4)
    assert ((high - low) / 2, (high + low) / 2) == pytest.approx((half, np.mean(values)))


@pytest.mark.parametrize("values", [[0.7], [1.0, 1.0, 1.0]])
def test_one_value_and_values_that_are_alike_have_no_interval(values):
    assert mean_interval(values) is None


@pytest.mark.parametrize("hits", [0, 13])
def test_where_all_or_none_are_right_the_interval_is_the_exact_one(hits):
    theirs = stats.binomtest(hits, 13).proportion_ci(0.95, method="exact")
    found = accuracy_interval([[hits, 13 - hits], [0, 0]], seed=0)
    assert found == pytest.approx((theirs.low, theirs.high))


def test_many_degrees_of_freedom_are_the_normal_distribution_s():
    assert interval._t(10_000) == pytest.approx(stats.norm.ppf(0.975), rel=1e-3)
