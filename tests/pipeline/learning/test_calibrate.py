"""Calibration of a run: by which rows, judged by which, and where the temperature goes."""

import json

import numpy as np
import pytest
from world import picture

from bottleneck.core import console
from bottleneck.core.errors import UsageError
from bottleneck.heads.calibration import honesty, temperature, tempered
from bottleneck.heads.catalog import load_head
from bottleneck.heads.groups import drawn
from bottleneck.pictures import plots
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.predict import PredictOptions, predict
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store
from bottleneck.train import lines

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


def fit(cache, **options):
    return train(TrainOptions(cache=cache, **options), console.configure(quiet=False))


def head_of(cache, report):
    return load_head(cache / "runs" / report["run"].split("/")[-1])


@pytest.fixture
def world(tmp_path, numpy_network):
    def made(*parts):
        root = tmp_path / "photos"
        for number, (part, n) in enumerate(parts):
            for i in range(n):
                for name in ("cat", "dog"):
                    seed = 1000 * number + 2 * i + (name == "cat")
                    picture(root / part / name / f"{i:02}.png", seed)
        extract(ExtractOptions(cache=tmp_path / "store", data=str(root), network=NETWORK))
        return tmp_path / "store"

    return made


def test_validation_rows_say_the_temperature_and_test_rows_judge_it(world):
    cache = world(("train", 30), ("val", 10), ("test", 10))
    plain, report = fit(cache), fit(cache, calibrate=True)
    head, before = head_of(cache, report), head_of(cache, plain)
    x, y, _ = Store.open(cache).arrays(split="test")
    assert head.temperature == report["calibration"]["temperature"]
    run = Store.open(cache).runs / report["run"].split("/")[-1]
    receipt = json.loads((run / "run.json").read_text())
    options = receipt.get("payload", receipt)["options"]
    assert options["calibration_temperature"] == head.temperature != options["temperature"]
    assert f"calibration temperature {head.temperature}" in (run / "README.md").read_text()
    np.testing.assert_array_equal(head.predict(x), tempered(before.predict(x), head.temperature))
    after = honesty(head.predict(x), y)
    assert {key: report[key] for key in after} == pytest.approx(after)
    assert report["calibration"]["before"]["ece"] == pytest.approx(plain["ece"])
    assert (report["accuracy"], report["judged_on"]) == (plain["accuracy"], "test")
    assert report["calibration"]["samples"] == 20


def test_without_test_rows_each_half_is_judged_by_the_temperature_of_the_other(world, monkeypatch):
    cache = world(("train", 30), ("val", 20))
    halves = []
    real = temperature

    def seen(said, labels):
        halves.append((said.copy(), labels.copy()))
        return real(said, labels)

    monkeypatch.setattr("bottleneck.pipeline.learning.calibrate.temperature", seen)
    report = fit(cache, calibrate=True)
    (whole, labels), (one, of_one), (other, of_other) = halves
    assert len(whole) == 40 == len(one) + len(other)
    assert min(len(one), len(other)) > 5
    assert head_of(cache, report).temperature == real(whole, labels)
    # `one` says the temperature of the other half, and the other way round.
    after = np.concatenate(
        [tempered(other, real(one, of_one)), tempered(one, real(other, of_other))]
    )
    expected = honesty(after, np.concatenate([of_other, of_one]))
    assert {key: report[key] for key in expected} == pytest.approx(expected)


def test_with_folds_all_rows_say_the_temperature_and_each_fold_is_judged_by_the_others(world):
    cache = world(("", 25))
    plain, report = fit(cache, folds=5), fit(cache, folds=5, calibrate=True)
    assert report["calibration"]["samples"] == 50
    assert report["accuracy"] == plain["accuracy"]
    assert report["calibration"]["before"]["ece"] == pytest.approx(plain["ece"])
    assert report["calibration"]["after"]["ece"] == report["ece"]
    assert report["folds"] == plain["folds"]


def test_predict_says_what_is_calibrated(world, tmp_path):
    cache = world(("train", 30), ("val", 10))
    plain, report = fit(cache), fit(cache, calibrate=True)
    asked = (str(tmp_path / "photos/val/cat/00.png"),)
    before, after = (
        predict(PredictOptions(images=asked, run=found["run"]))["images"][0]["top"][0]
        for found in (plain, report)
    )
    assert before["class"] == after["class"]
    x = np.array([[before["probability"], 1 - before["probability"]]], np.float32)
    at = report["calibration"]["temperature"]
    assert after["probability"] == pytest.approx(float(tempered(x, at)[0, 0]), abs=1e-5)


def test_the_run_holds_the_picture_and_the_figures_before_and_after(world):
    cache = world(("train", 30), ("val", 10))
    report = fit(cache, calibrate=True)
    run = cache / "runs" / report["run"].split("/")[-1]
    assert (run / "reliability.png").exists() == plots.can_draw()
    found = json.loads((run / "metrics.json").read_text())["calibration"]
    assert found == report["calibration"]
    assert sum(each["samples"] for each in found["after"]["bins"]) == 20
    text = "\n".join(lines(report))
    assert f"at temperature {found['temperature']:.3f}: calibration error" in text


def test_without_rows_that_the_head_has_not_seen_it_is_refused(world):
    cache = world(("", 10))
    with pytest.raises(UsageError, match="--calibrate: say --folds 5"):
        fit(cache, calibrate=True, validation_split=0)
    assert fit(cache, calibrate=True, validation_split=0, folds=2)["calibration"]["samples"] == 20


def test_halves_are_drawn_by_what_images_are():
    assert len(set((drawn(np.eye(32, dtype=np.uint8), "calibration", 0) % 2).tolist())) == 2
