"""A run's folder: whose name it gets, and that reading it back proves what was written."""

import os

import numpy as np
import pytest

from bottleneck.core import files
from bottleneck.core.errors import UsageError
from bottleneck.heads.linear import Linear
from bottleneck.heads.run import check_name, write_run

RECEIPT = {
    "store": {"path": "cache/demo", "commit": 7, "checksum": "aa" * 32},
    "recipe": "bb" * 32,
    "about": {"backbone": "mini"},
    "source": "photos",
    "classes": ["cat", "dog"],
    "head": "linear",
    "options": {"seed": 0, "strength": 0.1},
}
METRICS = {"split": "val", "samples": 3, "accuracy": 0.5, "loss": None}


class Head(Linear):
    """A head during whose saving something else happens."""

    def save(self, folder):
        super().save(folder)
        self.meanwhile(folder.parent)

    def meanwhile(self, runs):
        pass


def head():
    ones = np.ones(2, np.float32)
    return Head(weights=np.eye(2, dtype="f4"), bias=ones, mean=ones, scale=ones, options={})


def write(runs, name=None, fitted=None):
    history = [{"epoch": 1, "loss": 0.5}]
    return write_run(runs, name, "linear", RECEIPT, METRICS, history, fitted or head())


def rival(folder):
    folder.mkdir()
    (folder / "run.json").write_text("a rival's")


def test_a_name_that_a_rival_took_while_the_head_was_saved_is_said_to_exist(tmp_path):
    fitted = head()
    fitted.meanwhile = lambda runs: rival(runs / "first")
    with pytest.raises(UsageError, match="run 'first' exists"):
        write(tmp_path, "first", fitted)
    assert [p.name for p in tmp_path.iterdir()] == ["first"]
    assert (tmp_path / "first" / "run.json").read_text() == "a rival's"


@pytest.mark.parametrize("name", ["first", None])
def test_a_rival_at_the_last_moment_loses_nothing(tmp_path, monkeypatch, name):
    real = os.rename
    monkeypatch.setattr("bottleneck.heads.run._free_name", free_names("first", "second"))

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
    with pytest.raises(UsageError, match="no name for a run"):
        check_name(tmp_path, name)
