"""Stores in a bucket: the protocol of a disk, over a network that does what it likes."""

import contextlib
import itertools
import multiprocessing
import os
import random
import re
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import fault_table
import numpy as np
import pytest
from bucket_world import ADDRESS
from store_world import RECIPE, rows_and_digests, snapshot_of

from bottleneck import verify as door
from bottleneck.core import files
from bottleneck.core.buckets import address
from bottleneck.core.errors import (
    BottleneckError,
    DamagedError,
    DataError,
    ExpiredError,
    PermissionDeniedError,
    UnavailableError,
    UsageError,
)
from bottleneck.core.sample import key_array
from bottleneck.data.bucket_objects import Objects
from bottleneck.pipeline.learning.runs import find_run
from bottleneck.store import bucket as objects
from bottleneck.store import checking, part_cache, unsent
from bottleneck.store.bucket import Bucket
from bottleneck.store.gc import gc
from bottleneck.store.log import Log, ReplaceParts, SetRecipe, SetSource
from bottleneck.store.part import row_checksums
from bottleneck.store.store import Store
from bottleneck.store.verify import verify


@pytest.fixture
def store(bucket, fmt):
    """An empty store in a bucket."""
    return Store.create(ADDRESS, RECIPE, {"backbone": "x"}, fmt)


def add(store, seed, n=3):
    """Publish a part and return the action that adds it."""
    rows, digests = rows_and_digests(n, seed)
    return store.add_part(store.write_part(digests, rows, {"engine": "x", "batch": 4}))


def filled(store, n=20):
    rows, digests = rows_and_digests(n)
    part = store.write_part(digests, rows, {"engine": "x", "batch": 4})
    entry = store.write_snapshot(snapshot_of(digests))
    return store.commit([store.add_part(part), SetSource("s", None, entry)], "test")


# --- what is where -------------------------------------------------------------------------------


def test_another_machine_reads_what_one_wrote(store, elsewhere):
    filled(store)
    rows, _ = rows_and_digests(20)
    elsewhere()
    other = Store.open(ADDRESS)
    assert other.path != store.path
    np.testing.assert_array_equal(other.arrays("s")[0], rows)


def test_what_is_in_the_bucket_is_what_a_store_on_a_disk_is(store, bucket, tmp_path):
    filled(store)
    found = bucket.objects()
    rooms = {name.split("/")[0] for name in found}
    assert rooms == {"log", "parts", "snapshots", "recipes"}
    for name, data in found.items():  # a copy of the bucket by any tool is a store
        (tmp_path / "whole" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "whole" / name).write_bytes(data)
    local = Store.open(tmp_path / "whole")
    assert local.state == Store.open(ADDRESS).state
    assert verify(tmp_path / "whole")["damaged"] == []
    assert len(local.arrays("s")[0]) == 20


def test_opening_again_asks_for_the_newest_number_alone(store, bucket):
    for seed in range(3):
        store = store.commit([add(store, seed)], "x")
    Store.open(ADDRESS)
    bucket.counts.clear()
    Store.open(ADDRESS)
    assert (bucket.counts["list"], bucket.counts["get"], bucket.counts["put"]) == (1, 0, 0)
    assert bucket.counts["down"] < 1000


def test_a_whole_bucket_may_be_a_store(bucket):
    store = filled(Store.create(Path("s3://bucket"), RECIPE, {}))
    assert Store.open("s3://bucket").state == store.state
    assert "log/00000002.json" in bucket.objects("")


def test_a_prefix_of_something_else_is_no_place_for_a_store(bucket):
    bucket.put("holiday.jpg", b"1")
    with pytest.raises(UsageError, match="no feature store"):
        Store.is_there(ADDRESS)


def test_where_no_store_is_that_is_said_with_its_address(bucket):
    with pytest.raises(UsageError, match="not a feature store: s3://bucket/stores/first: make one"):
        Store.open(ADDRESS)
    assert not Store.is_there(ADDRESS)


def test_a_bucket_without_conditional_puts_is_refused_and_left_empty(bucket):
    bucket.harm = lambda request: "unconditional" if request.method == "PUT" else None
    with pytest.raises(UsageError, match=r"no conditional puts.*If-None-Match"):
        Store.create(ADDRESS, RECIPE, {})
    assert bucket.objects() == {}


def test_a_server_that_does_not_know_conditional_puts_is_refused(bucket):
    bucket.harm = lambda request: "501 NotImplemented" if request.method == "PUT" else None
    with pytest.raises(UsageError, match="no conditional puts"):
        Store.create(ADDRESS, RECIPE, {})


# --- copies --------------------------------------------------------------------------------------


def test_a_part_that_came_with_other_bytes_is_never_used(store, bucket, elsewhere):
    done = filled(store)
    name, data = next(
        (name, data) for name, data in bucket.objects().items()
        if name.startswith("parts/") and len(data) > 500
    )  # fmt: skip
    bucket.put(name, data[:-1] + bytes([data[-1] ^ 1]))
    elsewhere()
    with pytest.raises(DamagedError, match="its bytes changed: s3://bucket/stores/first/parts"):
        _ = Store.open(ADDRESS).parts
    assert not list(Store.open(ADDRESS).path.glob("parts/*"))
    assert len(done.parts) == 1


