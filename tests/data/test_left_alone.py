"""What is left alone, loudly: thumbnails of file servers, images by their bytes alone, links."""

import os
import tarfile

import pytest

from bottleneck.core.errors import DataError
from bottleneck.data import walk
from bottleneck.data.archive import open_archive
from bottleneck.data.folder import FolderSource
from bottleneck.data.how import make_how
from bottleneck.data.left_alone import Heads, is_image
from bottleneck.data.options import IN_FOLDERS


def told(**options):
    return make_how(options, IN_FOLDERS)


SYSTEM = ["@eaDir", "#recycle", "__MACOSX", ".ipynb_checkpoints", "$RECYCLE.BIN", ".thumbnails"]
SYSTEM += ["lost+found", "@Recycle", ".Trash-1000", "System Volume Information", ".@__thumb"]


@pytest.mark.parametrize("name", SYSTEM)
def test_images_in_folders_of_file_servers_and_desktops_are_counted_and_no_samples(
    plant, tmp_path, name
):
    root = plant("cat/1.png", "dog/1.png", f"cat/{name}/1.png/S.jpg", f"cat/{name}/1.png/M.jpg")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(root, arcname=".")
    for source in (FolderSource(root), open_archive(tmp_path / "a.tar")):
        listing = source.list()
        assert listing.keys.tolist() == [b"cat/1.png", b"dog/1.png"]
        assert listing.understood.left_alone == {name: 2}
        assert listing.skipped["system"] == 2


ODD = ["x", "x.jpg_large", "x.jpg?w=600", "x.jpg.1"]


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_images_without_an_ending_are_an_error_until_it_is_said_which_is_meant(
    plant, tmp_path, draw, kind
):
    root = plant("cat/1.png", "dog/1.png", **{f"cat/{name}": draw(kind="JPEG") for name in ODD})
    (root / "cat" / "notes").write_text("no image")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(root, arcname=".")

    def source(**options):
        if kind == "folder":
            return FolderSource(root, told(**options))
        return open_archive(tmp_path / "a.tar", told(**options))

    with pytest.raises(DataError, match="4 of 6 images have no ending of an image") as caught:
        source().list()
    assert "--any-name" in caught.value.do
    assert "--no-any-name" in caught.value.do
    left = source(any_name=False).list()
    assert (len(left), left.skipped["other"]) == (2, 5)
    taken = source(any_name=True)
    listing = taken.list()
    assert listing.keys.tolist() == sorted(
        [b"cat/1.png", b"dog/1.png", *(b"cat/" + name.encode() for name in ODD)]
    )
    at = listing.keys.tolist().index(b"cat/x.jpg?w=600")
    assert taken.read(at).content == draw(kind="JPEG")


def test_a_few_images_without_an_ending_are_named_and_left_alone(plant, draw):
    root = plant(*(f"cat/{i}.png" for i in range(120)), "dog/1.png", **{"cat/y.jpg.1": draw()})
    listing = FolderSource(root).list()
    assert len(listing) == 121
    assert listing.skipped["unnamed"] == 1
    assert any("cat/y.jpg.1 (--any-name takes them)" in n for n in listing.understood.notes)
    assert len(FolderSource(root, told(exclude=["y.jpg.1"])).list()) == 121


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF"])
def test_the_first_bytes_tell_an_image(draw, kind):
    assert is_image(draw(kind=kind)[:16])
    assert not is_image(b"BM is no bitmap, just text")


def test_first_bytes_are_read_once_and_remembered_by_the_stat(plant, draw, monkeypatch, later):
    root = plant("cat/1.png", "dog/1.png", **{"cat/x": draw(), "cat/y": b"no image"})
    later()
    first = FolderSource(root, told(any_name=True))
    first.list()
    kept = first.heads.to_bytes()
    monkeypatch.setattr(walk, "_head", None)
    again = FolderSource(root, told(any_name=True))
    again.heads.recall(kept)
    assert len(again.list()) == 3
    assert not again.heads.has_news


def test_what_is_remembered_and_damaged_is_forgotten():
    heads = Heads()
    heads.learn((1, 2, 3, 4), True)
    kept = heads.to_bytes()
    for data in (kept, b"", kept[:-1], kept[1:], b"x" + kept[1:]):
        other = Heads()
        other.recall(data)
        assert other.get((1, 2, 3, 4)) is (True if data == kept else None)


