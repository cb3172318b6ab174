"""Calibration: figures against plain numpy, the temperature, and a head that keeps it."""

import json

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from bottleneck.core.errors import DamagedError
from bottleneck.core.sealed import seal, unseal
from bottleneck.heads import calibration
from bottleneck.heads.calibration import (
    Calibrated,
    brier,
    expected_calibration_error,
    honesty,
    reliability,
    temperature,
    tempered,
)
from bottleneck.heads.catalog import complete, load_head, load_kind
from bottleneck.heads.task import Task


def said_and_true(n=400, k=4, sure=3.0, seed=0):
    """Return probabilities that are surer than they are right, and the classes."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, k)) * 1.5
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(k, p=row) for row in p], np.int32)
    over = np.exp(sure * logits)
    return (over / over.sum(axis=1, keepdims=True)).astype(np.float32), labels


def plain_ece(p, y, bins=15):
    """The same by the definition, one row at a time."""
    rows = [[] for _ in range(bins)]
    for row, truth in zip(p, y, strict=True):
        sure = float(row.max())
        which = next(i for i in range(bins) if sure <= (i + 1) / bins or i == bins - 1)
        rows[which].append((sure, float(row.argmax() == truth)))
    total = 0.0
    for inside in rows:
        if inside:
            conf, acc = np.mean(inside, axis=0)
            total += len(inside) / len(y) * abs(conf - acc)
    return total


def test_the_calibration_error_is_that_of_the_definition():
    p, y = said_and_true()
    assert expected_calibration_error(reliability(p, y)) == pytest.approx(plain_ece(p, y))
    assert expected_calibration_error(reliability(p, y)) > 0.1
    assert sum(each.samples for each in reliability(p, y)) == len(y)


def test_the_brier_score_is_scikit_learn_s():
    from sklearn.metrics import brier_score_loss

    p, y = said_and_true(k=2)
    theirs = brier_score_loss(y, p[:, 1].astype(float))
    assert brier(p, y) == pytest.approx(2 * theirs, rel=1e-5)  # theirs counts one of two classes
    assert brier(np.eye(3, dtype=np.float32), np.array([0, 1, 1], np.int32)) == pytest.approx(2 / 3)


def test_of_no_rows_there_is_no_figure():
    none = np.zeros((0, 3), np.float32), np.zeros(0, np.int32)
    assert honesty(*none) == {"loss": None, "ece": None, "brier": None}
    assert temperature(*none) == 1.0


def lowest(p, y):
    """The temperature of the lowest loss, by scipy."""

    def loss(log_temperature):
        logits = np.log(np.maximum(p.astype(float), 1e-30)) / np.exp(log_temperature)
        logits -= logits.max(axis=1, keepdims=True)
        return -(logits[np.arange(len(y)), y] - np.log(np.exp(logits).sum(axis=1))).mean()

    return np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x)


def test_the_temperature_is_that_of_the_lowest_loss():
    p, y = said_and_true(n=20_000)
    assert temperature(p, y) == pytest.approx(lowest(p, y), rel=0.02)  # by a part of them
    assert temperature(p, y) == pytest.approx(3.0, rel=0.1)  # as sure as it was made


def test_that_of_a_very_sure_head_with_one_mistake_is_no_other():
    y = (np.arange(200) % 10).astype(np.int32)
    logits = np.random.default_rng(0).normal(0, 3, (200, 10))
    logits[np.arange(200), y] += 25
    logits[7, [(y[7] + 1) % 10, y[7]]] = 30, 29.5
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
    assert (p.argmax(axis=1) != y).sum() == 1
    assert temperature(p, y) == pytest.approx(lowest(p, y), rel=1e-3)


def test_calibrated_probabilities_are_honest_on_other_rows_and_answer_the_same():
    p, y = said_and_true(n=2000)
    others, truth = said_and_true(n=2000, seed=1)
    after = tempered(others, temperature(p, y))
    np.testing.assert_array_equal(after.argmax(axis=1), others.argmax(axis=1))
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-5)
    before_error = expected_calibration_error(reliability(others, truth))
    assert expected_calibration_error(reliability(after, truth)) < before_error / 4


def test_a_few_that_are_all_right_do_not_make_it_certain():
    p = np.tile(np.array([[0.9, 0.1]], np.float32), (10, 1))
    assert temperature(p, np.zeros(10, np.int32)) == 1.0


@pytest.fixture(params=["linear", "knn", "prototypes"])
def calibrated(request):
    rng = np.random.default_rng(0)
    y = (np.arange(60) % 3).astype(np.int32)
    x = (rng.normal(size=(60, 6)) + y[:, None]).astype(np.float32)
    options = complete(request.param, {})
    task = Task(rows=x, targets=y, split=np.zeros(60, np.uint8), n_outputs=3, options=options)
    return Calibrated(head=load_kind(request.param).fit(task), temperature=1.7), x


def test_a_calibrated_head_is_saved_with_its_temperature(calibrated, tmp_path):
    head, x = calibrated
    head.save(tmp_path)
    loaded = load_head(tmp_path)
    assert loaded.temperature == 1.7
    np.testing.assert_array_equal(loaded.predict(x), head.predict(x))
    assert np.abs(head.predict(x) - head.head.predict(x)).max() > 0.01
    assert loaded.parameters == head.head.parameters


def test_its_options_hold_the_head_s_own_and_the_temperature_of_calibration(calibrated):
    head, _ = calibrated
    own = dict(head.head.options)
    assert own.get("temperature") != 1.7
    assert head.options == {**own, "calibration_temperature": 1.7}


def test_a_head_without_a_temperature_is_loaded_as_it_was(calibrated, tmp_path):
    head, x = calibrated
    head.head.save(tmp_path)
    assert type(load_head(tmp_path)) is type(head.head)
    np.testing.assert_array_equal(load_head(tmp_path).predict(x), head.head.predict(x))


@pytest.mark.parametrize("wrong", [0, -1.0, "warm", True])
def test_a_temperature_that_is_none_is_damage(calibrated, tmp_path, wrong):
    head, _ = calibrated
    head.save(tmp_path)
    path = tmp_path / "head.json"
    content = {**unseal(path, ""), calibration.KEY_OF_TEMPERATURE: wrong}
    path.write_bytes(seal(content, tmp_path, content.pop("files")))
    with pytest.raises(DamagedError, match="temperature"):
        load_head(tmp_path)


def test_the_seal_of_a_calibrated_head_holds_its_temperature(calibrated, tmp_path):
    head, _ = calibrated
    head.save(tmp_path)
    path = tmp_path / "head.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "temperature": 1.0}))
    with pytest.raises(DamagedError):
        load_head(tmp_path)


@pytest.mark.slow
def test_the_keras_model_of_a_calibrated_head_says_the_same(calibrated):
    from bottleneck.core.frameworks import import_keras

    head, x = calibrated
    keras = import_keras()
    rows = keras.Input((6,))
    model = keras.Model(rows, head.append(rows))
    said = keras.ops.convert_to_numpy(model(keras.ops.convert_to_tensor(x), training=False))
    np.testing.assert_allclose(said, head.predict(x), atol=2e-5)
