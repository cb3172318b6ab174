"""Figures of numbers against scikit-learn, and where there is nothing to judge."""

import numpy as np
import pytest
from sklearn.dummy import DummyRegressor
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from bottleneck.heads.number_metrics import evaluate_numbers

NAMES = ("x", "y")


@pytest.fixture
def said():
    rng = np.random.default_rng(0)
    truth = rng.normal([3, -100], [1, 20], (150, 2)).astype("f4")
    return (truth + rng.normal(0, [0.5, 30], (150, 2))).astype("f4"), truth


def test_every_figure_is_scikit_learn_s_and_the_mean_that_of_the_columns(said):
    values, truth = said
    train = np.random.default_rng(1).normal([3, -100], [1, 20], (80, 2))
    found = evaluate_numbers(values, truth, NAMES, train.mean(axis=0))
    naive = DummyRegressor().fit(train, train).predict(truth)
    for i, name in enumerate(NAMES):
        each = found["numbers"][name]
        assert each["mae"] == pytest.approx(mean_absolute_error(truth[:, i], values[:, i]))
        assert each["rmse"] == pytest.approx(mean_squared_error(truth[:, i], values[:, i]) ** 0.5)
        assert each["r2"] == pytest.approx(r2_score(truth[:, i], values[:, i]), rel=1e-5)
        assert each["baseline_mae"] == pytest.approx(mean_absolute_error(truth[:, i], naive[:, i]))
        assert each["baseline_rmse"] == pytest.approx(
            mean_squared_error(truth[:, i], naive[:, i]) ** 0.5
        )
    assert found["r2"] == pytest.approx(r2_score(truth, values), rel=1e-5)
    assert found["mae"] == pytest.approx(mean_absolute_error(truth, values))
    both = [found["numbers"][name]["baseline_rmse"] for name in NAMES]
    assert found["baseline"] == pytest.approx(np.mean(both))


def test_what_is_not_known_counts_nothing(said):
    values, truth = said
    some = truth.copy()
    some[::2, 1] = np.nan
    found = evaluate_numbers(values, some, NAMES, np.zeros(2))["numbers"]["y"]
    assert found["samples"] == 75
    assert found["r2"] == pytest.approx(r2_score(truth[1::2, 1], values[1::2, 1]), rel=1e-5)


def test_numbers_that_are_all_alike_have_no_r2(said):
    values, truth = said
    truth[:, 0] = 3
    found = evaluate_numbers(values, truth, NAMES, np.zeros(2))
    assert found["numbers"]["x"]["r2"] is None
    assert found["r2"] == found["numbers"]["y"]["r2"]


def test_of_no_rows_every_figure_is_none():
    nothing = np.zeros((0, 2), "f4")
    found = evaluate_numbers(nothing, nothing, NAMES, np.zeros(2))
    assert {found[key] for key in ("mae", "rmse", "r2", "baseline", "loss")} == {None}