def with_a_bad_row(done, bucket):
    """Damage row 3 of the only part where it is in the bucket; return the object's name."""
    part = done.parts[0]
    victim = part.path if part.path.is_file() else part.path / "rows" / "c" / "0" / "0"
    at = victim.read_bytes().index(np.asarray(part.slice(3, 4)).tobytes())
    data = bytearray(victim.read_bytes())
    data[at] ^= 1
    name = victim.relative_to(done.path).as_posix()
    bucket.put(name, bytes(data))
    return name


def test_damage_in_the_bucket_is_found_and_mended_where_no_copy_is(store, bucket, elsewhere):
    with_a_bad_row(filled(store), bucket)
    elsewhere()
    (found,) = verify(ADDRESS)["damaged"]
    assert (found["rows_lost"], found["rows"]) == (1, [[3, 3]])
    assert "--cache s3" in found["do"] or str(Store.open(ADDRESS).path) in found["do"]
    assert not list(Store.open(ADDRESS).path.glob("tmp-*"))
    assert verify(ADDRESS, repair=True)["rows_lost"] == 1
    assert verify(ADDRESS)["damaged"] == []
    assert sum(part.rows for part in Store.open(ADDRESS).state.parts) == 19


@pytest.mark.parametrize("room", ["parts", "snapshots", "recipes"])
@pytest.mark.parametrize("what", ["lost", "damaged", "cut short"])
def test_what_the_bucket_lost_is_put_back_from_a_good_copy(what, room, store, bucket, elsewhere):
    done = filled(store)
    before = bucket.objects()
    names = sorted(name for name in before if name.startswith(room))
    name = max(names, key=lambda name: len(before[name]))
    changed = {"lost": None, "damaged": bytes(len(before[name])), "cut short": before[name][:-1]}
    bucket.put(name, changed[what])
    copy = (done.path / name).read_bytes()
    report = verify(ADDRESS)
    (found,) = report["damaged"]
    assert (found["what"], found["rows_lost"], found["images"]) == (room[:-1], 0, 0)
    assert found["detail"].endswith("in the bucket; this machine has a good copy")
    assert found["do"].endswith("--repair here, which puts the copy back")
    assert (report["repaired"], report["rows_lost"], report["to_compute"]) == (False, 0, 0)
    assert (done.path / name).read_bytes() == copy
    assert bucket.objects().get(name) == changed[what]

    report = verify(ADDRESS, repair=True)
    assert (report["repaired"], report["rows_lost"], report["to_compute"]) == (True, 0, 0)
    said = "\n".join(door.lines(report))
    assert "no rows were lost" in said
    assert "extract" not in said
    assert bucket.objects() == before
    assert verify(ADDRESS)["damaged"] == []
    assert not list(done.path.glob("tmp-*"))
    elsewhere()
    rows, _ = rows_and_digests(20)
    np.testing.assert_array_equal(Store.open(ADDRESS).arrays("s")[0], rows)
    assert Store.open(ADDRESS).state == done.state


def test_what_only_an_older_commit_names_is_put_back_as_well_and_not_given_up(store, bucket):
    first = add(store, 1)
    store = store.commit([first], "x")
    (old,) = store.state.parts
    store = store.commit([ReplaceParts((old.name,), add(store, 2).entries)], "x")
    before = bucket.objects()
    for name in [name for name in before if name.startswith(old.table)]:
        bucket.put(name, None)
    (found,) = verify(ADDRESS)["damaged"]
    assert found["commits"]
    verify(ADDRESS, repair=True)
    assert bucket.objects() == before


def test_a_copy_that_is_no_better_is_no_help(store, bucket):
    done = filled(store)
    name = with_a_bad_row(done, bucket)
    (done.path / name).write_bytes(bucket.objects()[name])
    (found,) = verify(ADDRESS)["damaged"]
    assert (found["rows_lost"], found["rows"]) == (1, [[3, 3]])
    assert not list(done.path.glob("parts/*"))
    assert verify(ADDRESS, repair=True)["rows_lost"] == 1


@pytest.mark.parametrize("bound", ["0", "1G"])
def test_rows_that_were_bad_before_they_came_there_are_dropped_as_on_a_disk(
    bound, store, elsewhere, monkeypatch
):
    rows, digests = rows_and_digests(5, 7)
    sums = row_checksums(store.recipe.id, digests, rows)
    sums[2] ^= 1
    store = store.commit([store.add_part(store.write_part(digests, rows, {}, sums))], "x")
    store.commit([add(store, 1)], "x")
    elsewhere()
    monkeypatch.setenv("BOTTLENECK_PART_CACHE_SIZE", bound)
    report = verify(ADDRESS, repair=True)
    assert (report["repaired"], report["rows_lost"]) == (True, 1)
    assert "good copy" not in report["damaged"][0]["detail"]
    assert verify(ADDRESS)["damaged"] == []
    assert sum(part.rows for part in Store.open(ADDRESS).state.parts) == 7


