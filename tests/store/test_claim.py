"""Claims: what is copied or folded for hours is not taken by gc of a machine that no lock holds."""

import contextlib
import math
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from bucket_world import ADDRESS
from store_world import RECIPE, rows_and_digests, snapshot_of

from bottleneck import gc as door
from bottleneck.core import files
from bottleneck.core.errors import DamagedError, ExpiredError
from bottleneck.pipeline.extraction.target import Target
from bottleneck.store import claim, dead
from bottleneck.store import fold as folding
from bottleneck.store import gc as collecting
from bottleneck.store import verify as verifying
from bottleneck.store.dead import drop_dead
from bottleneck.store.fold import fold
from bottleneck.store.log import SetSource
from bottleneck.store.part import row_checksums
from bottleneck.store.storage import storage_of
from bottleneck.store.store import Store
from bottleneck.store.transfer import target_of, transfer
from bottleneck.store.verify import verify

HOURS = 5 * 3600.0


@pytest.fixture(params=["disk", "bucket"])
def clock(request, tmp_path, monkeypatch):
    """A place for a store, and a clock for claims and gc: `later()` makes hours pass at once.

    What is written has the age that the clock gives it, as with a server that has another clock.
    """
    if request.param == "bucket":
        request.getfixturevalue("bucket")
    place = ADDRESS if request.param == "bucket" else tmp_path / "store"
    now = SimpleNamespace(offset=0.0, born={}, place=place)
    storage = type(storage_of(place))
    real, monkeys = storage.entries, monkeypatch.setattr

    def entries(self, room):
        return [
            found._replace(modified=now.born.setdefault(found.name, time.time() + now.offset))
            for found in real(self, room)
        ]

    ticking = SimpleNamespace(time=lambda: time.time() + now.offset)
    monkeys(storage, "entries", entries)
    monkeys(claim, "time", ticking)
    monkeys(collecting, "time", ticking)
    monkeys(claim, "RENEW_S", 0.02)
    now.storage = storage_of(place)

    def later(*, is_asleep=False):
        for room in ("parts", "snapshots", "log", "claims"):
            now.storage.entries(room)  # what is there by now is of now
        now.offset += HOURS
        end = time.monotonic() + 20
        while not is_asleep and not claim.is_claimed(now.storage):  # its owner is awake
            assert time.monotonic() < end
            time.sleep(0.005)

    now.later = later
    return now


@pytest.fixture
def gc(clock, monkeypatch):
    """Have another machine collect garbage; it folds nothing, so as not to be faster."""
    monkeypatch.setattr(collecting, "fold", lambda store, **_: store)
    return lambda: collecting.gc(clock.place, grace_s=0.0)


@pytest.fixture
def no_dead_rows(clock, monkeypatch):
    """Have gc drop no rows."""
    nothing = SimpleNamespace(n_dropped=0, n_bytes=0, n_left=0, unread=())
    monkeypatch.setattr(collecting, "drop_dead", lambda *_: (nothing, Store.open(clock.place)))


def made(place, n, engines="a"):
    """Return a store of so many parts of six rows of each engine, all of one source."""
    store = Store.create(place, RECIPE, {"backbone": "x"})
    entries, named = [], []
    for seed in range(n):
        for engine in engines:
            rows, digests = rows_and_digests(6, 10 * seed + ord(engine))
            entries.append(store.write_part(digests, rows, {"engine": engine}))
            named.append(digests)
    source = SetSource("s", None, store.write_snapshot(snapshot_of(np.concatenate(named))))
    return store.commit([store.add_part(*entries), source], "x")


@pytest.fixture
def after(monkeypatch):
    """Have something done once, after a function was called for the first time; or before it."""

    def do(where, name, what, *, is_before=False):
        real, calls = getattr(where, name), []

        def around(*args, **kwargs):
            calls.append(1)
            if is_before and len(calls) == 1:
                what()
            found = real(*args, **kwargs)
            if not is_before and len(calls) == 1:
                what()
            return found

        monkeypatch.setattr(where, name, around)

    return do


def moved_from(source, target, told):
    store = Store.open(source)
    return transfer(store, target_of(store, target), told)


