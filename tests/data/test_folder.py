import os
import shutil
import time
from pathlib import Path

import pytest

from bottleneck.core.errors import DataError, PermissionDeniedError
from bottleneck.data import folder, reading
from bottleneck.data.folder import FolderSource
from bottleneck.data.how import make_how
from bottleneck.data.options import IN_FOLDERS


def rows_of(listing):
    return {
        bytes(key).decode("latin1"): (
            ("train", "val", "test")[split],
            listing.classes[label] if label >= 0 else None,
        )
        for key, split, label in zip(listing.keys, listing.splits, listing.labels, strict=True)
    }


def test_without_split_folders_the_folders_are_classes_and_all_is_train(plant):
    root = plant("dog/1.png", "cat/deep/er/2.jpg", "cat/1.png")
    listing = FolderSource(root).list()
    assert listing.classes == ("cat", "dog")
    assert rows_of(listing) == {
        "cat/1.png": ("train", "cat"),
        "cat/deep/er/2.jpg": ("train", "cat"),
        "dog/1.png": ("train", "dog"),
    }


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_split_folders_give_splits_and_classes_are_sorted_over_all_of_them(plant, val):
    root = plant("train/dog/1.png", f"{val}/cat/1.png", "test/ape/1.png", "test/dog/1.png")
    listing = FolderSource(root).list()
    assert listing.classes == ("ape", "cat", "dog")
    assert rows_of(listing) == {
        "train/dog/1.png": ("train", "dog"),
        f"{val}/cat/1.png": ("val", "cat"),
        "test/ape/1.png": ("test", "ape"),
        "test/dog/1.png": ("test", "dog"),
    }


def test_a_class_is_called_train_only_where_the_layout_is_told(plant):
    root = plant("train/1.png", "car/1.png")
    with pytest.raises(DataError, match="train/ is named like a split, but car beside it is none"):
        FolderSource(root).list()
    listing = FolderSource(root, make_how({"layout": "{class}/*"}, IN_FOLDERS)).list()
    assert rows_of(listing) == {"car/1.png": ("train", "car"), "train/1.png": ("train", "train")}


def test_a_split_folder_of_classes_beside_another_folder_is_refused_not_guessed(plant):
    root = plant("train/cat/1.png", "extra/1.png")
    with pytest.raises(DataError, match="train/ is named like a split"):
        FolderSource(root).list()
    listing = FolderSource(root, make_how({"include": (), "exclude": ["extra"]}, IN_FOLDERS)).list()
    assert rows_of(listing) == {"train/cat/1.png": ("train", "cat")}


def test_a_flat_folder_and_a_flat_split_have_no_labels(plant):
    assert rows_of(FolderSource(plant("1.png")).list()) == {"1.png": ("train", None)}
    root = plant("train/cat/1.png", "test/2.png")
    assert rows_of(FolderSource(root).list()) == {
        "1.png": ("train", None),
        "train/cat/1.png": ("train", "cat"),
        "test/2.png": ("test", None),
    }


def test_keys_are_sorted_as_bytes_although_folders_hold_folders(plant):
    names = ["a/b.png", "a-c/1.png", "a.png", "a/b/c.png", "a/b-1.png", "a/b0.png", "Y/1.png"]
    names += [f"{c}/{c}.png" for c in "mtdzkbp"]
    root = plant(*names)
    listing = FolderSource(root, make_how({"layout": "{class}/*"}, IN_FOLDERS)).list()
    assert listing.keys.tolist() == sorted(name.encode() for name in names)
    assert [
        (plant() / os.fsdecode(k)).stat().st_ino for k in listing.keys.tolist()
    ] == listing.stats[:, 3].tolist()


def test_hidden_files_and_other_files_are_counted_and_left_alone(plant):
    root = plant("cat/1.PNG", "cat/.2.png", ".git/3.png", "cat/notes.txt", Makefile=b"all:")
    (root / "cat" / "png").write_text("no image")
    os.mkfifo(root / "cat" / "pipe.png")
    listing = FolderSource(root).list()
    assert listing.keys.tolist() == [b"cat/1.PNG"]
    assert listing.skipped == {"hidden": 2, "other": 4, "excluded": 0, "links": 0}


def test_include_and_exclude_narrow_the_listing(plant):
    root = plant("cat/1.png", "cat/2.jpg", "dog/1.png")
    listing = FolderSource(root, make_how({"include": ["*.png"], "exclude": ["dog"]})).list()
    assert listing.keys.tolist() == [b"cat/1.png"]
    assert listing.classes == ("cat",)
    assert listing.skipped["excluded"] == 2


STRANGE = [
    b"new\nline.png",
    b"-rf.png",
    b"not-utf8-\xff.png",
    "é.png".encode(),
    b"e\xcc\x81.png",
    b"a" * 251 + b".png",
    b"back\\slash.png",
    b" .png",
]


