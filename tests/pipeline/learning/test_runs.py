"""Which run is meant: by its folder, its name, or as the last one."""

import json
import os
import shutil
from pathlib import Path

import pytest
from world import flip

from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.core.sealed import with_checksum
from bottleneck.heads.run import check_name, read_run
from bottleneck.pictures import plots
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.predict import PredictOptions, predict
from bottleneck.pipeline.learning.runs import find_run, last_run, runs_of
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture
def cache(tmp_path, photos, numpy_network, monkeypatch):
    """The one store below cache/ of the current folder."""
    monkeypatch.setattr(plots, "can_draw", lambda: False)  # for speed
    monkeypatch.chdir(tmp_path)
    extract(ExtractOptions(cache=Path("cache/one"), data=str(photos), network=NETWORK))
    return Path("cache/one")


def fit(cache, name, **options):
    return Path(train(TrainOptions(cache=cache, run=name, **options))["run"])


class Said:
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


def test_the_last_run_is_the_newest_whatever_it_is_called_and_it_is_said_which(cache):
    for name in ("b", "c", "a"):
        run = fit(cache, name)
        said = Said()
        assert find_run("last", reporter=said) == run
        assert said.lines == [f"the last run is {run}"]
    os.utime(cache / "runs/b/run.json")  # the receipt says the time, not the file
    assert last_run(cache) == cache / "runs/a"


def test_a_copied_store_keeps_the_order_of_its_runs(cache, tmp_path):
    for name in ("z", "y", "x"):
        fit(cache, name)
    shutil.copytree(cache, "cache/two")
    assert find_run("last", Path("cache/two")) == Path("cache/two/runs/x")


def test_what_is_unfinished_is_not_the_last_run(cache):
    run = fit(cache, "done")
    shutil.copytree(run, cache / "runs/tmp-0123")
    (cache / "runs/empty").mkdir()
    (cache / "runs/notes.txt").write_text("mine")
    assert runs_of(cache) == [run]
    assert last_run(cache) == run


def test_two_that_are_as_new_are_both_named_and_none_is_taken(cache):
    fit(cache, "one")
    shutil.copytree(cache / "runs/one", cache / "runs/two")
    with pytest.raises(UsageError, match=r"2 runs are the last: .*runs/one, .*runs/two"):
        last_run(cache)


def test_a_damaged_newest_run_is_not_passed_over(cache):
    fit(cache, "old")
    new = fit(cache, "new")
    flip(new / "run.json", 200)
    assert find_run("last") == new
    with pytest.raises(DamagedError):
        read_run(find_run("last"))


def test_a_receipt_of_before_receipts_had_a_time_is_as_old_as_its_file(cache):
    old, new = fit(cache, "old"), fit(cache, "new")
    for run in (old, new):
        receipt = json.loads((run / "run.json").read_text())
        del receipt["time"], receipt["checksum"]
        (run / "run.json").write_text(json.dumps(with_checksum(receipt)))
    os.utime(new / "run.json", (1e9, 1e9))
    assert last_run(cache) == old
    assert read_run(old).head == "linear"


def test_without_a_run_or_with_several_stores_one_line_says_so(cache, tmp_path):
    with pytest.raises(UsageError, match=r"no run yet: cache/one: run bottleneck train first"):
        find_run("last")
    shutil.copytree(cache, "cache/two")
    with pytest.raises(UsageError, match=r"which store\?.*cache/one, cache/two.*--cache"):
        find_run("last")
    with pytest.raises(UsageError, match="not a feature store"):
        find_run("last", tmp_path)


def test_a_name_is_looked_for_in_the_store_that_is_named(cache):
    fit(cache, "same")
    shutil.copytree(cache, "cache/two")
    with pytest.raises(UsageError, match="which run is 'same'"):
        find_run("same")
    assert find_run("same", Path("cache/two")) == Path("cache/two/runs/same")
    with pytest.raises(UsageError, match=r"which run is 'other'\?: cache/two/runs has same"):
        find_run("other", Path("cache/two"))


def test_no_run_is_called_last_and_a_folder_of_that_name_is_named_by_its_path(cache):
    with pytest.raises(UsageError, match="'last' means the newest run"):
        check_name(cache / "runs", "last")
    run = fit(cache, "r")
    shutil.copytree(run, "last")
    fit(cache, "s")
    assert find_run("last") == cache / "runs/s"
    assert find_run("./last") == Path("last")


def test_predict_takes_the_last_run_of_the_store_and_says_which(cache, photos):
    fit(cache, "first", head="prototypes")
    fit(cache, "second", head="knn")
    asked = PredictOptions(images=(str(photos),), run="last", cache=cache)
    assert predict(asked)["run"] == "cache/one/runs/second"
    with pytest.raises(UsageError, match="says whose run is meant: --cache"):
        predict(PredictOptions(images=(str(photos),), cache=cache, network=NETWORK))