def is_whole(place, n_rows):
    store = Store.open(place)
    assert verify(place)["damaged"] == []
    assert len(store.arrays()[0]) == n_rows
    return True


@pytest.mark.parametrize("moment", ["between two files", "before the commit"])
def test_what_is_copied_for_hours_stays(clock, gc, after, tmp_path, moment):
    made(tmp_path / "first", 3)
    deleted = []

    def strike():
        clock.later()
        deleted.extend(gc()["deleted"])

    if moment == "before the commit":
        after(Store, "commit", strike, is_before=True)
    else:
        after(type(clock.storage), "take_in", strike)
    moved = moved_from(tmp_path / "first", clock.place, lambda _: None)
    assert not [name for name in deleted if name.startswith(("parts", "snapshots"))]
    assert moved.n_files == 4
    assert is_whole(clock.place, 18)
    assert clock.storage.entries("claims") == []


@pytest.mark.parametrize("moment", ["between two parts", "before the commit"])
def test_what_is_folded_for_hours_stays(clock, gc, after, moment):
    store = made(clock.place, 3, "ab")

    def strike():
        clock.later()
        assert gc()["claimed"]

    if moment == "before the commit":
        after(Store, "commit", strike, is_before=True)
    else:
        after(folding, "merged", strike)
    assert len(fold(store, many=1).state.parts) == 2
    assert is_whole(clock.place, 36)
    assert clock.storage.entries("claims") == []


@pytest.fixture(params=[False, True], ids=["awake", "asleep"])
def is_asleep(request, monkeypatch):
    """Whether a machine sleeps in between, so that its claim is not renewed."""
    if request.param:
        monkeypatch.setattr(claim, "RENEW_S", 1000.0)
    return request.param


@pytest.fixture
def strike(clock, gc, is_asleep):
    """Return what comes in between: hours, then gc, which a claim that is renewed holds back."""

    def later():
        clock.later(is_asleep=is_asleep)
        assert gc()["claimed"] != is_asleep

    return later


def test_what_is_left_of_parts_with_dead_rows_stays(clock, after, no_dead_rows, strike):
    """What went while a machine slept is done once more."""
    store = made(clock.place, 2)
    digests = [part.digests[:2] for part in store.parts]
    entry = store.write_snapshot(snapshot_of(np.concatenate(digests)))
    seen = store.state.sources["s"].snapshot
    store.commit([SetSource("s", seen, entry)], "x")

    after(dead, "copied", strike)
    assert drop_dead(clock.place, math.inf)[0].n_dropped == 8
    assert is_whole(clock.place, 4)


def test_good_rows_that_repair_writes_for_hours_stay(clock, after, no_dead_rows, is_asleep, strike):
    """Where the machine slept, nothing is committed, and the next one does it."""
    store = made(clock.place, 1)
    rows, digests = rows_and_digests(6, 77)
    sums = row_checksums(store.recipe.id, digests, rows)
    sums[2] ^= 1
    store.commit([store.add_part(store.write_part(digests, rows, {}, sums))], "x")

    after(verifying, "_good_part", strike)
    if is_asleep:
        with pytest.raises(ExpiredError, match="run the command again"):
            verify(clock.place, repair=True)
        assert len(verify(clock.place)["damaged"]) == 1
    assert verify(clock.place, repair=True)["rows_lost"] == 1
    assert is_whole(clock.place, 6)
    assert sum(part.rows for part in Store.open(clock.place).state.parts) == 11
    assert clock.storage.entries("claims") == []


def test_a_machine_that_slept_claims_what_it_copies_before_it_looks(
    clock, gc, after, tmp_path, monkeypatch
):
    monkeypatch.setattr(claim, "RENEW_S", 1000.0)  # its thread does not run
    made(tmp_path / "first", 3)
    after(type(clock.storage), "take_in", lambda: clock.later(is_asleep=True))
    after(Store, "commit", gc, is_before=True)
    moved_from(tmp_path / "first", clock.place, lambda _: None)
    assert is_whole(clock.place, 18)


