"""Folds: every image is judged once, by a fit that has seen nothing of it or its group."""

import csv
import io
import json
import shutil

import numpy as np
import pytest
from world import picture

from bottleneck.core import console
from bottleneck.core.errors import UsageError
from bottleneck.heads import linear
from bottleneck.heads.catalog import load_head
from bottleneck.heads.task import TRAIN, VALIDATION
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning import folds
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store
from bottleneck.train import lines

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


def fit(cache, **options):
    return train(TrainOptions(cache=cache, **options), console.configure(quiet=False))


@pytest.fixture
def cache(tmp_path, photos, numpy_network):
    for i in range(12, 40):
        picture(photos / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=NETWORK))
    return tmp_path / "store"


@pytest.fixture
def tasks(monkeypatch):
    """What the linear head is fitted to, call by call."""
    seen, real = [], linear.fit
    monkeypatch.setattr(linear, "fit", lambda task: seen.append(task) or real(task))
    return seen


def lines_of(run, name=folds.FILE):
    return list(csv.DictReader(io.StringIO((run / name).read_text())))


def run_of(cache, report):
    return cache / "runs" / report["run"].split("/")[-1]


def test_every_image_is_judged_once_by_a_fit_that_has_not_seen_it(cache, tasks):
    report = fit(cache, folds=5)
    assert len(tasks) == 6  # the head of the run first
    seen = [(task.split == TRAIN) | (task.split == VALIDATION) for task in tasks]
    assert seen[0].all()
    held_out = ~np.array(seen[1:])
    assert (held_out.sum(axis=0) == 1).all()
    table = lines_of(run_of(cache, report))
    keys = Store.open(cache).snapshot(None).samples.keys
    assert [line["key"].encode() for line in table] == keys.tolist()
    assert [int(line["fold"]) for line in table] == (held_out.argmax(axis=0) + 1).tolist()


def test_the_report_is_what_the_table_says(cache):
    report = fit(cache, folds=5)
    run = run_of(cache, report)
    table = lines_of(run)
    right = np.array([line["label"] == line["predicted"] for line in table])
    fold = np.array([int(line["fold"]) for line in table])
    each = [float(right[fold == i].mean()) for i in range(1, 6)]
    assert report["folds"]["each"] == pytest.approx(each)
    assert report["folds"]["accuracy"] == pytest.approx(np.mean(each))
    assert report["accuracy"] == pytest.approx(right.mean())
    assert (report["judged_on"], report["folds"]["k"], report["folds"]["samples"]) == (
        "folds",
        5,
        40,
    )
    low, high = report["folds"]["interval"]
    assert low < report["folds"]["accuracy"] < high
    said = np.array([[float(line[f"probability {c}"]) for c in ("cat", "dog")] for line in table])
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
    best = np.array(["cat", "dog"])[said.argmax(axis=1)]
    assert best.tolist() == [line["predicted"] for line in table]
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["folds"] == report["folds"]
    assert (metrics["kind"], metrics["split"], metrics["samples"]) == ("class", "folds", 40)
    text = "\n".join(lines(report))
    assert "on 40 out-of-fold images" in text
    assert f"5 folds: mean accuracy {np.mean(each):.4f} (95 % interval" in text
    page, card = ((run / name).read_text() for name in ("report.html", "README.md"))
    assert f"of 40 out-of-fold images; 95% interval {low:.4f} to {high:.4f}" in page
    assert "Cross-validation" in page
    assert f"| mean accuracy of 5 folds | {np.mean(each):.4f} (95% interval {low:.4f}" in card
    assert "each fitted to fewer images than this one" in card


