"""Several cuts of one network in one pass, held against extracts of each cut alone."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import oracle
import pytest
from world import picture

import bottleneck
from bottleneck.core import console
from bottleneck.core.errors import UsageError
from bottleneck.data.folder import FolderSource
from bottleneck.engines.check import FLOAT32_BOUND
from bottleneck.extract import main
from bottleneck.pipeline.extraction import cut_options
from bottleneck.pipeline.extraction.extraction import Extraction
from bottleneck.pipeline.extraction.job import Job
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.store.lock import hold
from bottleneck.store.store import Store

SOAK = os.environ.get("BOTTLENECK_SOAK") == "1"  # else every second kill, and fewer steps
NETWORK = ("--backbone", "mini", "--size", 32, "--rows", "float32")
CUTS = [(layer, pooling) for layer in ("block_2", "block_5") for pooling in ("avg", "none")]


def door(capsys, *words):
    """Run the door; return its code, the object that it printed, and stderr."""
    capsys.readouterr()
    code = console.run(main, [*map(str, words), "--json"])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return code, json.loads(said.out), said.err


@pytest.fixture
def together(tmp_path, photos, capsys):
    """Extract all cuts in one pass into cache/."""

    def run(*more, cuts=CUTS):
        layers = [f"--layer={layer}" for layer in dict.fromkeys(layer for layer, _ in cuts)]
        poolings = [f"--pooling={pooling}" for pooling in dict.fromkeys(p for _, p in cuts)]
        where = tmp_path / "cache/{layer}-{pooling}"
        words = ("--data", photos, *NETWORK, *layers, *poolings, "--cache-each", where)
        return door(capsys, *words, *more)

    run.stores = [tmp_path / f"cache/{layer}-{pooling}" for layer, pooling in CUTS]
    return run


@pytest.fixture
def alone(photos, capsys):
    """Extract one cut into a store."""

    def run(cut, cache, *more):
        layer, pooling = cut
        at = ("--layer", layer, "--pooling", pooling, "--cache", cache)
        code, report, _ = door(capsys, "--data", photos, *NETWORK, *at, *more)
        assert code == 0
        return report

    return run


def rows_of(store):
    """Return key → row."""
    features, _, keys = Store.open(store).arrays()
    return dict(zip(map(bytes, keys), np.asarray(features), strict=True))


def assert_same_rows(one, other):
    """Assert that two stores have the rows of the same images, and equal within rounding."""
    ours, theirs = rows_of(one), rows_of(other)
    assert ours.keys() == theirs.keys()
    assert ours
    for key, row in ours.items():
        assert row.shape == theirs[key].shape
        off = np.linalg.norm(row - theirs[key]) / np.linalg.norm(theirs[key])
        assert off <= FLOAT32_BOUND


@pytest.mark.parametrize(("engine", "fmt"), [("openvino", "hdf5"), ("keras", "zarr")])
def test_each_store_is_what_an_extract_of_its_cut_alone_makes(
    together, alone, tmp_path, engine, fmt
):
    more = ("--engine", engine, "--format", fmt)
    code, report, _ = together(*more)
    assert code == report["code"] == 0
    assert [entry["computed"] for entry in report["stores"]] == [12] * 4
    for i, (cut, store) in enumerate(zip(CUTS, together.stores, strict=True)):
        single = alone(cut, tmp_path / f"single {i}", *more)
        assert Store.open(store).recipe == Store.open(tmp_path / f"single {i}").recipe
        assert_same_rows(store, tmp_path / f"single {i}")
        mine = report["stores"][i]["sources"][0]
        assert mine["recipe"] == single["recipe"]
        assert mine.keys() == {*single.keys(), "code"}
        # And each goes on where the other ended, with nothing to do.
        assert alone(cut, store)["computed"] == 0
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    for i, store in enumerate(together.stores):
        shutil.move(tmp_path / f"single {i}", store)
    code, report, _ = together()
    assert (code, report["computed"], report["cached"]) == (0, 0, 48)


def test_images_are_listed_and_read_once_and_the_network_is_kept(
    together, photos, monkeypatch, later
):
    together()
    later()
    picture(photos / "cat/new.png", 40)
    listed, read = [], []
    real_list, real_read = FolderSource.list, FolderSource.read
    monkeypatch.setattr(FolderSource, "list", lambda self: listed.append(1) or real_list(self))
    monkeypatch.setattr(
        FolderSource,
        "read",
        lambda self, i: read.append(bytes(self._listed[0][i])) or real_read(self, i),
    )
    # What loads networks must not be started: all that is needed is kept.
    monkeypatch.setattr(subprocess, "Popen", None)
    code, report, _ = together()
    assert code == 0
    assert [entry["computed"] for entry in report["stores"]] == [1] * 4
    assert [entry["sources"][0]["canaries"]["checked"] for entry in report["stores"]] == [4] * 4
    assert len(listed) == 1
    assert read.count(b"cat/new.png") == 1


@pytest.mark.parametrize(("fmt", "n_steps"), [("hdf5", 9 if SOAK else 5), ("zarr", 3)])
def test_whatever_is_missing_where_each_store_gets_just_that(
    together, alone, photos, tmp_path, later, fmt, n_steps
):
    chosen = random.Random(fmt)
    n_new = 100
    for step in range(n_steps):
        kind = ["all", "gone", "edited", "alone", "limited", "deleted", "copied", "all"]
        what = chosen.choice(kind[1:]) if step else "all"
        stores = together.stores
        if what == "gone":
            shutil.rmtree(chosen.choice(stores))
        elif what == "edited":
            n_new += 1
            picture(chosen.choice(sorted(photos.rglob("*.png"))), n_new)
        elif what == "alone":  # one is ahead of the others
            n_new += 1
            picture(photos / f"cat/{n_new}.png", n_new)
            i = chosen.randrange(4)
            before, now = oracle.stored(stores[i]), oracle.walk(photos)
            want = oracle.extracted(before, "photos", now)
            oracle.agree(alone(CUTS[i], stores[i], "--format", fmt), want)
        elif what == "limited":
            for _ in range(3):
                n_new += 1
                picture(photos / f"dog/{n_new}.png", n_new)
            i = chosen.randrange(4)
            assert alone(CUTS[i], stores[i], "--format", fmt, "--limit", 1)["computed"] == 1
        elif what == "deleted":
            chosen.choice(sorted(photos.rglob("*.png"))).unlink()
        elif what == "copied":
            first = sorted(photos.rglob("*.png"))[0]
            shutil.copy(first, photos / f"cat/copy {step}.png")
        later()
        now = oracle.walk(photos)
        wanted = [oracle.extracted(oracle.stored(store), "photos", now) for store in stores]
        code, report, _ = together("--format", fmt)
        assert code == 0
        for entry, want, store in zip(report["stores"], wanted, stores, strict=True):
            oracle.agree(entry["sources"][0], want)
            held = oracle.stored(store, rows_too=True)
            assert set(now.images.values()) <= held.rows
    for cut, store in zip(CUTS, together.stores, strict=True):
        alone(cut, tmp_path / "fresh", "--format", fmt)
        assert_same_rows(store, tmp_path / "fresh")
        shutil.rmtree(tmp_path / "fresh")


def test_a_limit_is_of_images_and_strict_says_that_some_are_left(together):
    code, report, _ = together("--limit", 5, "--strict")
    assert (code, report["code"]) == (7, 7)
    assert [entry["computed"] for entry in report["stores"]] == [5] * 4
    code, report, _ = together("--strict")
    assert code == 0
    assert [entry["computed"] for entry in report["stores"]] == [7] * 4


def test_a_dry_run_counts_for_each_store_and_writes_nothing(together, alone, tmp_path):
    alone(CUTS[0], together.stores[0])
    code, report, _ = together("--dry-run")
    assert code == 0
    would = [entry["sources"][0]["would"]["computed"] for entry in report["stores"]]
    assert would == [0, 12, 12, 12]
    assert not any(store.exists() for store in together.stores[1:])


def test_a_store_that_another_run_holds_stops_no_other(together):
    together("--limit", 2)
    with hold(together.stores[1]):
        code, report, _ = together()
    assert code == 75
    assert [entry["code"] for entry in report["stores"]] == [0, 75, 0, 0]
    assert [entry["computed"] for entry in report["stores"]] == [10, 0, 10, 10]
    code, report, _ = together()
    assert (code, [entry["computed"] for entry in report["stores"]]) == (0, [0, 10, 0, 0])


def test_a_store_of_another_recipe_is_refused_alone(together, alone):
    alone(("block_1", "max"), together.stores[2])
    code, report, _ = together()
    assert code == 4
    assert [entry["code"] for entry in report["stores"]] == [0, 0, 4, 0]
    assert "the recipe differs" in json.dumps(report["stores"][2]["error"])


def test_canaries_are_each_stores_own(together, photos, monkeypatch):
    together()
    picture(photos / "cat/new.png", 40)
    real = Extraction.own_canaries

    def off(self, span):
        found = real(self, span)
        if self.job.options.cache == together.stores[1]:
            found = replace(found, rows=found.rows * np.float32(1.001))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Extraction, "own_canaries", off)
        code, report, _ = together()
    assert code == 4
    assert [entry["code"] for entry in report["stores"]] == [0, 4, 0, 0]
    assert [entry["computed"] for entry in report["stores"]] == [1, 0, 1, 1]
    code, report, _ = together()
    assert [entry["computed"] for entry in report["stores"]] == [0, 1, 0, 0]


def test_a_full_disk_in_one_store_ends_that_one(together, monkeypatch):
    together("--limit", 2)
    real = Store.write_part

    def write_part(self, *of):
        if self.path == together.stores[3]:
            raise OSError(28, "No space left on device")
        return real(self, *of)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "write_part", write_part)
        code, report, _ = together()
    assert code == 12
    assert [entry["code"] for entry in report["stores"]] == [0, 0, 0, 12]
    code, report, _ = together()
    assert (code, [entry["computed"] for entry in report["stores"]]) == (0, [0, 0, 0, 10])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_keeps_what_was_computed_in_each(together, monkeypatch, number, code):
    real, n = Extraction.record, []

    def record(self, items, rows):
        found = real(self, items, rows)
        n.append(1)
        if len(n) == 8:
            signal.raise_signal(number)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Extraction, "record", record)
        found, report, _ = together("--batch-size", 2)
    assert found == report["code"] == code
    assert [entry["computed"] for entry in report["stores"]] == [4] * 4
    _, report, _ = together()
    assert [entry["computed"] for entry in report["stores"]] == [8] * 4


def test_a_budget_commits_what_is_done_in_each_and_strict_makes_it_7(together, monkeypatch):
    real, recorded = Extraction.record, []

    def record(self, items, rows):
        recorded.append(len(items))
        return real(self, items, rows)

    monkeypatch.setattr(Extraction, "record", record)
    # The time is up once something was computed: no clock decides what a test sees.
    monkeypatch.setattr(Job, "is_over", property(lambda self: bool(recorded)))
    code, report, _ = together("--budget", "1h", "--strict", "--batch-size", 1)
    assert (code, report["partial"]) == (7, True)
    computed = {entry["computed"] for entry in report["stores"]}
    assert len(computed) == 1
    assert 0 < (n := computed.pop()) < 12
    monkeypatch.undo()
    code, report, _ = together("--strict")
    assert (code, [entry["computed"] for entry in report["stores"]]) == (0, [12 - n] * 4)


def test_two_runs_without_locks_share_the_work_and_lose_nothing(photos, tmp_path, together, alone):
    for i in range(20):
        picture(photos / f"cat/more{i}.png", 60 + i)
    words = ["--data", photos, *NETWORK, "--layer=block_2", "--layer=block_5", "--pooling=avg"]
    words += ["--pooling=none", "--cache-each", tmp_path / "cache/{layer}-{pooling}"]
    words += ["--batch-size", 1, "--no-lock", "--json"]
    command = list(map(str, [sys.executable, "-m", "bottleneck.extract", *words]))
    runs = [subprocess.Popen(command, stdout=-1, stderr=-1, text=True) for _ in range(2)]
    said = [(*run.communicate(timeout=300), run.returncode) for run in runs]
    assert [code for _, _, code in said] == [0, 0], [errors for _, errors, _ in said]
    reports = [json.loads(out) for out, _, _ in said]
    now = oracle.walk(photos)
    for i, store in enumerate(together.stores):
        assert oracle.stored(store, rows_too=True).rows == set(now.images.values())
        assert sum(report["stores"][i]["computed"] for report in reports) >= 32
        alone(CUTS[i], tmp_path / f"single {i}")
        assert_same_rows(store, tmp_path / f"single {i}")
    assert together()[1]["computed"] == 0


KILLED = """
import os, signal, sys
from bottleneck.core import files
from bottleneck.extract import main
from bottleneck.pipeline.extraction import writing
writing.COMMIT_EVERY_S = 0.0
at, seen = int(sys.argv[1]), [0]
def counted(real):
    def call(*of, **more):
        seen[0] += 1
        if seen[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*of, **more)
    return call