def test_a_copy_that_goes_on_claims_what_a_killed_one_left_at_once(
    clock, gc, after, tmp_path, monkeypatch
):
    monkeypatch.setattr(claim, "RENEW_S", 60.0)
    made(tmp_path / "first", 3)

    class Killed(BaseException):
        pass

    def told(_n):
        calls.append(1)
        if len(calls) == 4:
            raise Killed

    calls = []
    with pytest.raises(Killed):
        moved_from(tmp_path / "first", clock.place, told)
    clock.later(is_asleep=True)
    after(Store, "commit", gc, is_before=True)
    moved_from(tmp_path / "first", clock.place, lambda _: None)
    assert is_whole(clock.place, 18)
    assert clock.storage.entries("claims") == []


def test_of_a_machine_that_slept_the_work_is_dropped_and_no_row_is_lost(
    clock, gc, after, monkeypatch
):
    monkeypatch.setattr(claim, "RENEW_S", 1000.0)  # its thread does not run
    store = made(clock.place, 3, "ab")

    def strike():
        clock.later(is_asleep=True)
        assert [name for name in gc()["deleted"] if name.startswith("parts")]

    after(folding, "merged", strike)
    assert len(fold(store, many=1).state.parts) == 6
    assert is_whole(clock.place, 36)


def test_a_claim_that_is_made_while_gc_looks_counts(clock, gc, monkeypatch):
    """As of a copy that begins just then, and finds what a killed one left."""
    store = made(clock.place, 1)
    rows, digests = rows_and_digests(3, 77)
    left = store.write_part(digests, rows, {})
    clock.later(is_asleep=True)
    look, calls = collecting._doomed, []

    def looked(*args):
        found = list(look(*args))
        calls.append(1)
        if len(calls) == 1:
            claim.Claim(clock.storage).renew(at_once=True)
        return found

    monkeypatch.setattr(collecting, "_doomed", looked)
    report = gc()
    assert report["claimed"]
    assert not [name for name in report["deleted"] if name.startswith("parts")]
    assert left.name in {entry.name for entry in clock.storage.entries("parts")}


OTHER = replace(RECIPE, weights="9" * 64)


def set_recipe(place, recipe=OTHER):
    """Set another recipe, as an extraction with `--replace` does."""
    store = Store.open(place)
    seen = store.state.sources["s"].snapshot
    to = Target(store, recipe.id, "s", True, store.snapshot("s"), seen)
    to.keep_source(SimpleNamespace(recipe=recipe, about={"backbone": "x"}))


def test_a_recipe_that_nobody_named_for_hours_stays_for_who_sets_it(clock, gc, after, elsewhere):
    made(clock.place, 1).write_recipe(OTHER, {"backbone": "x"})
    clock.storage.entries("recipes")
    clock.later(is_asleep=True)
    after(Store, "commit", gc, is_before=True)
    set_recipe(clock.place)
    elsewhere()
    assert Store.open(clock.place).recipe.id == OTHER.id
    assert clock.storage.entries("claims") == []


def test_a_recipe_that_was_replaced_for_hours_stays_for_who_goes_back_to_it(
    clock, gc, after, elsewhere
):
    made(clock.place, 1)
    set_recipe(clock.place)
    clock.storage.entries("recipes")
    clock.later(is_asleep=True)
    after(Store, "commit", gc, is_before=True)
    set_recipe(clock.place, RECIPE)
    elsewhere()
    assert Store.open(clock.place).recipe.id == RECIPE.id


def test_a_recipe_that_is_set_while_gc_deletes_is_there(clock, gc, monkeypatch, elsewhere):
    """What gc deletes may be long in going: whoever comes meanwhile claims too late."""
    store = made(clock.place, 1)
    store.write_recipe(OTHER, {"backbone": "x"})
    store.write_part(*reversed(rows_and_digests(3, 77)), {})
    clock.storage.entries("recipes")
    clock.later(is_asleep=True)
    delete, doomed = type(clock.storage).delete, []

    def deleted(self, *names):
        doomed[:] = [*doomed, *names]
        for name in names:
            delete(self, name)
            if name.startswith("parts/"):
                set_recipe(clock.place)

    monkeypatch.setattr(type(clock.storage), "delete", deleted)
    gc()
    assert f"recipes/{OTHER.id}.json" in doomed
    elsewhere()
    assert Store.open(clock.place).recipe.id == OTHER.id


