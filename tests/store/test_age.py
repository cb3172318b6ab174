"""How old a commit is: what a reader pinned is safe for a grace from when it was superseded."""

import os
import time

import numpy as np
import pytest
from store_world import rows_and_digests

from bottleneck.core.errors import ExpiredError
from bottleneck.store.fold import merged
from bottleneck.store.gc import gc
from bottleneck.store.log import Log, ReplaceParts
from bottleneck.store.store import Store

DAY = 24 * 3600.0


def put_at(store, times):
    """Make commit number → seconds ago; what else is in the store is as old as can be."""
    now = time.time()
    for path in store.path.rglob("*"):
        os.utime(path, (now - 1000 * DAY,) * 2)
    for number, ago in times.items():
        os.utime(Log(store.path).path(number), (now - ago,) * 2)
    return now


def folded(filled):
    """Return the store after its two parts were put into one: the old ones are nobody's."""
    rows, digests = rows_and_digests(3, 1)
    store = filled.commit([filled.add_part(filled.write_part(digests, rows, {}))], "x")
    new = ReplaceParts(tuple(part.name for part in store.state.parts), (alike(store),))
    return store.commit([new], "fold")


def alike(store):
    parts = store.parts
    for part in parts:
        part.provenance = parts[0].provenance
    return merged(store, parts)


def test_a_commit_of_last_month_that_was_superseded_an_hour_ago_is_kept(filled):
    store = folded(filled)
    pinned = Store.open(store.path, at=3)
    put_at(store, {1: 60 * DAY, 2: 60 * DAY, 3: 30 * DAY, 4: 3600})
    assert gc(store.path)["deleted"] == ["log/00000001.json", "log/00000002.json"]
    x = pinned.arrays()[0]  # its parts are opened only now, by another process than gc's
    np.testing.assert_array_equal(np.asarray(x), rows_and_digests(20)[0])


def test_a_reader_whose_commit_was_superseded_before_the_grace_finds_it_expired(filled):
    store = folded(filled)
    pinned = Store.open(store.path, at=3)
    put_at(store, {1: 60 * DAY, 2: 60 * DAY, 3: 30 * DAY, 4: 2 * DAY})
    assert any(name.startswith("parts/") for name in gc(store.path)["deleted"])
    with pytest.raises(ExpiredError):
        pinned.arrays()


def test_the_newest_commit_is_never_superseded(filled):
    put_at(filled, {1: 90 * DAY, 2: 90 * DAY})
    assert Log(filled.path).superseded(time.time() - DAY) == [1]
    assert Log(filled.path).superseded(time.time() + DAY) == [1]


def test_a_commit_is_superseded_when_the_next_one_was_written(filled):
    store = folded(filled)
    now = put_at(store, {1: 40 * DAY, 2: 30 * DAY, 3: 20 * DAY, 4: 10 * DAY})
    log = Log(store.path)
    assert log.superseded(now - 31 * DAY) == []
    assert log.superseded(now - 29 * DAY) == [1]
    assert log.superseded(now - 19 * DAY) == [1, 2]
    assert log.superseded(now - 9 * DAY) == [1, 2, 3]


def test_a_clock_that_was_set_back_makes_no_commit_older_than_its_own_file(filled):
    store = folded(filled)
    now = put_at(store, {1: 40 * DAY, 2: 1 * DAY, 3: 40 * DAY, 4: 1 * DAY})
    assert Log(store.path).superseded(now - 2 * DAY) == []


def test_where_the_next_commit_was_moved_aside_the_one_after_it_counts(filled):
    store = folded(filled)
    now = put_at(store, {1: 40 * DAY, 2: 30 * DAY, 3: 20 * DAY, 4: 10 * DAY})
    Log(store.path).path(2).unlink()
    assert Log(store.path).superseded(now - 25 * DAY) == []
    assert Log(store.path).superseded(now - 15 * DAY) == [1]


def test_parts_that_are_open_stay_open_where_a_store_goes_on_to_a_newer_commit(filled):
    (part,) = filled.parts
    rows, digests = rows_and_digests(3, 1)
    other = Store.open(filled.path)
    other.commit([other.add_part(other.write_part(digests, rows, {}))], "x")
    newer = filled.refresh()
    assert newer.parts[0] is part
    assert [len(one) for one in newer.parts] == [20, 3]
    assert newer.has(digests).all()
    assert not filled.has(digests).any()


def test_what_no_commit_names_yet_is_kept_for_minutes_however_short_the_grace(filled):
    """A run of a head, or an extraction without the lock, may be about to name it."""
    store = folded(filled)
    rows, digests = rows_and_digests(2, 7)
    entry = store.write_part(digests, rows, {})
    half = store.runs / f"tmp-{'0' * 32}"
    half.mkdir(parents=True)
    deleted = gc(store.path, grace_s=0.0)["deleted"]
    assert sum(name.startswith("parts/") for name in deleted) == 2  # those that were folded
    assert half.exists()
    found = store.commit([store.add_part(entry)], "extract")
    np.testing.assert_array_equal(found.rows(digests), rows)

    lost = store.write_part(digests, rows, {})
    for path in (*(store.path / "parts").glob(f"{lost.name}*"), half):
        os.utime(path, (time.time() - 3600,) * 2)
    deleted = gc(store.path, grace_s=0.0)["deleted"]
    assert {f"parts/{lost.name}", f"runs/{half.name}"} <= set(deleted)
