"""The linear head of numbers as a regressor: the checks of scikit-learn, and Ridge beside it."""

import inspect
import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import check_estimator

from bottleneck.api.estimators import OF_SKLEARN
from bottleneck.heads import catalog
from bottleneck.sklearn import LinearRegressor

EXPECTED_TO_FAIL = {
    "check_methods_sample_order_invariance": "heads compute in float32; sums of rows in another "
    "order differ in the seventh digit",
}


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_every_check_of_scikit_learn_passes_but_those_that_are_listed(loss):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those that the checks provoke
        found = check_estimator(
            LinearRegressor(loss=loss),
            expected_failed_checks=EXPECTED_TO_FAIL,
            on_skip=None,
            on_fail=None,
        )
    said = {one["check_name"]: one["exception"] for one in found if one["status"] == "failed"}
    assert not said
    skipped = {one["check_name"] for one in found if one["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}
    assert len(found) > 40


def test_it_is_as_good_as_ridge_and_takes_several_numbers():
    x, y = load_diabetes(return_X_y=True)
    theirs = cross_val_score(RidgeCV(np.logspace(-4, 4, 20)), x, y).mean()
    assert cross_val_score(LinearRegressor(), x, y).mean() > theirs - 0.005
    both = np.stack([y, -2 * y], axis=1)
    one, several = LinearRegressor().fit(x, y), LinearRegressor().fit(x, both)
    assert (one.predict(x).shape, several.predict(x).shape) == ((442,), (442, 2))
    np.testing.assert_allclose(several.predict(x)[:, 0], one.predict(x), rtol=1e-3)


def test_copies_and_pickles_say_the_same_and_a_grid_is_searched():
    x, y = load_diabetes(return_X_y=True)
    fitted = LinearRegressor(loss="huber", validation_fraction=0.3, random_state=2).fit(x, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict(x), fitted.predict(x))
    np.testing.assert_array_equal(clone(fitted).fit(x, y).predict(x), fitted.predict(x))
    found = GridSearchCV(LinearRegressor(), {"loss": ["squared", "huber"]}, cv=2).fit(x, y)
    assert found.best_score_ > 0.4


def test_every_option_of_the_head_is_a_parameter():
    known = {option.name for option in catalog.spec("linear").options}
    known -= {"class_weights"}  # of classes
    assert {*inspect.signature(LinearRegressor).parameters} == known | {*OF_SKLEARN}
