import bz2
import gzip
import io
import lzma
import os
import random
import subprocess
import tarfile
import zipfile

import numpy as np
import pytest
import tars

from bottleneck.core.errors import DataError
from bottleneck.data.archive import open_archive
from bottleneck.data.catalog import open_source
from bottleneck.data.folder import FolderSource
from bottleneck.data.how import make_how


@pytest.fixture
def pack(tmp_path):
    """Make a tar of (name, content or TarInfo's fields); return its source."""

    def make(*members, layout=tarfile.PAX_FORMAT):
        return open_archive(tars.pack(tmp_path / "a.tar", members, layout))

    return make


def contents(source):
    listing = source.list()
    return {bytes(k): source.read(i).content for i, k in enumerate(listing.keys)}


LONG = "x" * 90 + "/" + "y" * 90 + "/"


@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("arcname", [".", "", "photos", "./photos/"])
def test_an_archive_lists_and_reads_as_the_folder_that_it_was_made_of(
    plant, tmp_path, draw, layout, arcname
):
    names = ["train/cat/1.png", "train/dog/b.JPG", "test/cat/deep/er/2.png", "test/é/ü.png"]
    names += ["train/cat/.hidden.png", "train/cat/notes.txt"]
    names += ["train/.git/x.png", "train/.git/y.png"]
    names += [f"train/{LONG}1.png"]
    root = plant(*names)
    with tarfile.open(tmp_path / "a.tar", "w", format=layout) as archive:
        archive.add(root, arcname=arcname)
    source, folder = open_archive(tmp_path / "a.tar"), FolderSource(root)
    packed, plain = source.list(), folder.list()
    assert packed.keys.tolist() == plain.keys.tolist()
    assert packed.classes == plain.classes
    assert np.array_equal(packed.labels, plain.labels)
    assert np.array_equal(packed.splits, plain.splits)
    assert packed.skipped == plain.skipped
    assert contents(source) == contents(folder)


def test_what_the_tar_command_packs_is_read_with_names_as_their_bytes(plant, tmp_path, draw):
    root = plant("cat/1.png", "dog/2.png")
    (root / "cat" / os.fsdecode(b"not-utf8-\xff.png")).write_bytes(draw(seed=7))
    subprocess.run(["tar", "-cf", tmp_path / "a.tar", "-C", root.parent, root.name], check=True)
    assert contents(open_archive(tmp_path / "a.tar")) == contents(FolderSource(root))


def test_a_folder_around_all_is_taken_off_unless_it_is_a_split_or_holds_an_image(pack):
    def keys(*names):
        return pack(*((name, b"x") for name in names)).list().keys.tolist()

    assert keys("p/cat/1.png", "p/dog/1.png") == [b"cat/1.png", b"dog/1.png"]
    assert keys("train/cat/1.png", "train/dog/1.png") == [b"train/cat/1.png", b"train/dog/1.png"]
    assert keys("p/cat/1.png", "p/1.png", "q/1.png") == [b"p/1.png", b"p/cat/1.png", b"q/1.png"]
    assert keys("1.png", "2.png") == [b"1.png", b"2.png"]


@pytest.mark.parametrize(
    "name", ["/etc/1.png", "../1.png", "cat/../../1.png", "/1.png", "cat/..", "//x/1.png"]
)
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.SYMTYPE])
def test_a_member_that_leads_out_of_the_archive_is_refused(pack, name, kind):
    source = pack(("cat/1.png", b"x"), (name, {"type": kind, "linkname": "x"}))
    with pytest.raises(DataError, match="leads out of the archive"):
        source.list()


def test_a_name_with_a_nul_byte_is_refused(pack):
    source = pack(("cat/1.png", {"pax_headers": {"path": "cat/1.png\0.png"}}))
    with pytest.raises(DataError, match="leads out"):
        source.list()


