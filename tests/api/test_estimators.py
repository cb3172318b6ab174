"""Heads as scikit-learn has classifiers: its own checks, and figures against its own."""

import contextlib
import inspect
import os
import pickle
import warnings
from unittest import SkipTest

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

import bottleneck
from bottleneck.api.estimators import OF_SKLEARN, _split
from bottleneck.heads import catalog
from bottleneck.heads.task import Task
from bottleneck.sklearn import (
    DenseClassifier,
    KNNClassifier,
    LinearClassifier,
    PrototypesClassifier,
)

HEADS = [LinearClassifier, KNNClassifier, PrototypesClassifier]
LONG = os.environ.get("BOTTLENECK_SOAK") == "1"
# A network takes a second a fit, so in the short form only some checks are made of one.
OF_NETWORKS = {
    "check_estimators_pickle", "check_estimators_unfitted", "check_n_features_in",
    "check_no_attributes_set_in_init", "check_estimators_overwrite_params",
    "check_classifiers_one_label", "check_estimators_nan_inf", "check_fit2d_1feature",
}  # fmt: skip
# What of scikit-learn's checks cannot hold, and why: nothing.
EXPECTED_TO_FAIL: dict[str, str] = {}


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    names = np.array([f"digit {i}" for i in range(10)])
    return train_test_split(x, names[y], random_state=0, stratify=y)


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
def test_every_check_of_scikit_learn_passes(head):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those that the checks provoke
        found = check_estimator(
            head(), expected_failed_checks=EXPECTED_TO_FAIL, on_skip=None, on_fail=None
        )
    said = {one["check_name"]: one["exception"] for one in found if one["status"] == "failed"}
    assert not said
    # What it skips needs another library's switch; it names no other reason.
    skipped = {one["check_name"] for one in found if one["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}
    assert len(found) > 40


@pytest.mark.parametrize("head", HEADS)
def test_it_learns_the_digits_about_as_well_as_scikit_learn_does(digits, head):
    x, new, y, truth = digits
    fitted = head().fit(x, y)
    theirs = LogisticRegression(max_iter=2000).fit(x / 16, y).score(new / 16, truth)
    least = {PrototypesClassifier: 0.85}.get(head, theirs - 0.02)
    assert fitted.score(new, truth) > least
    assert fitted.n_features_in_ == 64
    assert fitted.classes_.tolist() == sorted(set(y))
    p = fitted.predict_proba(new)
    assert (p.shape, p.dtype) == ((len(new), 10), np.float32)
    np.testing.assert_array_equal(fitted.classes_[p.argmax(axis=1)], fitted.predict(new))


@pytest.mark.parametrize("head", HEADS)
def test_it_is_the_head_of_the_command_on_the_same_split(digits, head):
    x, _, y, _ = digits
    rows = x.astype(np.float32)
    fitted = head(random_state=3).fit(x, y)
    classes, targets = np.unique(y, return_inverse=True)
    task = Task(
        rows=rows,
        targets=targets.astype(np.int32),
        split=_split(rows, targets, 3, 0.2),
        n_outputs=len(classes),
        seed=3,
        options=catalog.complete(head.head, {}),
    )
    expected = catalog.load_kind(head.head).fit(task).predict(rows)
    np.testing.assert_array_equal(fitted.predict_proba(x), expected)


@pytest.mark.parametrize("head", HEADS)
def test_copies_and_pickles_say_the_same(digits, head):
    x, new, y, _ = digits
    fitted = head(validation_fraction=0.1, random_state=5).fit(x, y)
    said = {k: v for k, v in fitted.get_params().items() if v is not None}
    assert said == {"validation_fraction": 0.1, "random_state": 5}
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(new), fitted.predict_proba(new))
    copied = clone(fitted)
    assert copied.get_params() == fitted.get_params()
    assert not hasattr(copied, "head_")
    np.testing.assert_array_equal(copied.fit(x, y).predict(new), fitted.predict(new))


@pytest.mark.slow
def test_grids_are_searched_and_folds_are_made_in_processes(digits):
    x, _, y, _ = digits
    grid = {"validation_fraction": [0.1, 0.3]}
    found = GridSearchCV(LinearClassifier(), grid, cv=2, n_jobs=2).fit(x[:300], y[:300])
    assert found.best_score_ > 0.8
    assert (cross_val_score(KNNClassifier(), x[:300], y[:300], cv=3, n_jobs=2) > 0.8).all()


@pytest.mark.parametrize("head", [*HEADS, DenseClassifier])
def test_every_option_of_the_head_is_a_parameter(head):
    known = {option.name for option in catalog.spec(head.head).options}
    known -= {"loss"}  # of numbers, which no classifier learns
    assert {*inspect.signature(head).parameters} == known | {*OF_SKLEARN}


def test_every_head_for_rows_of_one_axis_is_a_classifier():
    for_maps = {"conv", "tail"}  # tail also wants the network behind the cut
    assert {head.head for head in (*HEADS, DenseClassifier)} == {*catalog.HEADS} - for_maps


@pytest.mark.slow
def test_some_checks_pass_for_a_network_and_all_of_them_in_the_long_form():
    made = DenseClassifier(epochs=20 if LONG else 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those that the checks provoke
        checks = [(check.func.__name__, check) for _, check in estimator_checks_generator(made)]
        assert {name for name, _ in checks} >= OF_NETWORKS
        for name, check in checks:
            if LONG or name in OF_NETWORKS:
                with contextlib.suppress(SkipTest):
                    check(clone(made))


@pytest.mark.slow
def test_a_network_of_keras_learns_is_pickled_and_is_the_same_again(digits):
    x, new, y, truth = digits
    made = DenseClassifier(units=[32], epochs=np.int64(15), learning_rate=0.01)
    fitted = clone(made).fit(x / 16, y)
    assert fitted.score(new / 16, truth) > 0.9
    p = fitted.predict_proba(new / 16)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(new / 16), p)
    np.testing.assert_allclose(made.fit(x / 16, y).predict_proba(new / 16), p, atol=1e-5)
    with pytest.raises(bottleneck.errors.UsageError, match="units"):
        clone(made).set_params(units=0).fit(x, y)


def test_each_class_gives_its_share_to_validation_and_equal_rows_are_on_one_side():
    rows = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    rows[50:60] = rows[40:50]
    targets = np.repeat([0, 1, 2], [60, 38, 2])
    split = _split(rows, targets, 0, 0.25)
    assert [int(split[targets == i].sum()) for i in (1, 2)] == [10, 0]
    np.testing.assert_array_equal(split[50:60], split[40:50])
    order = np.random.default_rng(1).permutation(100)
    np.testing.assert_array_equal(_split(rows[order], targets[order], 0, 0.25), split[order])
    assert (_split(rows, targets, 1, 0.25) != split).any()
    assert not _split(rows, targets, 0, 0).any()
    alone = _split(rows[-1:], targets[-1:], 0, 0.9)  # a class of one row is trained on
    assert not alone.any()


def test_a_random_state_of_none_draws_anew_and_a_number_does_not(digits):
    x, _, y, _ = digits
    states = [0, 0, None, None, np.random.RandomState(1)]
    seeds = [PrototypesClassifier(random_state=s).fit(x, y).head_.options["seed"] for s in states]
    assert seeds[0] == seeds[1] == 0
    assert len(set(seeds)) == 4


@pytest.mark.parametrize("fraction", [1, -0.1, "many", None])
def test_a_fraction_that_is_none_is_wrong_usage(digits, fraction):
    x, _, y, _ = digits
    with pytest.raises(bottleneck.errors.UsageError, match="validation_fraction"):
        LinearClassifier(validation_fraction=fraction).fit(x, y)
