"""Lists of train and test beside class folders are said, and the way that is said reads them."""

import os
import re
import shlex
import zipfile

import pytest
from world import picture

from bottleneck.core.sample import SPLITS
from bottleneck.data.catalog import open_source


@pytest.fixture
def food(tmp_path):
    """Images as Food-101 has them: images/pie/1.jpg, meta/train.txt with lines such as pie/1."""
    for i, name in enumerate(["pie/1", "pie/2", "cake/1", "cake/2"]):
        picture(tmp_path / "food" / "images" / f"{name}.png", i)
    (tmp_path / "food" / "meta").mkdir()
    (tmp_path / "food" / "meta" / "classes.txt").write_text("cake\npie\n")
    return tmp_path / "food"


def write(food, ending="", between="", where="meta"):
    (food / where).mkdir(exist_ok=True)
    for split, i in (("train", 1), ("test", 2)):
        lines = [f"{name}/{i}{ending}{between}" for name in ("pie", "cake")]
        (food / where / f"{split}.txt").write_text("\n".join(lines) + "\n")


def note(source):
    return next(
        (each for each in source.list().understood.notes if "these images by split" in each), None
    )


def pasted(said):
    """Return what `--data …` at the end of a note opens."""
    words = shlex.split(re.search(r"to read them: (.*)", said)[1])
    assert [words[0], *words[2:4]] == ["--data", "--no-header", "--file-column"]
    assert [words[5], words[7]] == ["--root", "--label-from"]
    told = {"header": False, "file_column": words[4], "root": [words[6]], "label_from": words[8]}
    return open_source(words[1], told)


@pytest.mark.parametrize("ending", ["", ".png"])
@pytest.mark.parametrize(("between", "where"), [("", "meta"), (" 3", "."), (",7", "lists")])
def test_lists_are_said_and_read_in_the_way_that_is_said(food, ending, between, where):
    write(food, ending, between, where)
    said = note(open_source(str(food)))
    place = "" if where == "." else f"{where}/"
    assert f"{place}test.txt, {place}train.txt name these images" in said
    listing = pasted(said).list()
    found = [
        (key.split(b"/", 1)[1].decode().removesuffix(".png"), SPLITS[split], listing.classes[label])
        for key, split, label in zip(
            listing.keys.tolist(), listing.splits, listing.labels, strict=True
        )
    ]
    assert found == [
        ("cake/2", "test", "cake"),
        ("pie/2", "test", "pie"),
        ("cake/1", "train", "cake"),
        ("pie/1", "train", "pie"),
    ]


@pytest.mark.parametrize("wrapper", ["food-101", "a/b"])
def test_lists_below_folders_around_all_images_are_said(food, tmp_path, wrapper):
    write(food)
    inner = tmp_path / "whole" / wrapper
    inner.parent.mkdir(parents=True)
    food.rename(inner)
    said = note(open_source(str(tmp_path / "whole")))
    assert f"{wrapper}/meta/test.txt, {wrapper}/meta/train.txt name these images" in said
    assert sorted(pasted(said).list().splits.tolist()) == [0, 0, 2, 2]


def test_a_list_of_numbers_by_whose_name_it_says_both_is_named(food):
    (food / "train_test_split.txt").write_text("1 1\n2 0\n")
    (notes,) = [n for n in open_source(str(food)).list().understood.notes if "splits" in n]
    assert notes.startswith("train_test_split.txt may say their splits, and is not read")


def test_lists_in_an_archive_are_named(food):
    write(food)
    with zipfile.ZipFile(food.parent / "a.zip", "w") as archive:
        for path in food.rglob("*.*"):
            archive.write(path, path.relative_to(food))
    notes = open_source(str(food.parent / "a.zip")).list().understood.notes
    assert any("meta/test.txt" in n and "may say their splits: unpack it" in n for n in notes)


def test_other_texts_are_not_said(food):
    (food / "meta" / "train.txt").write_text("how it was trained\n")
    (food / "meta" / "test.txt").write_text("salad/1\n")
    (food / "meta" / "list.txt").write_text("pie/1\n")
    os.mkfifo(food / "meta" / "val.txt")
    assert note(open_source(str(food))) is None


def test_lists_are_not_said_where_folders_are_splits(food):
    write(food)
    for split in ("train", "test"):
        (food / "images" / split).mkdir()
    (food / "images" / "pie").rename(food / "images" / "train" / "pie")
    (food / "images" / "cake").rename(food / "images" / "test" / "pie")
    assert note(open_source(str(food))) is None
