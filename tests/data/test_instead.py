"""A folder without images, or without labels, names what lies there and how it is read."""

import gzip
import os
import re
import shlex
import struct
import subprocess
import tarfile
import zipfile

import numpy as np
import pytest

from bottleneck.core.errors import DataError
from bottleneck.data.catalog import is_pattern, open_source
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


def test_a_table_to_fill_in_beside_archives_is_not_offered(here, draw):
    for name in ("train.zip", "test.zip"):
        a_zip(here / name, draw)
    (here / "sample_submission.csv").write_text("id,label\n1,0\n2,0\n")
    with pytest.raises(DataError, match="no images, but test") as caught:
        FolderSource(here).list()
    assert offered(caught.value.do) == [(str(here / "*.zip"), {})]


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


def test_files_of_idx_of_one_set_are_offered_as_a_pattern(here):
    for name in ("emnist-letters-train", "emnist-letters-test", "emnist-digits-train"):
        an_idx(here / f"{name}-images-idx3-ubyte")
    with pytest.raises(DataError) as caught:
        FolderSource(here).list()
    assert [len(open_source(data).list()) for data, _ in offered(caught.value.do)] == [3, 6]


def tables(root, draw, *names, images=True):
    for at, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [(f"{path.stem}{path.parent.name}{i}.png", "ab"[i % 2]) for i in range(2)]
        for i, (image, _) in enumerate(rows):
            if images:
                (path.parent / image).write_bytes(draw(seed=10 * at + i))
        if path.suffix == ".jsonl":
            lines = [f'{{"file_name": "{image}", "label": "{label}"}}' for image, label in rows]
        else:
            lines = ["filename,label", *(",".join(row) for row in rows)]
        path.write_text("\n".join(lines) + "\n")


TOGETHER = [
    (["train/_classes.csv", "valid/_classes.csv", "test/_classes.csv"], "*/_classes.csv"),
    (["train.jsonl", "validation.jsonl"], "*.jsonl"),
    (["train.csv", "test.csv", "extra.csv"], "{test,train}.csv"),
    (["train/m.csv", "test/m.csv", "other/m.csv"], "{test,train}/m.csv"),
    (["a.csv", "b.csv"], None),
    (["train.csv", "train.jsonl"], None),
]


@pytest.mark.parametrize(("names", "pattern"), TOGETHER)
def test_tables_of_several_splits_are_offered_as_a_pattern(here, draw, names, pattern):
    tables(here, draw, *names)
    listing = open_source(str(here), {"layout": "*"}).list()
    (note,) = [note for note in listing.understood.notes if "may say their classes" in note]
    patterns = [data for data, _ in offered(note) if is_pattern(data)]
    assert patterns == ([str(here / pattern)] if pattern else [])
    for data, told in offered(note):
        assert open_source(data, told).list().classes == ("a", "b")
    if pattern:
        assert len({*open_source(patterns[0]).list().splits.tolist()}) > 1


@pytest.mark.parametrize(("names", "pattern"), TOGETHER)
def test_tables_alone_are_offered_in_the_same_way(here, draw, names, pattern):
    tables(here, draw, *names, images=False)
    with pytest.raises(DataError, match="no images, but") as caught:
        FolderSource(here).list()
    patterns = [data for data, _ in offered(caught.value.do) if is_pattern(data)]
    assert patterns == ([str(here / pattern)] if pattern else [])


def test_tables_below_a_folder_that_is_called_like_a_pattern_are_offered_one_by_one(tmp_path, draw):
    tables(tmp_path / "a[1]", draw, "train.csv", "test.csv")
    (note,) = [
        note
        for note in FolderSource(tmp_path / "a[1]").list().understood.notes
        if "may say" in note
    ]
    assert [open_source(data, told).list().classes for data, told in offered(note)] == [
        ("a", "b"),
        ("a", "b"),
    ]


