import os
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bottleneck.core.digest import bytes_digest
from bottleneck.core.sample import key_array
from bottleneck.data.folder import FolderSource
from bottleneck.data.scan import EMPTY, SLACK_NS, Seen, StatTable, lookup, merged, record
from bottleneck.data.source import Listing

S = 1_000_000_000
NOW = 1_800_000_000 * S


def listing_of(stats):
    """Return a listing of {key: stat}."""
    keys = sorted(stats)
    return Listing(
        keys=key_array(keys),
        labels=np.zeros(len(keys), np.int32),
        splits=np.zeros(len(keys), np.uint8),
        classes=("c",),
        stats=np.array([stats[key] for key in keys], np.int64).reshape(-1, 4),
        skipped={},
        device=1,
    )


def seen_of(*rows):
    """Return what was read: (index, content, stat, clock)."""
    return Seen(
        index=np.array([r[0] for r in rows], np.int64),
        digests=np.array([list(bytes_digest(r[1])) for r in rows], np.uint8).reshape(-1, 32),
        stats=np.array([r[2] for r in rows], np.int64).reshape(-1, 4),
        clocks=np.array([r[3] for r in rows], np.int64),
    )


def look(table, stats):
    """Return {key: digest of what is known, or "racy", or None}."""
    known = lookup(table, listing_of(stats))
    return {
        key: bytes(digest) if is_known else ("racy" if is_racy else None)
        for key, digest, is_known, is_racy in zip(
            sorted(stats), known.digests, known.known, known.racy, strict=True
        )
    }


def one(ctime, clock, table=EMPTY, content=b"x"):
    """Record one file with this ctime, read at this clock."""
    stat = (1, 5, ctime, 7)
    return record(table, listing_of({b"a": stat}), seen_of((0, content, stat, clock))), stat


def test_an_old_file_is_known_after_one_look():
    table, stat = one(NOW - 10 * S, NOW)
    assert look(table, {b"a": stat}) == {b"a": bytes_digest(b"x")}


@pytest.mark.parametrize("field", range(4))
def test_any_stat_that_differs_makes_a_file_unknown(field):
    table, stat = one(NOW - 10 * S, NOW)
    other = list(stat)
    other[field] -= 1
    assert look(table, {b"a": other}) == {b"a": None}


def test_a_file_as_young_as_its_reading_is_racy_until_it_is_read_again_later():
    table, stat = one(NOW - SLACK_NS, NOW)
    assert look(table, {b"a": stat}) == {b"a": "racy"}
    table, _ = one(NOW - SLACK_NS, NOW + 1, table)
    assert look(table, {b"a": stat}) == {b"a": bytes_digest(b"x")}
    assert look(one(NOW - SLACK_NS - 1, NOW)[0], {b"a": (1, 5, NOW - SLACK_NS - 1, 7)}) == {
        b"a": bytes_digest(b"x")
    }


def test_a_ctime_in_the_future_is_not_racy_for_ever():
    future = NOW + 3600 * S
    table, stat = one(future, NOW)
    table, _ = one(future, NOW + S, table)
    assert look(table, {b"a": stat}) == {b"a": "racy"}
    table, _ = one(future, NOW + 2 * S, table)
    assert look(table, {b"a": stat}) == {b"a": bytes_digest(b"x")}
    table, _ = one(future, NOW + 3 * S, table)  # --rehash
    assert look(table, {b"a": stat}) == {b"a": bytes_digest(b"x")}


def test_other_bytes_under_the_same_young_stats_start_the_wait_anew():
    future = NOW + 3600 * S
    table, stat = one(future, NOW)
    table, _ = one(future, NOW + 2 * S, table, content=b"y")
    assert look(table, {b"a": stat}) == {b"a": "racy"}


def test_a_clock_that_steps_back_between_two_looks_proves_nothing():
    table, stat = one(NOW, NOW)
    table, _ = one(NOW, NOW - 100 * S, table)
    assert look(table, {b"a": stat}) == {b"a": "racy"}
    table, _ = one(NOW, NOW - 99 * S, table)
    assert look(table, {b"a": stat}) == {b"a": "racy"}
    table, _ = one(NOW, NOW - 98 * S, table)
    assert look(table, {b"a": stat}) == {b"a": bytes_digest(b"x")}


def test_an_mtime_in_the_future_does_not_make_a_file_racy():
    stat = (1, NOW + 10**6 * S, NOW - 10 * S, 7)
    table = record(EMPTY, listing_of({b"a": stat}), seen_of((0, b"x", stat, NOW)))
    assert look(table, {b"a": stat}) == {b"a": bytes_digest(b"x")}