def test_a_source_goes_back_to_a_snapshot_that_was_put_back_just_now(store, bucket):
    done = filled(store)
    _, digests = rows_and_digests(20)
    entries = [done.state.sources["s"]]
    for n in (19, 18):
        entries.append(done.write_snapshot(snapshot_of(digests[:n])))
        done = done.commit([SetSource("s", entries[-2].snapshot, entries[-1])], "x")
    for entry in entries[1:]:
        names = [name for name in bucket.objects() if name.startswith(entry.table)]
        for name in names:
            bucket.put(name, bytes(len(bucket.objects()[name])))
    files.delete(done.path / entries[2].table)
    assert verify(ADDRESS, repair=True)["repaired"]
    assert Store.open(ADDRESS).state.sources["s"] == entries[1]
    assert verify(ADDRESS)["damaged"] == []


def test_gc_leaves_what_is_fetched_for_hours(store, fmt):
    """A folder is as old as the last name in it, however long what it holds is written to."""
    root = filled(store).path
    long, left = (root / "parts" / f"tmp-{digit * 32}.{fmt}" for digit in "ab")
    for folder in (long, left):
        (folder / "rows" / "c").mkdir(parents=True)
        (folder / "rows" / "c" / "0").write_bytes(b"1")
        for path in (folder / "rows" / "c" / "0", folder / "rows" / "c", folder / "rows", folder):
            os.utime(path, (0, 0))
    os.utime(long / "rows" / "c" / "0")
    run = root / "unsent" / f"tmp-{'c' * 32}"  # of a training that was killed while it wrote it
    run.mkdir(parents=True)
    os.utime(run, (0, 0))
    gc(ADDRESS, grace_s=0)
    assert (long.exists(), left.exists(), run.exists()) == (True, False, False)


def bytes_of_parts(folder):
    """Return the bytes of parts below a part cache, what is being fetched included."""
    sizes = {}
    for root, _, names in os.walk(folder):
        for name in names if "parts" in Path(root).parts else ():
            with contextlib.suppress(FileNotFoundError):  # other threads move what they fetched
                file = Path(root, name).stat()
                sizes[file.st_ino] = file.st_size
    return sum(sizes.values())


@pytest.fixture
def beside(bucket, fmt, elsewhere, monkeypatch):
    """A machine that has a part of one store, and none of three of another; bytes are watched."""
    used = filled(Store.create(ADDRESS.parent / "used", RECIPE, {"backbone": "x"}, fmt), 300)
    store = Store.create(ADDRESS, RECIPE, {"backbone": "x"}, fmt)
    for seed in range(3):
        store = store.commit([add(store, seed, n=300)], "x")
    elsewhere()
    path = Store.open(used.storage.location).parts[0].path
    seen = SimpleNamespace(path=path, cache=path.parents[2], part=0, most=0)
    seen.part = bytes_of_parts(seen.cache)
    download = Bucket.download

    def watched(*args):
        is_good = download(*args)
        seen.most = max(seen.most, bytes_of_parts(seen.cache))
        return is_good

    monkeypatch.setattr(Bucket, "download", watched)
    monkeypatch.setattr(part_cache, "IN_USE_S", -1.0)
    return seen


@pytest.mark.parametrize(("n_allowed", "n_kept"), [(0, 1), (2, 2), (4, 4)])
def test_a_check_keeps_to_the_bound_while_it_runs(n_allowed, n_kept, beside, monkeypatch):
    """Beside the copies there is one table at a time, and what others use is not pushed out."""
    monkeypatch.setenv("BOTTLENECK_PART_CACHE_SIZE", str(n_allowed * beside.part))
    assert verify(ADDRESS)["damaged"] == []
    assert beside.path.exists()
    assert bytes_of_parts(beside.cache) == n_kept * beside.part
    assert beside.most == min(n_kept + 1, 4) * beside.part


def test_what_is_fetched_pushes_out_what_was_not_used_for_longest_before_it_comes(
    beside, monkeypatch
):
    monkeypatch.setenv("BOTTLENECK_PART_CACHE_SIZE", str(3 * beside.part))
    assert len(Store.open(ADDRESS).parts) == 3
    assert not beside.path.exists()
    assert beside.most == 3 * beside.part


def test_putting_back_survives_a_network_that_does_what_it_likes(store, bucket):
    done = filled(store)
    before = bucket.objects()
    with_a_bad_row(done, bucket)
    # The first two are what the client itself asks again; what is there has the right size.
    harms = iter(["503 SlowDown", "503 SlowDown", None, "503 done", None, "lost", None, "cut"])
    bucket.harm = lambda request: next(harms, None) if request.method == "PUT" else None
    verify(ADDRESS, repair=True)
    assert bucket.objects() == before