for name in ("replace", "publish", "write_synced", "make_folder"):
    setattr(files, name, counted(getattr(files, name)))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("at", [1, 6, 13, 18, 21, 24, 27, 33, 40, 50][:: 1 if SOAK else 2])
def test_a_kill_leaves_each_store_at_a_commit_and_the_next_run_computes_what_is_missing(
    together, photos, tmp_path, at
):
    together("--limit", 2, cuts=CUTS[:3])
    words = ["--data", photos, *NETWORK, "--layer=block_2", "--layer=block_5", "--pooling=avg"]
    words += ["--pooling=none", "--cache-each", tmp_path / "cache/{layer}-{pooling}"]
    words += ["--batch-size", "3"]
    command = [sys.executable, "-c", KILLED, at, *words]
    subprocess.run(list(map(str, command)), check=False, capture_output=True)
    before = [oracle.stored(store, rows_too=True) for store in together.stores]
    now = oracle.walk(photos)
    code, report, _ = together()
    assert code == 0
    for entry, was in zip(report["stores"], before, strict=True):
        want = oracle.extracted(was, "photos", now)
        assert entry["computed"] == want["computed"]
    for store in together.stores:
        assert set(now.images.values()) == oracle.stored(store, rows_too=True).rows


def test_cuts_that_are_one_recipe_are_made_once(tmp_path, photos, capsys):
    where = tmp_path / "cache/{layer}-{pooling}"
    words = ["--data", photos, "--backbone", "resnet50", "--weights", "random:0", "--size", 32]
    flat = ("--layer", "avg_pool", "--pooling", "avg", "--pooling", "max")
    code, report, err = door(capsys, *words, *flat, "--cache-each", where)
    assert code == 0
    first, second = report["stores"]
    assert (first["computed"], second["computed"]) == (12, 0)
    assert second["sources"][0]["skipped"] == f"its rows would be those of {first['store']}"
    assert "not made" in err
    assert not (tmp_path / "cache/avg_pool-max").exists()


