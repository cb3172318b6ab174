"""The probe: what trains, what judges, and that features and pixels are treated alike."""

import argparse
from dataclasses import replace

import numpy as np
import probe
import pytest
from PIL import Image
from world import picture

from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.sample import key_array
from bottleneck.data.catalog import open_source

NETWORK = ["--backbone", "resnet50", "--weights", "random:0", "--size", "8"]


@pytest.fixture
def folder(tmp_path):
    """Two classes: twelve pictures each to train on, four in val, two in test."""
    root = tmp_path / "photos"
    for split, n in (("train", 12), ("val", 4), ("test", 2)):
        for label in ("cat", "dog"):
            for i in range(n):
                seed = 100 * n + 20 * (label == "cat") + i
                picture(root / split / label / f"{i:02}.png", seed)
    return root


@pytest.fixture
def small_pixels(monkeypatch):
    """A head on 32x32 pixels takes half a minute, most of it whitening 3,072 of them."""
    monkeypatch.setattr(probe, "PIXELS", replace(probe.PIXELS, size=(6, 6)))


def task_of(folder, tmp_path, *words):
    """Return what the probe makes of a folder, by the command's words."""
    seen = []
    real, probe.probe = probe.probe, lambda args, cache: seen.append(probe.prepare(args, cache))
    try:
        probe.main([str(folder), *NETWORK, "--cache", str(tmp_path / "store"), *words])
    finally:
        probe.probe = real
    return seen[0]


@pytest.mark.slow
def test_a_probe_prints_features_beside_pixels(folder, numpy_network, small_pixels, capsys):
    assert probe.main([str(folder), *NETWORK, "--seeds", "2"]) == 0
    out = capsys.readouterr().out
    assert "24 labels of 2 classes" in out
    assert "4 of test/ to judge by" in out
    assert "resnet50: accuracy " in out
    assert "raw pixels: accuracy " in out


def test_the_other_half_of_val_is_never_opened(folder, tmp_path, numpy_network):
    for label in ("cat", "dog"):
        for i in (0, 2):
            (folder / "val" / label / f"{i:02}.png").write_bytes(
                b"no picture: whoever opens it sees"
            )
    task = task_of(folder, tmp_path, "--half-of-val")
    assert task.judged_by == "val"
    assert len(task.judged) == 4
    assert len(task.labels) == 24 + 4 + 4  # those of test are there, and have no part in it
    store = probe.Store.open(tmp_path / "store")
    assert not store.snapshot("photos").quarantine
    keys = [bytes(k) for k in store.snapshot("photos").samples.keys if k.startswith(b"val")]
    assert keys == [b"val/cat/01.png", b"val/cat/03.png", b"val/dog/01.png", b"val/dog/03.png"]


def test_pictures_that_judge_are_not_trained_on_under_another_name(folder, tmp_path, numpy_network):
    (folder / "train/cat/copy.png").write_bytes((folder / "test/cat/00.png").read_bytes())
    (folder / "train/cat/both.png").write_bytes((folder / "train/dog/00.png").read_bytes())
    task = task_of(folder, tmp_path)
    assert len(task.train) == 24 - 1  # the copy is out, and the dog that is a cat as well
    assert len(task.judged) == 4


def test_pixels_are_those_of_the_picture_from_0_to_1(folder):
    found = probe.pixels(open_source(str(folder)), key_array([b"test/dog/01.png"]))
    image = Image.open(folder / "test/dog/01.png").resize((32, 32), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(found[0], (np.asarray(image, np.float32) / 255).reshape(-1))


def test_pixels_of_an_array_are_the_array_itself():
    source = open_source("digits")
    found = probe.pixels(source, source.list().keys[[0, 1000]])
    assert found.shape == (2, 64)
    np.testing.assert_array_equal(
        found[1], source.read(1000).content.reshape(-1).astype(np.float32) / 255
    )


def labels_alone(n=40):
    rng = np.random.default_rng(0)
    return probe.Task(
        rows={},
        labels=np.arange(n, dtype=np.int32) % 2,
        digests=rng.integers(0, 256, (n, 32), np.uint8),
        train=np.arange(n - 10),
        judged=np.arange(n - 10, n),
        judged_by="test",
        classes=("a", "b"),
    )


def test_a_draw_takes_as_many_of_each_class_and_none_that_judges():
    task = labels_alone()
    drawn = list(probe.draws(task, 10, 4))
    for train in drawn:
        assert len(set(train.tolist())) == 10
        assert np.bincount(task.labels[train]).tolist() == [5, 5]
        assert not set(train) & set(task.judged)
    assert len({tuple(train) for train in drawn}) == 4
    again = list(probe.draws(task, 10, 4))
    assert [t.tolist() for t in drawn] == [t.tolist() for t in again]


def test_labels_that_cannot_be_drawn_are_refused():
    with pytest.raises(UsageError, match="no multiple of 2 classes"):
        list(probe.draws(labels_alone(), 11, 1))
    with pytest.raises(DataError, match="15 training pictures, not 50"):
        list(probe.draws(labels_alone(), 100, 1))


def test_both_heads_see_the_same_rows_and_never_one_that_judges(
    folder, tmp_path, numpy_network, small_pixels, monkeypatch
):
    task = task_of(folder, tmp_path)
    seen = []
    real = probe.load_kind("linear")

    def fit(task):
        seen.append(task.split.copy())
        return real.fit(task)

    monkeypatch.setattr(probe, "load_kind", lambda _: argparse.Namespace(fit=fit))
    for name in task.rows:
        probe.accuracy(task, name, task.train, seed=1)
    np.testing.assert_array_equal(*seen)
    assert (seen[0][task.judged] == probe.UNUSED).all()
    assert {0, 1} == set(seen[0][task.train])


def test_accuracy_is_the_share_that_the_head_gets_right(folder, tmp_path, numpy_network):
    task = task_of(folder, tmp_path)
    task.rows["answers"] = np.eye(2, dtype=np.float32)[task.labels]
    assert probe.accuracy(task, "answers", task.train, seed=0) == 1.0
    wrong = task.labels.copy()
    wrong[task.judged[0]] = 1 - wrong[task.judged[0]]
    task.rows["answers"] = np.eye(2, dtype=np.float32)[wrong]
    assert probe.accuracy(task, "answers", task.train, seed=0) == 0.75
