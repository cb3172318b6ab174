"""Several tables that are one source, against each of them alone."""

import csv

import numpy as np
import pytest
from world import picture

from bottleneck.core.errors import DataError
from bottleneck.core.sample import SPLITS
from bottleneck.data.catalog import open_source, reopen


def write(path, rows, header=("filename", "label")):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows] if header else rows)
    for i, row in enumerate(rows):
        picture(path.parent / row[0], sum(map(ord, path.stem)) + i)


@pytest.fixture
def pair(tmp_path):
    """train.csv and test.csv, of three and two images in one folder."""
    write(tmp_path / "train.csv", [("a.png", "cat"), ("b.png", "dog"), ("c.png", "cat")])
    write(tmp_path / "test.csv", [("d.png", "dog"), ("e.png", "cat")])
    return tmp_path


def said(listing):
    """Return split and class of each key."""
    names = [*listing.classes, None]
    return {
        key.decode(): (SPLITS[split], names[label])
        for key, split, label in zip(
            listing.keys.tolist(), listing.splits, listing.labels, strict=True
        )
    }


@pytest.mark.parametrize("pattern", ["t*.csv", "{train,test}.csv", "*.csv"])
def test_train_and_test_are_one_source(pair, pattern):
    source = open_source(str(pair / pattern))
    listing = source.list()
    assert said(listing) == {
        "test.csv/d.png": ("test", "dog"),
        "test.csv/e.png": ("test", "cat"),
        "train.csv/a.png": ("train", "cat"),
        "train.csv/b.png": ("train", "dog"),
        "train.csv/c.png": ("train", "cat"),
    }
    assert listing.keys.tolist() == sorted(listing.keys.tolist())
    for i, key in enumerate(listing.keys.tolist()):
        assert source.read(i).content == (pair / key.decode().split("/")[1]).read_bytes()
    assert listing.understood.splits == {"train": "train", "test": "test"}
    assert listing.understood.columns == {"filename": "filename", "label": "label"}
    assert not any("so all of it is train" in note for note in listing.understood.notes)
    assert said(reopen(source.spec).list()) == said(listing)


def test_what_a_table_says_counts_before_its_name(tmp_path):
    header = ("filename", "label", "split")
    rows = [("a.png", "cat", "train"), ("b.png", "dog", "val")]
    write(tmp_path / "train.csv", rows, header)
    write(tmp_path / "test.csv", [("c.png", "cat")])
    listing = open_source(str(tmp_path / "*.csv")).list()
    assert [split for split, _ in said(listing).values()] == ["test", "train", "val"]
    assert any(
        "train.csv: filename is filename, label is label, split" in note
        for note in listing.understood.notes
    )


def test_names_of_which_only_some_say_a_split_are_refused(pair):
    write(pair / "more.csv", [("f.png", "cat")])
    with pytest.raises(DataError, match=r"say a split, and more\.csv says none"):
        open_source(str(pair / "*.csv")).list()


def test_names_that_say_nothing_are_all_train_and_that_is_said(tmp_path):
    for i in range(2):
        write(tmp_path / f"part{i}.csv", [(f"{i}.png", "cat"), (f"{i}b.png", "dog")])
    listing = open_source(str(tmp_path / "part*.csv")).list()
    assert {split for split, _ in said(listing).values()} == {"train"}
    assert "nothing says a split, so all of it is train" in listing.understood.notes


def test_folders_say_the_split_where_names_do_not(tmp_path):
    write(tmp_path / "train" / "0000.csv", [("a.png", "cat"), ("b.png", "dog")])
    write(tmp_path / "validation" / "0000.csv", [("a.png", "cat")])
    listing = open_source(str(tmp_path / "*" / "*.csv")).list()
    assert said(listing) == {
        "train/0000.csv/a.png": ("train", "cat"),
        "train/0000.csv/b.png": ("train", "dog"),
        "validation/0000.csv/a.png": ("val", "cat"),
    }
    assert listing.understood.splits == {"train": "train", "validation": "val"}


def test_classes_of_two_tables_that_are_one_for_a_person_are_refused_or_joined(pair):
    write(pair / "test.csv", [("d.png", "Dog"), ("e.png", "cat")])
    with pytest.raises(DataError, match="--join-classes"):
        open_source(str(pair / "*.csv")).list()
    listing = open_source(str(pair / "*.csv"), {"join_classes": True}).list()
    assert listing.classes == ("Dog", "cat")


def test_a_class_that_train_has_none_of_is_said(pair):
    write(pair / "test.csv", [("d.png", "bird")])
    listing = open_source(str(pair / "*.csv")).list()
    assert "class bird is in test and not in train" in listing.understood.notes


