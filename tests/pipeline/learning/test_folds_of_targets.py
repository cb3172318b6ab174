"""Folds of several labels and of numbers, beside scikit-learn on what out_of_fold.csv says."""

import csv
import io
import json
from pathlib import Path

import noise
import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)

from bottleneck.core import console
from bottleneck.heads import linear
from bottleneck.heads.label_metrics import best_thresholds
from bottleneck.heads.task import TRAIN, VALIDATION
from bottleneck.pictures.interval import mean_interval
from bottleneck.pipeline.learning.folds import FILE
from bottleneck.pipeline.learning.strata import strata_of
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.store.store import Store
from bottleneck.train import lines

N, GROUPS = 48, 16


@pytest.fixture
def colours(tmp_path):
    """Red, green and blue of 48 images of noise, three of a group; they are in images/."""
    rng = np.random.default_rng(0)
    found = rng.random((N, 3))
    (tmp_path / "images").mkdir()
    for i, colour in enumerate(found):
        noise.draw(tmp_path / f"images/{i:02}.png", colour, rng)
    return found


@pytest.fixture
def extracted(tmp_path, numpy_network):
    def make(header, rows, n_test=0, groups=GROUPS):
        text = [f"filename,group,split,{header}"]
        for i, row in enumerate(rows):
            split = "test" if i % GROUPS < n_test else "train"
            text.append(f"images/{i:02}.png,g{i % groups},{split},{','.join(map(str, row))}")
        return noise.extracted(tmp_path, text, label_column=tuple(header.split(",")))

    return make


@pytest.fixture
def of_labels(colours, extracted):
    is_there = colours > 0.5
    is_there[:, 2] |= is_there[:, :2].all(axis=1)  # some have all three
    return extracted("red,green,blue", is_there.astype(int)), is_there


@pytest.fixture
def of_numbers(colours, extracted):
    values = np.stack([colours.sum(axis=1) ** 2, 100 * colours[:, 0]], axis=1)
    values[5, 1] = np.nan
    rows = [[f"{a:.4f}", "" if np.isnan(b) else f"{b:.4f}"] for a, b in values]
    return extracted("light,red", rows), values


def fit(cache, **options):
    return train(TrainOptions(cache=cache, **options), console.configure(quiet=False))


def said_in(report, word):
    """Return number, group and fold of each line, and what was true and what was said of it."""
    table = list(csv.DictReader(io.StringIO((Path(report["run"]) / FILE).read_text())))
    number = np.array([int(line["key"][-6:-4]) for line in table])
    fold = np.array([int(line["fold"]) for line in table])
    true, said = (
        np.array([[float(v or "nan") for k, v in line.items() if k.startswith(f"{what} ")]
                  for line in table])
        for what in ("true", word)
    )  # fmt: skip
    return number, fold, true, said


def test_every_image_is_in_one_fold_with_its_group_and_judged_by_a_fit_that_saw_neither(
    of_labels, monkeypatch
):
    tasks, real = [], linear.fit
    monkeypatch.setattr(linear, "fit", lambda task: tasks.append(task) or real(task))
    cache, is_there = of_labels
    report = fit(cache, folds=4)
    number, fold, true, _ = said_in(report, "probability")
    assert sorted(number) == [*range(N)]
    np.testing.assert_array_equal(true, is_there[number])
    for group in range(GROUPS):
        assert len(set(fold[number % GROUPS == group])) == 1
    assert set(fold) == {1, 2, 3, 4}
    keys = [int(key[-6:-4]) for key in Store.open(cache).snapshot(None).samples.keys.tolist()]
    at = np.argsort(number)[keys]  # of each sample its line
    for i, task in enumerate(tasks[1:], 1):
        seen = (task.split == TRAIN) | (task.split == VALIDATION)
        np.testing.assert_array_equal(seen, fold[at] != i)


def test_figures_of_labels_are_scikit_learn_s_of_each_fold(of_labels):
    cache, is_there = of_labels
    report = fit(cache, folds=4)
    number, fold, true, said = said_in(report, "probability")
    folds = report["folds"]
    for kind in ("macro", "micro"):
        each = [
            average_precision_score(true[fold == i], said[fold == i], average=kind)
            for i in range(1, 5)
        ]
        found = folds["figures"][f"{kind}_average_precision"]
        np.testing.assert_allclose(found["each"], each, rtol=1e-5)
        assert found["mean"] == pytest.approx(np.mean(each), rel=1e-5)
        low, high = mean_interval(each, 1 / 3)
        assert found["interval"] == pytest.approx([max(low, 0), min(high, 1)], rel=1e-4)
    assert folds["macro_average_precision"] == folds["figures"]["macro_average_precision"]["mean"]
    # All images in one: the figures of the run.
    assert report["judged_on"] == "folds"
    assert report["macro_average_precision"] == pytest.approx(
        average_precision_score(true, said), rel=1e-5
    )
    # Each fold at the thresholds of the others; the head's are those of all.
    is_said = np.zeros_like(true, bool)
    for i in range(1, 5):
        others = best_thresholds(said[fold != i].astype("f4"), true[fold != i].astype("f4"))
        is_said[fold == i] = said[fold == i].astype("f4") >= np.array(others, "f4")
    assert report["macro_f1"] == pytest.approx(f1_score(true, is_said, average="macro"))
    receipt = json.loads((Path(report["run"]) / "run.json").read_text())
    all_of_them = best_thresholds(said.astype("f4"), true.astype("f4"))
    assert receipt["targets"]["thresholds"] == pytest.approx(list(all_of_them), rel=1e-5)


