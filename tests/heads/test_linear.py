"""The linear head against scikit-learn, and what it must refuse and survive."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

from bottleneck.core.errors import DamagedError, DataError
from bottleneck.core.sealed import seal
from bottleneck.heads import linear, softmax_regression
from bottleneck.heads.catalog import load_head
from bottleneck.heads.design_matrix import DesignMatrix
from bottleneck.heads.task import Task


def fit(x, y, split, n_classes=None):
    return linear.fit(
        Task(
            rows=x,
            targets=y.astype(np.int32),
            split=split.astype(np.uint8),
            n_outputs=n_classes or int(y.max()) + 1,
        )
    )


def as_it_is(x):
    """Return rows that are standardised already, as the regression takes them."""
    zero, one = np.zeros(x.shape[1], "f4"), np.ones(x.shape[1], "f4")
    images = np.arange(len(x))
    return DesignMatrix(features=x, images=images, views=1, mean=zero, scale=one, kept=x[:, None])


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    split = np.random.default_rng(0).choice([0, 0, 0, 1, 2], len(x))
    return x.astype("f2"), y.astype(np.int32), split.astype(np.uint8)


@pytest.mark.slow
def test_accuracy_is_that_of_logistic_regression_with_c_chosen_on_the_same_rows(digits):
    x, y, split = digits
    scaler = StandardScaler().fit(x[split == 0])
    candidates = [
        LogisticRegression(C=c, max_iter=3000).fit(scaler.transform(x[split == 0]), y[split == 0])
        for c in 10.0 ** np.arange(-3, 3)
    ]
    validation = scaler.transform(x[split == 1])
    best = max(candidates, key=lambda m: m.score(validation, y[split == 1]))
    theirs = best.score(scaler.transform(x[split == 2]), y[split == 2])
    ours = (fit(x, y, split).predict(x[split == 2]).argmax(1) == y[split == 2]).mean()
    assert ours >= theirs - 0.010


@pytest.mark.slow
def test_the_minimum_is_that_of_scikit_learn_at_the_same_strength(digits):
    x, y, split = digits
    x = StandardScaler().fit_transform(x[split == 0].astype("f4")).astype("f4")
    y = y[split == 0]
    strength = 0.01
    problem = softmax_regression.Problem(as_it_is(x), y, 10)
    theta, loss, _ = softmax_regression.minimise(problem, np.zeros((65, 10), "f4"), strength, 1e-5)
    theirs = LogisticRegression(C=1 / (strength * len(x)), max_iter=5000, tol=1e-8).fit(x, y)
    p = theirs.predict_proba(x)
    expected = log_loss(y, p) + strength / 2 * (theirs.coef_**2).sum()
    assert loss == pytest.approx(expected, rel=1e-4)


def test_the_gradient_is_that_of_the_loss():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 4)).astype("f4"), rng.integers(0, 3, 30).astype(np.int32)
    problem, theta = (
        softmax_regression.Problem(as_it_is(x), y, 3),
        rng.normal(size=(5, 3)).astype("f4"),
    )
    _, gradient = problem.value(theta, 0.1)
    for at in [(0, 0), (3, 2), (4, 1)]:
        step = np.zeros_like(theta)
        step[at] = 1e-2
        up, down = problem.value(theta + step, 0.1)[0], problem.value(theta - step, 0.1)[0]
        assert gradient[at] == pytest.approx((up - down) / 2e-2, rel=1e-2, abs=1e-4)


def test_test_rows_are_never_looked_at(digits):
    x, y, split = digits
    spoiled = x.copy()
    spoiled[split == 2] = np.nan
    np.testing.assert_array_equal(fit(spoiled, y, split).weights, fit(x, y, split).weights)


def test_the_same_rows_give_the_same_head(digits):
    np.testing.assert_array_equal(fit(*digits).weights, fit(*digits).weights)


def test_a_constant_and_a_tiny_feature_do_no_harm():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    x = np.stack([np.full(200, 7.3), y * 1e-9 + rng.normal(size=200) * 1e-10], 1).astype("f4")
    head = fit(x, y, rng.integers(0, 2, 200))
    assert (head.predict(x).argmax(1) == y).mean() > 0.95


@pytest.mark.parametrize("n_classes", [2, 3, 50])
def test_one_row_a_class_is_enough(n_classes):
    x = np.eye(n_classes, 60, dtype="f4")
    head = fit(x, np.arange(n_classes), np.zeros(n_classes))
    assert (head.predict(x).argmax(1) == np.arange(n_classes)).all()


def test_a_class_without_validation_rows_is_fitted_all_the_same(digits):
    x, y, split = digits
    split = np.where((y == 3) & (split == 1), 0, split)
    assert (fit(x, y, split).predict(x[y == 3]).argmax(1) == 3).mean() > 0.9


def test_one_class_is_refused():
    with pytest.raises(DataError, match="two classes"):
        fit(np.zeros((5, 2), "f4"), np.zeros(5), np.zeros(5), 1)


def test_features_that_are_no_numbers_are_refused():
    with pytest.raises(DataError, match="not finite numbers"):
        fit(np.array([[np.nan], [1]], "f4"), np.arange(2), np.zeros(2))


def test_predicting_features_of_another_length_is_refused(digits):
    with pytest.raises(DataError, match="fitted on 64"):
        fit(*digits).predict(np.zeros((2, 5), "f4"))


@pytest.mark.parametrize("data", [b"", b"\xff" * 8, b"\xff\xff\xff\xff\xff\xff\xff\x7f{}", b"{}"])
def test_a_hostile_head_file_is_damage(tmp_path, data):
    fit(np.eye(3, dtype="f4"), np.arange(3), np.zeros(3)).save(tmp_path)
    (tmp_path / "head.safetensors").write_bytes(data)
    with pytest.raises(DamagedError):
        load_head(tmp_path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("weights", lambda t: t.astype("f8")),
        ("bias", lambda t: t[:-1]),
        ("mean", lambda t: t * np.float32("nan")),
        ("weights", lambda t: t * np.float32("inf")),
        ("scale", lambda t: t * 0),
        ("scale", lambda t: -t),
        ("weights", lambda t: t[0]),
        ("mean", None),
    ],
)
def test_tensors_that_are_no_linear_head_are_damage_whatever_their_digest(tmp_path, name, change):
    fit(np.eye(3, dtype="f4"), np.arange(3), np.zeros(3)).save(tmp_path)
    path = tmp_path / "head.safetensors"
    tensors = load_file(path)
    if change is None:
        del tensors[name]
    else:
        with np.errstate(invalid="ignore"):
            tensors[name] = np.ascontiguousarray(change(tensors[name]))
    save_file(tensors, path)
    (tmp_path / "head.json").write_bytes(
        seal({"head": "linear", "options": {}}, tmp_path, [path.name])
    )
    with pytest.raises(DamagedError, match="not a linear head"):
        load_head(tmp_path)


def test_with_few_rows_nothing_is_decomposed_and_the_minimum_is_the_same(
    monkeypatch,
):
    rng = np.random.default_rng(0)
    y = (np.arange(60) % 3).astype(np.int32)
    x = (rng.normal(size=(60, 600)) @ rng.normal(size=(600, 600)) / 24 + y[:, None]).astype("f4")
    x = StandardScaler().fit_transform(x).astype("f4")
    theirs = LogisticRegression(C=1 / (0.1 * len(x)), max_iter=5000, tol=1e-8).fit(x, y)
    expected = log_loss(y, theirs.predict_proba(x)) + 0.05 * (theirs.coef_**2).sum()
    monkeypatch.setattr(np.linalg, "eigh", None)
    problem = softmax_regression.Problem(as_it_is(x), y, 3)
    _, loss, _ = softmax_regression.minimise(problem, np.zeros((601, 3), "f4"), 0.1, 1e-5)
    assert loss == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("value", [1e-45, 1e-40, 1e-30, 1e30, 3e38])
def test_features_at_the_ends_of_float32_are_fitted_or_refused_never_nonsense(value):
    x = np.zeros((1000, 2), "f4")
    y, split = np.arange(1000) % 2, np.zeros(1000)
    x[:, 0], x[1, 1] = y, value
    try:
        head = fit(x, y, split)
    except DataError:
        assert value > 1
    else:
        assert (head.scale > 0).all()
        assert (head.predict(x).argmax(1) == y).all()


@pytest.mark.parametrize("value", [1e10, -1e10, 1e38])  # beside 1e-20; the last leaves float32
def test_a_feature_that_validation_rows_alone_spread_is_refused_when_it_is_too_large(value):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 2)).astype("f4"), np.arange(40) % 2
    x[:, 1] = 1e-20 * rng.normal(size=40)
    x[7, 1] = value
    with pytest.raises(DataError, match="too large"):
        fit(x, y, np.arange(40) == 7)


def test_features_whose_weighted_sum_leaves_float32_are_refused_by_row():
    ones = np.ones(2, np.float32)
    head = linear.Linear(
        weights=np.array([[3, 0], [3, 0]], "f4"), bias=ones, mean=ones, scale=ones, options={}
    )
    with pytest.raises(DataError, match="row 1 "):
        head.predict(np.array([[1, 2], [3e38, 3e38]], "f4"))