def test_a_table_without_labels_has_none(pair):
    write(pair / "test.csv", [("d.png",), ("e.png",)], ("filename",))
    listing = open_source(str(pair / "*.csv")).list()
    assert said(listing)["test.csv/d.png"] == ("test", None)
    assert listing.classes == ("cat", "dog")


def test_several_labels_are_put_together_and_missing_where_a_table_has_none(pair):
    header = ("filename", "cat", "dog")
    write(pair / "train.csv", [("a.png", 1, 1), ("b.png", 0, 1)], header)
    write(pair / "test.csv", [("d.png",)], ("filename",))
    listing = open_source(str(pair / "*.csv")).list()
    assert np.array_equal(
        listing.targets.values, np.array([[np.nan, np.nan], [1, 1], [0, 1]]), equal_nan=True
    )
    write(pair / "test.csv", [("d.png", "dog")])
    with pytest.raises(DataError, match=r"other labels than"):
        open_source(str(pair / "*.csv")).list()


def test_patterns_see_the_names_of_the_tables(pair):
    listing = open_source(str(pair / "*.csv"), {"exclude": ["test.csv/*", "x*"]}).list()
    assert [*said(listing)] == ["train.csv/a.png", "train.csv/b.png", "train.csv/c.png"]
    assert listing.skipped["excluded"] == 2
    assert "--exclude 'x*' matches no image" in listing.understood.notes


def test_a_table_that_is_named_and_not_there_is_refused(pair):
    (pair / "test.csv").unlink()
    with pytest.raises(DataError, match=r"is not there.*test\.csv"):
        open_source(str(pair / "{train,test}.csv")).list()
    with pytest.raises(DataError, match="no file matches"):
        open_source(str(pair / "x*.csv")).list()


def test_shards_of_parquet_with_their_images(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    content = {}
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        rows = []
        for i in range(3):
            data = picture(tmp_path / "x.png", len(content)).read_bytes()
            content[f"{name}.parquet/{i:08d}"] = data
            rows.append({"image": {"bytes": data, "path": f"{i}.png"}, "label": f"c{i % 2}"})
        (tmp_path / "data").mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data" / f"{name}.parquet")
    with pytest.raises(DataError, match=r"give what is there: --data '.*data/\*\.parquet'"):
        open_source(str(tmp_path / "data")).list()
    source = open_source(str(tmp_path / "data" / "*.parquet"))
    listing = source.list()
    keys = [key.decode() for key in listing.keys.tolist()]
    assert {key: bytes(source.read(i).content) for i, key in enumerate(keys)} == content
    assert said(listing)["test-00000-of-00001.parquet/00000001"] == ("test", "c1")
    assert listing.splits.tolist() == [2] * 3 + [0] * 6
    assert listing.understood.splits == {"train": "train", "test": "test"}


def test_shards_that_are_not_there_are_said(tmp_path):
    for i, name in enumerate(
        ["train-00000-of-00004", "train-00002-of-00004", "test-00000-of-00001"]
    ):
        write(tmp_path / f"{name}.csv", [(f"{i}.png", "cat"), (f"{i}b.png", "dog")])
    notes = open_source(str(tmp_path / "*.csv")).list().understood.notes
    assert "train-00001-of-00004 and 1 more are not among its files" in notes
    assert not any("each of them" in note or "csv:" in note for note in notes)
    notes = open_source(str(tmp_path / "train-00000-of-00004.csv")).list().understood.notes
    assert "train-00001-of-00004 and 2 more are not among its files" in notes
    notes = open_source(str(tmp_path / "test-00000-of-00001.csv")).list().understood.notes
    assert not any("not among" in note for note in notes)


def test_a_table_whose_name_says_the_split_does_not_say_that_all_of_it_is_train(tmp_path):
    write(tmp_path / "Train.csv", [(f"Train/{i}.png", i % 2) for i in range(4)])
    write(tmp_path / "Test.csv", [(f"Test/{i}.png", i % 2) for i in range(4)])
    alone = open_source(str(tmp_path / "Test.csv")).list()
    assert any("so all of it is train" in note for note in alone.understood.notes)
    listing = open_source(str(tmp_path / "{Train,Test}.csv")).list()
    assert listing.splits.tolist() == [2] * 4 + [0] * 4
    assert not any("all of it" in note for note in listing.understood.notes)


def test_a_table_whose_name_says_another_split_than_its_paths_says_which_counts(tmp_path):
    write(tmp_path / "train.csv", [(f"test/{i}.png", i % 2) for i in range(4)])
    write(tmp_path / "val.csv", [(f"x/{i}.png", i % 2) for i in range(4)])
    listing = open_source(str(tmp_path / "{train,val}.csv")).list()
    assert listing.splits.tolist() == [0] * 4 + [1] * 4
    (note,) = (note for note in listing.understood.notes if "all of it" in note)
    assert note.endswith("have a folder test, but all of it is train, as the table's name says")
