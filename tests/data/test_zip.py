"""Zip archives, against what Python's zipfile writes and unpacks."""

import gc
import io
import random
import stat
import struct
import threading
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bottleneck.core.errors import DataError
from bottleneck.data.catalog import open_source
from bottleneck.data.folder import FolderSource
from bottleneck.data.how import make_how
from bottleneck.data.zip import open_zip_source


@pytest.fixture
def pack(tmp_path):
    """Make a zip of (name or ZipInfo, content); return its source."""

    def make(*members, compression=zipfile.ZIP_DEFLATED):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in members:
                archive.writestr(name, content)
        return open_zip_source(path)

    return make


def contents(source):
    listing = source.list()
    return {bytes(k): source.read(i).content for i, k in enumerate(listing.keys)}


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA]
)
@pytest.mark.parametrize("arcname", ["", "photos/"])
def test_a_zip_lists_and_reads_as_the_folder_that_it_was_made_of(
    plant, tmp_path, compression, arcname
):
    names = ["train/cat/1.png", "train/dog/b.JPG", "test/cat/deep/er/2.png", "test/é/ü.png"]
    root = plant(*names, "train/cat/.hidden.png", "train/cat/notes.txt", "train/.git/x.png")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", compression) as archive:
        for path in root.rglob("*"):
            archive.write(path, arcname + str(path.relative_to(root)))
    source, folder = open_source(str(tmp_path / "a.zip")), FolderSource(root)
    packed, plain = source.list(), folder.list()
    assert packed.keys.tolist() == plain.keys.tolist()
    assert packed.classes == plain.classes
    assert np.array_equal(packed.labels, plain.labels)
    assert np.array_equal(packed.splits, plain.splits)
    assert packed.skipped == plain.skipped
    assert contents(source) == contents(folder)


def test_names_are_utf8_where_their_bytes_are_and_else_cp437(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("aaa/x.png", b"x")  # three bytes that become an é in each encoding
        archive.writestr("bbb/x.png", b"x")
        archive.writestr("ü/x.png", b"x")
    data = path.read_bytes().replace(b"aaa", "aé".encode()).replace(b"bbb", b"bb\x82")
    path.write_bytes(data)
    listing = open_source(str(path)).list()
    keys = listing.keys.tolist()
    said = "1 image is under names that are not UTF-8, and were taken for cp437: bbé/x.png"
    assert listing.understood.notes == (said,)
    assert keys == sorted(["aé/x.png".encode(), "bbé/x.png".encode(), "ü/x.png".encode()])


def test_the_separator_of_windows_is_a_separator(pack):
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = "cat\\1.png"
    source = pack((info, b"x"), ("dog/1.png", b"y"))
    assert source.list().keys.tolist() == [b"cat/1.png", b"dog/1.png"]


def test_more_members_than_the_old_format_counts(pack):
    n = 65_540  # more than 16 bits: zip64
    source = pack(*((f"{i % 2}/{i}.png", b"") for i in range(n)), compression=zipfile.ZIP_STORED)
    assert len(source.list()) == n


@pytest.mark.parametrize("name", ["../1.png", "/etc/1.png", "cat/../../1.png"])
def test_a_member_that_leads_out_is_refused(pack, name):
    with pytest.raises(DataError, match="leads out of the archive"):
        pack(("cat/1.png", b"x"), (name, b"x")).list()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_is_there_twice_is_refused(pack):
    with pytest.raises(DataError, match=r"cat/1\.png is there twice"):
        pack(("cat/1.png", b"x"), ("cat/1.png", b"y")).list()


def test_an_encrypted_member_is_refused_by_its_name(pack):
    source = pack(("cat/1.png", b"x"))
    data = bytearray(source.path.read_bytes())
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + at] |= 1
    source.path.write_bytes(data)
    with pytest.raises(DataError, match=r"cat/1\.png is encrypted"):
        source.list()


def test_links_are_left_alone_and_counted(pack):
    link = zipfile.ZipInfo("cat/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    listing = pack(("cat/1.png", b"x"), (link, b"/etc/passwd")).list()
    assert listing.keys.tolist() == [b"cat/1.png"]
    assert listing.skipped["links"] == 1


def test_a_damaged_member_gives_a_reason_and_never_other_bytes(pack):
    content = random.Random(0).randbytes(3000)
    source = pack(("cat/1.png", content), compression=zipfile.ZIP_STORED)
    data = bytearray(source.path.read_bytes())
    data[data.index(content) + 700] ^= 1
    source.path.write_bytes(data)
    source.list()
    with pytest.raises(OSError, match="CRC"):
        source.read(0)


def test_whatever_the_bytes_it_is_a_listing_or_a_data_error(pack):
    source = pack(("cat/1.png", b"x" * 600), ("é.png", b"y"), ("dog/2.png", b"z" * 90))
    good = source.path.read_bytes()
    draw = random.Random(0)
    for _ in range(400):
        bad = bytearray(good)
        for _ in range(draw.choice([1, 2, 8])):
            bad[draw.randrange(len(bad))] = draw.choice([0, 0xFF, 0x80, draw.randrange(256)])
        source.path.write_bytes(bad[: draw.choice([len(bad), draw.randrange(len(bad))])])
        try:
            for i in range(len(source.list())):
                source.read(i)
        except (DataError, OSError):
            continue


def test_a_member_that_says_it_is_huge_is_not_unpacked(pack):
    source = pack(("cat/1.png", b"x" * 600))
    data = bytearray(source.path.read_bytes())
    at = data.index(b"PK\1\2") + 24
    data[at : at + 4] = struct.pack("<I", 3 << 30)
    source.path.write_bytes(data)
    source.list()
    with pytest.raises(OSError, match="larger than"):
        source.read(0)


def test_many_threads_read_the_right_members(pack):
    source = pack(*((f"cat/{i:03}.png", b"%d" % i * 500) for i in range(200)))
    source.list()
    barrier = threading.Barrier(8)

    def work(_):
        barrier.wait()
        return [source.read(i).content == b"%d" % i * 500 for i in range(200)]

    with ThreadPoolExecutor(8) as pool:
        assert all(all(found) for found in pool.map(work, range(8)))


def test_a_zip_that_changes_after_listing_gives_no_image(pack):
    source = pack(("cat/1.png", b"x"), ("dog/1.png", b"y"))
    source.list()
    pack(("dog/1.png", b"y"), ("cat/1.png", b"x"))
    with pytest.raises(OSError, match="changed after it was listed"):
        source.read(0)


def test_include_and_exclude_see_the_keys_of_the_folder(pack):
    source = pack(("p/cat/1.png", b"x"), ("p/dog/1.png", b"y"))
    listing = open_zip_source(source.path, make_how({"include": ["cat/*"]})).list()
    assert listing.keys.tolist() == [b"cat/1.png"]
    assert listing.skipped["excluded"] == 1


def test_a_zip_in_a_cycle_of_garbage_is_closed_in_silence(pack, tmp_path):
    source = pack(("cat/1.png", b"1"), ("dog/2.png", b"2"))
    source.list()
    path = str(tmp_path / "a.zip")
    opened = [each for each in gc.get_objects() if isinstance(each, io.BufferedReader)]
    files = [file for file in opened if file.name == path]
    cycle = [*files, source]
    cycle.append(cycle)
    gc.collect()  # from now on the file stands before the archive, and so it is looked at first
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        del source, opened, files, cycle
        gc.collect()
    assert [str(warning.message) for warning in said] == []