def test_strange_names_are_listed_and_read_as_their_bytes(plant, draw):
    root = plant("cat/1.png")
    for i, name in enumerate(STRANGE):
        Path(os.fsdecode(os.fsencode(root) + b"/cat/" + name)).write_bytes(draw(seed=i))
    source = FolderSource(root)
    listing = source.list()
    assert listing.keys.tolist() == sorted([b"cat/1.png", *(b"cat/" + n for n in STRANGE)])
    for i, name in enumerate(STRANGE):
        at = listing.keys.tolist().index(b"cat/" + name)
        assert source.read(at).content == draw(seed=i)


def test_a_root_that_is_missing_or_a_file_or_empty_is_a_data_error_that_names_it(plant, tmp_path):
    with pytest.raises(DataError, match=r"no such folder: .*nowhere"):
        FolderSource(tmp_path / "nowhere").list()
    file = plant("x.png") / "x.png"
    with pytest.raises(DataError, match=r"neither a folder nor .*x\.png"):
        FolderSource(file).list()
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "a.txt").write_text("")
    with pytest.raises(
        DataError, match=r"no images, but a.txt: .* \(left alone: 1 other\): .*empty"
    ):
        FolderSource(empty).list()


def test_a_folder_that_may_not_be_read_is_no_permission_never_a_short_listing(plant, monkeypatch):
    root = plant("cat/1.png", "dog/1.png")
    real = os.scandir

    def scandir(path):
        if path.endswith(b"dog/"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr(folder.os, "scandir", scandir)
    with pytest.raises(PermissionDeniedError, match="dog"):
        FolderSource(root).list()


def test_a_root_that_is_mounted_over_while_it_is_listed_is_an_error(plant, tmp_path, monkeypatch):
    root = plant("cat/1.png", "dog/1.png")
    real = os.scandir

    def scandir(path):
        if path.endswith(b"cat/"):
            root.rename(tmp_path / "away")
            root.mkdir()
        return real(path)

    monkeypatch.setattr(folder.os, "scandir", scandir)
    with pytest.raises(DataError, match="went away"):
        FolderSource(root).list()


def test_links_to_files_inside_are_followed_and_all_other_links_are_counted(plant, tmp_path, draw):
    root = plant("cat/1.png", "cat/2.png")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.png").write_bytes(draw())
    (root / "cat" / "inside.png").symlink_to("1.png")
    (root / "cat" / "out.png").symlink_to(outside / "secret.png")
    (root / "cat" / "nothing.png").symlink_to("missing")
    (root / "cat" / "loop.png").symlink_to("loop.png")
    (root / "cat" / "up").symlink_to(root)
    (root / "elsewhere").symlink_to(outside)
    source = FolderSource(root, make_how({"follow_links": False}, IN_FOLDERS))
    listing = source.list()
    assert listing.keys.tolist() == [b"cat/1.png", b"cat/2.png", b"cat/inside.png"]
    assert listing.skipped["links"] == 5
    assert source.read(2).content == source.read(0).content
    assert listing.stats[2].tolist() == listing.stats[0].tolist() == list(source.read(2).stat)


def test_a_root_that_is_a_link_itself_is_listed_and_read(plant, tmp_path):
    root = plant("cat/1.png")
    (tmp_path / "link").symlink_to(root)
    source = FolderSource(tmp_path / "link")
    assert len(source.list()) == 1
    assert source.read(0).content == (root / "cat" / "1.png").read_bytes()
    assert source.spec["where"] == str(tmp_path / "link")


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_turns_into_a_link_out_of_the_root_after_listing_is_not_read(plant, tmp_path, what):
    root = plant("cat/1.png")
    source = FolderSource(root)
    source.list()
    target = root / "cat" if what == "folder" else root / "cat" / "1.png"
    target.rename(tmp_path / "moved")
    target.symlink_to(tmp_path / "moved")
    with pytest.raises(OSError, match="out of the source"):
        source.read(0)


@pytest.mark.parametrize("what", ["folder", "folder above", "file"])
def test_what_was_read_once_is_not_read_through_a_link_out_of_the_root(plant, tmp_path, what):
    root = plant("train/cat/1.png", "train/cat/2.png")
    source = FolderSource(root)
    source.list()
    source.read(0)
    source.read(1)
    target = (
        root / {"folder": "train/cat", "folder above": "train", "file": "train/cat/2.png"}[what]
    )
    target.rename(tmp_path / "moved")
    target.symlink_to(tmp_path / "moved")
    with pytest.raises(OSError, match="out of the source"):
        source.read(1)


def test_a_link_that_got_the_inode_of_the_folder_before_it_is_not_followed(
    plant, tmp_path, monkeypatch
):
    from types import SimpleNamespace

    lstat = os.lstat
    one_number = lambda path: SimpleNamespace(st_dev=1, st_ino=7, st_mode=lstat(path).st_mode)  # noqa: E731
    monkeypatch.setattr("bottleneck.data.confined.os.lstat", one_number)
    root = plant("cat/1.png")
    source = FolderSource(root)
    source.list()
    source.read(0)
    monkeypatch.setattr("bottleneck.data.confined.os.lstat", lstat)
    shutil.rmtree(root / "cat")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/1.png").write_bytes(b"secret")
    (root / "cat").symlink_to(tmp_path / "outside")
    monkeypatch.setattr("bottleneck.data.confined.os.lstat", one_number)
    with pytest.raises(OSError, match="out of the source"):
        source.read(0)


def test_a_folder_that_was_replaced_by_another_one_is_read_there(plant, tmp_path):
    root = plant("cat/1.png")
    source = FolderSource(root)
    source.list()
    source.read(0)
    (root / "cat").rename(tmp_path / "old")
    (root / "cat").mkdir()
    (root / "cat/1.png").write_bytes(b"new bytes")
    assert source.read(0).content == b"new bytes"


def test_more_folders_than_are_remembered_are_read_all_the_same(plant, monkeypatch):
    monkeypatch.setattr("bottleneck.data.confined.MOST_FOLDERS", 2)
    names = [f"{c}/{i}.png" for i in range(2) for c in "abcde"]
    source = FolderSource(plant(*names))
    listing = source.list()
    for i in [*range(10), *reversed(range(10))]:
        path = source.root / bytes(listing.keys[i]).decode()
        assert source.read(i).content == path.read_bytes()


def test_a_pipe_that_took_an_images_name_is_an_error_not_a_hang(plant):
    root = plant("cat/1.png")
    source = FolderSource(root)
    source.list()
    (root / "cat" / "1.png").unlink()
    os.mkfifo(root / "cat" / "1.png")
    with pytest.raises(OSError, match="no regular file"):
        source.read(0)


def test_an_image_that_is_gone_is_an_os_error(plant):
    root = plant("cat/1.png")
    source = FolderSource(root)
    source.list()
    (root / "cat" / "1.png").unlink()
    with pytest.raises(FileNotFoundError):
        source.read(0)


def test_a_read_carries_the_stat_of_its_bytes_and_a_clock_from_before(plant):
    root = plant("cat/1.png")
    source = FolderSource(root)
    listing = source.list()
    before = time.time_ns()
    read = source.read(0)
    assert before <= read.clock_ns <= time.time_ns()
    assert list(read.stat) == listing.stats[0].tolist()
    (root / "cat" / "1.png").write_bytes(b"other bytes")
    read = source.read(0)
    assert read.content == b"other bytes"
    assert read.stat[0] == 11


def change_between(monkeypatch, path, times):
    """Rewrite the file after the first fstat of each of the first reads."""
    real, calls = os.fstat, []

    def fstat(handle):
        result = real(handle)
        calls.append(handle)
        if len(calls) % 2 and len(calls) // 2 < times:
            path.write_bytes(b"%05d" % len(calls))
            os.utime(path, ns=(len(calls), len(calls)))  # other than before in any tick
        return result

    monkeypatch.setattr(folder.os, "fstat", fstat)
    return calls


def test_a_file_that_changes_while_it_is_read_is_read_again(plant, monkeypatch):
    path = plant(**{"cat/1.png": b"first"}) / "cat" / "1.png"
    source = FolderSource(path.parent.parent)
    source.list()
    change_between(monkeypatch, path, times=1)
    read = source.read(0)
    assert read.content == path.read_bytes()
    assert read.stat[1] == path.stat().st_mtime_ns


def test_a_file_that_never_stops_changing_is_an_os_error(plant, monkeypatch):
    path = plant(**{"cat/1.png": b"first"}) / "cat" / "1.png"
    source = FolderSource(path.parent.parent)
    source.list()
    change_between(monkeypatch, path, times=99)
    with pytest.raises(OSError, match="changes while it is read"):
        source.read(0)


def test_each_read_opens_one_file_once(plant, monkeypatch):
    source = FolderSource(plant("cat/1.png"))
    source.list()
    real, opened = os.open, []

    def counting(path, *rest):
        opened.append(path)
        return real(path, *rest)

    monkeypatch.setattr(folder.os, "open", counting)
    source.read(0)
    assert len(opened) == 1


def test_a_file_larger_than_the_limit_is_refused_unread(plant, monkeypatch):
    source = FolderSource(plant("cat/1.png"))
    source.list()
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 10)
    with pytest.raises(OSError, match="larger than 10 bytes"):
        source.read(0)


def test_classes_whose_names_are_not_utf8_stay_apart(plant, draw):
    root = plant("cat/1.png")
    for name in (b"\xff", b"\xfe"):
        path = Path(os.fsdecode(os.fsencode(root) + b"/" + name))
        path.mkdir()
        (path / "1.png").write_bytes(draw())
    assert FolderSource(root).list().classes == ("cat", "\\xfe", "\\xff")


@pytest.mark.slow
def test_ten_thousand_files_cost_one_stat_each_and_no_open(plant, monkeypatch):
    root = plant("cat/1.png")
    for i in range(10_000):
        (root / "cat" / f"{i:05d}.jpg").touch()
    monkeypatch.setattr(folder.os, "open", None)
    listing = FolderSource(root).list()
    assert len(listing) == 10_001
    assert (listing.keys[1:] > listing.keys[:-1]).all()
