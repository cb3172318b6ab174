"""Several stores in one run: one scan for each source, each its own recipe, code and report."""

import json
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
from world import picture, row_of, tree

from bottleneck.core import console
from bottleneck.core.errors import DataError, Terminated
from bottleneck.data.folder import FolderSource
from bottleneck.extract import main
from bottleneck.pipeline.extraction import writing
from bottleneck.store.lock import hold
from bottleneck.store.store import Store


def extract(capsys, *words):
    """Run the door; return its code, the object that it printed, and stderr."""
    capsys.readouterr()
    code = console.run(main, [*map(str, words), "--json"])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return code, json.loads(said.out), said.err


def fill(capsys, data, cache, *more):
    words = ["--data", data, "--backbone", "resnet50", "--weights", "random:0", "--size", 8]
    assert extract(capsys, *words, "--cache", cache, *more)[0] == 0
    return cache


@pytest.fixture
def stores(tmp_path, photos, numpy_network, later, capsys):
    """Two stores of one folder in two formats, with two recipes."""
    caches = tmp_path / "cache"
    fill(capsys, photos, caches / "a")
    fill(capsys, photos, caches / "b", "--format", "zarr", "--pooling", "max")
    later()
    return caches


@pytest.fixture
def calls(monkeypatch):
    """Count what is asked of folders."""
    counted = {"list": 0, "read": []}
    real_list, real_read = FolderSource.list, FolderSource.read

    def list_(self):
        counted["list"] += 1
        return real_list(self)

    def read(self, index):
        counted["read"].append(bytes(self._listed[0][index]))
        return real_read(self, index)

    monkeypatch.setattr(FolderSource, "list", list_)
    monkeypatch.setattr(FolderSource, "read", read)
    return counted


def both(stores):
    return ["--cache", stores / "a", "--cache", stores / "b"]


def test_each_store_gets_the_rows_of_its_own_recipe_and_the_source_is_listed_once(
    stores, photos, calls, capsys
):
    picture(photos / "cat/new.png", 40)
    code, report, _ = extract(capsys, *both(stores))
    assert (code, report["code"]) == (0, 0)
    assert calls["list"] == 1
    assert [store["store"] for store in report["stores"]] == [str(stores / "a"), str(stores / "b")]
    assert [store["computed"] for store in report["stores"]] == [1, 1]
    assert (report["computed"], report["samples"]) == (2, 26)
    recipes = {store["sources"][0]["recipe"] for store in report["stores"]}
    assert len(recipes) == 2
    from PIL import Image

    for name in ("a", "b"):
        rows, _, keys = Store.open(stores / name).arrays()
        for i, key in enumerate(keys):
            pixels = np.asarray(Image.open(photos / key.decode()).resize((8, 8), 2))
            np.testing.assert_array_equal(rows[i], row_of(pixels))
        assert len(rows) == 13


def test_what_one_store_has_read_no_other_reads_again(stores, photos, calls, later, capsys):
    import os

    extract(capsys, *both(stores))  # what was young at the first look is settled
    later()
    for path in photos.rglob("*.png"):
        os.utime(path, (1, 1))
    later()
    calls["read"].clear()
    code, report, _ = extract(capsys, *both(stores))
    assert (code, report["computed"]) == (0, 0)
    assert sorted(calls["read"]) == sorted(set(calls["read"]))
    assert len(calls["read"]) == 12
    calls["read"].clear()
    extract(capsys, "--cache", stores / "b")
    assert calls["read"] == []  # and it is in the stat cache of the other one too
    extract(capsys, *both(stores), "--rehash")
    assert len(calls["read"]) == 12


def test_a_file_that_changed_after_the_first_store_read_it_is_read_by_the_second(
    stores, photos, calls, capsys, monkeypatch
):
    from bottleneck.pipeline.extraction import several

    real = several.take
    taken = []

    def take(turn, store):
        report = real(turn, store)
        if not taken:
            picture(photos / "dog/00.png", 77, size=14)
        taken.append(turn)
        return report

    monkeypatch.setattr(several, "take", take)
    picture(photos / "dog/00.png", 76, size=13)
    assert extract(capsys, *both(stores))[0] == 0
    from PIL import Image

    pixels = np.asarray(Image.open(photos / "dog/00.png").resize((8, 8), 2))
    rows, _, keys = Store.open(stores / "b").arrays()
    np.testing.assert_array_equal(rows[keys.tolist().index(b"dog/00.png")], row_of(pixels))


