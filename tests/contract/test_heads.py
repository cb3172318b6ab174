"""Every head against its contract: what it refuses, by which error, and in which words."""

import numpy as np
import pytest

from bottleneck.core.errors import DataError
from bottleneck.heads.catalog import HEADS, load_kind


@pytest.fixture(params=sorted(HEADS))
def head(request):
    return request.param


def data(n=40, d=6, k=3):
    rng = np.random.default_rng(0)
    labels = (np.arange(n) % k).astype(np.int32)
    x = (rng.normal(size=(n, d)) + labels[:, None]).astype("f4")
    return x, labels, (np.arange(n) % 5 == 0).astype(np.uint8)


def fit(head, x, labels, split, n_classes=3):
    options = {"seed": 0, "n_classes": n_classes, "options": {}, "report": lambda _: None}
    return load_kind(head).fit(x, labels, split, **options)


@pytest.mark.parametrize("split", [0, 1])
def test_a_label_beyond_the_classes_is_the_caller_s_mistake(head, split):
    x, labels, _ = data()
    labels[7] = 3
    with pytest.raises(ValueError, match="label 3 among 3 classes"):
        fit(head, x, labels, np.where(np.arange(40) == 7, split, 0).astype(np.uint8))


def test_labels_and_splits_of_another_length_are_the_caller_s_mistake(head):
    x, labels, split = data()
    for wrong in ((x, labels[:-1], split), (x, labels, split[:-1]), (x[:-1], labels, split)):
        with pytest.raises(ValueError, match="as many"):
            fit(head, *wrong)


def test_no_labels_at_all_is_said_so(head):
    x, labels, split = data()
    with pytest.raises(DataError, match="no label"):
        fit(head, x, np.full_like(labels, -1), split)


@pytest.mark.parametrize("row", [0, 1])  # one that validates, one to train on
def test_a_row_without_a_label_is_never_taken_for_the_last_class(head, row):
    x, labels, split = data()
    labels[row] = -1
    with pytest.raises(DataError, match="1 of 40 images have no label"):
        fit(head, x, labels, split)
    split[row] = 2
    assert fit(head, x, labels, split).predict(x).shape == (40, 3)


def test_nothing_to_train_on_is_said_so(head):
    x, labels, _ = data()
    with pytest.raises(DataError, match="no images to train on"):
        fit(head, x, labels, np.full(40, 1, np.uint8))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("row", [0, 1])  # one that validates, one to train on
def test_features_that_are_no_numbers_or_too_large_are_refused_in_fit(head, value, row):
    x, labels, split = data()
    x = x.astype("f8")
    x[row, 2] = value
    with pytest.raises(DataError, match="too large"):
        fit(head, x, labels, split)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300, 3.4e38])
def test_features_that_are_no_numbers_or_too_large_are_refused_in_predict(head, value):
    x, labels, split = data()
    x = x.astype("f8") * 1e-10  # so that what just fits float32 is too large beside it
    fitted = fit(head, x, labels, split)
    x[7, 2] = value
    with pytest.raises(DataError, match="row 7"):
        fitted.predict(x)
    x[7, 2] = 0
    p = fitted.predict(x)
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)


def test_rows_that_only_test_may_hold_anything(head):
    x, labels, split = data()
    x[3], split[3], labels[3] = np.nan, 2, -1
    fit(head, x, labels, split)


def test_predicting_no_rows_gives_no_rows(head):
    x, labels, split = data()
    assert fit(head, x, labels, split).predict(x[:0]).shape == (0, 3)