@pytest.mark.parametrize("bound", ["0", "1G"])
def test_a_copy_that_went_bad_is_fetched_anew_by_verify(bound, store, monkeypatch):
    monkeypatch.setenv("BOTTLENECK_PART_CACHE_SIZE", bound)
    part = filled(store).parts[0]
    victim = part.path if part.path.is_file() else part.path / "rows" / "c" / "0" / "0"
    data = bytearray(victim.read_bytes())
    data[-1] ^= 1
    victim.write_bytes(data)
    assert verify(ADDRESS)["damaged"] == []
    rows, _ = rows_and_digests(20)
    np.testing.assert_array_equal(Store.open(ADDRESS).arrays("s")[0], rows)


def test_a_recipe_that_went_bad_here_is_fetched_anew_by_verify_and_one_bad_everywhere_is_said(
    store, bucket
):
    (copy,) = filled(store).path.glob("recipes/*")
    good = copy.read_bytes()
    copy.write_bytes(good[:-9])
    assert verify(ADDRESS)["damaged"] == []
    assert copy.read_bytes() == good
    copy.write_bytes(good[:-9])
    bucket.put(f"recipes/{copy.name}", good[:-9])
    report = verify(ADDRESS, repair=True)
    assert not report["repaired"]
    assert "restore this file from a backup" in report["damaged"][0]["do"]


def test_a_recipe_that_gc_took_while_verify_runs_is_no_damage(store, bucket, monkeypatch):
    done = filled(store)
    (old,) = (name for name in bucket.objects() if name.startswith("recipes/"))
    other = replace(RECIPE, preprocessing="other")
    done.write_recipe(other, {"backbone": "x"})
    done.commit([SetRecipe(RECIPE.id, other.id)], "x")
    find = checking._recipes

    def later(seen):
        for name in [old, *(f"log/{number:08d}.json" for number in range(1, seen.newest))]:
            bucket.put(name, None)
        return find(seen)

    monkeypatch.setattr(checking, "_recipes", later)
    assert verify(ADDRESS)["damaged"] == []


def test_a_damaged_newest_commit_is_moved_aside_and_its_number_given_again(store, bucket):
    done = filled(store)
    bucket.put(f"log/{done.state.number:08d}.json", b"{}")
    with pytest.raises(DamagedError):
        Store.open(ADDRESS)
    verify(ADDRESS, repair=True)
    before = Store.open(ADDRESS)
    assert before.state.number == done.state.number - 1
    again = filled(before)
    assert again.state.number == done.state.number
    assert Store.open(ADDRESS).state == again.state
    assert f"log/damaged/{done.state.number:08d}.json" in bucket.objects()


def test_a_commit_whose_number_was_given_again_by_another_machine_is_fetched_anew(
    store, bucket, elsewhere, monkeypatch
):
    here = os.environ["BOTTLENECK_PART_CACHE"]
    done = filled(store)
    number = Store.open(ADDRESS).state.number  # its copy is here now
    bucket.put(f"log/{number:08d}.json", b"{}")
    elsewhere()
    verify(ADDRESS, repair=True)
    theirs = Store.open(ADDRESS)
    theirs = theirs.commit([add(theirs, 7)], "another")
    assert theirs.state.number == number
    elsewhere(Path(here).name)
    assert Store.open(ADDRESS).state == theirs.state
    assert done.refresh().state == theirs.state


def test_the_part_cache_keeps_to_its_bound_and_what_is_mapped_stays_readable(
    store, elsewhere, monkeypatch
):
    for seed in range(6):
        store = store.commit([add(store, seed, n=300)], "x")
    elsewhere()
    monkeypatch.setenv("BOTTLENECK_PART_CACHE_SIZE", "12K")
    other = Store.open(ADDRESS)
    digests = np.concatenate([part.digests for part in other.parts])
    assert len(list(other.path.glob("parts/*"))) == 6  # what was used just now stays
    monkeypatch.setattr(part_cache, "IN_USE_S", -1.0)
    part_cache.evict(other.path)
    kept = sum(part_cache.size_of(path) for path in other.path.glob("parts/*"))
    assert kept <= 12 << 10
    rows = np.concatenate([rows_and_digests(300, seed)[0] for seed in range(6)])
    np.testing.assert_array_equal(other.rows(digests), rows)


def test_what_is_no_size_is_said(monkeypatch):
    monkeypatch.setenv("BOTTLENECK_PART_CACHE_SIZE", "much")
    with pytest.raises(UsageError, match="'much' is no size"):
        part_cache.bound()


@pytest.mark.parametrize("what", ["a file", "below a file", "a link to nothing", "not to be made"])
def test_where_no_part_cache_can_be_that_is_said_and_not_tried_for_ever(
    store, tmp_path, monkeypatch, elsewhere, what
):
    filled(store)
    elsewhere()
    place = tmp_path / "odd"
    if what == "a link to nothing":
        place.symlink_to(tmp_path / "gone")
    elif what == "not to be made":
        place = Path("/proc/nix")
    else:
        place.write_text("x")
    named = place / "deeper" if what == "below a file" else place
    monkeypatch.setenv("BOTTLENECK_PART_CACHE", str(named))
    with pytest.raises(PermissionDeniedError, match="part cache") as caught:
        Store.open(ADDRESS)
    assert str(caught.value.where).startswith(str(place))
    assert "--part-cache" in caught.value.do
    assert "BOTTLENECK_PART_CACHE" in caught.value.do


