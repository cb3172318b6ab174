"""Comparing: figures come from receipts and stores, intervals from the counts alone."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from world import flip, picture

from bottleneck.compare import main as compare_main
from bottleneck.core import console
from bottleneck.core.errors import DamagedError, RecipeError, UsageError
from bottleneck.pictures import plots
from bottleneck.pictures.interval import accuracy_interval
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.compare import CompareOptions, compare
from bottleneck.pipeline.learning.rank import RankOptions, rank
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store

NETWORK = NetworkOptions(weights="random:0", size=(8, 8))


@pytest.fixture
def data(tmp_path, numpy_network, monkeypatch):
    """Forty images that the numpy network can tell apart, a dark class and a bright one."""
    monkeypatch.setattr(plots, "can_draw", lambda: False)  # for speed
    for i in range(40):
        path = picture(tmp_path / "data" / ("dark" if i % 2 else "light") / f"{i:02}.png", i)
        if i % 2 and i > 4:
            pixels = np.asarray(Image.open(path)) // 2
            Image.fromarray(pixels).save(path)
    return tmp_path / "data"


@pytest.fixture
def cache(tmp_path, data):
    network = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
    extract(ExtractOptions(cache=tmp_path / "store", data=str(data), network=network))
    return tmp_path / "store"


def fit(cache, **options):
    return train(TrainOptions(cache=cache, **options))


def test_the_interval_is_that_of_resampling_the_images_one_by_one():
    confusion = [[300, 40], [60, 200]]
    right = np.repeat([1.0, 0.0], [500, 100])
    rng = np.random.default_rng(1)
    means = right[rng.integers(0, 600, (5000, 600))].mean(axis=1)
    expected = np.quantile(means, [0.025, 0.975])
    np.testing.assert_allclose(accuracy_interval(confusion, 0), expected, atol=1.5 / 600)
    assert accuracy_interval(confusion, 3) == accuracy_interval(confusion, 3)
    assert accuracy_interval([[0, 0], [0, 0]], 0) is None


def test_a_run_s_figures_are_those_that_training_reported(cache):
    report = fit(cache, run="one")
    store = Store.open(cache)
    other = {"recipe": store.recipe.id, "computed": 9, "seconds": {"total": 1}}
    store.append_history({"verb": "something later", **other})
    (found,) = compare(CompareOptions(runs=(report["run"],)))["runs"]
    for key in ("accuracy", "loss", "top5", "baseline", "seconds", "epochs", "parameters", "head"):
        assert found[key] == report[key], key
    assert found["samples"] == report["samples"][found["judged_on"]]
    low, high = found["accuracy_interval"]
    assert low <= found["accuracy"] <= high
    assert found["cache_bytes"] == sum(p.stat().st_size for p in (cache / "parts").rglob("*.h5"))
    assert found["extracted"]["computed"] == 40
    assert found["extracted"]["seconds"] > 0


def test_the_most_accurate_comes_first_and_a_seed_decides_the_intervals(cache, capsys):
    runs = tuple(fit(cache, seed=seed)["run"] for seed in range(4))
    one, two = (compare(CompareOptions(runs=order, seed=5)) for order in (runs, runs[::-1]))
    accuracies = [entry["accuracy"] for entry in one["runs"]]
    assert accuracies == sorted(accuracies, reverse=True)
    assert len(set(accuracies)) > 1
    by_run = [{e["run"]: e["accuracy_interval"] for e in found["runs"]} for found in (one, two)]
    assert by_run[0] == by_run[1]


def test_runs_that_were_judged_on_other_images_are_said_to_be(cache, data, caplog):
    one, again, other = (fit(cache, seed=seed)["run"] for seed in (0, 0, 1))
    assert compare(CompareOptions(runs=(one, again)))["same_images"]
    assert "same images" not in caplog.text
    assert not compare(CompareOptions(runs=(one, other)))["same_images"]
    assert "not all of these runs were judged on the same images" in caplog.text
    picture(data / "dark/new.png", 77)
    extract(ExtractOptions(cache=cache))
    assert not compare(CompareOptions(runs=(one, fit(cache)["run"])))["same_images"]


def test_a_run_without_its_store_is_compared_by_its_receipt(cache, tmp_path):
    run = fit(cache)["run"]
    before = compare(CompareOptions(runs=(run,)))["runs"][0]
    alone = str(shutil.copytree(run, tmp_path / "alone"))
    shutil.rmtree(cache)
    found = compare(CompareOptions(runs=(alone,)))["runs"][0]
    assert (found["cache_bytes"], found["extracted"]) == (None, None)
    for key in ("accuracy", "accuracy_interval", "loss", "seconds", "parameters"):
        assert found[key] == before[key]


def test_a_line_of_the_history_that_changed_counts_for_nothing(cache):
    assert len(Store.open(cache).history()) == 1
    fit(cache)
    path = cache / "history.jsonl"
    flip(path, path.read_bytes().index(b'"computed": 40') + 13, bit=1)
    with path.open("ab") as file:
        file.write(b"half a li")
    assert [line["verb"] for line in Store.open(cache).history()] == ["train"]


def test_nothing_named_what_is_no_run_and_a_damaged_one_are_refused(cache, data):
    for runs in ((), (str(data),)):
        with pytest.raises(UsageError):
            compare(CompareOptions(runs=runs))
    run = Path(fit(cache)["run"])
    flip(run / "metrics.json", 20)
    with pytest.raises(DamagedError):
        compare(CompareOptions(runs=(str(run),)))


def test_backbones_get_what_is_missing_and_are_ranked(tmp_path, data, numpy_network):
    names = ("vgg16", "resnet50", "vgg16")
    options = RankOptions(
        backbones=names, data=str(data), caches=tmp_path / "cache", network=NETWORK
    )
    first = rank(options)
    assert sorted(entry["backbone"] for entry in first["runs"]) == ["numpy", "numpy"]
    assert [entry["extracted"]["computed"] for entry in first["runs"]] == [40, 40]
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == ["resnet50", "vgg16"]
    assert first["same_images"]
    assert first["failed"] == []
    numpy_network.opened.clear()
    again = rank(options)
    assert not numpy_network.opened  # nothing was missing
    assert [e["accuracy"] for e in again["runs"]] == [e["accuracy"] for e in first["runs"]]


def test_a_backbone_that_cannot_serve_is_left_out_and_all_of_them_is_an_error(tmp_path, data):
    caches = tmp_path / "cache"
    other = NetworkOptions(backbone="vgg16", weights="random:0", size=(9, 9))
    extract(ExtractOptions(cache=caches / "vgg16", data=str(data), network=other))
    options = {"data": str(data), "caches": caches, "network": NETWORK}
    report = rank(RankOptions(backbones=("vgg16", "resnet50"), **options))
    assert [entry["backbone"] for entry in report["failed"]] == ["vgg16"]
    assert "the recipe differs" in report["failed"][0]["error"]
    assert len(report["runs"]) == 1
    with pytest.raises(RecipeError):
        rank(RankOptions(backbones=("vgg16",), **options))


def test_a_wrong_name_shows_before_the_first_backbone_computes(tmp_path, data, numpy_network):
    options = {"data": str(data), "caches": tmp_path / "cache", "network": NETWORK}
    with pytest.raises(UsageError, match="resnet51"):
        rank(RankOptions(backbones=("resnet50", "resnet51"), **options))
    with pytest.raises(UsageError, match="--data"):
        rank(RankOptions(backbones=("resnet50",), **{**options, "data": None}))
    assert not numpy_network.opened


def test_the_door_prints_a_table_or_one_object(cache, data, tmp_path, capsys):
    runs = [fit(cache, run=name)["run"] for name in ("one", "two")]
    capsys.readouterr()
    assert console.run(compare_main, runs) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("backbone  head    accuracy  95% interval")
    assert [line.split("/")[-1] for line in said[1:]] == ["one", "two"]
    assert console.run(compare_main, [*runs, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["level"] == 0.95
    words = ["--backbones", "resnet50,vgg16", "--data", str(data), "--weights", "random:0"]
    words += ["--size", "8", "--caches", str(tmp_path / "c")]
    assert console.run(compare_main, words) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert console.run(compare_main, [*runs, *words]) == 2


def test_a_picture_that_cannot_be_drawn_or_written_is_refused_at_once(cache, tmp_path, data):
    run = fit(cache)["run"]
    (tmp_path / "mine.png").write_bytes(b"mine")
    for name in ("mine.png", "none/a.png", "a.jpg", "a.png"):  # the last: no matplotlib here
        with pytest.raises(UsageError):
            compare(CompareOptions(runs=(run,), picture=tmp_path / name))
    assert (tmp_path / "mine.png").read_bytes() == b"mine"


@pytest.mark.slow
def test_the_picture_shows_every_run(cache, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    runs = tuple(fit(cache, seed=seed)["run"] for seed in range(2))
    monkeypatch.setattr(plots, "can_draw", lambda: True)
    heights = []
    for n in (1, 2):
        report = compare(CompareOptions(runs=runs[:n], picture=tmp_path / f"{n}.png"))
        drawn = np.asarray(Image.open(report["picture"]).convert("RGB")).astype(int)
        blue = (np.abs(drawn - (0x1F, 0x6F, 0xB2)).sum(axis=2) < 30).any(axis=1)
        starts = np.flatnonzero(np.diff(blue.astype(int)) == 1)
        assert len(starts) == n  # one dot a run
        heights.append(len(drawn))
    assert heights[0] < heights[1]


def test_a_seed_below_zero_is_a_seed():
    assert accuracy_interval([[300, 40], [60, 200]], -1) is not None


def test_no_backbone_at_all_is_wrong_usage(data, tmp_path):
    with pytest.raises(UsageError, match="no backbone named"):
        rank(RankOptions(backbones=(), data=str(data), caches=tmp_path / "c"))


def test_a_model_file_s_store_lies_below_caches_under_the_file_s_name(data, tmp_path):
    path = tmp_path / "elsewhere" / "mine.keras"
    asked = RankOptions(
        backbones=(str(path),),
        data=str(data),
        caches=tmp_path / "c",
        network=NetworkOptions(size=(8, 8)),
    )
    rank(asked)
    assert Store.open(tmp_path / "c" / "mine.keras").state.parts
    assert not path.exists()


def test_without_names_all_runs_of_the_store_are_compared_and_a_damaged_one_is_said(
    cache, tmp_path, monkeypatch, capsys
):
    runs = [Path(fit(cache, run=name, seed=i)["run"]) for i, name in enumerate("abc")]
    shutil.copytree(runs[0], cache / "runs/tmp-1")  # as a killed training leaves it
    flip(runs[1] / "metrics.json", 20)
    report = compare(CompareOptions(cache=cache))
    assert {entry["run"] for entry in report["runs"]} == {str(runs[0]), str(runs[2])}
    assert [entry["run"] for entry in report["skipped"]] == [str(runs[1])]
    accuracies = [entry["accuracy"] for entry in report["runs"]]
    assert accuracies == sorted(accuracies, reverse=True)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/one").symlink_to(cache)
    monkeypatch.chdir(tmp_path)
    assert console.run(compare_main, []) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1].startswith("cache/one/runs/b: left out: ")
    assert "warning: cache/one/runs/b is left out: " in said.err


def test_a_store_whose_runs_are_all_damaged_or_that_has_none_is_an_error(cache):
    with pytest.raises(UsageError, match="no run yet"):
        compare(CompareOptions(cache=cache))
    flip(Path(fit(cache)["run"]) / "run.json", 20)
    with pytest.raises(DamagedError):
        compare(CompareOptions(cache=cache))


def test_names_of_runs_are_those_of_the_store_that_is_named(cache):
    for name in ("one", "two"):
        fit(cache, run=name)
    report = compare(CompareOptions(runs=("one", "last"), cache=cache))
    assert {Path(entry["run"]).name for entry in report["runs"]} == {"one", "two"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("random:1",), ["random:1", "random:1"]),
        (("ResNet50=random:1,vgg16=random:2",), ["random:1", "random:2"]),
        (("random:1", "vgg16=random:2"), ["random:1", "random:2"]),
        (("vgg16=random:2",), ["random:0", "random:2"]),
    ],
)
def test_each_backbone_has_its_own_weights_those_for_all_or_the_default(
    data, tmp_path, said, expected
):
    caches = tmp_path / "cache"
    rank(
        RankOptions(
            backbones=("resnet50", "vgg16"), data=str(data), caches=caches, network=NETWORK,
            weights=said,
        )
    )  # fmt: skip
    asked = [Store.open(caches / name).about["request"] for name in ("resnet50", "vgg16")]
    assert [request["weights"] for request in asked] == expected


def test_a_path_with_a_comma_is_one_path_where_backbones_and_weights_come_in_pairs(data, tmp_path):
    options = {"data": str(data), "caches": tmp_path / "cache", "network": NETWORK}
    rank(RankOptions(backbones=("vgg16",), weights=(("vgg16", "a,b.h5"),), **options))
    asked = Store.open(tmp_path / "cache/vgg16").about["request"]
    assert asked["weights"].endswith("a,b.h5")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("vgg19=a.h5", "'vgg19' is not compared"),
        ("vgg1=a.h5", "vgg1"),
        ("vgg16=a.h5,vgg16=b.h5", "given twice"),
        ("vgg16=", "names no weights"),
        ("vgg16=a.h5,b.h5", "names no weights"),
        ("./mine.keras=a.h5", "no such"),
    ],
)
def test_weights_that_cannot_be_meant_show_before_anything_computes(
    data, tmp_path, numpy_network, said, message
):
    options = {"data": str(data), "caches": tmp_path / "cache", "network": NETWORK}
    if said.startswith("."):  # a path with = in it is weights for all, as it ever was
        asked = RankOptions(backbones=("vgg16",), weights=(said,), **options)
        rank(asked)
        assert Store.open(tmp_path / "cache/vgg16").about["request"]["weights"].endswith(said[2:])
        return
    with pytest.raises(UsageError, match=message):
        rank(RankOptions(backbones=("vgg16",), weights=(said,), **options))
    assert not numpy_network.opened


def test_a_model_file_has_its_own_weights(data, tmp_path):
    with pytest.raises(UsageError, match="its own weights"):
        rank(
            RankOptions(
                backbones=("mine.keras",), data=str(data), caches=tmp_path,
                weights=("mine.keras=a.h5",), network=NETWORK,
            )
        )  # fmt: skip


def test_the_door_refuses_what_belongs_to_backbones_alone(cache, capsys):
    for words in (["--data", "x"], ["--weights", "imagenet"], ["--backbones", "a", "--cache", "b"]):
        assert console.run(compare_main, words) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3
    assert all("is for --backbones" in line for line in said[:2])
    assert "--caches" in said[2]
