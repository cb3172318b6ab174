"""Decisions in training: what is dropped trains nothing, what is relabelled is what was said."""

import json

import numpy as np
import pytest
from world import picture, tree

import bottleneck
from bottleneck.core.errors import DataError
from bottleneck.core.reporter import SILENT
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.compare import CompareOptions, compare
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.learning.training_data import TRAIN, training_data
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store
from bottleneck.train import lines, main

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture
def cache(tmp_path, photos, numpy_network, monkeypatch):
    monkeypatch.setattr("bottleneck.pictures.plots.can_draw", lambda: False)  # for speed
    for i in range(12, 40):
        picture(photos / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=NETWORK))
    return tmp_path / "store"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "decisions.csv"
    path.write_text(
        "key,decision,label\ncat/13.png,drop,\ncat/15.png,relabel,dog\ncat/17.png,relabel,ape\n"
        "dog/12.png,keep,\nx.png,drop,\n"
    )
    return path


def data_of(cache, **options):
    store = Store.open(cache)
    told = TrainOptions(cache=cache, **options)
    return training_data(store, store.source_name(None), told, SILENT)


def told(data):
    names = np.array(data.names)[data.labels]
    keys = [bytes(key).decode() for key in data.samples.keys[data.at]]
    return dict(zip(keys, names.tolist(), strict=True))


def test_labels_are_the_ones_that_were_decided(cache, file):
    plain, decided = data_of(cache), data_of(cache, decisions=file)
    want = {**told(plain), "cat/15.png": "dog", "cat/17.png": "ape"}
    del want["cat/13.png"]
    assert told(decided) == want
    assert [bytes(key) for key in decided.left_out["dropped"]] == [b"cat/13.png"]
    assert "dropped" not in plain.left_out


def test_decisions_move_no_image_between_training_and_validation(cache, file):
    plain, decided = data_of(cache), data_of(cache, decisions=file)
    before = dict(zip(plain.at.tolist(), plain.split.tolist(), strict=True))
    after = dict(zip(decided.at.tolist(), decided.split.tolist(), strict=True))
    assert TRAIN in after.values()
    assert after.items() <= before.items()


def test_report_receipt_and_page_say_it_and_neither_source_nor_snapshot_changes(
    cache, file, photos
):
    before, commit = tree(photos), Store.open(cache).state.number
    report = train(TrainOptions(cache=cache, decisions=file, run="r", validation_split=0.3))
    assert report["decisions"]["not_found_keys"] == ["x.png"]
    assert report["left_out"]["dropped"] == 1
    assert any("1 dropped (a decision of yours: cat/13.png)" in line for line in lines(report))
    receipt = json.loads((cache / "runs/r/run.json").read_text())
    assert receipt["decisions"] == report["decisions"]
    assert receipt["classes"] == ["ape", "cat", "dog"]
    assert receipt["options"]["decisions"] == str(file)
    words = f"decisions of {file}: 1 kept, 2 relabelled, 1 dropped"
    for name in ("report.html", "README.md"):
        assert words in (cache / "runs/r" / name).read_text().replace("\\_", "_")
    assert f"--decisions {file}" in (cache / "runs/r/README.md").read_text()
    assert tree(photos) == before
    assert Store.open(cache).state.number == commit
    assert Store.open(cache).snapshot().samples.classes == ("cat", "dog")
    plain = train(TrainOptions(cache=cache, run="p"))
    assert "decisions" not in plain
    assert "decisions" not in json.loads((cache / "runs/p/run.json").read_text())


def test_runs_with_other_decisions_were_not_judged_alike(cache, file, caplog):
    other = file.with_name("other.csv")
    other.write_text("key,decision,label\ncat/21.png,relabel,dog\n")
    for run, decisions in (("a", None), ("b", other), ("c", other)):
        train(TrainOptions(cache=cache, run=run, decisions=decisions))
    runs = [str(cache / "runs" / run) for run in "abc"]
    assert compare(CompareOptions(runs=tuple(runs[1:])))["same_images"]
    assert "judged" not in caplog.text
    assert not compare(CompareOptions(runs=tuple(runs)))["same_images"]
    assert "on the same images with the same decisions (--decisions)" in caplog.text


def test_what_is_wrong_is_one_line_and_a_code(cache, file, capsys):
    from bottleneck.core import console

    file.write_text("key,decision\ncat/13.png,remove\n")
    code = console.run(main, ["--cache", str(cache), "--decisions", str(file)])
    said = capsys.readouterr().err.strip().splitlines()
    assert code == 3
    assert said[-1].endswith(f"line 2 has the decision 'remove': {file}: say keep, relabel, drop")


def test_the_whole_of_a_class_can_be_dropped_but_not_all_images(cache, file):
    keys = sorted(told(data_of(cache)))
    file.write_text("key,decision\n" + "".join(f"{key},drop\n" for key in keys))
    with pytest.raises(DataError, match="no sample has a label"):
        train(TrainOptions(cache=cache, decisions=file))


def test_from_python_and_for_several_backbones(cache, file, tmp_path, photos):
    report = bottleneck.train_head(cache, decisions=str(file))
    assert report["decisions"]["drop"] == 1
    ranked = bottleneck.compare_backbones(
        "resnet50", photos, caches=tmp_path / "c", weights="random:0", size=8, decisions=file
    )
    run = ranked["runs"][0]["run"]
    from pathlib import Path

    assert json.loads((Path(run) / "run.json").read_text())["decisions"]["relabel"] == 2
    file.write_text("nothing\n")
    with pytest.raises(DataError, match="no column key"):
        bottleneck.compare_backbones(
            "resnet50", photos, caches=tmp_path / "d", weights="random:0", size=8, decisions=file
        )
    assert not (tmp_path / "d").exists()
