"""When two computations of a row agree."""

import numpy as np
import pytest

from bottleneck.engines.check import compare


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