def test_a_store_that_another_run_moved_since_the_listing_gets_a_listing_of_its_own(
    stores, photos, calls, capsys, monkeypatch
):
    from bottleneck.pipeline.extraction import several
    from bottleneck.pipeline.extraction.extract import extract as alone
    from bottleneck.pipeline.extraction.options import ExtractOptions

    real = several.take
    taken = []

    def take(turn, store):
        report = real(turn, store)
        if not taken:
            picture(photos / "dog/later.png", 78)
            assert alone(ExtractOptions(cache=stores / "b"))["computed"] == 1
        taken.append(turn)
        return report

    monkeypatch.setattr(several, "take", take)
    assert extract(capsys, *both(stores))[0] == 0
    assert len(Store.open(stores / "a").arrays()[2]) == 12
    assert b"dog/later.png" in Store.open(stores / "b").arrays()[2].tolist()


def test_all_takes_every_store_of_a_folder_and_every_source_of_a_store(
    stores, tmp_path, capsys, numpy_network
):
    for i in range(4):
        picture(tmp_path / "more" / "x" / f"{i}.png", 60 + i)
    fill(capsys, tmp_path / "more", stores / "a")
    picture(tmp_path / "more/x/9.png", 69)
    code, report, _ = extract(capsys, "--all", stores)
    assert code == 0
    assert [[s["source"] for s in store["sources"]] for store in report["stores"]] == [
        ["more", "photos"],
        ["photos"],
    ]
    assert report["computed"] == 1
    code, report, _ = extract(capsys, "--all", stores, "--cache", stores / "a")
    assert [Path(store["store"]).name for store in report["stores"]] == ["a", "b"]
    code, report, _ = extract(capsys, "--all", stores, "--source", "more")
    assert [store["code"] for store in report["stores"]] == [0, 2]
    assert code == 2


def test_data_that_is_named_is_for_all_stores(stores, tmp_path, capsys):
    picture(tmp_path / "more/x/1.png", 60)
    code, report, _ = extract(capsys, *both(stores), "--data", tmp_path / "more")
    assert (code, [store["computed"] for store in report["stores"]]) == (0, [1, 1])
    assert all(Store.open(stores / n).source_names == ["more", "photos"] for n in ("a", "b"))


def test_a_store_that_fails_stops_no_other_and_the_gravest_code_is_the_runs(stores, photos, capsys):
    (stores / "c/log").mkdir(parents=True)
    (stores / "c/log/00000001.json").write_text("{")
    picture(photos / "cat/new.png", 40)
    with hold(stores / "a"):
        code, report, err = extract(
            capsys, "--cache", stores / "none", "--all", stores, "--cache", stores / "a"
        )
    assert code == report["code"] == 5
    assert [(Path(s["store"]).name, s["code"]) for s in report["stores"]] == [
        ("none", 2),
        ("a", 75),
        ("b", 0),
        ("c", 5),
    ]
    assert [s["error"]["code"] for s in report["stores"] if s["code"]] == [2, 75, 5]
    assert report["stores"][2]["computed"] == 1
    assert len([line for line in err.splitlines() if line.startswith("error: ")]) == 3
    assert not (stores / "none").exists()


def test_a_source_that_is_gone_stops_no_other_source_of_its_store(stores, tmp_path, capsys):
    import shutil

    picture(tmp_path / "more/x/1.png", 60)
    fill(capsys, tmp_path / "more", stores / "a")
    shutil.rmtree(tmp_path / "more")
    code, report, err = extract(capsys, "--all", stores)
    assert code == 3
    assert [source["code"] for source in report["stores"][0]["sources"]] == [3, 0]
    assert "bottleneck relocate" in err
    entries = Store.open(stores / "a").history()[-2:]
    assert sorted((entry["source"], entry["code"]) for entry in entries) == [
        ("more", 3),
        ("photos", 0),
    ]


