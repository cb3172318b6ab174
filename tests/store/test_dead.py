"""Dead rows: gc drops what no snapshot names any more, and nothing that anybody may need."""

import os
import time
import tracemalloc

import numpy as np
import pytest
from store_world import rows_and_digests, snapshot_of
from world import flip, tree

from bottleneck.core.errors import DamagedError
from bottleneck.core.sample import Samples
from bottleneck.store import copying, dead
from bottleneck.store.gc import gc
from bottleneck.store.log import DropSource, Log, SetSource
from bottleneck.store.snapshot import Snapshot
from bottleneck.store.store import Store
from bottleneck.store.verify import verify

ALL = -10.0  # a grace that has passed, whatever the file system's clock
ROWS, DIGESTS = rows_and_digests(20)  # what `filled` holds


def look(store, digests, name="s", known=None):
    """Commit that a source has these images now."""
    found = snapshot_of(digests)
    if known is not None:
        samples = found.samples
        hidden = np.where(known[:, None], samples.digests, 0).astype(np.uint8)
        parts = {k: getattr(samples, k) for k in ("keys", "labels", "splits", "classes")}
        found = Snapshot(samples=Samples(digests=hidden, known=known, **parts), spec=found.spec)
    entry = store.write_snapshot(found)
    before = store.state.sources[name].snapshot if name in store.source_names else None
    return store.commit([SetSource(name, before, entry)], "extract")


def add(store, seed, n=4, **provenance):
    """Commit a part of n rows."""
    rows, digests = rows_and_digests(n, seed)
    said = {"engine": "x", "batch": 4, **provenance}
    return store.commit([store.add_part(store.write_part(digests, rows, said))], "extract")


def held(store):
    """Return {digest: row} of all rows, each checked."""
    found = {}
    for part in Store.open(store.path).parts:
        for digest, row in zip(part.digests, part.take(np.arange(len(part))), strict=True):
            found[digest.tobytes()] = row.tobytes()
    return found


def of(rows, digests):
    return {d.tobytes(): r.tobytes() for d, r in zip(digests, rows, strict=True)}


def age(path, days=2.0):
    """Make everything that is there older."""
    then = time.time() - days * 86400
    for file in [path, *path.rglob("*")]:
        os.utime(file, (then, then))


def test_a_forgotten_source_leaves_no_row_and_no_file(filled):
    store = filled.commit([DropSource("s", filled.state.sources["s"].snapshot)], "forget")
    told = gc(store.path, grace_s=ALL, dry_run=True)
    before = tree(store.path)
    assert (told["rows"], told["rows_left"], told["dry_run"]) == (20, 0, True)
    assert told["row_bytes"] == store.state.parts[0].n_bytes
    assert tree(store.path) == before
    done = gc(store.path, grace_s=ALL)
    assert (done["rows"], done["row_bytes"]) == (told["rows"], told["row_bytes"])
    assert held(store) == {}
    assert list((store.path / "parts").iterdir()) == []
    assert list((store.path / "snapshots").iterdir()) == []
    assert verify(store.path)["damaged"] == []
    assert gc(store.path, grace_s=ALL)["deleted"] == []


def test_a_part_is_rewritten_when_less_than_half_of_it_is_needed(filled):
    store = look(filled, DIGESTS[:9])
    report = gc(store.path, grace_s=ALL)
    assert (report["rows"], report["rows_left"]) == (11, 0)
    assert held(store) == of(ROWS[:9], DIGESTS[:9])
    assert Store.open(store.path).provenance() == {"engine": "x", "batch": 4}
    assert Store.open(store.path).state.actions[0]["action"] == "drop rows"


def test_a_part_of_which_half_is_needed_stays_as_it_is(filled):
    store = look(filled, DIGESTS[:10])
    report = gc(store.path, grace_s=ALL)
    assert (report["rows"], report["rows_left"]) == (0, 10)
    assert held(store) == of(ROWS, DIGESTS)


def test_rows_that_a_commit_within_the_grace_names_stay(filled):
    store = look(filled, DIGESTS[:2])
    assert gc(store.path)["rows"] == 0
    age(store.path)
    report = gc(store.path)
    assert report["rows"] == 18
    assert held(store) == of(ROWS[:2], DIGESTS[:2])


def test_a_reader_of_the_commit_before_keeps_its_rows_for_the_grace(filled):
    look(filled, DIGESTS[:2])
    age(filled.path)
    reader = Store.open(filled.path)
    assert gc(filled.path)["rows"] == 18
    gc(filled.path)
    np.testing.assert_array_equal(reader.rows(DIGESTS), ROWS)
    again = Store.open(filled.path, at=reader.state.number)
    np.testing.assert_array_equal(again.rows(DIGESTS), ROWS)


def test_while_images_are_unread_no_row_is_dead_and_gc_says_whose(filled):
    known = np.arange(3) != 1
    store = look(filled, DIGESTS[:3], known=known)
    report = gc(store.path, grace_s=ALL)
    assert (report["rows"], report["unread"]) == (0, ["s"])
    assert len(held(store)) == 20


def test_a_row_that_another_source_needs_stays(filled):
    store = look(filled, DIGESTS[5:], "other")
    store = look(store, DIGESTS[:1])
    gc(store.path, grace_s=ALL)
    assert held(store).items() >= of(ROWS[5:], DIGESTS[5:]).items()
    np.testing.assert_array_equal(Store.open(store.path).arrays("other")[0], ROWS[5:])


