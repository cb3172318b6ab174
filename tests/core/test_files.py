"""What is there is never replaced, also where it appears while we work."""

import errno
import hashlib
import os

import pytest

from bottleneck.core import files


def no_links(*_):
    raise OSError(1, "Operation not permitted")


@pytest.fixture(params=["hard links", "no hard links"])
def disk(request, monkeypatch):
    """A file system of each kind."""
    if request.param == "no hard links":
        monkeypatch.setattr(files.os, "link", no_links)


def appears_late(monkeypatch, path):
    """Let somebody's file appear after whatever looks whether the name is free."""

    class Late:
        def __getattr__(self, name):
            if name in {"link", "rename", "O_EXCL"} and not path.exists():
                path.write_bytes(b"theirs")
            return getattr(os, name)

    monkeypatch.setattr(files, "os", Late())


def publish_bytes(path):
    files.publish_bytes(path, b"ours")


def new_file(path):
    with files.new_file(path) as temporary:
        temporary.write_bytes(b"ours")


def create_or_not(path):
    """Create as the log does."""
    try:
        files.create(path, b"ours")
    except files.NoHardLinksError:
        files.create_under_lock(path, b"ours")


def move(path):
    (path.parent / "source").write_bytes(b"ours")
    files.move(path.parent / "source", path)


WAYS = pytest.mark.parametrize("way", [publish_bytes, new_file, create_or_not, move])


@WAYS
@pytest.mark.usefixtures("disk")
def test_a_free_name_is_given_and_nothing_else_is_left(tmp_path, way):
    way(tmp_path / "a.csv")
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a.csv": b"ours"}


@WAYS
@pytest.mark.usefixtures("disk")
def test_a_name_that_is_taken_keeps_what_it_has(tmp_path, way):
    path = tmp_path / "a.csv"
    path.write_bytes(b"theirs")
    with pytest.raises(FileExistsError) as caught:
        way(path)
    assert path.read_bytes() == b"theirs"
    assert not list(tmp_path.glob("tmp-*"))
    assert str(caught.value.filename) == str(path) or way is create_or_not
    assert way is not move or (tmp_path / "source").exists()


@pytest.mark.parametrize("way", [publish_bytes, new_file])
@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_appears_while_we_write_is_not_replaced(tmp_path, monkeypatch, way, has_links):
    path = tmp_path / "a.csv"
    if not has_links:
        monkeypatch.setattr(os, "link", no_links)
    appears_late(monkeypatch, path)
    with pytest.raises(FileExistsError):
        way(path)
    assert path.read_bytes() == b"theirs"
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]


def test_a_block_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError), files.new_file(tmp_path / "a.csv") as temporary:
        temporary.write_bytes(b"half")
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("disk")
def test_a_folder_is_published_whole_and_never_over_another(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    files.publish(tmp_path / "one", tmp_path / "named")
    with pytest.raises(FileExistsError):
        files.publish(tmp_path / "two", tmp_path / "named")
    assert (tmp_path / "named" / "file").read_text() == "one"


def test_deleting_what_is_gone_is_no_error(tmp_path):
    files.delete(tmp_path / "nothing")
    (tmp_path / "link").symlink_to(tmp_path)
    files.delete(tmp_path / "link")
    assert not list(tmp_path.iterdir())


def test_a_line_is_appended_whole(tmp_path):
    for line in (b"one", b"two"):
        files.append_line(tmp_path / "history", line)
    assert (tmp_path / "history").read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize("torn", [b'{"half', b"one\n", b""])
def test_a_line_that_was_cut_off_does_not_swallow_the_next(tmp_path, torn):
    path = tmp_path / "history"
    path.write_bytes(torn)
    files.append_line(path, b"next")
    assert path.read_bytes().splitlines()[-1] == b"next"
    assert path.read_bytes().endswith(b"next\n")
    assert path.read_bytes().startswith(torn)


def test_a_line_that_the_disk_cuts_off_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "write", lambda handle, data: os.pwrite(handle, data[:3], 0))
    with pytest.raises(OSError, match="cut off"):
        files.append_line(tmp_path / "history", b"a line")


def test_what_a_system_takes_in_small_pieces_is_written_whole(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(files.os, "write", lambda handle, data: real(handle, data[:7]))
    data = bytes(range(100))
    size, digest = files.write_synced(tmp_path / "f", [data[:30], memoryview(data)[30:], b""])
    assert (tmp_path / "f").read_bytes() == data
    assert (size, digest) == (100, hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize(
    "lie",
    [
        lambda handle, data: len(data),  # nothing was kept
        lambda handle, data: os.pwrite(handle, bytes(len(data)), 0),  # zeros were
    ],
)
def test_a_disk_that_keeps_something_else_than_it_was_given_is_found_out(
    tmp_path, monkeypatch, lie
):
    monkeypatch.setattr(files.os, "write", lie)
    with pytest.raises(OSError, match="read back") as caught:
        files.create(tmp_path / "f", b"what was meant")
    assert caught.value.errno == errno.EIO
    assert not list(tmp_path.iterdir())


def test_a_disk_that_takes_no_more_bytes_is_an_error_and_no_loop(tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "write", lambda *_: 0)
    with pytest.raises(OSError, match="takes no more"):
        files.write_synced(tmp_path / "f", b"x")
