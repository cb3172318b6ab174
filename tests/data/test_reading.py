import contextlib
import os
from pathlib import Path

import pytest

from bottleneck.core.errors import DataError, PermissionDeniedError
from bottleneck.data.reading import open_container, read_file


def test_a_container_that_changes_while_it_is_listed_is_a_data_error(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(b"x")

    def list_slowly():
        with open_container(path) as (file, container):
            assert (file.read(), container.size) == (b"x", 1)
            path.write_bytes(b"other")

    with pytest.raises(DataError, match=r"changes while it is read.*a\.tar"):
        list_slowly()


def test_a_disk_that_fails_while_a_container_is_listed_is_one_of_our_errors(tmp_path):
    path = tmp_path / "a.tar"
    path.write_bytes(b"x")
    with pytest.raises(PermissionDeniedError, match="Input/output error"), open_container(path):
        raise OSError(5, "Input/output error", str(path))


def test_a_container_may_be_a_link_and_is_then_read_where_it_lies(tmp_path):
    (tmp_path / "real").write_bytes(b"0123")
    (tmp_path / "link").symlink_to("real")
    with open_container(tmp_path / "link") as (_, container):
        pass
    (tmp_path / "link").unlink()
    assert container.piece(1, 2).content == b"12"


def opened():
    """Return the paths behind this process's descriptors, of which other tests close some."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(link.readlink()))
    return found


def test_no_descriptor_is_left_open_by_what_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for _ in range(5):
        with pytest.raises(OSError, match="no regular file"):
            read_file(os.fsencode(tmp_path / "pipe"))
        with pytest.raises(DataError), open_container(tmp_path / "pipe"):
            pass
    assert str(tmp_path / "pipe") not in opened()


@pytest.mark.parametrize("by", [1, 1 << 20])
def test_a_file_that_grows_while_it_is_read_is_set_aside_with_that_reason(
    tmp_path, monkeypatch, by
):
    path = tmp_path / "a.png"
    path.write_bytes(b"0123")
    fstat = os.fstat

    def growing(number):
        found = fstat(number)
        with path.open("ab") as file:
            file.write(b"x" * by)
        return found

    monkeypatch.setattr("bottleneck.data.reading.os.fstat", growing)
    with pytest.raises(OSError, match="changes while it is read"):
        read_file(os.fsencode(path))


def test_of_a_file_without_end_no_more_is_read_than_shows_that_it_grew(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"0123")
    asked, read, fstat = [], os.read, os.fstat

    def counted(number, n):
        asked.append(n)
        return read(number, n)

    def growing(number):  # right after it was looked at, as /proc and logs do
        found = fstat(number)
        path.write_bytes(bytes(1 << 24))
        os.truncate(path, 1 << 24)
        return found

    monkeypatch.setattr("bottleneck.data.reading.os.fstat", growing)
    monkeypatch.setattr("bottleneck.data.reading.os.read", counted)
    with pytest.raises(OSError, match="changes while it is read"):
        read_file(os.fsencode(path))
    assert asked[0] == 4 + 1
    assert max(asked) <= (1 << 24) + 1


def test_a_file_that_shrinks_while_it_is_read_is_set_aside_with_that_reason(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"0123456789")
    fstat = os.fstat

    def shrinking(number):
        found = fstat(number)
        os.truncate(path, max(0, found.st_size - 1))
        return found

    monkeypatch.setattr("bottleneck.data.reading.os.fstat", shrinking)
    with pytest.raises(OSError, match="changes while it is read"):
        read_file(os.fsencode(path))
