"""Widths of numbers: the quantile that split conformal prediction takes, and what it promises."""

from fractions import Fraction

import numpy as np
import pytest

from bottleneck.heads.conformal import LEVEL, covered, widths


@pytest.mark.parametrize("n", [8, 9, 10, 18, 19, 20, 99])
def test_the_width_is_the_smallest_that_leaves_no_more_than_a_tenth_of_one_more_row(n):
    errors = np.random.default_rng(n).permutation(n) + 1.0
    said = np.full((n, 1), 100, "f4")
    truth = (said - errors[:, None] * np.where(np.arange(n) % 2, 1, -1)[:, None]).astype("f4")
    (found,) = widths(said, truth)
    # A further row is as likely to be in any place among the n; at most so many may be beyond.
    places = [w for w in range(1, n + 1) if Fraction(w, n + 1) >= Fraction(9, 10)]
    if not places:
        assert np.isnan(found)
    else:
        assert found == places[0]


def test_what_is_not_known_is_no_row_and_columns_do_not_disturb_each_other():
    rng = np.random.default_rng(0)
    said, truth = rng.normal(size=(2, 60, 2)).astype("f4")
    truth[::2, 1] = np.nan
    found = widths(said, truth)
    assert found[0] == widths(said[:, :1], truth[:, :1])[0]
    assert found[1] == widths(said[1::2, 1:], truth[1::2, 1:])[0]
    share = covered(said, truth, found)
    assert share[0] == pytest.approx(np.mean(np.abs(said - truth)[:, 0] <= found[0]))
    assert share[1] == pytest.approx(np.mean(np.abs(said - truth)[1::2, 1] <= found[1]))
    assert np.isnan(covered(said, np.full_like(truth, np.nan), found)).all()
    assert np.isnan(covered(said, truth, np.array([np.nan, 1.0]))[0])


def test_of_other_rows_as_many_lie_within_as_it_says():
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(300):
        truth = rng.standard_t(3, size=(25 + 500, 1)).astype("f4")
        said = np.zeros_like(truth)
        shares.append(covered(said[25:], truth[25:], widths(said[:25], truth[:25]))[0])
    assert LEVEL - 0.01 < np.mean(shares) < LEVEL + 1 / 26 + 0.01