def test_a_layer_of_the_top_and_one_below_are_computed_together(tmp_path, photos, capsys):
    words = ["--data", photos, "--backbone", "mobilenetv2", "--weights", "random:0", "--size", 32]
    cuts = ("--layer", "block_4_add", "--layer", "predictions")
    code, report, _ = door(capsys, *words, *cuts, "--cache-each", tmp_path / "c/{layer}")
    assert (code, report["computed"]) == (0, 24)
    for layer in ("block_4_add", "predictions"):
        found = door(capsys, *words, "--layer", layer, "--cache", tmp_path / "c" / layer)
        assert (found[0], found[1]["computed"]) == (0, 0)


def test_from_python_it_is_the_same(tmp_path, photos):
    report = bottleneck.extract_features(
        photos, backbone="mini", size=32, layer=["block_2", "block_5"], pooling="max",
        cache_each=tmp_path / "{layer}",
    )  # fmt: skip
    assert [entry["computed"] for entry in report["stores"]] == [12, 12]
    assert Store.open(tmp_path / "block_5").about["request"]["layer"] == "block_5"
    with pytest.raises(UsageError, match="omit one"):
        bottleneck.extract_features(photos, cache=tmp_path, cache_each=tmp_path / "{layer}")


def options(pattern, layers=(), poolings=()):
    return ExtractOptions(
        cache=None, cache_each=str(pattern), layers=tuple(layers), poolings=tuple(poolings)
    )


