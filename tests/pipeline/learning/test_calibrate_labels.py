"""One temperature for all labels: beside SciPy's and scikit-learn's on the same probabilities."""

import json
from pathlib import Path

import noise
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss

from bottleneck.core import console
from bottleneck.heads.calibration import Calibrated
from bottleneck.heads.catalog import complete, load_head, load_kind
from bottleneck.heads.task import Task
from bottleneck.pictures import plots
from bottleneck.pipeline.learning.predict import PredictOptions, predictions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.store.store import Store

N = 150


@pytest.fixture
def store(tmp_path, numpy_network):
    """Three labels of images of noise in some colour, of which some are wrong."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    lines = ["filename,split,red,green,blue"]
    for i, colour in enumerate(rng.random((N, 3))):
        noise.draw(tmp_path / f"images/{i:03}.png", colour, rng)
        marks = (colour > 0.5) ^ (rng.random(3) < 0.15)
        told = [str(int(mark)) for mark in marks]
        if i % 10 == 0:
            told[0] = ""
        split = "test" if i % 3 == 0 else "val" if i % 3 == 1 else "train"
        lines.append(f"images/{i:03}.png,{split},{','.join(told)}")
    return noise.extracted(tmp_path, lines, target_kind="labels")


def fit(cache, **options):
    return train(TrainOptions(cache=cache, **options), console.configure(quiet=False))


def known(said, truth):
    at = ~np.isnan(truth)
    return said[at].astype(np.float64), truth[at]


def best_temperature(said, truth):
    p, t = known(said, truth)
    found = minimize_scalar(
        lambda at: log_loss(t, expit(logit(p) / at)), bounds=(0.05, 20), method="bounded"
    )
    return found.x


def test_the_temperature_is_that_of_the_lowest_loss_and_test_rows_judge_it(store):
    plain, report = fit(store, run="plain"), fit(store, run="sure", calibrate=True)
    before, head = load_head(plain["run"]), load_head(report["run"])
    x, y, _ = Store.open(store).arrays(split="test")
    validation = Store.open(store).arrays(split="val")
    assert report["calibration"]["samples"] == len(validation[1]) == 50
    # The validation rows are judged by the fit that had not seen them, which is not kept.
    at = report["calibration"]["temperature"]
    assert 0.05 < at < 20
    assert at != 1
    said = expit(logit(before.predict(x).astype(np.float64)) / at)
    np.testing.assert_allclose(head.predict(x), said, atol=1e-5)
    p, t = known(head.predict(x), y)
    assert report["loss"] == pytest.approx(log_loss(t, p), abs=1e-5)
    assert report["brier"] == pytest.approx(brier_score_loss(t, p), abs=1e-5)
    q, _ = known(before.predict(x), y)
    assert plain["brier"] == pytest.approx(brier_score_loss(t, q), abs=1e-5)
    assert report["calibration"]["before"]["ece"] == pytest.approx(plain["ece"], abs=1e-6)
    for key in ("macro_average_precision", "macro_f1", "micro_f1"):
        assert report[key] == plain[key]
    assert sum(each["samples"] for each in report["calibration"]["after"]["bins"]) == len(p)
    assert (Path(report["run"]) / "reliability.png").exists() == plots.can_draw()


def test_with_folds_all_rows_say_the_temperature(store):
    plain, report = fit(store, folds=4), fit(store, folds=4, calibrate=True)
    assert report["folds"] == plain["folds"]
    table = np.genfromtxt(Path(report["run"]) / "out_of_fold.csv", delimiter=",", names=True)
    said, truth = (
        np.stack([table[f"{word}_{name}"] for name in ("red", "green", "blue")], axis=1)
        for word in ("probability", "true")
    )
    at = best_temperature(said, truth)
    assert report["calibration"]["temperature"] == pytest.approx(at, rel=1e-2)


def test_labels_pass_as_before_at_thresholds_of_that_temperature(store, tmp_path):
    plain, report = fit(store, run="plain"), fit(store, run="sure", calibrate=True)
    asked = (str(tmp_path / "images"),)
    before, after = (
        predictions(PredictOptions(images=asked, run=each["run"])) for each in (plain, report)
    )
    np.testing.assert_array_equal(before.passes, after.passes)
    assert np.abs(before.probabilities - after.probabilities).max() > 0.001
    receipt = json.loads((Path(report["run"]) / "run.json").read_text())
    metrics = json.loads((Path(report["run"]) / "metrics.json").read_text())
    shown = [metrics["labels"][name]["threshold"] for name in receipt["targets"]["names"]]
    assert shown == receipt["targets"]["thresholds"]
    old = json.loads((Path(plain["run"]) / "run.json").read_text())["targets"]["thresholds"]
    at = report["calibration"]["temperature"]
    np.testing.assert_allclose(shown, expit(logit(np.array(old)) / at), atol=1e-5)


@pytest.mark.parametrize("kind", ["linear", "knn"])
def test_a_calibrated_head_of_labels_is_saved_as_that(tmp_path, kind):
    rng = np.random.default_rng(0)
    y = (rng.random((60, 3)) < 0.4).astype("f4")
    x = (rng.normal(size=(60, 6)) + np.repeat(y, 2, axis=1)).astype("f4")
    task = Task(
        rows=x, targets=y, split=np.zeros(60, np.uint8), n_outputs=3, kind="labels",
        options=complete(kind, {}),
    )  # fmt: skip
    head = Calibrated(head=load_kind(kind).fit(task), temperature=1.7, of_labels=True)
    head.save(tmp_path)
    loaded = load_head(tmp_path)
    assert loaded.of_labels
    np.testing.assert_array_equal(loaded.predict(x), head.predict(x))
    before = head.head.predict(x).astype(np.float64)
    np.testing.assert_allclose(head.predict(x), expit(logit(before) / 1.7), atol=1e-5)
    order = average_precision_score(y, before), average_precision_score(y, head.predict(x))
    assert order[0] == pytest.approx(order[1])


@pytest.mark.slow
def test_the_keras_model_of_calibrated_labels_says_the_same():
    from bottleneck.core.frameworks import import_keras

    rng = np.random.default_rng(0)
    y = (rng.random((60, 3)) < 0.4).astype("f4")
    x = (rng.normal(size=(60, 6)) + np.repeat(y, 2, axis=1)).astype("f4")
    task = Task(
        rows=x, targets=y, split=np.zeros(60, np.uint8), n_outputs=3, kind="labels",
        options=complete("linear", {}),
    )  # fmt: skip
    head = Calibrated(head=load_kind("linear").fit(task), temperature=0.6, of_labels=True)
    keras = import_keras()
    rows = keras.Input((6,))
    model = keras.Model(rows, head.append(rows))
    said = keras.ops.convert_to_numpy(model(keras.ops.convert_to_tensor(x), training=False))
    np.testing.assert_allclose(said, head.predict(x), atol=2e-5)