def test_several_parts_are_rewritten_as_one_and_equal_rows_are_kept_once(filled):
    store = filled
    for _ in range(2):
        store = add(store, 7, 5)
    mine = rows_and_digests(5, 7)[1][:2]
    store = look(store, np.concatenate([DIGESTS[:3], mine]))
    report = gc(store.path, grace_s=ALL)
    found = Store.open(store.path)
    assert [part.rows for part in found.state.parts] == [5]
    assert report["rows"] == 17 + 3 + 3
    assert found.has(mine).all()


def test_rows_that_were_computed_in_different_ways_stay_apart(filled):
    store = add(filled, 7, 5, engine="y")
    store = look(store, np.concatenate([DIGESTS[:1], rows_and_digests(5, 7)[1][:1]]))
    gc(store.path, grace_s=ALL)
    assert [part.provenance["engine"] for part in Store.open(store.path).parts] == ["x", "y"]


def test_a_source_that_moves_while_gc_works_keeps_the_rows_that_it_then_names(filled, monkeypatch):
    look(filled, DIGESTS[:2])
    real, moved = dead.copied, []

    def meanwhile(store, chosen):
        if not moved:
            moved.append(look(Store.open(store.path), DIGESTS[:6]))
        return real(store, chosen)

    monkeypatch.setattr(dead, "copied", meanwhile)
    report = gc(filled.path, grace_s=ALL)
    assert report["rows"] == 14
    assert held(filled) == of(ROWS[:6], DIGESTS[:6])


def test_a_source_that_comes_while_gc_works_keeps_its_rows(filled, monkeypatch):
    store = filled.commit([DropSource("s", filled.state.sources["s"].snapshot)], "forget")
    real, came = dead.find_dead, []

    def meanwhile(store, before):
        found = real(store, before)
        if not came:
            came.append(look(Store.open(store.path), DIGESTS, "new"))
        return found

    monkeypatch.setattr(dead, "find_dead", meanwhile)
    assert gc(store.path, grace_s=ALL)["rows"] == 0
    np.testing.assert_array_equal(Store.open(store.path).arrays("new")[0], ROWS)


def test_an_extractor_that_adds_a_part_while_gc_works_keeps_it(filled, monkeypatch):
    look(filled, DIGESTS[:2])
    real = dead.copied

    def meanwhile(store, chosen):
        add(Store.open(store.path), 9)
        return real(store, chosen)

    monkeypatch.setattr(dead, "copied", meanwhile)
    gc(filled.path, grace_s=ALL)
    assert Store.open(filled.path).has(rows_and_digests(4, 9)[1]).all()


def test_sources_that_never_stand_still_end_it_with_nothing_dropped(filled, monkeypatch):
    look(filled, DIGESTS[:2])
    real = dead.copied

    def meanwhile(store, chosen):
        now = Store.open(store.path)
        look(now, DIGESTS[: 1 + now.state.number % 3])
        return real(store, chosen)

    monkeypatch.setattr(dead, "copied", meanwhile)
    assert gc(filled.path, grace_s=ALL)["rows"] == 0
    assert held(filled) == of(ROWS, DIGESTS)


def damaged_row(store, row):
    """Flip a bit of a row's bytes in its part."""
    for file in (store.path / "parts").rglob("*"):
        if file.is_file() and (at := file.read_bytes().find(ROWS[row].tobytes())) >= 0:
            flip(file, at)


def test_a_needed_row_that_is_damaged_ends_it_and_nothing_is_dropped(filled):
    store = look(filled, DIGESTS[:4])
    damaged_row(store, 1)
    before = tree(store.path).keys()
    with pytest.raises(DamagedError, match="row 1"):
        gc(store.path, grace_s=ALL)
    assert tree(store.path).keys() == before
    assert Store.open(store.path).state.checksum == store.state.checksum


def test_a_dead_row_that_is_damaged_goes_with_the_others(filled):
    store = look(filled, DIGESTS[:4])
    damaged_row(store, 15)
    assert gc(store.path, grace_s=ALL)["rows"] == 16
    assert held(store) == of(ROWS[:4], DIGESTS[:4])
    assert verify(store.path)["damaged"] == []


@pytest.mark.slow
def test_copying_a_large_part_takes_the_memory_of_a_few_blocks(filled, monkeypatch):
    monkeypatch.setattr(copying, "BLOCK_BYTES", 1 << 18)
    rng = np.random.default_rng(3)
    n = 200_000  # 6.4 MB of rows, 6.4 MB of digests
    digests = rng.integers(0, 256, (n, 32), np.uint8)
    rows = rng.normal(size=(n, 16)).astype("f2")
    part = filled.write_part(digests, rows, {"engine": "x", "batch": 4})
    store = filled.commit([filled.add_part(part)], "x")
    opened = store.parts[-1]
    needed = np.arange(0, n, 2)
    assert len(opened.digests) == n
    tracemalloc.start()
    entry = copying.copied(store, [(opened, needed)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    names_and_sums = len(needed) * 36
    assert entry.rows == len(needed)
    assert peak < 3 * names_and_sums + 10 * (1 << 18), f"{peak / 1e6:.1f} MB"


def test_the_numbers_of_a_log_go_on_after_gc(filled):
    look(filled, DIGESTS[:2])
    gc(filled.path, grace_s=ALL)
    numbers = Log(filled.path).numbers()
    assert numbers == [4]
    assert add(Store.open(filled.path), 5).state.number == 5
