"""Training a network on features, against plain Keras; when it stops; what it reads."""

import numpy as np
import pytest

from bottleneck.core.errors import DataError, NoSpaceError, UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.heads import dense, training
from bottleneck.heads.catalog import complete
from bottleneck.heads.task import Task
from bottleneck.heads.training import batches, course, gather, momentum, seed_of, train

pytestmark = pytest.mark.slow
LABELS = (np.arange(30) % 3).astype(np.int32)
X = (np.random.default_rng(0).normal(size=(30, 4)) + LABELS[:, None]).astype("f4")
SPLIT = (np.arange(30) % 5 == 0).astype(np.uint8)


def options(**told):
    return complete("dense", {"units": (5,), "dropout": (0.0,), "patience": 0, **told})


def task_of(x, labels, split, told):
    return Task(rows=x, targets=labels, split=split, n_outputs=3, seed=3, options=told)


def fit(x=X, labels=LABELS, split=SPLIT, **told):
    told = options(**told)
    return dense.fit(task_of(x, labels, split, told))


def plain(make, **told):
    """Return the weights after three epochs of what a careful user writes."""
    keras = import_keras()
    initial = [keras.initializers.GlorotUniform(seed_of(3, n)) for n in (1, 0)]
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, "relu", kernel_initializer=initial[0]),
            keras.layers.Dense(3, "softmax", kernel_initializer=initial[1]),
        ]
    )
    optimizer = make(**told, use_ema=True, ema_momentum=momentum(4))
    model.compile(optimizer, "sparse_categorical_crossentropy")
    orders = batches(np.flatnonzero(SPLIT == 0), 7, 3)
    for _ in range(3):
        for at in next(orders):
            model.train_on_batch(X[at], LABELS[at])
    optimizer.finalize_variable_values(model.trainable_variables)
    return model.get_weights()