def test_figures_of_numbers_are_scikit_learn_s_of_each_fold(of_numbers):
    cache, values = of_numbers
    report = fit(cache, folds=4, repeats=1)
    number, fold, true, said = said_in(report, "predicted")
    np.testing.assert_allclose(true, values[number], rtol=1e-4)

    def mean(figure, rows):
        known = ~np.isnan(true)
        return np.mean(
            [figure(true[rows & known[:, c], c], said[rows & known[:, c], c]) for c in (0, 1)]
        )

    for name, figure in (
        ("r2", r2_score), ("mae", mean_absolute_error), ("rmse", root_mean_squared_error),
    ):  # fmt: skip
        each = [mean(figure, fold == i) for i in range(1, 5)]
        np.testing.assert_allclose(report["folds"]["figures"][name]["each"], each, rtol=1e-4)
        assert report[name] == pytest.approx(mean(figure, fold > 0), rel=1e-4)
    assert report["folds"]["r2"] == pytest.approx(np.mean(report["folds"]["each"]))
    text = "\n".join(lines(report))
    assert f"4 folds: mean R² {report['folds']['r2']:.4f} (95 % interval" in text
    assert "MAE" in text


def test_a_label_that_few_have_is_in_every_fold(colours, extracted):
    is_there = (colours > 0.5).astype(int)
    is_there[:, 2] = np.arange(N) % 12 == 5  # four of 48
    report = fit(extracted("red,green,blue", is_there, groups=N), folds=4)
    number, fold, *_ = said_in(report, "probability")
    assert sorted(fold[number % 12 == 5]) == [1, 2, 3, 4]
    assert None not in report["folds"]["each"]


def test_test_images_are_in_no_fold_and_judge_the_head(colours, extracted):
    rows = (colours > 0.5).astype(int)
    report = fit(extracted("red,green,blue", rows, n_test=4), folds=3)
    number, *_ = said_in(report, "probability")
    assert sorted(number) == [i for i in range(N) if i % GROUPS >= 4]
    assert report["samples"]["test"] == 12
    assert report["judged_on"] == "test"


def test_repeats_are_said_and_divide_anew(of_numbers):
    report = fit(of_numbers[0], folds=3, repeats=2)
    assert len(report["folds"]["each"]) == 6
    table = list(csv.DictReader(io.StringIO((Path(report["run"]) / FILE).read_text())))
    assert [line["repeat"] for line in table] == ["1"] * N + ["2"] * N
    assert [line["fold"] for line in table[:N]] != [line["fold"] for line in table[N:]]


def test_page_card_and_trackers_have_the_folds(of_labels, tmp_path):
    report = fit(of_labels[0], folds=3)
    run = Path(report["run"])
    page, card = (run / "report.html").read_text(), (run / "README.md").read_text()
    mean = f"{report['folds']['macro_average_precision']:.4f}"
    low, high = (f"{end:.4f}" for end in report["folds"]["interval"])
    assert "mean macro average precision" in page
    assert f"{low} to {high}" in page
    assert (
        f"mean macro average precision of 3 folds | {mean} (95% interval {low} to {high})" in card
    )
    assert "out-of-fold images" in card


def test_an_image_of_labels_is_spread_by_the_rarest_that_it_has():
    y = np.zeros((12, 3), "f4")
    y[:9, 0], y[:4, 1], y[0, 2] = 1, 1, np.nan
    y[1, 2] = 1
    np.testing.assert_array_equal(
        strata_of(y, "labels", 3), [1, 2, 1, 1, 0, 0, 0, 0, 0, 3, 3, 3]
    )  # the last three have none


def test_numbers_are_spread_by_ranges_with_equally_many():
    values = np.random.default_rng(1).permutation(60).astype("f4") ** 3
    found = strata_of(values[:, None], "numbers", 5)
    order = np.argsort(values)
    np.testing.assert_array_equal(found[order], np.repeat(np.arange(10), 6))
    # Few images make fewer ranges, of k at least; what is not known is a stratum of its own.
    few = np.array([[1], [np.nan], [2], [3], [4], [5], [6]], "f4")
    assert strata_of(few, "numbers", 3).tolist() == [0, 2, 0, 0, 1, 1, 1]
    # Of two columns that rise together, either says the order.
    both = np.stack([values, 7 * values], axis=1)
    np.testing.assert_array_equal(strata_of(both, "numbers", 5), found)