def test_a_recipe_that_gc_takes_just_before_it_is_set_is_written_again(clock, after, elsewhere):
    made(clock.place, 1)
    gone = f"recipes/{OTHER.id}.json"
    after(Store, "commit", lambda: clock.storage.delete(gone), is_before=True)
    with contextlib.suppress(DamagedError):  # this machine has no copy either
        set_recipe(clock.place)
    elsewhere()
    assert Store.open(clock.place).recipe.id == OTHER.id


def set_samples(store, verb):
    """Record a new list of samples, as a verb does."""
    _, digests = rows_and_digests(6)
    seen = store.state.sources["s"].snapshot
    if verb == "extract":
        to = Target(store, RECIPE.id, "s", False, store.snapshot("s"), seen)
        assert to.set_source(snapshot_of(digests), SimpleNamespace())
    else:
        claim.record_source(store, "s", snapshot_of(digests), verb)


@pytest.mark.parametrize("verb", ["extract", "train"])
def test_a_list_of_samples_that_gc_took_while_a_machine_slept_is_not_set(
    clock, gc, after, monkeypatch, verb
):
    monkeypatch.setattr(claim, "RENEW_S", 1000.0)
    store = made(clock.place, 1)

    def strike():
        clock.later(is_asleep=True)
        assert [name for name in gc()["deleted"] if name.startswith("snapshots/")]

    after(Store, "write_snapshot", strike)
    with pytest.raises(ExpiredError, match="gc of another machine took"):
        set_samples(store, verb)
    assert Store.open(clock.place).state.number == store.state.number


@pytest.mark.parametrize("verb", ["extract", "train"])
def test_a_list_of_samples_that_takes_hours_to_come_there_stays(clock, gc, after, elsewhere, verb):
    """As on a server that has it as old as its first piece."""
    store = made(clock.place, 1)

    def strike():
        clock.later()
        assert gc()["claimed"]

    after(Store, "write_snapshot", strike)
    set_samples(store, verb)
    elsewhere()
    assert len(Store.open(clock.place).snapshot("s").samples) == 6


def test_the_claim_of_one_that_was_killed_ends_by_itself(clock, gc):
    store = made(clock.place, 1)
    rows, digests = rows_and_digests(3, 77)
    store.write_part(digests, rows, {})
    files.make_folder(clock.storage.root / "claims")
    clock.storage.create("claims/" + "0" * 32, b"")
    clock.later(is_asleep=True)
    report = gc()
    assert not report["claimed"]
    assert [name.split("/")[0] for name in report["deleted"]].count("parts") == 1
    assert clock.storage.entries("claims") == []


def test_a_claim_from_the_future_holds_nothing_back(clock):
    made(clock.place, 1)
    one = claim.Claim(clock.storage)
    clock.offset = HOURS
    one.renew()
    assert claim.is_claimed(clock.storage)
    clock.offset = 0.0  # the clock was ahead, and is right now
    assert not claim.is_claimed(clock.storage)


def test_work_of_less_than_a_minute_claims_nothing(clock, monkeypatch):
    monkeypatch.setattr(claim, "RENEW_S", 60.0)
    made(clock.place, 3)
    fold(Store.open(clock.place), many=1)
    assert not (clock.storage.root / "claims").exists()


def test_gc_says_why_it_leaves_what_nobody_names(clock, gc):
    made(clock.place, 1)
    assert not [line for line in door.lines(gc()) if "another command" in line]
    files.make_folder(clock.storage.root / "claims")
    clock.storage.create("claims/" + "0" * 32, b"")
    assert [line for line in door.lines(gc()) if "another command" in line]


def test_a_claim_that_ctrl_c_came_before_ends_all_the_same(tmp_path):
    store = Store.create(tmp_path / "store", RECIPE, {"backbone": "x"}, "hdf5")
    early = claim.Claim(store.storage)
    early.renew(at_once=True)
    early.end()
    assert not list((tmp_path / "store/claims").iterdir())
