"""Few-shot: what is drawn, that nothing else is looked at, and what is said of it."""

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
from bottleneck.heads.task import TRAIN
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.few_shot import FILE
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store
from bottleneck.train import lines

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


def fit(cache, **options):
    return train(TrainOptions(cache=cache, **options), console.configure(quiet=False))


@pytest.fixture
def cache(tmp_path, photos, numpy_network):
    for i in range(12, 60):
        picture(photos / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
    for i in range(1, 9, 2):  # some of these train
        shutil.copy(photos / f"cat/0{i}.png", photos / f"cat/copy{i}.png")
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=NETWORK))
    return tmp_path / "store"


@pytest.fixture
def tasks(monkeypatch):
    seen, real = [], linear.fit
    monkeypatch.setattr(linear, "fit", lambda task: seen.append(task) or real(task))
    return seen


def test_a_head_of_the_few_is_given_so_many_of_each_class_and_nothing_else(cache, tasks):
    fit(cache, few_shot=(5, 2), tries=3)
    whole, *few = tasks
    assert len(few) == 6
    judging = whole.split == 1
    for task, n in zip(few, [2, 2, 2, 5, 5, 5], strict=True):
        used = task.split == TRAIN
        assert np.bincount(task.targets[used]).tolist() == [n, n]
        assert (task.split[~used] > 2).all()  # neither validates, so none of them chooses anything
        assert not (used & judging).any()
        assert len(set(task.groups[used].tolist())) == 2 * n  # a copy is no label more
    for small, large in zip(few[:3], few[3:], strict=True):
        assert ((large.split == TRAIN) | (small.split != TRAIN)).all()
    assert not np.array_equal(few[0].split, few[1].split)


def test_the_table_the_figures_and_the_report_say_the_same(cache):
    report = fit(cache, few_shot=(1, 4), tries=3)
    run = cache / "runs" / report["run"].split("/")[-1]
    found = report["few_shot"]
    assert [entry["labels"] for entry in found] == [1, 4, None]
    assert [entry["images"] for entry in found] == [2, 8, report["samples"]["train"]]
    assert found[-1]["accuracy"] == report["accuracy"]
    assert found[-1]["interval"] is None
    assert json.loads((run / "metrics.json").read_text())["few_shot"] == found
    table = list(csv.DictReader(io.StringIO((run / FILE).read_text())))
    assert [line["labels"] for line in table] == ["1"] * 3 + ["4"] * 3 + ["all"]
    assert [float(line["accuracy"]) for line in table[3:6]] == found[1]["each"]
    assert found[1]["accuracy"] == pytest.approx(np.mean(found[1]["each"]))
    text = lines(report)
    at = next(i for i, line in enumerate(text) if line.startswith("labels a class"))
    assert text[at + 1].split()[:4] == ["1", "2", "3", f"{found[0]['accuracy']:.4f}"]
    assert text[at + 3].split()[0] == "all"


def test_the_same_seed_draws_the_same_few_and_one_image_more_changes_little(
    cache, photos, tasks, later
):
    def drawn():
        keys = Store.open(cache).snapshot(None).samples.keys
        return [keys[task.split == TRAIN].tolist() for task in tasks[1:]]

    fit(cache, few_shot=(3,), tries=4)
    first = drawn()
    tasks.clear()
    fit(cache, few_shot=(3,), tries=4)
    assert drawn() == first
    tasks.clear()
    fit(cache, few_shot=(3,), tries=4, seed=1)
    assert drawn() != first
    tasks.clear()
    picture(photos / "cat/new.png", 777)
    later()
    extract(ExtractOptions(cache=cache, data=str(photos), network=NETWORK))
    fit(cache, few_shot=(3,), tries=4)
    assert all(len(set(a) & set(b)) >= 5 for a, b in zip(first, drawn(), strict=True))


def test_test_images_judge_where_there_are_some(tmp_path, photos, numpy_network, tasks):
    root = tmp_path / "split"
    for part, n in (("train", 12), ("test", 6)):
        for i in range(n):
            for name in ("cat", "dog"):
                seed = 1000 * len(part) + 2 * i + (name == "cat")
                picture(root / part / name / f"{i:02}.png", seed)
    cache = tmp_path / "store"
    extract(ExtractOptions(cache=cache, data=str(root), network=NETWORK))
    report = fit(cache, few_shot=(2,), tries=2, run="r")
    assert report["judged_on"] == "test"
    x, y, _ = Store.open(cache).arrays(split="test")
    said = [linear.fit(task).predict(x).argmax(axis=1) for task in tasks[1:]]
    assert report["few_shot"][0]["each"] == [float((each == y).mean()) for each in said]


def test_classes_with_fewer_are_said_and_nothing_to_judge_by_is_refused(cache, tasks, capsys):
    report = fit(cache, few_shot=(1000,), tries=2)
    whole, few, _ = tasks
    assert set(few.groups[few.split == TRAIN]) == set(whole.groups[whole.split == TRAIN])
    assert len(set(few.groups[few.split == TRAIN])) == (few.split == TRAIN).sum()
    assert (few.split == TRAIN).sum() < (whole.split == TRAIN).sum()  # a copy is no label more
    assert "2 of 2 classes have fewer than 1000 training images" in capsys.readouterr().err
    assert report["few_shot"][0]["each"][0] == report["few_shot"][0]["each"][1]
    with pytest.raises(UsageError, match="--few-shot"):
        fit(cache, few_shot=(1,), validation_split=0)
    with pytest.raises(UsageError, match="--few-shot"):
        fit(cache, few_shot=(0,))


def test_tries_of_nothing_are_refused(cache):
    with pytest.raises(UsageError, match="tries are of few labels: --tries: say --few-shot"):
        fit(cache, tries=3)
