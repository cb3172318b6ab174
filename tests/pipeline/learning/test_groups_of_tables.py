"""A table's groups from file to fold: none lies on both sides, and they alone compute nothing."""

import csv
import io
import itertools
import random
from pathlib import Path

import pytest
from world import picture

from bottleneck._extract_lines import lines
from bottleneck.core import console
from bottleneck.core.reporter import SILENT
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.folds import FILE
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.learning.training_data import training_data
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
N = 40


@pytest.fixture
def patients():
    """Of 40 images, whose they are: 13 patients, whom no class and no order tells apart."""
    drawn = random.Random(3)
    return [drawn.randrange(13) for _ in range(N)]


@pytest.fixture
def extracted(tmp_path, numpy_network):
    """A table of 40 images in a store; their patients in a column of this name."""

    def make(patients, column="group", reading=(), split=None):
        lines = [["filename", "label", column, *(["split"] if split else [])]]
        for i, patient in enumerate(patients):
            picture(tmp_path / "img" / f"{i:02}.png", i)
            row = [f"img/{i:02}.png", "cat" if i % 2 else "dog", f"p{patient}"]
            lines.append([*row, split[i]] if split else row)
        text = io.StringIO()
        csv.writer(text).writerows(lines)
        (tmp_path / "t.csv").write_text(text.getvalue())
        return extract(
            ExtractOptions(
                cache=tmp_path / "store", data=str(tmp_path / "t.csv"), network=NETWORK,
                reading=dict(reading),
            )
        )  # fmt: skip

    return make


def number(key):
    return int(key.split("/")[-1].removesuffix(".png"))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("column", "reading"), [("group", {}), ("patient_id", {"group_column": "patient_id"})]
)
def test_no_group_lies_on_both_sides_of_a_split_or_in_two_folds(
    tmp_path, extracted, patients, column, reading, seed
):
    extracted(patients, column, reading)
    store = Store.open(tmp_path / "store")
    data = training_data(store, "t.csv", TrainOptions(cache=store.path, seed=seed), SILENT)
    sides = {}
    for key, split in zip(data.samples.keys[data.at].tolist(), data.split.tolist(), strict=True):
        sides.setdefault(patients[number(key.decode())], set()).add(split)
    assert {len(side) for side in sides.values()} == {1}
    assert {*itertools.chain(*sides.values())} == {0, 1}
    report = train(TrainOptions(cache=store.path, folds=4, seed=seed))
    table = csv.DictReader(io.StringIO((Path(report["run"]) / FILE).read_text()))
    folds = {}
    for line in table:
        folds.setdefault(patients[number(line["key"])], set()).add(line["fold"])
    assert {len(fold) for fold in folds.values()} == {1}
    assert {*itertools.chain(*folds.values())} == {"1", "2", "3", "4"}


def test_without_groups_some_patient_is_on_both_sides(tmp_path, extracted, patients):
    extracted(patients, "patient_id")
    store = Store.open(tmp_path / "store")
    data = training_data(store, "t.csv", TrainOptions(cache=store.path), SILENT)
    sides = {}
    for key, split in zip(data.samples.keys[data.at].tolist(), data.split.tolist(), strict=True):
        sides.setdefault(patients[number(key.decode())], set()).add(split)
    assert max(len(side) for side in sides.values()) == 2


def test_a_change_of_groups_alone_computes_nothing_and_is_said(tmp_path, extracted, patients):
    assert extracted(patients)["computed"] == N
    again = extracted(patients)
    assert (again["computed"], again["changed_group"]) == (0, 0)
    moved = [patients[0] + 100, *patients[1:7], patients[7] + 1, *patients[8:]]
    report = extracted(moved)
    assert (report["computed"], report["changed"], report["changed_group"]) == (0, 0, 2)
    samples = Store.open(tmp_path / "store").snapshot(None).samples
    assert [samples.groups.names[i] for i in samples.groups.numbers] == [f"p{p}" for p in moved]
    report = extracted(moved, reading={"group_column": ""})
    assert (report["computed"], report["changed_group"]) == (0, N)
    assert Store.open(tmp_path / "store").snapshot(None).samples.groups is None


def test_a_split_of_the_table_that_cuts_a_patient_leaves_the_training_images_out(
    tmp_path, extracted, patients
):
    split = ["test" if i < 6 else "train" for i in range(N)]
    said = extracted(patients, split=split)
    report = train(TrainOptions(cache=tmp_path / "store"))
    tested = {*patients[:6]}
    n = sum(p in tested for p in patients[6:])
    assert report["left_out"]["leaking"] == n > 0
    assert (said["leaking"], said["leaking_by_group"]) == (0, n)
    words = f"the same group in train and in val or test: {n} images of train, left out by training"
    assert words in lines(said)


def test_where_no_group_was_drawn_to_validate_that_is_said(tmp_path, extracted, capsys):
    extracted([i // 2 % 2 for i in range(N)])
    for seed in range(20):
        capsys.readouterr()
        report = train(
            TrainOptions(cache=tmp_path / "store", seed=seed), console.configure(quiet=False)
        )
        told = "the images are 2 groups, of which none was drawn to validate"
        assert (told in capsys.readouterr().err) == (not report["samples"]["val"])
        if not report["samples"]["val"]:
            break
    else:
        pytest.fail("no seed of 20 left both groups to train on")
