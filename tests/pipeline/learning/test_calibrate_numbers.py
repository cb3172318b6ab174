"""How far off numbers may be: of which images that is found, and who says it."""

import csv
import io
import json
from pathlib import Path

import noise
import numpy as np
import pytest

from bottleneck import _train_lines
from bottleneck import compare as compare_command
from bottleneck import predict as command
from bottleneck import train as train_command
from bottleneck.core import console
from bottleneck.export import lines as export_lines
from bottleneck.heads.run import read_run
from bottleneck.pipeline.learning.folds import FILE
from bottleneck.pipeline.learning.predict import PredictOptions, predict, predictions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.store.store import Store

N = 120


@pytest.fixture
def made(tmp_path, numpy_network):
    """Two numbers of images of noise; of the second one most are not known."""
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()

    def make(splits):
        lines = ["filename,split,light,red"]
        for i, colour in enumerate(rng.random((N, 3))):
            noise.draw(tmp_path / f"images/{i:03}.png", colour, rng)
            red = f"{colour[0] * 7:.4f}" if i % 6 < 3 and i % 4 == 0 else ""
            light = f"{colour.sum() + rng.normal() / 4:.4f}"
            lines.append(f"images/{i:03}.png,{splits[i % len(splits)]},{light},{red}")
        return noise.extracted(tmp_path, lines, label_column=("light", "red"))

    return make


def fit(cache, **options):
    return train(
        TrainOptions(cache=cache, calibrate=True, **options), console.configure(quiet=True)
    )


def tenth(errors):
    """Return what nine of ten of one more than these lie within."""
    return np.sort(errors)[int(np.ceil(0.9 * (len(errors) + 1))) - 1]


def test_the_width_is_of_the_validation_images_and_the_test_images_judge_it(made, monkeypatch):
    seen = []
    from bottleneck.heads import linear

    real = linear.fit
    monkeypatch.setattr(linear, "fit", lambda task: seen.append(real(task)) or seen[-1])
    cache = made(["train", "val", "test"])
    report = fit(cache)
    samples = Store.open(cache).snapshot(None).samples
    truth, split = samples.targets.values, samples.splits
    width = tenth(np.abs(seen[0].validation - truth[split == 1])[:, 0])
    light, red = (report["calibration"]["numbers"][name] for name in ("light", "red"))
    assert light["width"] == pytest.approx(width, rel=1e-5)
    rows, y, _ = Store.open(cache).arrays(split="test")
    off = np.abs(seen[0].predict(rows) - y)
    assert light["coverage"] == pytest.approx(np.mean(off[:, 0] <= width))
    assert red == {"width": None, "coverage": None}  # of seven rows no nine of ten can be told
    assert report["calibration"]["samples"] == 40
    receipt = json.loads((Path(report["run"]) / "run.json").read_text())
    assert receipt["targets"]["widths"] == [light["width"], None]
    assert read_run(Path(report["run"])).widths[0] == light["width"]


def test_with_folds_all_images_tell_it_and_each_fold_is_judged_by_the_others(made):
    cache = made(["train"])
    report = fit(cache, folds=4)
    table = list(csv.DictReader(io.StringIO((Path(report["run"]) / FILE).read_text())))
    fold = np.array([int(line["fold"]) for line in table])
    off = np.array(
        [abs(float(line["true light"]) - float(line["predicted light"])) for line in table]
    )
    found = report["calibration"]["numbers"]["light"]
    assert found["width"] == pytest.approx(tenth(off), rel=1e-5)
    inside = [off[fold == i] <= tenth(off[fold != i]) for i in range(1, 5)]
    assert found["coverage"] == pytest.approx(np.concatenate(inside).mean())


def test_everybody_says_it(made, tmp_path, capsys):
    cache = made(["train", "val", "test"])
    report = fit(cache)
    width = report["calibration"]["numbers"]["light"]["width"]
    assert f"light ± {width:.4g} (" in "\n".join(train_command.lines(report))
    run = Path(report["run"])
    assert f"± {width:.4g} for 90% of images" in (run / "report.html").read_text()
    assert "| width |" in (run / "README.md").read_text()
    image = str(tmp_path / "images/000.png")
    asked = PredictOptions(images=(image,), run=str(run), csv=tmp_path / "a.csv")
    said = predict(asked, console.configure(quiet=True))
    light, red = said["images"][0]["top"]
    assert light["width"] == width
    assert "width" not in red
    assert f" ± {width:.3g}" in "\n".join(command.lines(said))
    line = next(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text())))
    assert float(line["width light"]) == width
    assert "width red" not in line
    found = predictions(
        PredictOptions(images=(image,), run=str(run)), console.configure(quiet=True)
    )
    assert found.widths[0] == width
    assert np.isnan(found.widths[1])


def test_without_it_nothing_is_said_of_widths(made, tmp_path):
    cache = made(["train", "val"])
    report = train(TrainOptions(cache=cache), console.configure(quiet=True))
    asked = PredictOptions(images=(str(tmp_path / "images/000.png"),), run=report["run"])
    assert "width" not in predict(asked, console.configure(quiet=True))["images"][0]["top"][0]
    half = fit(cache)["calibration"]["numbers"]["light"]  # validation images judge themselves
    assert 0.6 < half["coverage"] <= 1


def test_a_width_that_no_image_judges_is_said_all_the_same():
    numbers = {"a": {"width": 3.64, "coverage": None}, "b": {"width": None, "coverage": None}}
    told = {"calibration": {"level": 0.9, "samples": 12, "numbers": numbers}}
    (line,) = _train_lines._calibration(told)
    assert line.endswith("a ± 3.64, b not known, of too few")


def test_compare_and_export_say_how_far_off_numbers_may_be(made, tmp_path, capsys):
    cache = made(["train", "val", "test"])
    report = fit(cache, run="sure")
    train(TrainOptions(cache=cache, run="plain"), console.configure(quiet=True))
    width = report["calibration"]["numbers"]["light"]["width"]
    assert compare_command.main(["--cache", str(cache), "--json"]) == 0
    found = {
        Path(one["run"]).name: one["widths"] for one in json.loads(capsys.readouterr().out)["runs"]
    }
    assert found == {"sure": {"light": width, "red": None}, "plain": None}
    assert compare_command.main(["--cache", str(cache)]) == 0
    said = capsys.readouterr().out
    assert "90% within ±" in said
    assert f"light {width:.4g}, red -" in said
    report = {
        "run": "r", "file": "m.keras", "input": [None, 8, 8, 3], "kind": "numbers", "bytes": 1,
        "classes": ["light", "red"], "parameters": 3,
        "widths": read_run(Path(report["run"])).widths_of_names,
    }  # fmt: skip
    assert f"90% lie within: light ± {width:.4g}, red not known" in export_lines(report)


def test_of_many_numbers_compare_and_export_name_the_first_alone():
    widths = {f"n{i}": float(i) for i in range(1, 100)}
    assert compare_command._widths(widths) == "n1 1, n2 2, n3 3, n4 4, n5 5, n6 6, …"
    report = {
        "run": "r", "file": "m.keras", "input": [None, 8, 8, 3], "kind": "numbers", "bytes": 1,
        "classes": list(widths), "parameters": 3, "widths": widths,
    }  # fmt: skip
    (line,) = (line for line in export_lines(report) if line.startswith("90% lie within"))
    assert line.endswith("n19 ± 19, n20 ± 20, …")
