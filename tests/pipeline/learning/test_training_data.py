"""Which images train, validate and test where some of them belong together."""

import shutil

import numpy as np
import pytest
from world import picture

from bottleneck.core import console
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.learning.training_data import training_data
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
BY_NAME = {"group_by": r"/(p\d+)-"}


@pytest.fixture
def data_of(tmp_path, numpy_network):
    def made(root, **options):
        cache = tmp_path / "store"
        extract(ExtractOptions(cache=cache, data=str(root), network=NETWORK, reading=BY_NAME))
        told = console.configure(quiet=False)
        store = Store.open(cache)
        return training_data(store, "photos", TrainOptions(cache=cache, **options), told)

    return made


def people(root, n=20, each=3, part=""):
    for person in range(n):
        for i in range(each):
            name = f"p{person}-{i}.png"
            picture(root / part / ("cat" if i % 2 else "dog") / name, 1000 * person + i + len(part))


def test_no_group_is_on_both_sides_and_more_images_of_it_move_nothing(tmp_path, data_of):
    root = tmp_path / "photos"
    people(root)

    def sides(data):
        of = np.array([key.split(b"/")[1].split(b"-")[0] for key in data.samples.keys[data.at]])
        return {name: set(data.split[of == name].tolist()) for name in set(of.tolist())}

    before = sides(data_of(root))
    assert all(len(side) == 1 for side in before.values())
    assert {0} in before.values()
    assert {1} in before.values()
    people(root, n=26, each=5)
    after = sides(data_of(root))
    assert {name: after[name] for name in before} == before
    assert len(after) == 26


def test_a_group_that_the_data_s_own_split_cuts_is_said_and_left_out_of_training(
    tmp_path, data_of, capsys
):
    root = tmp_path / "photos"
    people(root, part="train")
    for person in (3, 5):
        for name in ("cat", "dog"):
            seed = 90_000 + person + 10 * (name == "cat")
            picture(root / "test" / name / f"p{person}-{seed}.png", seed)
    data = data_of(root)
    assert len(data.left_out["leaking"]) == 6
    assert {key.split(b"/")[2].split(b"-")[0] for key in data.left_out["leaking"]} == {b"p3", b"p5"}
    said = capsys.readouterr().err
    assert "the data's own split cuts 2 groups: 6 images are left out" in said


def test_an_image_that_is_tested_never_validates_under_another_name(tmp_path, data_of, capsys):
    root = tmp_path / "photos"
    people(root, n=12, part="train")
    (root / "test").mkdir()
    for name in ("cat", "dog"):
        (root / "test" / name).mkdir()
        for i, path in enumerate(sorted((root / "train" / name).iterdir())[:8]):
            shutil.copy(path, root / "test" / name / f"q{i}.png")
    data = data_of(root)
    tested = {bytes(each) for each in data.digests[data.split == 2]}
    assert len(tested) == 16
    assert not tested & {bytes(each) for each in data.digests[data.split < 2]}
    assert len(data.left_out["leaking"]) >= 16


def test_with_folds_the_data_s_own_validation_is_folded_with_the_rest(tmp_path, data_of):
    root = tmp_path / "photos"
    people(root, part="train")
    people(root, n=30, part="val")
    plain, folded = data_of(root), data_of(root, folds=3)
    # Without folds, all of train that has a group in val is left out.
    assert plain.counts["train"] == 0
    assert plain.counts["val"] == 90
    assert folded.counts["train"] + folded.counts["val"] == 150
    assert folded.counts["val"] < 90


def test_a_training_says_how_many_were_left_out_for_it(tmp_path, data_of):
    root = tmp_path / "photos"
    people(root, part="train")
    picture(root / "test/cat/p1-9.png", 9)
    picture(root / "test/dog/p99-9.png", 10)
    data_of(root)
    report = train(TrainOptions(cache=tmp_path / "store"))
    assert report["left_out"]["leaking"] == 3