def test_links_out_devices_pipes_and_sparse_files_are_left_alone_and_counted(pack, tmp_path):
    kinds = [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
    sparse = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": "0,1",
              "GNU.sparse.size": "1000", "GNU.sparse.name": "cat/sparse.png"}  # fmt: skip
    source = pack(
        ("cat/1.png", b"x"),
        ("cat/soft.png", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}),
        ("cat/gone.png", {"type": tarfile.SYMTYPE, "linkname": "2.png"}),
        ("cat/hard.png", {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"}),
        *((f"cat/{i}.dev.png", {"type": kind}) for i, kind in enumerate(kinds)),
        ("cat/sparse.png", {"data": b"x", "pax_headers": sparse}),
        ("cat/odd.png", {"type": b"Z", "data": b"x"}),
    )
    listing = source.list()
    assert {b"cat/1.png"} <= set(listing.keys.tolist()) <= {b"cat/1.png", b"cat/odd.png"}
    assert listing.skipped["links"] == 3
    assert listing.skipped["other"] >= 4
    (note,) = [note for note in listing.understood.notes if "links to no member" in note]
    assert "cat/gone.png, cat/soft.png" in note


@pytest.mark.parametrize("arcname", [".", "photos"])
def test_a_symbolic_link_to_a_member_is_that_image_as_in_a_folder(plant, tmp_path, arcname):
    root = plant("cat/1.png", "dog/2.png", "dog/.hidden.png")
    (root / "dog/same.png").symlink_to("../cat/1.png")
    (root / "cat/early.png").symlink_to("../dog/2.png")
    (root / "cat/dot.png").symlink_to("./1.png")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(root, arcname=arcname)
    found = contents(open_archive(tmp_path / "a.tar"))
    assert found == contents(FolderSource(root))
    assert len(found) == 5


@pytest.mark.parametrize("target", ["../../x.png", "/cat/1.png", "gone.png", "../cat", "link.png"])
def test_a_symbolic_link_to_no_member_is_left_alone(pack, target):
    source = pack(
        ("cat/1.png", b"x"), ("dog/link.png", {"type": tarfile.SYMTYPE, "linkname": target})
    )
    listing = source.list()
    assert listing.keys.tolist() == [b"cat/1.png"]
    assert listing.skipped["links"] == 1


def test_a_hard_link_to_an_earlier_member_is_that_image(plant, tmp_path):
    root = plant("cat/1.png", "dog/2.png")
    os.link(root / "cat/1.png", root / "dog/same.png")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(root, arcname=".")
    with tarfile.open(tmp_path / "a.tar") as archive:
        assert any(member.islnk() for member in archive)
    assert contents(open_archive(tmp_path / "a.tar")) == contents(FolderSource(root))


def test_a_member_that_is_there_twice_is_refused(pack):
    for names in (["cat/1.png", "cat/1.png"], ["cat/1.png", "./cat//1.png"]):
        source = pack(*((name, b"x") for name in names))
        with pytest.raises(DataError, match=r"cat/1\.png is there twice"):
            source.list()


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tgz", "a.tar.xz", "a.tar.bz2"])
def test_a_compressed_archive_is_refused_with_advice_whatever_it_is_called(pack, tmp_path, name):
    plain = pack(("cat/1.png", b"x")).path.read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("cat/1.png", b"x")
    for data in (
        gzip.compress(plain), bz2.compress(plain), lzma.compress(plain), packed.getvalue(),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=r"compressed \(\w+\).*unpack it") as caught:
            open_source(str(tmp_path / name)).list()
        assert caught.value.exit_code == 3


def test_every_cut_of_an_archive_is_refused_never_a_short_listing(pack):
    source = pack(*((f"cat/{i}.png", b"x" * 700) for i in range(4)))
    good = source.path.read_bytes()
    end = 4 * (512 + 1024)
    for n in range(0, end + 1, 128):
        source.path.write_bytes(good[:n])
        with pytest.raises(DataError, match=r"a\.tar"):
            source.list()
    source.path.write_bytes(good[: end + 512])
    assert len(source.list()) == 4


def test_a_damaged_head_in_the_middle_is_refused_never_taken_for_the_end(pack):
    source = pack(*((f"cat/{i}.png", b"x" * 700) for i in range(4)))
    data = bytearray(source.path.read_bytes())
    data[2 * 1536 + 5] ^= 1
    source.path.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        source.list()


def test_two_archives_in_one_file_are_refused_not_half_read(pack):
    source = pack(("cat/1.png", b"x"))
    source.path.write_bytes(source.path.read_bytes() * 2)
    with pytest.raises(DataError, match="another archive follows"):
        source.list()


def test_a_size_below_zero_does_not_send_the_reader_round_in_circles(pack):
    source = pack(("a.txt", b"x"), ("b.txt", {"pax_headers": {"size": "-2048"}}))
    with pytest.raises(DataError, match="members that overlap"):
        source.list()


@pytest.mark.slow
@pytest.mark.parametrize("layout", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_whatever_the_bytes_it_is_a_listing_or_a_data_error(pack, layout):
    source = pack(
        ("cat/1.png", b"x" * 600),
        (LONG + LONG + "é.png", {"data": b"y", "pax_headers": {"comment": "é" * 40}}),
        ("dog/2.png", b"z"),
        layout=layout,
    )
    good = source.path.read_bytes()
    draw = random.Random(0)
    values = [0, 0xFF, 0x80, *b"-0127 xLS", *range(256)]
    for _ in range(400):
        bad = bytearray(good)
        for _ in range(draw.choice([1, 2, 8])):
            bad[draw.randrange(8192)] = draw.choice(values)
        source.path.write_bytes(bad)
        try:
            for i in range(len(source.list())):
                source.read(i)
        except (DataError, OSError):
            continue


def test_a_garbage_file_an_empty_one_and_one_without_images(tmp_path, pack):
    for data in (b"", b"garbage" * 200):
        (tmp_path / "b.tar").write_bytes(data)
        with pytest.raises(DataError, match="not a whole tar archive"):
            open_archive(tmp_path / "b.tar").list()
    (tmp_path / "b.tar").write_bytes(bytes(10240))
    with pytest.raises(DataError, match="no images"):
        open_archive(tmp_path / "b.tar").list()
    with pytest.raises(DataError, match=r"no images, but a\.txt \(left alone: 1 other\)"):
        pack(("a.txt", b"x")).list()
    with pytest.raises(DataError, match=r"no such file.*c\.tar"):
        open_archive(tmp_path / "c.tar").list()
    (tmp_path / "folder.tar").mkdir()
    assert open_source(str(tmp_path / "folder.tar")).spec["kind"] == "folder"


def test_reading_unpacks_nothing_and_opens_the_one_file(pack, tmp_path, monkeypatch):
    source = pack(("cat/1.png", b"x"), ("dog/1.png", b"y"))
    source.list()
    real, opened = os.open, []
    monkeypatch.setattr(os, "open", lambda path, *rest: opened.append(path) or real(path, *rest))
    assert source.read(1).content == b"y"
    assert opened == [os.fsencode(tmp_path / "a.tar")]
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar"]


def test_an_archive_that_changes_after_listing_gives_no_image(pack):
    source = pack(("cat/1.png", b"x"), ("dog/1.png", b"y"))
    source.list()
    pack(("dog/1.png", b"y"), ("cat/1.png", b"x"))
    with pytest.raises(OSError, match="changed after it was listed"):
        source.read(0)


def test_include_and_exclude_see_the_keys_of_the_folder(pack):
    source = pack(("p/cat/1.png", b"x"), ("p/dog/1.png", b"y"))
    listing = open_archive(source.path, make_how({"include": ["cat/*"], "exclude": []})).list()
    assert listing.keys.tolist() == [b"cat/1.png"]
    assert listing.skipped["excluded"] == 1


@pytest.mark.parametrize("pack_it", [gzip.compress, bz2.compress, lzma.compress])
def test_a_compressed_archive_is_unpacked_where_the_user_says_and_once(pack, tmp_path, pack_it):
    plain = pack(("cat/1.png", b"x"), ("dog/1.png", b"y"), ("dog/2.png", b"z" * 5000))
    path, folder = tmp_path / "b.tar.gz", tmp_path / "there"
    path.write_bytes(pack_it(plain.path.read_bytes()))
    source = open_source(str(path), {"unpack": str(folder)})
    assert contents(source) == contents(plain)
    (made,) = folder.iterdir()
    before = made.stat()
    again = open_source(str(path), {"unpack": str(folder)})
    assert again.list().stats.tolist() == source.list().stats.tolist()
    assert [*folder.iterdir()] == [made]
    assert made.stat() == before
    assert source.spec["unpack"] == str(folder)


def test_a_compressed_archive_that_changed_is_unpacked_anew(pack, tmp_path):
    path = tmp_path / "b.tar.gz"
    source = open_source(str(path), {"unpack": str(tmp_path / "there")})
    for names in (["cat/1.png"], ["cat/1.png", "cat/2.png"]):
        plain = pack(*((name, b"x") for name in names)).path.read_bytes()
        path.write_bytes(gzip.compress(plain))
        assert source.list().keys.tolist() == [name.encode() for name in names]


def test_a_compressed_archive_that_is_cut_leaves_nothing_behind(pack, tmp_path):
    path, folder = tmp_path / "b.tar.gz", tmp_path / "there"
    path.write_bytes(gzip.compress(pack(("cat/1.png", os.urandom(9000))).path.read_bytes())[:-40])
    with pytest.raises(DataError, match="damaged"):
        open_source(str(path), {"unpack": str(folder)}).list()
    assert [*folder.iterdir()] == []


@pytest.mark.parametrize("pattern", ["*.tar.gz", "train-{0..1}.tar.gz"])
def test_compressed_archives_of_a_pattern_are_unpacked_each(pack, tmp_path, pattern):
    for i in range(2):
        plain = pack((f"cat/{i}.png", b"x"), (f"dog/{i}.png", b"%d" % i)).path
        (tmp_path / f"train-{i}.tar.gz").write_bytes(gzip.compress(plain.read_bytes()))
    data, folder = str(tmp_path / pattern), tmp_path / "there"
    with pytest.raises(DataError, match=r"compressed.*--unpack FOLDER"):
        open_source(data).list()
    source = open_source(data, {"unpack": str(folder)})
    assert contents(source) == {
        b"train-0.tar.gz/cat/0.png": b"x", b"train-0.tar.gz/dog/0.png": b"0",
        b"train-1.tar.gz/cat/1.png": b"x", b"train-1.tar.gz/dog/1.png": b"1",
    }  # fmt: skip
    assert source.list().classes == ("cat", "dog")
    assert len([*folder.iterdir()]) == 2


@pytest.mark.parametrize("pack_it", [gzip.compress, bz2.compress, lzma.compress])
def test_a_dry_source_reads_a_compressed_archive_and_leaves_nothing(pack, tmp_path, pack_it):
    plain = pack(("cat/1.png", b"x"), ("dog/1.png", b"y"), ("dog/2.png", b"z" * 5000))
    path, folder = tmp_path / "b.tar.gz", tmp_path / "there"
    path.write_bytes(pack_it(plain.path.read_bytes()))
    source = open_source(str(path), {"unpack": str(folder)})
    source.is_dry = True
    assert contents(source) == contents(plain)
    assert not folder.exists()
    source.is_dry = False
    assert contents(source) == contents(plain)
    (made,) = folder.iterdir()
    source.is_dry = True
    assert source.list().stats[0, 0] == made.stat().st_size  # what was unpacked before is read


def test_a_dry_source_refuses_a_compressed_archive_that_is_cut(pack, tmp_path):
    path = tmp_path / "b.tar.gz"
    path.write_bytes(gzip.compress(pack(("cat/1.png", os.urandom(9000))).path.read_bytes())[:-40])
    source = open_source(str(path), {"unpack": str(tmp_path / "there")})
    source.is_dry = True
    with pytest.raises(DataError, match="damaged"):
        source.list()


BATCHES = ["cifar-x/batches.meta", "cifar-x/data_batch_1", "cifar-x/test_batch"]


@pytest.mark.parametrize(
    ("names", "pack_it", "below"),
    [
        (BATCHES, gzip.compress, "/cifar-x"),
        (BATCHES, bytes, "/cifar-x"),
        (["a/labels.csv", "b/x.npz"], gzip.compress, ""),
        (["x.npz"], bytes, ""),
    ],
)
def test_an_archive_without_images_is_said_to_be_unpacked_by_a_command_that_does(
    pack, tmp_path, names, pack_it, below
):
    path = tmp_path / "b c.tar"
    path.write_bytes(pack_it(pack(*((name, b"x") for name in names)).path.read_bytes()))
    with pytest.raises(DataError) as caught:
        open_source(str(path)).list()
    assert "--unpack" not in caught.value.do
    command, data = caught.value.do.removeprefix("unpack it: ").split(", and give --data ")
    assert data == "FOLDER" + below
    subprocess.run(command, shell=True, check=True, cwd=tmp_path)
    assert {str(p.relative_to(tmp_path / "FOLDER")) for p in (tmp_path / "FOLDER").rglob("*.*")} | {
        str(p.relative_to(tmp_path / "FOLDER")) for p in (tmp_path / data).rglob("*_batch*")
    } == {*names}


def test_images_that_come_after_much_else_are_unpacked_as_ever(pack, tmp_path):
    path = tmp_path / "b.tar.gz"
    members = [(f"{i}.txt", b"x") for i in range(20)] + [("cat/1.png", b"x")]
    path.write_bytes(gzip.compress(pack(*members).path.read_bytes()))
    with pytest.raises(DataError, match="unpack it: mkdir -p FOLDER && tar -xf"):
        open_source(str(path)).list()
    source = open_source(str(path), {"unpack": str(tmp_path / "there")})
    assert contents(source) == {b"cat/1.png": b"x"}
