"""WebDataset's archives and patterns of shards."""

import io
import os
import re
import tarfile

import pytest

from bottleneck.core.errors import DataError, UsageError
from bottleneck.data.catalog import open_source
from bottleneck.data.shards import shards


def pack(path, **members):
    """Make a tar of members by name, `__` standing for a dot."""
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name.replace("__", "."))
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def labels(listing):
    return {
        key.decode(): listing.classes[label] if label >= 0 else None
        for key, label in zip(listing.keys.tolist(), listing.labels.tolist(), strict=True)
    }


def test_the_class_beside_an_image_is_its_label(tmp_path):
    path = pack(
        tmp_path / "a.tar",
        a__jpg=b"x", a__cls=b"cat\n", b__cls=b"3", b__jpg=b"y",
        c__png=b"z", c__json=b'{"label": 3}',
        d__jpg=b"w", d__txt=b"a caption", e__jpg=b"v", e__json=b'{"width": 5}',
    )  # fmt: skip
    listing = open_source(str(path)).list()
    assert labels(listing) == {
        "a.jpg": "cat", "b.jpg": "3", "c.png": "3", "d.jpg": None, "e.jpg": None,
    }  # fmt: skip
    assert any("WebDataset" in note for note in listing.understood.notes)


def test_a_further_picture_of_a_sample_is_no_sample(tmp_path):
    path = pack(tmp_path / "a.tar", a__jpg=b"x", a__mask__png=b"y", a__cls=b"1")
    assert open_source(str(path)).list().keys.tolist() == [b"a.jpg"]


def in_folders(path, classes, folders=("00", "01"), ending="cls"):
    members = {}
    for i, text in enumerate(classes):
        stem = f"{folders[i % len(folders)]}/{i}"
        members |= {f"{stem}.jpg": b"%d" % i, f"{stem}.{ending}": text}
    return pack(path, **members)


@pytest.mark.parametrize("ending", ["cls", "cls.txt", "json"])
def test_folders_and_what_lies_beside_the_images_must_say_the_same_classes(tmp_path, ending):
    said = (b"cat", b"cat", b"dog", b"dog", b"owl", b"owl")
    if ending == "json":
        said = [b'{"label": "%s"}' % text for text in said]
    path = in_folders(tmp_path / "a.tar", said, ending=ending)
    with pytest.raises(DataError, match=r"2 classes \(00, 01\).*3 others \(cat, dog, owl\)") as no:
        open_source(str(path)).list()
    ways = re.findall("--layout '(.*?)'", no.value.do)
    listings = [open_source(str(path), {"layout": layout}).list() for layout in ways]
    assert [each.classes for each in listings] == [("00", "01"), ("cat", "dog", "owl")]
    assert listings[1].labels.tolist() == [0, 1, 2, 0, 1, 2]


def test_folders_and_what_lies_beside_the_images_may_name_the_same_classes(tmp_path):
    path = in_folders(tmp_path / "a.tar", (b"0", b"1", b"0", b"1"), ("cat", "dog"))
    listing = open_source(str(path)).list()
    assert listing.classes == ("cat", "dog")
    assert "says the same classes" in listing.understood.notes[-1]


def test_empty_files_beside_the_images_say_nothing_against_their_folders(tmp_path):
    path = in_folders(tmp_path / "a.tar", (b"", b""), ("cat", "dog"))
    listing = open_source(str(path)).list()
    assert listing.classes == ("cat", "dog")
    assert not any("WebDataset" in note for note in listing.understood.notes)


def test_folders_of_shards_are_compared_as_well(tmp_path):
    for name, said in (("train-0", (b"0", b"1")), ("train-1", (b"1", b"0"))):
        in_folders(tmp_path / f"{name}.tar", said)
    with pytest.raises(DataError, match="others"):
        open_source(str(tmp_path / "*.tar")).list()


def test_names_with_a_dot_have_their_own_class_beside_them(tmp_path):
    path = pack(
        tmp_path / "a.tar",
        n01__0__jpg=b"x", n01__0__cls=b"cat", n01__1__jpg=b"y", n01__1__cls=b"dog",
        b__jpg=b"z", b__cls=b"cat", b__mask__png=b"m",
    )  # fmt: skip
    assert labels(open_source(str(path)).list()) == {
        "n01.0.jpg": "cat", "n01.1.jpg": "dog", "b.jpg": "cat",
    }  # fmt: skip


