"""A folder without images, or without labels, names what lies there and how it is read."""

import gzip
import os
import re
import shlex
import struct
import tarfile
import zipfile

import numpy as np
import pytest

from bottleneck.core.errors import DataError
from bottleneck.data.catalog import open_source
from bottleneck.data.folder import FolderSource
from bottleneck.data.instead import names_images


def offered(text):
    """Return what each --data of a message reads, and what else it is told."""
    found = []
    for way in re.split(r", or |, …", text[text.index("--data ") :]):
        words = shlex.split(way)
        told = dict(zip(words[2::2], words[3::2], strict=False))
        if "--no-header" in words:
            words.remove("--no-header")
            told = dict(zip(words[2::2], words[3::2], strict=False)) | {"header": False}
        reading = {name.removeprefix("--").replace("-", "_"): v for name, v in told.items()}
        found.append((words[1], reading))
    return found


def a_zip(path, draw, folders=("cat", "dog")):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for i, name in enumerate(folders):
            archive.writestr(f"{name}/1.png", draw(seed=i))
    return path


def a_tar(path, plant, mode="w"):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        archive.add(plant("cat/1.png", "dog/1.png"), ".")
    return path


def an_idx(path, n=3, rank=3):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (n, 4, 4)[:rank]
    data = struct.pack(f">HBB{rank}I", 0, 8, rank, *shape) + bytes(int(np.prod(shape)))
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


@pytest.fixture
def here(tmp_path):
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.mark.parametrize("name", ["photos.zip", "a/b/photos.zip"])
def test_an_archive_alone_is_named(here, draw, name):
    a_zip(here / name, draw)
    with pytest.raises(
        DataError, match=rf"no images, but {name} \(left alone: 1 other\)"
    ) as caught:
        FolderSource(here).list()
    assert offered(caught.value.do) == [(str(here / name), {})]
    assert open_source(str(here / name)).list().classes == ("cat", "dog")


def test_several_archives_of_one_kind_are_given_as_a_pattern(here, draw):
    a_zip(here / "train.zip", draw)
    a_zip(here / "test.zip", draw)
    with pytest.raises(DataError, match=r"no images, but test\.zip, train\.zip") as caught:
        FolderSource(here).list()
    ((data, told),) = offered(caught.value.do)
    assert (data, told) == (str(here / "*.zip"), {})
    assert open_source(data).list().splits.tolist() == [2, 2, 0, 0]


def test_a_packed_archive_is_given_with_the_option_that_it_needs(here, plant):
    a_tar(here / "photos.tar.gz", plant, "w:gz")
    with pytest.raises(DataError, match=r"no images, but photos\.tar\.gz") as caught:
        FolderSource(here).list()
    assert offered(caught.value.do) == [(str(here / "photos.tar.gz"), {"unpack": "FOLDER"})]


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_files_of_mnist_a_folder_below_are_named_by_their_folder(here, packed):
    for name in ("train", "t10k"):
        an_idx(here / "MNIST" / "raw" / f"{name}-images-idx3-ubyte{packed}")
        an_idx(here / "MNIST" / "raw" / f"{name}-labels-idx1-ubyte{packed}", rank=1)
    with pytest.raises(DataError, match="no images, but files of IDX in MNIST/raw") as caught:
        FolderSource(here).list()
    ((data, told),) = offered(caught.value.do)
    assert not told
    assert len(open_source(data).list()) == 6


def test_files_of_idx_under_other_names_are_named_one_by_one(here):
    for name in ("emnist-letters-train", "emnist-digits-train"):
        an_idx(here / f"{name}-images-idx3-ubyte")
        an_idx(here / f"{name}-labels-idx1-ubyte", rank=1)
    with pytest.raises(DataError, match="but emnist-digits-train-images-idx3-ubyte, ") as caught:
        FolderSource(here).list()
    assert [len(open_source(data).list()) for data, _ in offered(caught.value.do)] == [3, 3]


def test_batches_of_cifar_a_folder_below_are_named(here, batches):
    batches().rename(here / "cifar-10-batches-py")
    with pytest.raises(DataError, match="files of CIFAR in cifar-10-batches-py") as caught:
        FolderSource(here).list()
    ((data, _),) = offered(caught.value.do)
    assert len(open_source(data).list()) == 24


def test_parquet_and_arrays_are_named(here):
    (here / "data").mkdir()
    (here / "data" / "train-00000-of-00001.parquet").write_bytes(b"PAR1")
    np.savez(here / "x.npz", x=np.zeros((2, 4, 4), np.uint8))
    with pytest.raises(DataError, match=r"data/train-00000-of-00001\.parquet") as caught:
        FolderSource(here).list()
    assert [data for data, _ in offered(caught.value.do)] == [
        str(here / "x.npz"),
        str(here / "data" / "train-00000-of-00001.parquet"),
    ]


def test_what_is_not_read_says_what_to_make_of_it(here):
    (here / "train_32x32.mat").write_bytes(b"x")
    with pytest.raises(DataError, match=r"train_32x32\.mat, which is not read.*scipy"):
        FolderSource(here).list()


