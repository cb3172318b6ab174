"""Heads on rows of several views: which view is looked at when."""

import numpy as np
import pytest

from bottleneck.core.frameworks import import_keras
from bottleneck.heads import dense, linear, training
from bottleneck.heads.catalog import complete
from bottleneck.heads.task import Task
from bottleneck.heads.training import batches, momentum, seed_of
from bottleneck.heads.views import OneView, drawn, itself

N, V, D = 30, 3, 4
LABELS = (np.arange(N) % 3).astype(np.int32)
RNG = np.random.default_rng(0)
X = (RNG.normal(size=(N, V, D)) + LABELS[:, None, None]).astype("f4")
SPLIT = (np.arange(N) % 5 == 0).astype(np.uint8)
TRAIN, VALIDATION = np.flatnonzero(SPLIT == 0), np.flatnonzero(SPLIT == 1)


def fit_linear(x, labels, split, views):
    told = complete("linear", {"strength": 0.01})  # folds are of images, not of their views
    more = {"views": views, "options": told}
    return linear.fit(Task(rows=x, targets=labels, split=split, n_outputs=3, **more))


def fit_dense(x=X, split=SPLIT, seed=3, views=V, **told):
    told = complete("dense", {"units": (5,), "dropout": (0.0,), "patience": 0, **told})
    more = {"seed": seed, "options": told, "views": views}
    return dense.fit(Task(rows=x, targets=LABELS, split=split, n_outputs=3, **more))


def test_one_view_of_each_row_is_taken_as_from_the_whole():
    which = RNG.integers(V, size=N)
    found = OneView(X, which)
    expected = np.stack([X[i, view] for i, view in enumerate(which)])
    np.testing.assert_array_equal(found.take(np.array([7, 0, 7])), expected[[7, 0, 7]])
    np.testing.assert_array_equal(found[:], expected)
    np.testing.assert_array_equal(found[3:9], expected[3:9])
    assert (found.shape, found.dtype, len(found)) == ((N, D), np.float32, N)


def test_more_rows_than_a_block_are_taken_in_their_order():
    x = np.arange(5000 * 2).reshape(5000, 2, 1)
    at = np.random.default_rng(1).permutation(5000)
    np.testing.assert_array_equal(OneView(x, np.ones(5000, int)).take(at)[:, 0], 2 * at + 1)


def test_where_there_is_one_view_the_features_are_what_they_are():
    assert itself(X, 1) is X
    assert drawn(X, 1, np.random.default_rng(0)) is X


def test_each_view_is_drawn_as_often():
    found = drawn(np.zeros((3000, 3, 1)), 3, np.random.default_rng(0))
    assert np.bincount(found._which).min() > 900


def test_a_linear_head_sees_every_view_as_a_row():
    """Without validation rows: the plain fit on three times as many rows is the oracle."""
    found = fit_linear(X, LABELS, np.zeros(N, np.uint8), V)
    rows, labels = X.reshape(N * V, D), np.repeat(LABELS, V)
    expected = fit_linear(rows, labels, np.zeros(N * V, np.uint8), 1)
    np.testing.assert_array_equal(found.weights, expected.weights)
    np.testing.assert_array_equal(found.mean, expected.mean)
    first = fit_linear(X[:, 0], LABELS, np.zeros(N, np.uint8), 1)
    assert np.abs(found.weights - first.weights).max() > 1e-2


def test_a_linear_head_of_equal_views_is_that_of_one():
    """So each image weighs as much as one row, however many views it has."""
    same = np.repeat(X[:, :1], V, axis=1)
    found, expected = fit_linear(same, LABELS, SPLIT, V), fit_linear(X[:, 0], LABELS, SPLIT, 1)
    for ours, theirs in list(zip(found.history, expected.history, strict=False))[:6]:
        assert ours["strength"] == theirs["strength"]
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
        assert ours["validation_loss"] == pytest.approx(theirs["validation_loss"], rel=1e-3)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-6)


def test_a_linear_head_chooses_by_the_validation_images_themselves():
    other = X.copy()
    other[VALIDATION, 1:] = -X[VALIDATION, 1:]
    found, expected = fit_linear(other, LABELS, SPLIT, V), fit_linear(X, LABELS, SPLIT, V)
    assert found.validation.shape == (len(VALIDATION), 3)
    np.testing.assert_array_equal(found.validation, expected.validation)
    assert [e["validation_loss"] for e in found.history] == [
        e["validation_loss"] for e in expected.history
    ]


@pytest.mark.slow
def test_a_network_s_steps_are_those_of_plain_keras_on_the_views_of_each_epoch():
    keras = import_keras()
    initial = [keras.initializers.GlorotUniform(seed_of(3, n)) for n in (1, 0)]
    model = keras.Sequential(
        [
            keras.Input((D,)),
            keras.layers.Dense(5, "relu", kernel_initializer=initial[0]),
            keras.layers.Dense(3, "softmax", kernel_initializer=initial[1]),
        ]
    )
    n_steps = -(-len(TRAIN) // 7)
    optimizer = keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=momentum(n_steps))
    model.compile(optimizer, "sparse_categorical_crossentropy")
    orders = batches(TRAIN, 7, 3)
    generator = np.random.default_rng(seed_of(3, 2**16 + 1))
    for _ in range(3):
        which = generator.integers(V, size=N)
        for at in next(orders):
            model.train_on_batch(X[at, which[at]], LABELS[at])
    optimizer.finalize_variable_values(model.trainable_variables)
    found = fit_dense(epochs=3, batch_size=7, optimizer="sgd", learning_rate=0.1, momentum=0.0)
    for ours, theirs in zip(found.model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    np.testing.assert_allclose(found.validation, model.predict_on_batch(X[VALIDATION, 0]), 1e-4)


@pytest.mark.slow
def test_epochs_draw_different_views_and_the_same_seed_gives_the_same_weights(monkeypatch):
    shown = []
    real = training.gather

    def gather(features, at, doing):
        rows = real(features, at, doing)
        pairs = zip(at.tolist(), rows, strict=True)
        shown.append({i: int((X[i] == row).all(axis=1).argmax()) for i, row in pairs})
        return rows

    monkeypatch.setattr(training, "gather", gather)
    fitted = [fit_dense(epochs=4, batch_size=N, seed=seed) for seed in (3, 3, 4)]
    epochs = [views for views in shown if TRAIN[0] in views]
    of_images = [views for views in shown if VALIDATION[0] in views]
    assert len(epochs) == 3 * 4
    assert {view for views in epochs for view in views.values()} == {0, 1, 2}
    assert epochs[0] != epochs[1]
    assert epochs[:4] == epochs[4:8]
    assert epochs[:4] != epochs[8:]
    assert {view for views in of_images for view in views.values()} == {0}
    for ours, theirs in zip(*(f.model.get_weights() for f in fitted[:2]), strict=True):
        np.testing.assert_array_equal(ours, theirs)