def test_a_pattern_of_images_is_offered_as_their_folder(here, draw):
    for name in ("x/cat/1.png", "x/dog/1.png", "x/dog/2.jpg"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(draw())
    for pattern, n in (("x/*/*.png", 2), ("x/*/{1,2}.*", 3)):
        with pytest.raises(DataError, match=r"no archives, but .* \(images\)") as caught:
            open_source(str(here / pattern)).list()
        words = shlex.split(caught.value.do.partition("--data ")[2])
        told = {"include": [word for word in words[1:] if word != "--include"]}
        assert len(open_source(words[0], told).list()) == n


def test_a_pattern_of_files_that_are_no_archives_says_what_reads_them(here, draw):
    tables(here, draw, "train/metadata.csv", "test/metadata.csv")
    with pytest.raises(
        DataError, match=r"no archives, but metadata\.csv, metadata\.csv \(tables"
    ) as caught:
        open_source(str(here / "*/metadata.*")).list()
    ((data, _),) = offered(caught.value.do)
    assert (data, open_source(data).list().splits.tolist()) == (
        str(here / "*/metadata.csv"),
        [2, 2, 0, 0],
    )
    tables(here, draw, "train/metadata.jsonl")
    with pytest.raises(DataError, match="no archives") as caught:
        open_source(str(here / "*/metadata.*")).list()
    assert [len(open_source(data).list()) for data, _ in offered(caught.value.do)] == [4, 2]
    (here / "a.npz").write_bytes(b"x")
    with pytest.raises(DataError, match=r"a\.npz.*--data '.*a\.npz'"):
        open_source(str(here / "a.*")).list()
    (here / "b.h5").write_bytes(b"x")
    with pytest.raises(DataError, match=r"b\.h5: .*h5py\.File|b\.h5.*h5py"):
        open_source(str(here / "b.*")).list()
    (here / "c.CR2").write_bytes(b"x")
    with pytest.raises(DataError, match=r"c\.CR2.*a pattern of archives"):
        open_source(str(here / "c.*")).list()


def test_a_pattern_of_annotations_of_images_is_offered_as_their_folder(here, draw):
    for i in range(2):
        (here / f"{i}.png").write_bytes(draw(seed=i))
        (here / f"{i}.json").write_text('{"shapes": [], "imagePath": "x.png"}')
    with pytest.raises(
        DataError, match=r"no archives, but 0\.json, 1\.json \(objects of JSON"
    ) as caught:
        open_source(str(here / "*.json")).list()
    ((data, _),) = offered(caught.value.do)
    assert len(open_source(data).list()) == 2


def test_a_pattern_with_a_damaged_archive_still_says_that_it_is_damaged(here, plant):
    (here / "a.tar").write_bytes(b"x" * 2000)
    with pytest.raises(DataError, match="not a whole tar archive"):
        open_source(str(here / "*.tar")).list()
    a_tar(here / "b.shard", plant)
    assert len(open_source(str(here / "*.shard")).list()) == 2


def test_several_packed_archives_are_offered_as_a_pattern(here, plant):
    for name in ("a", "b"):
        a_tar(here / f"{name}.tar.gz", plant, "w:gz")
    with pytest.raises(DataError) as caught:
        FolderSource(here).list()
    ((data, told),) = offered(caught.value.do)
    assert (data, told) == (str(here / "*.tar.gz"), {"unpack": "FOLDER"})
    assert len(open_source(data, {"unpack": str(here / "up")}).list()) == 4


@pytest.mark.parametrize(
    ("ending", "text"), [("cls", "c{}"), ("json", '{{"label": {}}}'), ("cls.txt", "{}\n")]
)
@pytest.mark.parametrize("folders", [("",), ("train/", "val/")])
def test_labels_beside_images_in_a_folder_are_named_with_the_way_to_read_them(
    plant, ending, text, folders
):
    root = plant(*(f"{folder}{i}.png" for folder in folders for i in range(4)))
    for folder in folders:
        for i in range(4):
            (root / folder / f"{i}.{ending}").write_text(text.format(i % 2))
    listing = FolderSource(root).list()
    assert listing.classes == ()
    (note,) = [note for note in listing.understood.notes if "WebDataset" in note]
    command, data = note.partition("are read: ")[2].split(" and then --data ")
    subprocess.run(shlex.split(command), check=True)
    read = open_source(shlex.split(data)[0]).list()
    assert len(read.classes) == 2
    assert read.keys.tolist() == listing.keys.tolist()
    assert read.splits.tolist() == listing.splits.tolist()
    (again,) = [note for note in FolderSource(root).list().understood.notes if "WebDataset" in note]
    assert "-packed.tar" in again  # what lies there is not written over


@pytest.mark.parametrize(
    ("name", "text"), [("x.cls", "1"), ("1.json", '{"shapes": []}'), ("1.txt", "a caption")]
)
def test_what_says_no_class_of_an_image_is_not_named(plant, name, text):
    root = plant("1.png", "2.png")
    (root / name).write_text(text)
    assert not any("WebDataset" in note for note in FolderSource(root).list().understood.notes)