def test_a_bug_in_one_store_is_1_with_its_file_and_the_others_are_done(
    stores, photos, capsys, monkeypatch
):
    from bottleneck.pipeline.extraction import several

    real = several.take

    def take(turn, store):
        if store.path.name == "a":
            raise ValueError("unheard of")
        return real(turn, store)

    monkeypatch.setattr(several, "take", take)
    code, report, err = extract(capsys, *both(stores))
    assert code == 1
    assert [store["code"] for store in report["stores"]] == [1, 0]
    file = Path(report["stores"][0]["error"]["where"])
    assert "unheard of" in file.read_text()
    assert f"please report {file}" in err
    file.unlink()
    assert Store.open(stores / "a").history()[-1]["code"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--backbone", "resnet50"], "--backbone"),
        (["--pooling", "max"], "--backbone"),
        (["--replace"], "--replace"),
        (["--format", "zarr"], "--format"),
        (["--include", "cat/*"], "--include"),
    ],
)
def test_what_means_one_store_is_wrong_usage_for_several_and_nothing_is_written(
    stores, capsys, words, said
):
    before = tree(stores)
    capsys.readouterr()
    assert console.run(main, [*map(str, both(stores)), *words]) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert said in err
    assert tree(stores) == before


def test_a_folder_without_stores_and_one_that_is_a_store_are_wrong_usage(stores, photos, capsys):
    for folder, said in ((photos, "no feature store in it"), (stores / "a", "is a store itself")):
        assert console.run(main, ["--all", str(folder)]) == 2
        assert said in capsys.readouterr().err


def test_images_that_were_passed_from_python_are_left_alone_with_a_word(stores, capsys):
    import bottleneck

    pixels = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), np.uint8)
    bottleneck.extract_features(pixels, cache=stores / "a", source="mine")
    code, report, err = extract(capsys, "--all", stores)
    assert code == 0
    assert "mine is left alone: its images were passed from Python" in err
    assert "skipped" in report["stores"][0]["sources"][0]


def test_a_dry_run_of_several_writes_nothing_and_reads_no_image_twice(
    stores, photos, calls, capsys
):
    for i in range(3):
        picture(photos / f"cat/new{i}.png", 40 + i)
    before = tree(stores)
    code, report, _ = extract(capsys, *both(stores), "--dry-run", "--list")
    assert (code, tree(stores)) == (0, before)
    assert [s["sources"][0]["would"]["computed"] for s in report["stores"]] == [3, 3]
    assert calls["list"] == 1


# --- time and number --------------------------------------------------------------------------


def test_the_number_of_images_is_for_all_stores_together(stores, photos, capsys):
    for i in range(5):
        picture(photos / f"cat/new{i}.png", 40 + i)
    code, report, err = extract(capsys, *both(stores), "--limit", 3)
    assert (code, report["partial"]) == (0, True)
    assert [store["computed"] for store in report["stores"]] == [3, 0]
    assert [store["pending"] for store in report["stores"]] == [2, 5]
    assert f"{stores / 'b'}: photos is left for the next run" in err
    assert Store.open(stores / "b").history()[-1]["computed"] == 12  # that was no run of it
    code, report, _ = extract(capsys, *both(stores), "--limit", 6, "--strict")
    assert (code, report["code"]) == (7, 7)
    assert [store["computed"] for store in report["stores"]] == [2, 4]
    assert [store["code"] for store in report["stores"]] == [0, 7]
    assert extract(capsys, *both(stores), "--strict")[0] == 0


def test_what_a_turn_had_computed_before_it_failed_counts_for_the_number_of_images(
    stores, photos, capsys, monkeypatch
):
    from bottleneck.pipeline.extraction.extraction import Extraction

    for i in range(6):
        picture(photos / f"cat/new{i}.png", 40 + i)
    real, done = Extraction.record, []

    def record(self, items, rows):
        found = real(self, items, rows)
        done.append(found)
        for part in self.writer._publishing:
            part.result()
        if len(done) == 2:
            raise DataError("no more", "here", "go home")
        return found

    monkeypatch.setattr(Extraction, "record", record)
    monkeypatch.setattr(writing, "COMMIT_EVERY_S", 0.0)
    code, report, _ = extract(capsys, *both(stores), "--limit", 3, "--batch-size", 2)
    assert code == 3
    n = len(Store.open(stores / "a").arrays()[0]) - 12
    assert 0 < n < 3
    assert [store["computed"] for store in report["stores"]] == [n, 3 - n]


