"""Stores of many parts: open files, commits, and what gc holds at once."""

import gc as python_gc
import json
import resource
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from store_world import RECIPE, rows_and_digests, snapshot_of

from bottleneck.core.errors import NoSpaceError
from bottleneck.store.commit import State
from bottleneck.store.copying import LARGE_BYTES, groups
from bottleneck.store.gc import gc
from bottleneck.store.log import Log, SetSource
from bottleneck.store.lookup import Lookup
from bottleneck.store.mapped import map_file
from bottleneck.store.store import Store

N = 40


@pytest.fixture
def many(store):
    """A store of forty parts of two rows, added by one commit, and of a source that names them."""
    rows, digests = rows_and_digests(2 * N)
    parts = [
        store.write_part(digests[at : at + 2], rows[at : at + 2], {"engine": "x"})
        for at in range(0, 2 * N, 2)
    ]
    entry = store.write_snapshot(snapshot_of(digests))
    return store.commit([store.add_part(*parts), SetSource("s", None, entry)], "test")


def test_reading_a_store_takes_no_open_file_a_part(many):
    is_linux = sys.platform == "linux"
    most = max(int(one.name) for one in Path("/proc/self/fd").iterdir()) if is_linux else 64
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most + 12, hard))
    try:
        features, _, _ = Store.open(many.path).arrays()
        found = np.asarray(features)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    np.testing.assert_array_equal(found, rows_and_digests(2 * N)[0])


@pytest.mark.skipif(sys.platform != "linux", reason="/proc says what is mapped")
def test_a_map_lasts_as_long_as_an_array_of_it_and_no_longer(tmp_path):
    def n_maps():
        return Path("/proc/self/maps").read_text().count(str(tmp_path))

    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 64)
    array = np.frombuffer(map_file(path), "<u4", 8, 16)
    python_gc.collect()
    path.unlink()
    assert n_maps() == 1
    assert not array.flags.writeable
    assert array.tobytes() == bytes(range(16, 48))
    del array
    python_gc.collect()
    assert n_maps() == 0


def test_an_empty_file_is_not_mapped(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="empty"):
        map_file(tmp_path / "file")


def test_parts_of_one_commit_are_one_action_and_stand_once(many):
    path = Log(many.path).path(many.state.number)
    action = json.loads(path.read_bytes())["actions"][0]
    assert action == {"action": "add parts", "names": [part.name for part in many.state.parts]}
    again = many.commit([many.add_part(*many.state.parts)], "test")
    assert again.state.number == many.state.number
    rows, digests = rows_and_digests(2, 5)
    one = many.add_part(many.state.parts[3], many.write_part(digests, rows, {}))
    assert len(many.commit([one], "test").state.parts) == N + 1


def test_a_commit_that_could_not_be_read_again_is_not_written(many, monkeypatch):
    monkeypatch.setattr("bottleneck.store.commit.MAX_BYTES", 1_000)
    rows, digests = rows_and_digests(2, 5)
    with pytest.raises(NoSpaceError, match="41 parts are too many for one commit"):
        many.commit([many.add_part(many.write_part(digests, rows, {}))], "test")
    assert Log(many.path).newest().number == many.state.number


def test_gc_holds_no_more_commits_at_once_when_there_are_more(many, monkeypatch):
    held = []
    at = Log.at

    def counted(log, number):
        held.append(sum(type(one) is State for one in python_gc.get_objects()))
        return at(log, number)

    monkeypatch.setattr(Log, "at", counted)

    def most():
        held.clear()
        gc(many.path, dry_run=True)
        return max(held)

    before = most()
    store = many
    for i in range(12):
        rows, digests = rows_and_digests(2, 100 + i)
        store = store.commit([store.add_part(store.write_part(digests, rows, {}))], "x")
    del store
    assert most() <= before + 2


def test_a_commit_does_not_look_up_anew_what_was_there(many, monkeypatch):
    many.has(rows_and_digests(1)[1])
    seen = []
    extended = Lookup.extended
    monkeypatch.setattr(
        Lookup, "extended", lambda self, more: seen.append(len(more)) or extended(self, more)
    )
    rows, digests = rows_and_digests(2, 7)
    more = many.commit([many.add_part(many.write_part(digests, rows, {}))], "x")
    assert more.has(digests).all()
    assert more.has(rows_and_digests(2 * N)[1]).all()
    assert seen == [1]


def test_a_store_that_was_folded_is_looked_up_anew(many):
    from bottleneck.store.fold import fold

    many.has(rows_and_digests(1)[1])
    folded = fold(many)
    assert len(folded.state.parts) == 1
    features, _, _ = folded.arrays()
    np.testing.assert_array_equal(np.asarray(features), rows_and_digests(2 * N)[0])


def test_a_fold_of_so_many_bytes_leaves_the_rest_and_the_next_goes_on(many, monkeypatch):
    from bottleneck.store import copying
    from bottleneck.store.fold import fold

    size = many.state.parts[0].n_bytes
    monkeypatch.setattr(copying, "LARGE_BYTES", 10 * size)
    once = fold(many, most_bytes=25 * size)
    assert [part.rows for part in once.state.parts] == [20, 20] + [2] * 20
    twice = fold(once, most_bytes=25 * size)
    assert len(twice.state.parts) < len(once.state.parts)
    np.testing.assert_array_equal(np.asarray(twice.arrays()[0]), rows_and_digests(2 * N)[0])


def test_parts_that_become_one_are_alike_and_not_too_large_together():
    rng = np.random.default_rng(0)
    items = [
        SimpleNamespace(provenance={"host": str(rng.integers(3))}, n=int(rng.integers(1, 80)) << 20)
        for _ in range(200)
    ]
    found = groups(items, lambda item: item, lambda item: item.n)
    assert sorted(map(id, items)) == sorted(id(item) for group in found for item in group)
    for group in found:
        assert len({item.provenance["host"] for item in group}) == 1
        assert sum(item.n for item in group) <= LARGE_BYTES
    for host in "012":  # an item begins a group only where none of its kind had room
        alike = [group for group in found if group[0].provenance["host"] == host]
        for earlier, later in pairwise(alike):
            assert sum(item.n for item in earlier) + later[0].n > LARGE_BYTES


def test_a_new_store_has_no_part(tmp_path):
    store = Store.create(tmp_path / "store", RECIPE, {})
    assert not store.has(rows_and_digests(3)[1]).any()