def test_folders_tell_the_cuts_apart(tmp_path):
    names = ["a/b", "a%2Fb", "..", "a.b", "a-b", "é:1", "a", "A"]
    found = cut_options.told_apart(options(tmp_path / "{layer}", names))
    caches = [one.cache for one in found]
    assert len(set(caches)) == len(names)
    assert all(cache.resolve().parent == tmp_path for cache in caches)
    assert [one.network.layer for one in found] == names
    assert caches[0].name == "a%2Fb"
    plain = cut_options.told_apart(options("x/{layer}-{pooling}"))
    assert [str(one.cache) for one in plain] == ["x/end-avg"]


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("c/{pooling}", "has no {layer}"),
        ("c/{layer}", "has no {pooling}"),
        ("c/{layer}-{pooling}-{size}", "other braces"),
        ("c/{layer", "has no {layer}"),
    ],
)
def test_a_pattern_that_does_not_tell_them_apart_is_refused(pattern, why):
    with pytest.raises(UsageError, match=why):
        cut_options.told_apart(options(pattern, ["a", "b"], ["avg", "max"]))


def test_two_cuts_that_would_share_a_folder_are_refused():
    with pytest.raises(UsageError, match="two cuts have the folder"):
        cut_options.told_apart(options("c/{layer}{pooling}", ["block_1", "block_"], ["2", "12"]))