def test_endings_that_are_known_to_be_something_else_are_not_looked_into(plant, monkeypatch):
    names = ("a.txt", "a.xml", "a.json", "a.npy", "a.CR2")
    root = plant("cat/1.png", "dog/1.png", **{f"cat/{n}": b"\xff\xd8\xff" for n in names})
    monkeypatch.setattr(walk, "_head", None)
    assert FolderSource(root).list().skipped["other"] == 5


@pytest.fixture
def linked(plant, tmp_path, draw):
    """Two classes, half of each links to files outside, and one class that is a link itself."""
    root, outside = plant("cat/1.png", "dog/1.png"), tmp_path / "outside"
    (outside / "pen").mkdir(parents=True)
    for i, name in enumerate(("cat.png", "dog.png", "pen/1.png", "pen/2.png")):
        (outside / name).write_bytes(draw(seed=50 + i))
    (root / "cat" / "2.png").symlink_to(outside / "cat.png")
    (root / "dog" / "2.png").symlink_to(outside / "dog.png")
    (root / "pen").symlink_to(outside / "pen")
    return root


def test_links_out_of_the_source_are_an_error_until_it_is_said_which_is_meant(linked):
    with pytest.raises(DataError, match="4 of 6 images are links out of the source") as caught:
        FolderSource(linked).list()
    assert "--follow-links" in caught.value.do
    assert "--no-follow-links" in caught.value.do
    left = FolderSource(linked, told(follow_links=False)).list()
    assert left.keys.tolist() == [b"cat/1.png", b"dog/1.png"]
    assert left.skipped["links"] == 3


def test_links_that_are_followed_give_classes_and_are_read(linked, tmp_path):
    source = FolderSource(linked, told(follow_links=True))
    listing = source.list()
    assert listing.classes == ("cat", "dog", "pen")
    assert len(listing) == 6
    for i, key in enumerate(listing.keys.tolist()):
        assert source.read(i).content == (linked / os.fsdecode(key)).read_bytes()
        assert list(source.read(i).stat) == listing.stats[i].tolist()


@pytest.mark.parametrize("what", ["cat", "cat/1.png", "pen"])
def test_a_folder_that_turns_into_another_link_is_not_read_although_links_are_followed(
    linked, tmp_path, draw, what
):
    source = FolderSource(linked, told(follow_links=True))
    listing = source.list()
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "1.png").write_bytes(draw(seed=99))
    path = linked / what
    path.rename(tmp_path / "moved")
    path.symlink_to(secret / "1.png" if what.endswith("png") else secret)
    at = listing.keys.tolist().index(what.split("/")[0].encode() + b"/1.png")
    with pytest.raises(OSError, match="out of the source"):
        source.read(at)


def test_loops_of_folders_are_cut(plant, tmp_path):
    root = plant("a/1.png", "b/1.png")
    (root / "a" / "up").symlink_to(root)
    (root / "a" / "self").symlink_to(root / "a")
    (root / "b" / "above").symlink_to(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "c").symlink_to(outside)
    (outside / "back").symlink_to(root / "c")
    (outside / "1.png").write_bytes((root / "a" / "1.png").read_bytes())
    listing = FolderSource(root, told(follow_links=True)).list()
    assert listing.keys.tolist() == [b"a/1.png", b"b/1.png", b"c/1.png"]


def test_a_cache_of_links_to_blobs_is_read_when_links_are_followed(plant, tmp_path, draw):
    root, blobs = plant(), tmp_path / "blobs"
    blobs.mkdir()
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            blob = blobs / f"{split}{name}"
            blob.write_bytes(draw(seed=len(blob.name)))
            (root / split / name).mkdir(parents=True)
            (root / split / name / "1.jpg").symlink_to(blob)
    source = FolderSource(root, told(follow_links=True))
    assert source.list().classes == ("cat", "dog")
    assert len(source.read(3).content) > 10


def test_what_first_bytes_said_is_kept_in_every_store_that_a_look_serves(plant, draw, later):
    from types import SimpleNamespace

    from bottleneck.pipeline.extraction.look import look

    root = plant("cat/1.png", "dog/1.png", **{"cat/x": draw()})
    later()
    found = look(FolderSource(root, told(any_name=True)), None)
    for name in "ab":
        found.save(SimpleNamespace(derived=root.parent / name))
        assert list((root.parent / name).glob("heads-*.bin"))
