"""When two computations of a row agree."""

import numpy as np
import pytest

from bottleneck.core.errors import OtherRowsError
from bottleneck.engines.check import compare, spread


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize(
    ("factor", "ok"), [(1, True), (1 + 2e-5, True), (1.001, False), (0, False)]
)
def test_rounding_agrees_and_more_does_not(dtype, factor, ok):
    rows = np.random.default_rng(0).normal(size=(4, 50)).astype("f4")
    assert compare(rows * np.float32(factor), rows.astype(dtype)).ok is ok


def test_one_bad_row_among_many_is_found():
    rows = np.random.default_rng(0).normal(size=(4, 50)).astype("f4")
    stored = rows.copy()
    stored[2] = stored[1]
    assert not compare(rows, stored).ok


def test_rows_that_are_no_numbers_never_agree():
    rows = np.ones((2, 3), "f4")
    assert not compare(rows * np.float32(np.nan), rows).ok


def test_zero_rows_agree_with_themselves_alone():
    zero = np.zeros((1, 3), "f2")
    assert compare(zero.astype("f4"), zero).ok
    assert not compare(np.ones((1, 3), "f4"), zero).ok


def turned(rows, angle):
    """Rows of two numbers, turned by an angle."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (rows @ turn).astype("f4")


def test_the_spread_is_cosines_relative_errors_and_the_largest_number():
    exact = np.array([[1, 0], [3, 4], [0, -2]], "f4")
    reduced = np.concatenate([turned(exact[:1], 0.3), turned(exact[1:2], 0.1), exact[2:] * 2])
    found = spread(reduced, exact)
    assert found["images"] == 3
    assert found["cosine"] == pytest.approx(np.cos(0.3), abs=1e-6)
    assert found["median"] == pytest.approx(np.cos(0.1), abs=1e-6)
    assert found["relative"] == pytest.approx(1.0)  # the last one is twice as long
    assert found["max_abs"] == pytest.approx(np.abs(reduced).max())


def test_reduced_precision_is_refused_for_what_is_no_number_and_a_low_median_alone():
    exact = np.array([[1, 0], [3, 4], [0, -2]], "f4")
    with pytest.raises(OtherRowsError, match=r"median cosine 0\.88"):
        spread(turned(exact, 0.5), exact)
    one_is_far = np.concatenate([turned(exact[:1], 1.5), exact[1:]])
    assert spread(one_is_far, exact)["cosine"] < 0.1
    with pytest.raises(OtherRowsError, match="infinity or NaN"):
        spread(np.where(exact == 4, np.float32(np.inf), exact), exact)


def test_rows_of_zeros_have_no_angle_and_are_the_same():
    zero = np.zeros((2, 3), "f4")
    assert (spread(zero, zero)["cosine"], spread(zero, zero)["relative"]) == (1.0, 0.0)
    with pytest.raises(OtherRowsError):
        spread(zero, np.ones((2, 3), "f4"))