def test_folders_that_are_classes_stay_the_classes(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("cat/1.jpg", "dog/2.jpg", "cat/1.json"):
            info = tarfile.TarInfo(name)
            archive.addfile(info, io.BytesIO(b""))
    assert labels(open_source(str(path)).list()) == {"cat/1.jpg": "cat", "dog/2.jpg": "dog"}


@pytest.mark.parametrize(
    "content", [b'{"label": [1, 2]}', b'{"label": 0.5}', b"{", b'{"label": true}']
)
def test_a_label_that_is_no_class_is_refused_by_its_name(tmp_path, content):
    path = pack(tmp_path / "a.tar", a__jpg=b"x", a__json=content)
    with pytest.raises(DataError, match=r"beside a\.jpg is neither a name nor a whole number"):
        open_source(str(path)).list()


def test_shards_are_one_source_and_their_names_say_the_split(tmp_path):
    for name, label in (("train-0", b"cat"), ("train-1", b"dog"), ("val-0", b"cat")):
        pack(tmp_path / f"{name}.tar", a__jpg=name.encode(), a__cls=label)
    source = open_source(str(tmp_path / "*.tar"))
    listing = source.list()
    assert labels(listing) == {
        "train-0.tar/a.jpg": "cat", "train-1.tar/a.jpg": "dog", "val-0.tar/a.jpg": "cat",
    }  # fmt: skip
    assert listing.splits.tolist() == [0, 0, 1]
    assert [source.read(i).content for i in range(3)] == [b"train-0", b"train-1", b"val-0"]
    assert listing.understood.splits == {"train": "train", "val": "val"}


def test_shards_of_which_some_names_have_a_split_have_none_and_say_so(tmp_path):
    for name in ("train-0", "more-0"):
        pack(tmp_path / f"{name}.tar", a__jpg=b"x", a__cls=b"1")
    listing = open_source(str(tmp_path / "*.tar")).list()
    assert listing.splits.tolist() == [0, 0]
    assert any("none counts" in note for note in listing.understood.notes)


def test_one_archive_is_the_split_that_its_name_says_until_it_is_told(tmp_path):
    path = pack(tmp_path / "imagenet-val-0000.tar", a__jpg=b"x", a__cls=b"1")
    listing = open_source(str(path)).list()
    assert listing.splits.tolist() == [1]
    assert listing.understood.splits == {"imagenet-val": "val"}
    (note,) = [n for n in listing.understood.notes if "all of it is val" in n]
    told = note.rpartition("--layout ")[2].strip("'")
    assert open_source(str(path), {"layout": told}).list().splits.tolist() == [0]
    assert open_source(str(path), {"layout": "{split=test}/*"}).list().splits.tolist() == [2]
    assert open_source(str(path), {"layout": "*"}).list().splits.tolist() == [0]


def test_shards_that_all_say_one_split_are_that_split(tmp_path):
    for i in range(2):
        pack(tmp_path / f"imagenet-val-{i}.tar", a__jpg=b"x", a__cls=b"1")
    listing = open_source(str(tmp_path / "*.tar")).list()
    assert listing.splits.tolist() == [1, 1]
    pack(tmp_path / "imagenet-unlabeled-0.tar", a__jpg=b"x")
    listing = open_source(str(tmp_path / "*.tar")).list()
    assert listing.splits.tolist() == [0, 1, 1]


def test_what_lies_in_an_archive_counts_before_its_name(tmp_path):
    members = {"train/a/1__jpg": b"x", "train/b/1__jpg": b"y", "test/a/1__jpg": b"z"}
    listing = open_source(str(pack(tmp_path / "test.tar", **members))).list()
    assert listing.splits.tolist() == [2, 0, 0]


def test_the_name_of_a_shard_can_be_the_class(tmp_path):
    for name in ("cat", "dog"):
        pack(tmp_path / f"{name}.tar", a__jpg=name.encode())
    listing = open_source(str(tmp_path / "*.tar"), {"label_from": r"^(\w+)\.tar/"}).list()
    assert labels(listing) == {"cat.tar/a.jpg": "cat", "dog.tar/a.jpg": "dog"}


def test_a_range_names_every_shard_and_one_that_is_missing_is_an_error(tmp_path):
    for i in (8, 9, 10):
        pack(tmp_path / f"s-{i:03}.tar", a__jpg=b"x", a__cls=b"1")
    pattern = str(tmp_path / "s-{008..010}.tar")
    assert len(open_source(pattern).list()) == 3
    (tmp_path / "s-009.tar").unlink()
    with pytest.raises(DataError, match=r"a shard is not there.*s-009\.tar"):
        open_source(pattern).list()
    with pytest.raises(UsageError, match="is empty or names more"):
        open_source(str(tmp_path / "s-{9..0}.tar")).list()


def test_one_shard_that_changes_is_seen_and_the_others_keep_their_stats(tmp_path):
    for i in range(3):
        pack(tmp_path / f"s-{i}.tar", a__jpg=b"x", a__cls=b"1")
    source = open_source(str(tmp_path / "s-*.tar"))
    before = source.list().stats
    pack(tmp_path / "s-1.tar", a__jpg=b"yy", a__cls=b"1", b__jpg=b"z")
    with pytest.raises(OSError, match="changed after it was listed"):
        source.read(1)
    after = source.list().stats
    assert before[0].tolist() == after[0].tolist()
    assert before[1].tolist() != after[1].tolist()
    assert before[2].tolist() == after[3].tolist()


def test_shards_of_one_name_in_two_folders_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        pack(tmp_path / folder / "0.tar", a__jpg=b"x", a__cls=b"1")
    with pytest.raises(DataError, match="two shards are called"):
        open_source(str(tmp_path / "*" / "0.tar")).list()


def test_a_pattern_that_matches_nothing_says_so(tmp_path):
    source = open_source(str(tmp_path / "*.tar"))
    assert not source.exists()
    with pytest.raises(DataError, match="no file matches"):
        source.list()


def test_further_pictures_shift_no_label_and_no_split(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for split in ("train", "test"):
            for i in range(3):
                for ending, content in (("png", b"x"), ("mask.png", b"m"), ("cls", b"%d" % i)):
                    info = tarfile.TarInfo(f"{split}/{i}.{ending}")
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
    source = open_source(str(path))
    listing = source.list()
    assert listing.keys.tolist() == [
        b"test/0.png", b"test/1.png", b"test/2.png", b"train/0.png", b"train/1.png", b"train/2.png",
    ]  # fmt: skip
    assert listing.splits.tolist() == [2, 2, 2, 0, 0, 0]
    assert listing.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert len(listing.stats) == 6
    assert listing.skipped["other"] >= 6
    assert all(source.read(i).content == b"x" for i in range(6))


def test_a_folder_that_the_disk_does_not_read_is_an_error_and_not_one_without_shards(
    tmp_path, monkeypatch
):
    real = os.scandir, os.listdir

    def failing(one):
        def call(path="."):
            if os.fspath(path) == str(tmp_path / "b"):
                raise OSError(5, "Input/output error", str(path))
            return one(path)

        return call

    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"train-{name}.tar").write_bytes(b"")
    assert len(shards(tmp_path / "*" / "*.tar")) == 2
    monkeypatch.setattr(os, "scandir", failing(real[0]))
    monkeypatch.setattr(os, "listdir", failing(real[1]))
    with pytest.raises(OSError, match="Input/output error"):
        shards(tmp_path / "*" / "*.tar")


TWO = {"a__left__png": b"x", "a__right__png": b"y", "a__cls": b"1",
       "b__left__png": b"z", "b__right__png": b"w", "b__cls": b"2"}  # fmt: skip


def test_several_pictures_of_a_sample_of_which_none_is_the_first_are_asked_about(tmp_path):
    path = pack(tmp_path / "a.tar", **TWO)
    with pytest.raises(DataError, match=r"a\.left\.png, a\.right\.png are pictures") as caught:
        open_source(str(path)).list()
    ways = [re.findall("--include '(.*?)'", way) for way in caught.value.do.split(", or ")]
    found = [labels(open_source(str(path), {"include": way}).list()) for way in ways]
    assert found == [
        {"a.left.png": "1", "b.left.png": "2"},
        {"a.right.png": "1", "b.right.png": "2"},
        {"a.left.png": "1", "a.right.png": "1", "b.left.png": "2", "b.right.png": "2"},
    ]


def test_the_one_picture_of_a_sample_counts_whatever_its_endings(tmp_path):
    path = pack(tmp_path / "a.tar", a__rgb__png=b"x", a__cls=b"1", b__rgb__png=b"y", b__cls=b"2")
    assert labels(open_source(str(path)).list()) == {"a.rgb.png": "1", "b.rgb.png": "2"}
    path = pack(tmp_path / "a.tar", a__png=b"x", a__mask__png=b"y", a__cls=b"1")
    listing = open_source(str(path), {"include": ["*.mask.png"]}).list()
    assert labels(listing) == {"a.mask.png": "1"}


@pytest.mark.parametrize(
    ("names", "is_offered"),
    [
        (("cat", "dog"), True),
        (("n01440764", "n01443537"), True),
        (("train", "test"), False),
        (("images_1", "images_2"), False),
        (("00000", "00001"), False),
        (("laion-000", "laion-001"), False),
        (("cat",), False),
    ],
)
def test_archives_that_may_be_a_class_each_are_said_with_the_way(tmp_path, names, is_offered):
    for name in names:
        pack(tmp_path / f"{name}.tar", **{f"{name}1__png": b"x", f"{name}2__png": name.encode()})
    data = str(tmp_path / "*.tar")
    notes = open_source(data).list().understood.notes
    found = [match[1] for note in notes if (match := re.search("--label-from '(.*?)'", note))]
    assert bool(found) == is_offered
    if found:
        classes = open_source(data, {"label_from": found[0]}).list().classes
        assert classes == tuple(name.split(".")[0] for name in names)