def test_the_stat_of_the_reading_counts_not_the_listings():
    listed, read = (1, 5, 6, 7), (1, 8, 9, 7)
    table = record(EMPTY, listing_of({b"a": listed}), seen_of((0, b"x", read, NOW)))
    assert look(table, {b"a": listed}) == {b"a": None}
    assert look(table, {b"a": read}) == {b"a": bytes_digest(b"x")}


def test_what_was_known_stays_known_without_being_read_and_what_is_gone_is_dropped():
    stats = {b"a": (1, 1, 1, 1), b"b": (2, 2, 2, 2), b"c": (3, 3, 3, 3)}
    table = record(
        EMPTY, listing_of(stats), seen_of(*((i, b"%d" % i, (i + 1,) * 4, NOW) for i in range(3)))
    )
    now = {b"a": (1, 1, 1, 1), b"bb": (2, 2, 2, 2), b"c": (9, 9, 9, 9), b"d": (4, 4, 4, 4)}
    after = record(table, listing_of(now), seen_of((3, b"d", (4, 4, 4, 4), NOW)))
    assert after.keys.tolist() == [b"a", b"d"]
    assert look(after, now) == {
        b"a": bytes_digest(b"0"),
        b"bb": None,
        b"c": None,
        b"d": bytes_digest(b"d"),
    }


def test_a_racy_entry_that_was_not_read_again_stays_racy():
    table, stat = one(NOW, NOW)
    table = record(table, listing_of({b"a": stat}), seen_of())
    assert look(table, {b"a": stat}) == {b"a": "racy"}


STATS = st.tuples(*[st.integers(0, 2)] * 4)


@pytest.mark.slow
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_lookup_and_record_do_what_a_dict_does(data):
    keys = st.sampled_from([b"a", b"b", b"ab", b"b/c", b"z" * 40])
    model, table = {}, EMPTY
    for _ in range(3):
        stats = data.draw(st.dictionaries(keys, STATS, min_size=1))
        order = sorted(stats)
        read = data.draw(st.lists(st.sampled_from(range(len(order))), unique=True))
        contents = {i: data.draw(st.binary(max_size=2)) for i in read}
        table = record(
            table,
            listing_of(stats),
            seen_of(*((i, contents[i], stats[order[i]], NOW) for i in read)),
        )
        model = {k: v for k, v in model.items() if stats.get(k) == v[0]}
        model |= {order[i]: (stats[order[i]], bytes_digest(contents[i])) for i in read}
        assert table.keys.tolist() == sorted(model)
        asked = data.draw(st.dictionaries(keys, STATS, min_size=1))
        expected = {
            k: model[k][1] if k in model and model[k][0] == s else None for k, s in asked.items()
        }
        table = StatTable.from_bytes(table.to_bytes())
        assert look(table, asked) == expected


# Real files. The clock handed in is the real one, shifted: no test waits.


def hash_all(source, table, clock_shift_s=0, only=None):
    listing = source.list()
    wanted = range(len(listing)) if only is None else np.flatnonzero(only(lookup(table, listing)))
    rows = []
    for i in wanted:
        read = source.read(int(i))
        rows.append((i, read.content, read.stat, read.clock_ns + clock_shift_s * S))
    return record(table, listing, seen_of(*rows)), len(rows)


def truth_of(source):
    return [bytes_digest(source.read(i).content) for i in range(len(source.list()))]


def believed(source, table):
    known = lookup(table, source.list())
    return [bytes(d) if k else None for d, k in zip(known.digests, known.known, strict=True)]


@pytest.fixture
def cat(plant):
    """A folder of one image that a run ten seconds from now has hashed."""
    root = plant(**{"cat/1.png": b"first"})
    source = FolderSource(root)
    table, _ = hash_all(source, EMPTY, clock_shift_s=10)
    assert believed(source, table) == truth_of(source)
    return source, root / "cat" / "1.png", table


def test_a_fresh_file_is_hashed_twice_and_then_no_more(plant):
    source = FolderSource(plant("cat/1.png", "cat/2.png"))
    table, _ = hash_all(source, EMPTY)
    assert lookup(table, source.list()).racy.all()
    table, n = hash_all(source, table, clock_shift_s=5, only=lambda known: ~known.known)
    assert n == 2
    _, n = hash_all(source, table, clock_shift_s=6, only=lambda known: ~known.known)
    assert n == 0


def test_an_edit_inside_the_tick_of_the_hash_is_not_missed(plant):
    root = plant(**{"cat/1.png": b"first"})
    source = FolderSource(root)
    table, _ = hash_all(source, EMPTY)
    # The same stats, other bytes: as a clock of 2 s a tick would show it.
    forged = StatTable(
        keys=table.keys,
        stats=source.list().stats,
        digests=table.digests,
        since=table.since,
    )
    assert believed(source, forged) == [None]


