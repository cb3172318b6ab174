"""A run's folder: whose name it gets, and that reading it back proves what was written."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest
from world import flip, picture

from bottleneck.core import console, files
from bottleneck.core.canonical import canonical_digest
from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.heads.linear import Linear
from bottleneck.heads.run import check_name, read_run, write_run
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store
from bottleneck.train import lines

RECEIPT = {
    "store": {"path": "cache/demo", "commit": 7, "checksum": "aa" * 32},
    "recipe": "bb" * 32,
    "about": {"backbone": "mini"},
    "source": "photos",
    "snapshot": "0123456789abcdef-01234567",
    "classes": ["cat", "dog"],
    "head": "linear",
    "options": {"seed": 0, "strength": 0.1},
}
METRICS = {"split": "val", "samples": 3, "accuracy": 0.5, "loss": None}


class Head:
    """A head during whose saving something else happens."""

    def __init__(self, bias=1):
        ones = np.ones(2, np.float32)
        self.fitted = Linear(
            weights=np.eye(2, dtype="f4"), bias=bias * ones, mean=ones, scale=ones, options={}
        )
        self.meanwhile = lambda runs: None

    def save(self, folder):
        self.fitted.save(folder)
        self.meanwhile(folder.parent)


def write(runs, name=None, fitted=None):
    history = [{"epoch": 1, "loss": 0.5}]
    return write_run(runs, name, "linear", RECEIPT, METRICS, history, fitted or Head())


def rival(folder):
    folder.mkdir()
    (folder / "run.json").write_text("a rival's")


def test_a_name_that_a_rival_took_while_the_head_was_saved_is_said_to_exist(tmp_path):
    fitted = Head()
    fitted.meanwhile = lambda runs: rival(runs / "first")
    with pytest.raises(UsageError, match="run 'first' exists"):
        write(tmp_path, "first", fitted)
    assert [p.name for p in tmp_path.iterdir()] == ["first"]
    assert (tmp_path / "first" / "run.json").read_text() == "a rival's"


@pytest.mark.parametrize("name", ["first", None])
def test_a_rival_at_the_last_moment_loses_nothing(tmp_path, monkeypatch, name):
    real = os.rename
    monkeypatch.setattr("bottleneck.heads.run.free_name", free_names("first", "second"))

    def rename(source, target):
        if target.name == "first":
            rival(target)
        real(source, target)

    monkeypatch.setattr(files.os, "rename", rename)
    if name:
        with pytest.raises(UsageError, match="run 'first' exists"):
            write(tmp_path, name)
    else:
        assert write(tmp_path) == tmp_path / "second"
    assert (tmp_path / "first" / "run.json").read_text() == "a rival's"
    assert not list(tmp_path.glob("tmp-*"))


def free_names(*names):
    left = iter(names)
    return lambda runs, head: next(left)


def test_two_runs_of_one_second_have_two_names(tmp_path, monkeypatch):
    class Clock:
        @staticmethod
        def now(_):
            from datetime import UTC, datetime

            return datetime(2026, 11, 21, 6, 20, 58, tzinfo=UTC)

    monkeypatch.setattr("bottleneck.heads.run.datetime", Clock)
    names = [write(tmp_path).name for _ in range(3)]
    assert names == [f"20261121T062058Z-linear{end}" for end in ("", "-2", "-3")]


def test_a_disk_error_is_not_taken_for_a_name_that_exists(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(files.os, "rename", fail)
    with pytest.raises(OSError, match="Input/output"):
        write(tmp_path, "first")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-x", "a b", "é", "x" * 101, "tmp-mine"])
def test_a_name_that_is_no_folder_s_or_that_gc_takes_for_a_leftover_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="cannot name a run"):
        check_name(tmp_path, name)


def test_a_run_is_read_back_as_it_was_written_and_cannot_be_changed(tmp_path):
    folder = write(tmp_path, "first")
    run = read_run(folder)
    assert (run.folder, run.store, run.commit) == (folder, Path("cache/demo"), 7)
    assert (run.recipe, run.source, run.classes) == ("bb" * 32, "photos", ("cat", "dog"))
    assert (run.head, run.options, run.metrics) == ("linear", RECEIPT["options"], METRICS)
    assert run.about == {"backbone": "mini"}
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.commit = 8


def test_the_receipt_names_every_file_of_the_run_and_has_a_checksum(tmp_path):
    folder = write(tmp_path)
    plain = json.loads((folder / "run.json").read_text())
    assert {*plain["files"], "run.json"} == {path.name for path in folder.iterdir()}
    for name, (n_bytes, _) in plain["files"].items():
        assert (folder / name).stat().st_size == n_bytes
    checksum = plain.pop("checksum")
    assert canonical_digest(plain) == checksum
    assert plain["store"] == RECEIPT["store"]


def test_a_flipped_bit_in_any_file_of_a_run_is_damage_or_changes_nothing(tmp_path):
    folder = write(tmp_path)
    expected = read_run(folder)
    rng = np.random.default_rng(0)
    n_errors = 0
    for path in sorted(folder.iterdir()):
        before = path.read_bytes()
        for _ in range(25):
            flip(path, int(rng.integers(len(before))), int(rng.integers(8)))
            try:
                assert read_run(folder) == expected  # an e of a number that became an E
            except (DamagedError, UsageError):  # a newer format is one bit away
                n_errors += 1
            path.write_bytes(before)
    assert n_errors > 115


@pytest.mark.parametrize("change", ["run.json", "metrics.json", "head.safetensors", "history.csv"])
def test_files_of_two_runs_do_not_mix(tmp_path, change):
    one = write(tmp_path, "one")
    fitted = Head(bias=2)
    other = write_run(tmp_path, "two", "linear", RECEIPT, {**METRICS, "loss": 1.0}, [], fitted)
    (one / change).write_bytes((other / change).read_bytes())
    with pytest.raises(DamagedError, match="train again"):
        read_run(one)


@pytest.mark.parametrize("name", ["metrics.json", "head.json", "head.safetensors", "history.csv"])
def test_a_missing_file_of_a_run_is_damage(tmp_path, name):
    folder = write(tmp_path)
    (folder / name).unlink()
    with pytest.raises(DamagedError, match=name):
        read_run(folder)


def test_a_folder_that_is_no_run_is_wrong_usage(tmp_path):
    folder = write(tmp_path)
    for wrong in (tmp_path, tmp_path / "nothing", folder / "run.json"):
        with pytest.raises(UsageError, match="not a run"):
            read_run(wrong)


@pytest.mark.parametrize(
    "hostile",
    [b"", b"[]", b"\xff", b"{}", b'{"format_version": 1}', b"[" * 9999, b'{"a": NaN}',
     b'{"format_version": 1, "a": ' + b"[" * 900 + b"]" * 900 + b', "checksum": ""}',
     b'{"format_version": 1, "a": 1' + b"0" * 400 + b', "checksum": ""}'],
)  # fmt: skip
def test_a_hostile_receipt_is_damage(tmp_path, hostile):
    folder = write(tmp_path)
    (folder / "run.json").write_bytes(hostile)
    with pytest.raises(DamagedError):
        read_run(folder)


@pytest.mark.parametrize(
    "key", ["store", "recipe", "snapshot", "classes", "options", "files", "head"]
)
def test_a_receipt_that_lacks_something_is_damage_whatever_its_checksum(tmp_path, key):
    folder = write(tmp_path)
    plain = json.loads((folder / "run.json").read_text())
    del plain[key], plain["checksum"]
    (folder / "run.json").write_text(json.dumps({**plain, "checksum": canonical_digest(plain)}))
    with pytest.raises(DamagedError, match=key):
        read_run(folder)


def test_a_receipt_of_a_newer_program_asks_for_an_upgrade(tmp_path):
    path = write(tmp_path) / "run.json"
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 2'))
    with pytest.raises(UsageError, match="upgrade"):
        read_run(path.parent)


def test_what_training_writes_is_a_run_also_when_nothing_can_be_judged(
    tmp_path, photos, numpy_network, later
):
    for path in sorted(photos.rglob("*.png"))[2:]:
        path.unlink()
    picture(photos / "dog/one.png", 77)
    network = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=network))
    options = TrainOptions(cache=tmp_path / "store", validation_split=1e-9)
    report = train(options)
    run = read_run(Path(report["run"]))
    state = Store.open(tmp_path / "store").state
    assert (run.store, run.commit, run.recipe) == (options.cache, state.number, state.recipe)
    assert (run.classes, run.head, run.source) == (("cat", "dog"), "linear", "photos")
    assert (run.metrics["samples"], run.metrics["accuracy"], run.metrics["baseline"]) == (
        0,
        None,
        None,
    )
    assert lines(report)[-1] == report["run"]


def test_a_seed_that_a_receipt_cannot_hold_is_refused_before_anything_is_fitted(tmp_path):
    with pytest.raises(UsageError, match="--seed"):
        train(TrainOptions(cache=tmp_path, seed=2**53 + 1))


def test_classes_without_an_image_to_train_on_are_named_in_one_line(
    tmp_path, photos, numpy_network, capsys
):
    for i in range(7):
        picture(photos / "val" / f"tiny{i}" / "one.png", 100 + i)
    picture(photos / "val/cat/other.png", 200)  # without a class in both, they would be no classes
    (photos / "train").mkdir()
    for name in ("cat", "dog"):
        (photos / name).rename(photos / "train" / name)
    network = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=network))
    capsys.readouterr()
    train(TrainOptions(cache=tmp_path / "store"), console.configure(quiet=False))
    said = [line for line in capsys.readouterr().err.splitlines() if "to train on:" in line]
    assert said == [
        "warning: 7 of 9 classes have images to judge by and none to train on: "
        "tiny0, tiny1, tiny2, tiny3, tiny4, …: add images, or try another --seed"
    ]


def test_where_every_class_is_trained_on_nothing_is_warned_of(
    tmp_path, photos, numpy_network, later, capsys
):
    network = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=network))
    later()
    capsys.readouterr()
    train(TrainOptions(cache=tmp_path / "store"))
    assert "warning" not in capsys.readouterr().err