def test_a_budget_commits_what_is_done_and_strict_makes_it_7(
    stores, photos, capsys, numpy_network, monkeypatch
):
    from bottleneck.pipeline.extraction import job

    for i in range(6):
        picture(photos / f"cat/new{i}.png", 40 + i)
    computed = []
    real = numpy_network.__call__
    monkeypatch.setattr(
        numpy_network, "__call__", lambda self, x: computed.append(len(x)) or real(self, x)
    )
    # The time is up once something was computed: no clock decides what a test sees.
    monkeypatch.setattr(job.Job, "is_over", property(lambda self: bool(computed)))
    code, report, _ = extract(
        capsys, "--cache", stores / "a", "--budget", "1h", "--batch-size", 1, "--strict"
    )
    assert (code, report["partial"]) == (7, True)
    assert 0 < report["computed"] < 6
    assert len(Store.open(stores / "a").arrays()[0]) == 12 + report["computed"]
    last = Store.open(stores / "a").history()[-1]
    assert (last["outcome"], last["code"]) == ("partial", 7)


def test_a_budget_that_is_spent_leaves_the_rest_for_the_next_run(stores, photos, capsys):
    picture(photos / "cat/new.png", 40)
    before = tree(stores)
    code, report, _ = extract(capsys, *both(stores), "--budget", "0s", "--strict")
    assert (code, report["computed"], report["pending"]) == (7, 0, 2)
    after = tree(stores)
    assert {n for n in before | after if before.get(n) != after.get(n)} <= {"a/lock", "b/lock"}


# --- stopped ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "code", "how"), [(Terminated, 143, "terminated"), (KeyboardInterrupt, 130, "interr")]
)
def test_a_stop_ends_the_loop_at_once_with_what_is_done_committed_and_told(
    stores, photos, capsys, numpy_network, monkeypatch, stop, code, how
):
    for i in range(6):
        picture(photos / f"cat/new{i}.png", 40 + i)
    from bottleneck.pipeline.extraction.extraction import Extraction

    real = Extraction.record

    def record(self, items, rows):
        real(self, items, rows)
        raise stop

    monkeypatch.setattr(Extraction, "record", record)
    found, report, err = extract(capsys, *both(stores), "--batch-size", 2)
    assert found == report["code"] == code
    assert [store["code"] for store in report["stores"]] == [code, code]
    assert err.count("everything saved so far is kept") == 1
    assert how in err
    n = len(Store.open(stores / "a").arrays()[0])
    assert n > 12
    assert [store["computed"] for store in report["stores"]] == [n - 12, 0]
    assert len(Store.open(stores / "b").arrays()[0]) == 12
    assert Store.open(stores / "a").history()[-1]["outcome"] == "stopped"
    assert Store.open(stores / "b").history()[-1]["code"] == 0


def test_a_signal_while_a_store_is_waited_for_ends_the_wait(stores, capsys):
    with hold(stores / "a"):
        timer = threading.Timer(0.2, signal.raise_signal, [signal.SIGTERM])
        timer.start()
        code, report, _ = extract(capsys, *both(stores), "--wait", "10m")
        timer.join()
    assert code == 143
    assert [store["code"] for store in report["stores"]] == [143, 143]


# --- from Python ------------------------------------------------------------------------------


def test_from_python_several_stores_are_a_list_and_failures_stand_in_the_report(
    stores, photos, tmp_path
):
    import bottleneck

    picture(photos / "cat/new.png", 40)
    report = bottleneck.extract_features(cache=[stores / "a", str(stores / "b"), tmp_path / "none"])
    assert report["code"] == 2
    assert [store["computed"] for store in report["stores"]] == [1, 1, 0]
    assert report["stores"][2]["error"]["what"] == "not a feature store"
    with pytest.raises(bottleneck.errors.UsageError, match="is for one store"):
        bottleneck.extract_features(cache=[stores / "a", stores / "b"], pooling="max")
    with pytest.raises(bottleneck.errors.UsageError, match="no store"):
        bottleneck.extract_features(cache=[])