def test_the_seconds_are_those_of_the_run_s_own_head(cache, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("bottleneck.pipeline.learning.train.time.perf_counter", lambda: clock[0])
    real = linear.fit

    def fit_in_a_second(task):
        clock[0] += 1
        return real(task)

    monkeypatch.setattr(linear, "fit", fit_in_a_second)
    assert fit(cache, folds=5)["seconds"] == 1


def test_the_head_of_the_run_is_that_of_a_training_without_folds(cache):
    x, _, _ = Store.open(cache).arrays()
    folded, plain = (load_head(run_of(cache, fit(cache, folds=n))) for n in (5, 0))
    np.testing.assert_array_equal(folded.predict(x), plain.predict(x))


def test_repeats_divide_anew_and_say_which(cache):
    report = fit(cache, folds=4, repeats=3)
    assert len(report["folds"]["each"]) == 12
    table = lines_of(run_of(cache, report))
    assert [int(line["repeat"]) for line in table] == [1] * 40 + [2] * 40 + [3] * 40
    first, second = ([line["fold"] for line in table[at : at + 40]] for at in (0, 40))
    assert first != second


def test_images_of_a_group_and_equal_images_are_in_one_fold(tmp_path, photos, numpy_network, tasks):
    for i in range(12, 40):
        picture(photos / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
    shutil.copy(photos / "cat/01.png", photos / "cat/again.png")
    cache = tmp_path / "store"
    options = {"data": str(photos), "network": NETWORK}
    # A group is what both digits have in common: 00 to 09, 10 to 19 …; 'again' is in none.
    extract(ExtractOptions(cache=cache, reading={"group_by": r"/(\d)\d\.png"}, **options))
    report = fit(cache, folds=3)
    fold = {line["key"].split("/")[1][:2]: line["fold"] for line in lines_of(run_of(cache, report))}
    for tens in "0123":
        assert len({fold[f"{tens}{i}"] for i in range(10)}) == 1
    assert fold["ag"] == fold["01"]
    assert len(set(fold.values())) == 3
    groups = tasks[-1].groups
    assert len(set(groups.tolist())) == 4


def test_images_that_are_tested_are_in_no_fold_and_said_apart(
    tmp_path, photos, numpy_network, tasks
):
    root = tmp_path / "split"
    for part, n in (("train", 12), ("val", 4), ("test", 4)):
        for i in range(n):
            for name in ("cat", "dog"):
                seed = 1000 * len(part) + 2 * i + (name == "cat")
                picture(root / part / name / f"{i:02}.png", seed)
    cache = tmp_path / "store"
    extract(ExtractOptions(cache=cache, data=str(root), network=NETWORK))
    report = fit(cache, folds=4)
    table = lines_of(run_of(cache, report))
    assert {line["key"].split("/")[0] for line in table} == {"train", "val"}
    assert len(table) == report["folds"]["samples"] == 32
    assert (report["judged_on"], report["samples"]["test"]) == ("test", 8)
    test_rows = Store.open(cache).snapshot(None).samples.splits == 2
    for task in tasks:
        assert (task.split[test_rows] == 2).all()
    text = "\n".join(lines(report))
    assert "on 8 test images" in text
    assert "4 folds: mean accuracy" in text


def test_a_formula_in_a_class_or_a_key_is_none_in_the_table(tmp_path, numpy_network):
    root = tmp_path / "photos"
    for i in range(10):
        picture(root / ("=cmd()" if i % 2 else "dog") / f"{i}.png", i)
    extract(ExtractOptions(cache=tmp_path / "store", data=str(root), network=NETWORK))
    table = lines_of(run_of(tmp_path / "store", fit(tmp_path / "store", folds=2)))
    assert {line["label"] for line in table} == {"'=cmd()", "dog"}


def test_folds_that_cannot_be_are_refused(cache):
    with pytest.raises(UsageError, match="100 folds of 40 images"):
        fit(cache, folds=100)
    with pytest.raises(UsageError, match="--folds"):
        fit(cache, folds=1)
    with pytest.raises(UsageError, match="--repeats"):
        fit(cache, repeats=2)


def test_a_class_of_fewer_images_than_folds_is_said(tmp_path, numpy_network, capsys):
    root = tmp_path / "photos"
    for i in range(23):
        picture(root / ("cat" if i % 2 else "dog" if i < 20 else "owl") / f"{i}.png", i)
    extract(ExtractOptions(cache=tmp_path / "store", data=str(root), network=NETWORK))
    fit(tmp_path / "store", folds=5)
    assert "1 of 3 classes have fewer than 5 images" in capsys.readouterr().err
