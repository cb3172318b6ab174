"""Copies of stores in buckets, on this disk: what is none is left alone, what is one is whole."""

import os
import time

import pytest
from store_world import add_part

from bottleneck.core import copies, files
from bottleneck.core.buckets import Address
from bottleneck.core.errors import UsageError
from bottleneck.store import part_cache
from bottleneck.store.gc import gc
from bottleneck.store.store import Store

PLACE = Address("s3", "bucket", "st")


def test_no_part_of_a_store_that_is_no_copy_is_evicted(filled, tmp_path, monkeypatch):
    # A part cache in the folder where stores are, as by --part-cache cache.
    monkeypatch.setenv("BOTTLENECK_PART_CACHE_SIZE", "1")
    folder = filled.path.parent / "st-0123456789abcdef"
    part_cache.make(folder, PLACE)
    files.make_folder(folder / "parts")
    old = folder / "parts/0123456789abcdef-01234567.h5"
    old.write_bytes(b"a copy")
    for path in (old, *filled.path.glob("parts/*"), *filled.path.glob("snapshots/*")):
        os.utime(path, (time.time() - 3600,) * 2)
    before = sorted(filled.path.rglob("*"))
    part_cache.evict(folder)
    assert not old.exists()
    assert sorted(filled.path.rglob("*")) == before


def test_a_folder_of_copies_is_read_and_not_written_to(filled):
    part_cache.make(filled.path, PLACE)
    assert (filled.path / part_cache.COPY_OF).read_text() == str(PLACE)
    store = Store.open(filled.path)
    assert len(store.arrays("s")[0]) == 20
    for write in (
        lambda: add_part(filled.path),
        lambda: Store.prepare(filled.path),
        lambda: gc(filled.path, grace_s=0.0),
    ):
        with pytest.raises(UsageError, match="copies of a store in a bucket"):
            write()
    assert Store.open(filled.path).state.number == store.state.number


def made(path, text):
    path.mkdir()
    (path / "chunk").write_text(text)
    return path


def test_a_folder_that_is_there_stays_for_those_who_open_it(tmp_path):
    path = made(tmp_path / "part.zarr", "first")
    with (path / "chunk").open() as held:
        inode = path.stat().st_ino
        copies.take_place(made(files.temporary_name(tmp_path), "second"), path)
        assert path.stat().st_ino == inode
        copies.take_place(made(files.temporary_name(tmp_path), "anew"), path, is_anew=True)
        assert held.read() == "first"
    assert (path / "chunk").read_text() == "anew"
    assert [found.name for found in tmp_path.iterdir()] == ["part.zarr"]


def test_what_is_discarded_has_no_name_before_it_is_deleted(tmp_path, monkeypatch):
    path = made(tmp_path / "part.zarr", "first")
    seen = []

    def killed(aside):
        seen.append((path.exists(), aside.parent, aside.name))
        raise KeyboardInterrupt

    monkeypatch.setattr(files.shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        copies.discard(path)
    ((still_named, where, name),) = seen
    assert not still_named
    assert where == tmp_path
    assert name.startswith(files.TEMPORARY_PREFIX)
    copies.discard(path)  # what is gone is no error