@pytest.mark.parametrize(
    ("told", "make"),
    [
        ({"weight_decay": 0.1}, "Adam"),
        ({"optimizer": "sgd", "momentum": 0.8, "nesterov": True, "learning_rate": 0.1}, "SGD"),
    ],
)
def test_the_steps_are_those_of_plain_keras(told, make):
    found = fit(epochs=3, batch_size=7, **told).model.get_weights()
    optimizer = getattr(import_keras().optimizers, make)
    asked = {"learning_rate": 1e-3, **told}
    asked.pop("optimizer", None)
    for ours, theirs in zip(found, plain(optimizer, **asked), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_balanced_classes_weigh_as_keras_weighs_them():
    labels = np.where(np.arange(30) < 20, 0, LABELS).astype(np.int32)
    counts = np.bincount(labels[SPLIT == 0])
    weights = {i: counts.sum() / (3 * n) for i, n in enumerate(counts)}
    keras = import_keras()
    found = fit(labels=labels, epochs=1, batch_size=64, class_weights="balanced", optimizer="sgd")
    other = fit(labels=labels, epochs=1, batch_size=64, optimizer="sgd")
    assert found.history[0]["loss"] != other.history[0]["loss"]
    start = keras.models.clone_model(other.model)
    initial = [keras.initializers.GlorotUniform(seed_of(3, n)) for n in (1, 0)]
    shapes = [w.shape for w in start.get_weights()]
    start.set_weights([initial[0](shapes[0]), np.zeros(5), initial[1](shapes[2]), np.zeros(3)])
    start.compile("sgd", "sparse_categorical_crossentropy")
    rows = SPLIT == 0
    expected = start.train_on_batch(X[rows], labels[rows], class_weight=weights)
    assert found.history[0]["loss"] == pytest.approx(float(expected), rel=1e-5)


def test_a_class_without_a_row_to_train_on_breaks_no_balance():
    labels = np.where(SPLIT == 0, LABELS % 2, LABELS).astype(np.int32)
    assert np.isfinite(fit(labels=labels, epochs=1, class_weights="balanced").history[0]["loss"])


def test_it_stops_when_validation_gets_no_better_and_takes_the_best_weights():
    labels = np.where(SPLIT == 1, (LABELS + 1) % 3, LABELS).astype(np.int32)  # gets ever worse
    told = {"optimizer": "sgd", "learning_rate": 0.5, "epochs": 30}
    found = fit(labels=labels, patience=3, **told)
    losses = [entry["validation_loss"] for entry in found.history]
    best = int(np.argmin(losses))
    assert found.epochs == len(losses) == best + 1 + 3
    again = fit(labels=labels, **{**told, "epochs": best + 1})
    np.testing.assert_array_equal(found.predict(X), again.predict(X))
    np.testing.assert_array_equal(found.validation, again.validation)
    last = fit(labels=labels, patience=0, **{**told, "epochs": best + 5})
    assert last.epochs == best + 5
    np.testing.assert_allclose(last.predict(X[SPLIT == 1]), last.validation, rtol=1e-5)
    assert (last.predict(X) != found.predict(X)).any()


def test_without_validation_rows_every_epoch_is_run():
    found = fit(split=np.zeros(30, np.uint8), patience=1, epochs=4)
    assert found.epochs == 4
    assert found.history[0].keys() == {"epoch", "loss", "accuracy"}
    assert found.validation.shape == (0, 0)


def test_a_loss_that_is_no_number_is_said_with_what_to_do():
    with pytest.raises(UsageError, match="--learning-rate: try a lower one"):
        fit(X * 1e6, optimizer="sgd", learning_rate=1e30, momentum=0.0)


def test_rows_are_read_a_batch_at_a_time_and_no_others():
    class OnDisk:
        shape, asked = X.shape, []

        def __len__(self):
            return len(X)

        def take(self, at):
            self.asked.append(list(at))
            return X.astype("f2")[at]

    split = np.where(np.arange(30) % 5 == 1, 2, SPLIT).astype(np.uint8)
    fit(OnDisk(), split=split, epochs=2, batch_size=4)
    assert max(map(len, OnDisk.asked)) == 4
    assert {i for at in OnDisk.asked for i in at} == set(np.flatnonzero(split < 2))


def test_rows_of_float16_reach_the_network_as_they_are_and_train_it_as_float32_do():
    half = X.astype("f2")
    assert gather(half, np.array([3, 1]), "train").dtype == np.float16
    ours, theirs = (fit(x, epochs=3, batch_size=7) for x in (half, half.astype("f4")))
    assert ours.history == theirs.history
    for a, b in zip(ours.model.get_weights(), theirs.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(ours.predict(half), theirs.predict(half.astype("f4")))


@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
def test_what_is_no_number_among_rows_of_float16_is_refused_by_row(value):
    half = np.array([[65504, -65504], [6e-8, -0.0], [1, value]], "f2")
    assert (gather(half, np.array([1, 0]), "train") == half[[1, 0]]).all()
    with pytest.raises(DataError, match="row 2 "):
        gather(half, np.array([0, 2]), "train")


def test_no_memory_for_a_batch_says_what_to_lower():
    class Full:
        def take(self, at):
            raise MemoryError

    model = fit(epochs=1).model
    rows = np.arange(6)
    with pytest.raises(NoSpaceError, match="lower --batch-size"):
        train(model, task_of(Full(), LABELS, SPLIT, options(epochs=1)), rows, rows[:0])


def test_each_epoch_has_every_row_once_in_an_order_of_its_own():
    orders = batches(np.arange(5, 25), 6, 0)
    first, second = next(orders), next(orders)
    assert [len(at) for at in first] == [6, 6, 6, 2]
    assert sorted(np.concatenate(first)) == sorted(np.concatenate(second)) == [*range(5, 25)]
    assert (np.concatenate(first) != np.concatenate(second)).any()
    assert (np.concatenate(next(batches(np.arange(5, 25), 6, 1))) != np.concatenate(first)).any()


def test_any_seed_that_a_receipt_can_hold_gives_seeds_that_a_framework_takes():
    found = [seed_of(seed, n) for seed in (2**53, -(2**53), 0, 1, -1) for n in range(4)]
    assert len(set(found)) == len(found)
    assert 0 <= min(found) <= max(found) < 2**31


@pytest.mark.parametrize("split", [SPLIT, np.where(SPLIT == 1, 2, SPLIT).astype(np.uint8)])
def test_a_last_step_that_leaves_no_numbers_is_no_head(split):
    with pytest.raises(UsageError, match="--learning-rate: try a lower one"):
        fit(split=split, epochs=1, batch_size=99, learning_rate=1e38)


def test_a_network_too_large_for_the_memory_says_so(monkeypatch):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(dense, "glorot", full)
    with pytest.raises(NoSpaceError, match="make it smaller"):
        fit(epochs=1)


def test_refit_is_a_fit_to_all_for_as_many_epochs_as_were_best():
    told = {"epochs": 60, "patience": 2, "batch_size": 7, "learning_rate": 0.2}
    first, found = fit(**told), fit(**told, refit=True)
    np.testing.assert_array_equal(found.validation, first.validation)  # of a fit without them
    assert found.history == first.history
    losses = [entry["validation_loss"] for entry in first.history]
    best = int(np.argmin(losses)) + 1
    assert best < len(losses)
    expected = fit(split=np.zeros_like(SPLIT), **{**told, "epochs": best, "patience": 0})
    for mine, theirs in zip(found.model.get_weights(), expected.model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert found.options["epochs"] == 60
    assert np.abs(first.predict(X) - found.predict(X)).max() > 1e-3  # the best of the epochs
    # Without patience the number of epochs is known; without validation rows there is no more.
    whole = {**told, "epochs": 3, "patience": 0}
    again = fit(**whole, refit=True)
    expected = fit(split=np.zeros_like(SPLIT), **whole)
    np.testing.assert_array_equal(again.predict(X), expected.predict(X))
    alone = fit(split=np.zeros_like(SPLIT), **whole, refit=True)
    np.testing.assert_array_equal(alone.predict(X), expected.predict(X))


def test_refit_of_numbers_takes_mean_and_scale_of_all_images():
    y = (X[:, :2] * [3, 50] + 7 + 5 * SPLIT[:, None]).astype("f4")
    told = options(epochs=3, batch_size=7)

    def fitted(split, **more):
        return dense.fit(
            Task(rows=X, targets=y, split=split, n_outputs=2, kind="numbers", seed=3,
                 options={**told, **more})
        )  # fmt: skip

    expected = fitted(np.zeros_like(SPLIT))
    np.testing.assert_array_equal(fitted(SPLIT, refit=True).predict(X), expected.predict(X))


@pytest.mark.parametrize(
    ("n", "size", "given", "expected"),
    [
        (4000, 32, {}, (50, 10)),
        (1078, 32, {}, (177, 15)),  # 34 steps an epoch
        (1078, 512, {}, (500, 40)),
        (20, 32, {}, (500, 40)),
        (20, 32, {"epochs": 3}, (3, 40)),
        (20, 32, {"epochs": 3, "patience": 0}, (3, 0)),
    ],
)
def test_few_images_are_gone_through_more_often_unless_it_is_said_how_often(
    n, size, given, expected
):
    options = complete("dense", {**given, "batch_size": size})
    found = course(options, n)
    assert (found["epochs"], found["patience"]) == expected


def test_a_head_of_few_images_says_how_often_they_were_gone_through(monkeypatch):
    monkeypatch.setattr(training, "MOST_EPOCHS", 52)
    monkeypatch.setattr(training, "MOST_PATIENCE", 52)
    told = {**options(), "epochs": None, "patience": None}
    head = dense.fit(task_of(X, LABELS, SPLIT, told))
    assert head.epochs == 52
    assert (head.options["epochs"], head.options["patience"]) == (52, 52)