def test_a_part_cache_is_on_this_disk(store, elsewhere, monkeypatch):
    elsewhere()
    monkeypatch.setenv("BOTTLENECK_PART_CACHE", "s3://bucket/copies")
    with pytest.raises(UsageError, match="not supported"):
        Store.open(ADDRESS)


def test_a_bound_that_is_no_size_is_said_before_anything_is_fetched(store, elsewhere, monkeypatch):
    elsewhere()
    monkeypatch.setenv("BOTTLENECK_PART_CACHE_SIZE", "20Q")
    with pytest.raises(UsageError, match="20Q"):
        Store.open(ADDRESS)


def test_a_part_that_was_collected_is_expired_and_not_damage(store, elsewhere):
    done = filled(store)
    elsewhere()
    reader = Store.open(ADDRESS)
    gone = done.state.parts[0].table
    other = done.commit([add(done, 9)], "x")
    from bottleneck.store.log import ReplaceParts

    other.commit([ReplaceParts((done.state.parts[0].name,), ())], "x")
    other.storage.delete(gone)
    with pytest.raises(ExpiredError):
        _ = reader.parts


def test_gc_deletes_in_the_bucket_what_no_commit_names(store, bucket):
    done = filled(store)
    for seed in range(3):
        done = done.commit([add(done, seed + 5)], "x")
    orphan = done.write_part(*rows_and_digests(3, 99)[::-1], {"engine": "x", "batch": 4})
    report = gc(ADDRESS, grace_s=-1.0)
    named = {entry.table for entry in Store.open(ADDRESS).state.parts}
    found = {"/".join(n.split("/")[:2]) for n in bucket.objects() if n.startswith("parts/")}
    assert found == named
    assert orphan.table in report["deleted"]
    assert report["bytes"] > 0
    assert [n for n in bucket.objects() if n.startswith("log/")] == [
        f"log/{Store.open(ADDRESS).state.number:08d}.json"
    ]


def test_gc_leaves_young_parts_that_nobody_names_yet(store, bucket):
    done = filled(store)
    orphan = done.write_part(*rows_and_digests(3, 99)[::-1], {"engine": "x", "batch": 4})
    gc(ADDRESS, grace_s=0.0)
    assert any(name.startswith(orphan.table) for name in bucket.objects())


def test_a_forked_process_is_told_that_it_cannot_and_reads_the_copies(store, tmp_path):
    done = filled(store)
    assert len(done.parts) == 1
    Store.open(ADDRESS)
    images = Objects(address(ADDRESS), key_array([b"a.png"]))
    assert images.head(0) is None  # it has a client now
    child = os.fork()
    if not child:
        signal.alarm(20)  # it would wait for ever
        try:
            with pytest.raises(UsageError, match="forked process"):
                done.refresh()
            with pytest.raises(UsageError, match="forked process"):
                images.read(0)
            assert len(Store.open(done.path).arrays("s")[0]) == 20
        except BaseException as error:  # noqa: BLE001 - told by the parent
            (tmp_path / "wrong").write_text(repr(error))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert not (tmp_path / "wrong").exists(), (tmp_path / "wrong").read_text()


# --- races ---------------------------------------------------------------------------------------


def _commits(env, cache, first, n):
    os.environ.update(env)
    os.environ["BOTTLENECK_PART_CACHE"] = cache
    store = Store.open(ADDRESS)
    for seed in range(first, first + n):
        store = store.commit([add(store, seed)], f"writer {first}")