@pytest.mark.parametrize("trick", ["utime", "touch -r", "cp -p", "mv", "link"])
def test_an_edit_of_equal_size_with_its_mtime_set_back_is_seen(cat, tmp_path, trick):
    source, path, table = cat
    before = path.stat()
    reference = tmp_path / "reference"
    shutil.copy2(path, reference)
    if trick == "utime":
        path.write_bytes(b"other")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif trick == "touch -r":
        path.write_bytes(b"other")
        subprocess.run(["touch", "-r", reference, path], check=True)
    else:
        new = tmp_path / "new"
        new.write_bytes(b"other")
        os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
        if trick == "cp -p":
            subprocess.run(["cp", "-p", new, path], check=True)
        elif trick == "mv":
            new.replace(path)
        else:
            path.unlink()
            os.link(new, path)
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert believed(source, table) == [None]


def test_a_reused_inode_with_equal_size_and_mtime_is_seen(cat):
    source, path, table = cat
    before = path.stat()
    path.unlink()
    for i in range(50):  # until the file system hands the inode out again, if it ever does
        candidate = path.with_name(f"try{i}")
        candidate.write_bytes(b"other")
        if candidate.stat().st_ino == before.st_ino:
            break
    candidate.replace(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert lookup(table, source.list()).known.tolist().count(True) == 0


def test_a_touched_file_is_hashed_again_and_has_its_digest_still(cat):
    source, path, table = cat
    os.utime(path)
    assert believed(source, table) == [None]
    table, _ = hash_all(source, table, clock_shift_s=10)
    assert believed(source, table) == truth_of(source)


def test_two_files_that_swap_names_are_both_hashed(plant):
    root = plant(**{"c/1.png": b"one", "c/2.png": b"two"})
    source = FolderSource(root)
    table, _ = hash_all(source, EMPTY, clock_shift_s=10)
    (root / "c/1.png").rename(root / "c/3.png")
    (root / "c/2.png").rename(root / "c/1.png")
    (root / "c/3.png").rename(root / "c/2.png")
    assert believed(source, table) == [None, None]


# The file.


def filled(n=50):
    rng = np.random.default_rng(0)
    return StatTable(
        keys=key_array(b"train/%05d.jpg" % i for i in range(n)),
        stats=rng.integers(0, 2**62, (n, 4)),
        digests=rng.integers(0, 256, (n, 32), np.uint8),
        since=rng.integers(0, 2, n) * NOW,
    )


def test_the_file_gives_back_every_column():
    table = filled()
    again = StatTable.from_bytes(table.to_bytes())
    for name in ("keys", "stats", "digests", "since"):
        np.testing.assert_array_equal(getattr(again, name), getattr(table, name))
    assert len(StatTable.from_bytes(EMPTY.to_bytes())) == 0


@pytest.mark.slow
def test_no_flipped_bit_or_cut_or_tail_ever_gives_a_table():
    data = filled().to_bytes()
    rng = np.random.default_rng(1)
    for at in rng.integers(0, len(data) * 8, 4000).tolist():
        damaged = bytearray(data)
        damaged[at // 8] ^= 1 << at % 8
        assert len(StatTable.from_bytes(bytes(damaged))) == 0
    for length in range(len(data)):
        assert len(StatTable.from_bytes(data[:length])) == 0
    assert len(StatTable.from_bytes(data + b"\0")) == 0


@given(st.binary(max_size=200))
def test_garbage_gives_an_empty_table_never_an_error(data):
    assert len(StatTable.from_bytes(data)) == 0
    assert len(StatTable.from_bytes(b"bn-stat1" + data)) == 0


def test_of_two_tables_the_one_that_trusts_a_file_is_believed_and_stats_must_be_these():
    old, new = (5, 10, 10, 1), (5, 10, 20, 1)
    clock = 10**10
    young = (5, 10, clock, 1)
    stats = {b"a": new, b"b": new, b"c": young, b"d": new}
    listing = listing_of(stats)

    def table(*rows):
        of = listing_of(dict(zip(sorted(stats), [row[1] for row in rows], strict=True)))
        return record(
            EMPTY, of, seen_of(*((i, c.encode(), s, t) for i, (c, s, t) in enumerate(rows)))
        )

    ours = table(("ours", new, clock), ("old", old, clock), ("racy", young, clock), ("o", old, 1))
    others = table(
        ("ours", new, clock), ("new", new, clock), ("racy", young, 2 * clock), ("o", old, 1)
    )
    for pair in ((ours, others), (others, ours)):
        found = look(merged(*pair, listing), stats)
        assert found == {
            b"a": bytes_digest(b"ours"), b"b": bytes_digest(b"new"), b"c": bytes_digest(b"racy"),
            b"d": None,
        }  # fmt: skip
