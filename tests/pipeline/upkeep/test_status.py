"""Status: what was understood of a source, which images are not used and why, several stores."""

import json
import shutil

import numpy as np
import pytest
from world import picture

from bottleneck.core import console
from bottleneck.core.errors import first_code
from bottleneck.core.sample import Samples, key_array
from bottleneck.extract import main as extract
from bottleneck.pipeline.upkeep.left_out import left_out, same_bytes
from bottleneck.status import main


def fill(data, cache):
    """Extract a folder into a store, through the door."""
    words = ["--data", str(data), "--cache", str(cache), "--backbone", "resnet50"]
    assert console.run(extract, [*words, "--weights", "random:0", "--size", "8"]) == 0
    return cache


def status(capsys, *words):
    """Return the code, stdout and stderr of a status."""
    capsys.readouterr()
    code = console.run(main, [str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def twins(tmp_path, numpy_network):
    """A store of splits in which bytes occur twice: under two labels, and in train and test."""
    data = tmp_path / "data"
    for i in range(10):
        picture(data / "train" / ("cat" if i % 2 else "dog") / f"{i}.png", i)
    picture(data / "test/cat/new.png", 20)
    shutil.copy(data / "train/cat/1.png", data / "train/dog/1_again.png")
    shutil.copy(data / "train/cat/5.png", data / "test/cat/5.png")
    picture(data / "train/alone.png", 21)
    (data / "train/cat/broken.png").write_text("not an image")
    return fill(data, tmp_path / "store")


def test_what_was_understood_of_network_and_source_is_said(twins, capsys):
    code, out, _ = status(capsys, "--cache", twins)
    assert code == 0
    for line in (
        "network: numpy, weights none, cut before the classes, pooling none, "
        "images of 8 x 8 pixels, rows of 6 float16",
        "data: 2 classes (cat, dog); train 13, test 2",
        "data: 1 without a label",
        "conflicting train/cat/1.png: same bytes with two labels: not used for training",
        "leaking train/cat/5.png: same bytes in train and in val or test: not used for training",
    ):
        assert line in out.splitlines()
    assert "set aside train/cat/broken.png: " in out
    _, out, _ = status(capsys, "--cache", twins, "--json")
    found = json.loads(out)
    assert found["network"]["shape"] == [6]
    (source,) = found["sources"]
    assert source["classes"] == ["cat", "dog"]
    assert source["splits"] == {"train": 13, "val": 0, "test": 2}
    assert source["unlabelled"] == 1
    assert source["conflicting"] == ["train/cat/1.png", "train/dog/1_again.png"]
    assert source["leaking"] == ["train/cat/5.png"]


def test_why_names_the_images_of_the_same_bytes_and_what_follows_for_training(twins, capsys):
    _, out, _ = status(capsys, "--cache", twins, "--why", "train/cat/1.png")
    assert "same bytes: train/dog/1_again.png (class dog, split train)" in out
    assert "training leaves it out: the same bytes have two labels" in out
    _, out, _ = status(capsys, "--cache", twins, "--why", "train/cat/5.png")
    assert "same bytes: test/cat/5.png (class cat, split test)" in out
    assert "training leaves it out: the same bytes are in val or test as well" in out
    _, out, _ = status(capsys, "--cache", twins, "--why", "test/cat/5.png", "--json")
    why = json.loads(out)["why"]
    assert (why["conflicting"], why["leaking"]) == (False, False)
    assert why["same_bytes"] == [{"key": "train/cat/5.png", "class": "cat", "split": "train"}]
    _, out, _ = status(capsys, "--cache", twins, "--why", "train/dog/0.png")
    assert "same bytes" not in out
    assert "training leaves it out" not in out


def test_of_an_image_whose_group_is_cut_the_group_is_named_and_not_its_bytes(
    tmp_path, numpy_network, capsys
):
    lines = ["filename,label,group,split"]
    for i in range(8):
        picture(tmp_path / f"{i}.png", i)
        lines.append(
            f"{i}.png,{'cat' if i % 2 else 'dog'},p{i // 2},{'test' if i > 4 else 'train'}"
        )
    (tmp_path / "t.csv").write_text("\n".join(lines))
    cache = fill(tmp_path / "t.csv", tmp_path / "store")
    _, out, _ = status(capsys, "--cache", cache)
    why = "others of its group are in val or test"
    assert f"leaking 4.png: {why}: not used for training" in out.splitlines()
    assert "same bytes" not in out
    _, out, _ = status(capsys, "--cache", cache, "--why", "4.png")
    assert f"training leaves it out: {why}" in out
    assert "group: p2" in out
    assert "same bytes" not in out
    _, out, _ = status(capsys, "--cache", cache, "--json")
    (source,) = json.loads(out)["sources"]
    assert source["leaking"] == source["leaking_by_group"] == ["4.png"]


def test_training_leaves_out_what_status_says(twins, capsys):
    from bottleneck.train import main as train

    capsys.readouterr()
    assert console.run(train, ["--cache", str(twins), "--json"]) == 0
    trained = json.loads(capsys.readouterr().out)["left_out"]
    _, out, _ = status(capsys, "--cache", twins, "--json")
    (source,) = json.loads(out)["sources"]
    said = {word: len(source[word]) for word in ("conflicting", "leaking")}
    assert said == {word: trained[word] for word in said}


def test_a_sample_without_a_row_or_a_label_is_neither_conflicting_nor_leaking():
    digests = np.zeros((5, 32), np.uint8)
    samples = Samples(
        keys=key_array([b"a", b"b", b"c", b"d", b"e"]),
        digests=digests,
        known=np.array([True, True, True, True, False]),
        labels=np.array([0, 0, 1, -1, 1], np.int32),
        splits=np.array([0, 2, 0, 0, 0], np.uint8),
        classes=("x", "y"),
    )
    with_row = np.array([True, True, False, True, False])
    found = left_out(samples, with_row)
    assert found.conflicting.tolist() == []
    assert found.leaking.tolist() == [0]
    assert left_out(samples, with_row | samples.known).conflicting.tolist() == [0, 1, 2]
    assert same_bytes(samples, 0).tolist() == [1, 2, 3]
    assert same_bytes(samples, 4).tolist() == []


def test_several_stores_are_shown_in_turn_and_one_that_fails_does_not_hide_the_others(
    tmp_path, photos, numpy_network, later, capsys
):
    one = fill(photos, tmp_path / "one")
    other = fill(photos, tmp_path / "other")
    later()
    code, out, _ = status(capsys, "--cache", one, "--cache", other)
    assert code == 0
    assert out.index(f"{one}: commit") < out.index(f"{other}: commit")
    none = tmp_path / "none"
    code, out, err = status(capsys, "--cache", none, "--cache", other, "--json")
    assert code == 2
    assert err.startswith("error: not a feature store")
    first, second = json.loads(out)["stores"]
    assert (first["store"], first["code"], first["error"]["code"]) == (str(none), 2, 2)
    assert (second["store"], second["code"]) == (str(other), 0)
    assert second["rows"] == 12
    code, _, err = status(capsys, "--cache", one, "--cache", other, "--picture", "a.png")
    assert (code, "one file for several stores" in err) == (2, True)


def test_the_code_of_several_stores_is_that_of_the_gravest():
    assert first_code([0, 75, 2, 0]) == 2
    assert first_code([6, 0]) == 6
    assert first_code([6, 75]) == 75
    assert first_code([4, 5, 12]) == 5
    assert first_code([0, 0]) == first_code([]) == 0


def test_why_tells_targets_and_group_and_in_which_sources_the_key_is_too(
    tmp_path, numpy_network, capsys
):
    for i in range(4):
        picture(tmp_path / f"{i}.png", i)
    (tmp_path / "tags.csv").write_text("filename,cat,dog,group\n0.png,1,1,p1\n1.png,0,,p2\n")
    (tmp_path / "age.csv").write_text("filename,target\n0.png,2.5\n2.png,\n")
    cache = fill(tmp_path / "tags.csv", tmp_path / "store")
    fill(tmp_path / "age.csv", cache)
    told = status(capsys, "--cache", cache, "--source", "tags.csv", "--why", "0.png")[1]
    assert {"cat: 1", "dog: 1", "group: p1"} <= {*told.splitlines()}
    assert "also in" not in told
    told = status(capsys, "--cache", cache, "--source", "tags.csv", "--why", "1.png")[1]
    assert {"cat: 0", "dog: not known"} <= {*told.splitlines()}
    told = status(capsys, "--cache", cache, "--why", "0.png")[1]
    assert "target: 2.5" in told.splitlines()
    assert "the key is also in tags.csv: --source NAME tells of that image" in told
    why = json.loads(status(capsys, "--cache", cache, "--why", "2.png", "--json")[1])["why"]
    assert (why["targets"], why["group"], why["also_in"]) == ({"target": None}, None, [])