@pytest.mark.slow
def test_four_processes_with_caches_of_their_own_lose_no_commit(store, bucket, tmp_path):
    at_once = multiprocessing.get_context("spawn")
    writers = [
        at_once.Process(
            target=_commits, args=(bucket.env(), str(tmp_path / f"cache{i}"), 100 * i, 8)
        )
        for i in range(1, 5)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 4
    done = Store.open(ADDRESS)
    assert Log(ADDRESS).numbers() == list(range(1, 34))
    expected = {bytes(d) for i in range(1, 5) for s in range(8)
                for d in rows_and_digests(3, 100 * i + s)[1]}  # fmt: skip
    found = [bytes(d) for part in done.parts for d in part.digests]
    assert len(found) == len(expected)
    assert set(found) == expected


# --- the fault table's C5 ------------------------------------------------------------------------

HARMS = {
    "a put answered with 503 after it was done": ("PUT", "503 done"),
    "a put whose answer is lost": ("PUT", "lost"),
    "a put that is done after the client gave up": ("PUT", "late"),
    "a connection cut before a put is done": ("PUT", "cut"),
    "503 to a put": ("PUT", "503 SlowDown"),
    "503 to a read": ("GET", "503 SlowDown"),
    "a connection cut before a read": ("GET", "cut"),
    "an answer cut in its middle": ("GET", "half"),
    "a listing that is behind": ("LIST", "behind"),
    "503 to a listing": ("LIST", "503 InternalError"),
}


# BOTTLENECK_SOAK=1 does more of it, and as long as one has patience.
N_COMMITS = 60 if os.environ.get("BOTTLENECK_SOAK") else 8
SEED = 0


class Harm:
    """Does a harm to a share of the requests of a kind, chosen by a seed."""

    def __init__(self, of, harm, seed, share=0.4):
        self.of, self.harm, self.share = of, harm, share
        self.random = random.Random(seed)

    def __call__(self, request):
        kind = "LIST" if request.is_list else request.method
        is_meant = kind == self.of or (self.of is None and kind in ("PUT", "GET", "LIST"))
        if not is_meant or self.random.random() >= self.share:
            return None
        if self.harm is not None:
            return self.harm
        return self.random.choice([harm for of, harm in HARMS.values() if of == kind])


def _noted(harm, fmt, n_harmed, violations):
    """Enter it in the table at the end of a run of the tests."""
    key = {"fault": f"C5 {harm}", "verb": "commit", "format": fmt}
    row = next((row for row in fault_table.ROWS if row.items() >= key.items()), None)
    if row is None:
        row = {**key, "effects": 0, "injections": 0, "violations": [], "ended": True, "every": 0}
        fault_table.ROWS.append(row)
    row["effects"] += N_COMMITS
    row["injections"] += n_harmed
    row["violations"] += ["lost or doubled"] * int(violations)


@pytest.mark.slow
@pytest.mark.parametrize(("of", "harm"), [*HARMS.values(), (None, None)], ids=[*HARMS, "all"])
def test_no_commit_is_lost_or_doubled(bucket, elsewhere, fmt, of, harm):
    """Two writers in turn; the oracle is a dict of what each was told."""
    first = Store.create(ADDRESS, RECIPE, {"backbone": "x"}, fmt)
    elsewhere()
    second = Store.open(ADDRESS)
    told = {}
    bucket.harm = Harm(of, harm, SEED)
    for i, store in zip(range(N_COMMITS), itertools.cycle([first, second]), strict=False):
        try:
            action = add(store, i)
            name = action.entries[0].name
            told[name] = "?"
            store.commit([action], f"writer {i % 2}")
            told[name] = "done"
        except UnavailableError:  # what became of it is not known: it must not be there twice
            continue
    n_harmed = sum(bucket.harmed.values())
    bucket.harm = lambda _: None
    elsewhere("a third")
    names = [part.name for part in Store.open(ADDRESS).state.parts]
    violations = len(names) - len(set(names))
    violations += sum(name not in names for name, how in told.items() if how == "done")
    violations += len(set(names) - set(told))
    numbers = Log(ADDRESS).numbers()
    violations += numbers != list(range(1, numbers[-1] + 1))
    violations += bool(verify(ADDRESS)["damaged"])
    _noted(harm or "all of them", fmt, n_harmed, violations)
    assert violations == 0
    assert n_harmed


@pytest.mark.parametrize("harm", ["503 done", "lost", "late", "cut", "503 SlowDown"])
def test_a_put_that_was_retried_knows_its_own_bytes_and_no_others(bucket, harm):
    objects = Bucket(address(ADDRESS))
    fails = iter([harm] * 3)
    bucket.harm = lambda request: next(fails, None) if request.method == "PUT" else None
    objects.create("x", b"ours")
    with pytest.raises(FileExistsError):
        objects.create("x", b"theirs")
    assert bucket.objects() == {"x": b"ours"}


def test_where_every_listing_is_behind_a_machine_still_reads_what_it_wrote(store, bucket):
    bucket.harm = lambda request: "behind" if request.is_list else None
    for seed in range(3):
        store = store.commit([add(store, seed)], "x")
    assert store.state.number == 4
    assert Store.open(ADDRESS).state == store.state


def test_a_source_set_by_a_put_that_was_answered_with_an_error_is_not_another_runs(store, bucket):
    """The writer must know its own commit again: else it would say that somebody moved it."""
    entry = store.write_snapshot(snapshot_of(rows_and_digests(3)[1]))
    fails = iter(["503 done", "503 done", "503 done"])
    bucket.harm = lambda r: next(fails, None) if r.method == "PUT" and "/log/" in r.path else None
    done = store.commit([SetSource("s", None, entry)], "x")
    assert done.state.number == 2
    assert bucket.harmed["503 done"] == 2  # the client's two tries; then it looked


# --- errors --------------------------------------------------------------------------------------


def test_no_server_is_unavailable(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(UnavailableError, match=r"cannot be reached \(.*s3://bucket/stores/first"):
        Store.is_there(ADDRESS)


def test_no_such_bucket_is_said(bucket):
    with pytest.raises(UsageError, match="no such bucket: s3://nobodys"):
        Store.is_there(Path("s3://nobodys/x"))


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_wrong_credentials_are_said_by_their_code(bucket, code):
    bucket.harm = lambda _: f"403 {code}"
    with pytest.raises(PermissionDeniedError, match=rf"credentials are not valid \({code}\)"):
        Store.is_there(ADDRESS)


def test_a_bucket_that_may_only_be_read_is_read_and_refuses_to_be_written(store, bucket):
    done = filled(store)
    bucket.harm = lambda request: "403 AccessDenied" if request.method == "PUT" else None
    again = Store.open(ADDRESS)
    assert len(again.arrays("s")[0]) == 20
    with pytest.raises(PermissionDeniedError, match="not permitted"):
        again.commit([add(done, 9)], "x")
    assert Store.open(ADDRESS).state == done.state


def test_a_server_that_stays_ill_is_unavailable(store, bucket):
    bucket.harm = lambda _: "503 SlowDown"
    with pytest.raises(UnavailableError, match="busy or ill"):
        Store.open(ADDRESS)


@pytest.mark.parametrize("put", ["create", "upload"])
@pytest.mark.parametrize(("patience_s", "n"), [(60.0, 8), (-1.0, 2)])
def test_a_put_to_a_server_that_took_long_to_fail_is_not_begun_again(
    put, patience_s, n, bucket, tmp_path, monkeypatch
):
    """The client itself asks twice each time."""
    monkeypatch.setattr(objects, "PATIENCE_S", patience_s)
    (tmp_path / "x").write_bytes(b"1")
    what = b"1" if put == "create" else tmp_path / "x"
    bucket.harm = lambda _: "503 SlowDown"
    with pytest.raises(UnavailableError, match="busy or ill"):
        getattr(Bucket(address(str(ADDRESS))), put)("x", what)
    assert bucket.counts["put"] == n


def test_no_secret_is_in_an_error_a_copy_or_the_bucket(store, bucket, tmp_path):
    filled(store)
    bucket.harm = lambda _: "400 Strange"
    with pytest.raises(BottleneckError) as caught:
        Store.open(ADDRESS)
    said = f"{caught.value!r} {caught.value.__cause__!r}"
    bucket.harm = lambda _: None
    kept = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    kept += b"".join(bucket.objects().values())
    for secret in ("s3kr1t", "AKIATEST"):
        assert secret not in said
        assert secret.encode() not in kept


def test_runs_are_fetched_whole_and_names_that_lead_elsewhere_are_not(store, bucket, tmp_path):
    for name in ("runs/one/run.json", "runs/one/head.json", "runs/unfinished/head.json",
                 "runs/.hidden/run.json", "runs/one/deeper/x.json"):  # fmt: skip
        bucket.put(name, name.encode())
    assert store.storage.run_names() == ["one"]
    store.storage.fetch_runs()
    found = {p.relative_to(store.path).as_posix() for p in store.runs.rglob("*") if p.is_file()}
    assert found == {"runs/one/run.json", "runs/one/head.json"}
    bucket.put("runs/one/head.json", b"mended")
    store.storage.fetch_runs()
    assert (store.runs / "one" / "head.json").read_bytes() == b"mended"


def test_a_key_below_a_store_that_is_no_path_is_named(store, bucket):
    bucket.put("runs//odd", b"1")
    with pytest.raises(DataError, match=r"runs//odd is no path: s3://bucket/stores/first: rename"):
        store.storage.run_names()


# --- runs that did not come there -----------------------------------------------------------------


def a_run(store, name, text=b"{}"):
    """Write a run's folder, as a training does; return where it is once it was sent."""
    folder = store.storage.new_runs / name
    folder.mkdir(parents=True)
    for file in ("metrics.json", "history.csv", "run.json"):
        (folder / file).write_bytes(text)
    return store.runs / name


def test_a_run_whose_training_was_killed_before_it_was_sent_is_sent_by_the_next_command(
    store, bucket
):
    folder = a_run(store, "one")
    a_run(store, f"tmp-{'0' * 32}")  # of a training that is still writing it
    assert not folder.exists()
    assert [run.name for run in store.storage.fetch_runs()] == ["one"]
    assert (folder / "run.json").exists()
    assert len([name for name in bucket.objects() if name.startswith("runs/")]) == 3
    assert [path.name for path in store.path.glob("unsent/*")] == [f"tmp-{'0' * 32}"]


def test_a_run_that_was_deleted_there_is_not_shown_where_a_copy_is(store, bucket):
    folder = a_run(store, "one")
    assert store.storage.publish_run("one") == folder
    for file in ("metrics.json", "history.csv", "run.json"):
        bucket.put(f"runs/one/{file}", None)
    assert store.storage.fetch_runs() == []
    with pytest.raises(UsageError, match=r"'one'\?: s3://bucket/stores/first/runs has none"):
        find_run(f"{ADDRESS}/runs/one")


def test_of_a_run_that_did_not_come_whole_the_receipt_is_not_here(store, bucket, elsewhere):
    a_run(store, "one")
    store.storage.publish_run("one")
    elsewhere()
    there = Store.open(ADDRESS).storage
    bucket.harm = lambda request: "503 SlowDown" if request.key.endswith("metrics.json") else None
    with pytest.raises(UnavailableError):
        there.fetch_runs()
    assert not (there.root / "runs" / "one" / "run.json").exists()


def test_a_run_takes_the_place_of_the_copy_of_one_that_was_deleted_there(store, bucket):
    folder = a_run(store, "one", b"old")
    (store.storage.new_runs / "one" / "of-the-old.json").write_bytes(b"old")
    store.storage.publish_run("one")
    for name in filter(re.compile("runs/").match, bucket.objects()):
        bucket.put(name, None)
    a_run(store, "one", b"new")
    assert store.storage.publish_run("one") == folder
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert found == dict.fromkeys(("metrics.json", "history.csv", "run.json"), b"new")


@pytest.mark.parametrize("cut", ["metrics.json", "run.json"])
def test_a_run_that_did_not_come_there_is_kept_unseen_and_sent_later(cut, store, bucket):
    folder = a_run(store, "one")
    bucket.harm = lambda request: "503 SlowDown" if request.path.endswith(cut) else None
    with pytest.raises(UnavailableError) as caught:
        store.storage.publish_run("one")
    said = str(caught.value)
    assert said.startswith("the run is finished, but not in the bucket yet: the object store is")
    assert "s3://bucket/stores/first/runs/one: it is kept" in said
    assert not folder.exists()
    assert store.storage.run_names() == []  # tried again, and still not there
    store.storage.fetch_runs()
    assert not folder.exists()
    bucket.harm = lambda _: None
    assert store.storage.run_names() == ["one"]
    assert (folder / "metrics.json").read_bytes() == b"{}"
    assert {name for name in bucket.objects() if name.startswith("runs/")} == {
        "runs/one/metrics.json", "runs/one/history.csv", "runs/one/run.json",
    }  # fmt: skip
    assert not list(store.path.glob("unsent/*"))


def test_a_run_that_waits_does_not_take_the_name_of_another_that_came_there(store, bucket, caplog):
    a_run(store, "one")
    bucket.harm = lambda request: "503 SlowDown" if request.method == "PUT" else None
    with pytest.raises(UnavailableError):
        store.storage.publish_run("one")
    bucket.harm = lambda _: None
    for file in ("metrics.json", "run.json"):
        bucket.put(f"runs/one/{file}", b"[]")
    store.storage.fetch_runs()
    assert (store.runs / "one" / "run.json").read_bytes() == b"[]"
    assert (store.path / "unsent" / "one" / "run.json").read_bytes() == b"{}"
    (said,) = {record.getMessage() for record in caplog.records}
    assert "a run one of another machine is in s3://bucket/stores/first" in said


def test_a_run_whose_name_is_taken_stays_where_it_was_for_another_one(store, bucket):
    folder = a_run(store, "one")
    bucket.put("runs/one/metrics.json", b"[]")
    with pytest.raises(FileExistsError):
        store.storage.publish_run("one")
    assert (store.storage.new_runs / "one" / "run.json").exists()
    assert not folder.exists()


def test_a_run_whose_upload_was_killed_is_sent_by_the_next_command(store, bucket, monkeypatch):
    a_run(store, "one")
    upload = Bucket.create

    def killed(self, name, data):
        if name.endswith("run.json"):
            raise KeyboardInterrupt
        upload(self, name, data)

    monkeypatch.setattr(Bucket, "create", killed)
    with pytest.raises(KeyboardInterrupt):
        store.storage.publish_run("one")
    monkeypatch.setattr(Bucket, "create", upload)
    assert store.storage.run_names() == ["one"]
    assert (store.runs / "one" / "run.json").exists()


def test_a_run_that_another_process_sends_at_the_same_time_is_sent(store, bucket, monkeypatch):
    folder = a_run(store, "one")
    upload, others = Bucket.create, iter([store.storage.run_names])

    def beside(self, name, data):
        for do in others:
            assert do() == ["one"]
        upload(self, name, data)

    monkeypatch.setattr(Bucket, "create", beside)
    store.storage.publish_run("one")
    assert (folder / "run.json").exists()
    assert not list(store.path.glob("unsent/*"))


def test_a_run_that_another_process_has_sent_already_is_sent(store, caplog, monkeypatch):
    folder = a_run(store, "one")
    assert store.storage.run_names() == ["one"]
    assert store.storage.publish_run("one") == folder
    a_run(store, "two")
    put, others = unsent._put, iter([store.storage.run_names])

    def behind(*args):
        for do in others:
            assert do() == ["one", "two"]
        put(*args)

    monkeypatch.setattr(unsent, "_put", behind)
    assert store.storage.run_names() == ["one", "two"]
    assert not caplog.records


def test_a_run_that_cannot_be_sent_does_not_stop_those_behind_it(store, bucket):
    for name in ("one", "two"):
        a_run(store, name)
    bucket.harm = lambda request: "403 AccessDenied" if "runs/one/" in request.path else None
    assert store.storage.run_names() == ["two"]
    bucket.harm = lambda _: None
    assert store.storage.run_names() == ["one", "two"]