def test_reduced_precision_is_for_one_cut():
    asked = options("c/{layer}", ["a", "b"])
    asked = replace(asked, network=replace(asked.network, compute="bfloat16"))
    with pytest.raises(UsageError, match="bfloat16 is computed for one cut at a time"):
        cut_options.told_apart(asked)


def test_a_store_whose_source_is_other_images_ends_alone(capsys, tmp_path, photos, alone):
    other = shutil.copytree(photos, tmp_path / "elsewhere/photos")
    alone(("block_2", "avg"), tmp_path / "cache/avg")
    at = ("--layer", "block_2", "--pooling", "max", "--cache", tmp_path / "cache/max")
    assert door(capsys, "--data", other, *NETWORK, *at)[0] == 0
    picture(photos / "cat/new.png", 40)
    words = (*NETWORK, "--layer", "block_2", "--pooling", "avg", "--pooling", "max")
    code, report, said = door(capsys, *words, "--cache-each", tmp_path / "cache/{pooling}")
    assert code == report["code"] != 0
    assert "other images there than in the other stores" in said
    assert [entry["code"] for entry in report["stores"]] == [0, code]
    assert report["stores"][0]["sources"][0]["computed"] == 1


def test_what_cannot_stand_together_is_said_in_a_line(capsys, tmp_path):
    each = ("--cache-each", "c/{layer}")
    for words, why in (
        (["--cache", "c", *each], "not with --cache"),
        (["--all", "c", *each], "not with --all"),
        (["--cache", "c", "--layer", "a", "--layer", "b"], "given 2 times"),
        (["--cache", "c", "--pooling", "avg", "--pooling", "max"], "given 2 times"),
    ):
        code = console.run(main, ["--data", str(tmp_path), "--backbone", "mini", *words])
        assert code == 2
        assert why in capsys.readouterr().err