def test_other_files_are_named_and_patterns_that_leave_nothing_are_said(here, plant):
    (here / "a.CR2").write_bytes(b"x")
    with pytest.raises(DataError, match=r"no images, but a\.CR2: no ending of an image"):
        FolderSource(here).list()
    with pytest.raises(DataError, match=r"no images \(left alone: 1 excluded\).*--exclude"):
        open_source(str(plant("a/1.png")), {"exclude": ["a"]}).list()


def test_hidden_folders_and_those_of_file_servers_hold_nothing_to_give(here, draw):
    for name in (".cache/a.zip", "#recycle/b.zip", "@eaDir/c.zip"):
        a_zip(here / name, draw)
    with pytest.raises(DataError, match=r"no images( \(left alone: .*\))?: .*holds images$"):
        FolderSource(here).list()


ROWS = {
    ".csv": "filename,label\n1.png,cat\n2.png,dog\n",
    ".jsonl": '{"file_name": "1.png", "label": "cat"}\n{"file_name": "2.png", "label": "dog"}\n',
}


@pytest.mark.parametrize(
    ("folder", "name", "split"),
    [
        ("", "metadata.csv", 0),
        ("", "metadata.jsonl", 0),
        ("train", "_classes.csv", 0),
        ("test", "metadata.jsonl", 2),
        ("valid", "metadata.csv", 1),
    ],
)
def test_a_table_beside_images_without_labels_is_named_with_what_reads_it(
    plant, folder, name, split
):
    below = f"{folder}/" if folder else ""
    root = plant(f"{below}1.png", f"{below}2.png")
    (root / folder / name).write_text(ROWS[name[name.rindex(".") :]])
    listing = FolderSource(root).list()
    assert set(listing.labels.tolist()) == {-1}
    (note,) = [n for n in listing.understood.notes if n.startswith(f"{below}{name} may say")]
    ((data, told),) = offered(note)
    assert data == str(root / folder / name)
    read = open_source(data, told).list()
    assert read.classes == ("cat", "dog")
    assert read.splits.tolist() == [split] * 2


def test_a_table_to_fill_in_or_without_labels_is_not_offered(plant):
    root = plant("train/1.png", "train/2.png")
    for name in ("train.csv", "sample_submission.csv", "SampleSubmission.csv"):
        (root / name).write_text(ROWS[".csv"])
    (root / "test.csv").write_text("filename\n1.png\n2.png\n")
    (root / "list.txt").write_text("1.png\n2.png\n")
    (root / "names.jsonl").write_text('{"file_name": "1.png"}\n')
    (root / "README.txt").write_text("photos of cats\n")
    notes = FolderSource(root).list().understood.notes
    (note,) = [note for note in notes if "may say their classes" in note]
    assert [data for data, _ in offered(note)] == [str(root / "train.csv")]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("test.csv", 2),
        ("test_labels.csv", 2),
        ("validation.csv", 1),
        ("train.csv", 0),
        ("a.csv", 0),
    ],
)
def test_a_table_whose_name_says_a_split_is_offered_as_that(plant, name, split):
    root = plant("1.png", "2.png")
    (root / name).write_text(ROWS[".csv"])
    (note,) = [n for n in FolderSource(root).list().understood.notes if "may say" in n]
    ((data, told),) = offered(note)
    read = open_source(data, told).list()
    assert read.splits.tolist() == [split] * 2
    assert not any("its name says" in each for each in read.understood.notes)


def test_a_text_that_names_images_is_a_table_without_names_of_columns(plant):
    root = plant("train/a/1.png", "train/b/1.png", "val/images/1.png", "val/images/2.png")
    (root / "val" / "val_annotations.txt").write_text("1.png\ta\t0\n2.png\tb\t0\n")
    (note,) = [n for n in FolderSource(root).list().understood.notes if "may say" in n]
    ((data, told),) = offered(note)
    assert told == {"header": False, "label_column": "2", "split_map": "=val"}
    read = open_source(data, told).list()
    assert (read.classes, read.splits.tolist()) == (("a", "b"), [1, 1])


def test_a_table_beside_class_folders_is_not_spoken_of(plant):
    root = plant("cat/1.png", "dog/1.png")
    (root / "train.csv").write_text(ROWS[".csv"])
    assert not FolderSource(root).list().understood.notes


def test_a_table_in_an_archive_beside_images_without_labels_is_named(tmp_path, draw):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("images/1.png", draw())
        archive.writestr("train.csv", ROWS[".csv"])
    notes = open_source(str(tmp_path / "a.zip")).list().understood.notes
    assert "train.csv may say their classes: unpack it, and give the table" in notes


def test_an_archive_without_images_names_what_it_holds(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("n01440764.tar", b"x")
    with pytest.raises(DataError, match=r"no images, but n01440764\.tar .*: unpack it"):
        open_source(str(tmp_path / "a.zip")).list()


def test_a_pipe_that_is_called_like_a_table_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.txt")
    assert names_images(tmp_path / "x.txt") is False
    (tmp_path / "y.txt").write_text("cat/1.jpg 0\n")
    assert names_images(tmp_path / "y.txt") is True
