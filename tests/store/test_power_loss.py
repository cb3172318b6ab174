"""Power cuts: whatever a disk keeps of what was not durable, the old state is there or the new.

The newest commit that can be read names nothing that is not there whole; and once a command has
ended, its commit is on every disk that may be left.
"""

import os
import shutil

import numpy as np
import pytest
from fault_world import Extract, Train, World, prepare, quiet_run
from power_loss import NoLinks, Recorder, disk_after
from store_world import RECIPE, add_part, fold_all, look_again, rows_and_digests

from bottleneck.core import files
from bottleneck.heads.run import read_run
from bottleneck.store import fold as folding
from bottleneck.store.gc import gc
from bottleneck.store.log import DropSource
from bottleneck.store.store import Store
from bottleneck.store.verify import verify

SOAK = os.environ.get("BOTTLENECK_SOAK") == "1"


def disks(monkeypatch, path, operation, tmp_path, recorder=Recorder):
    """Run an operation; yield (a disk that may be left, its result where it had ended, else None).

    Every call is the last one before the power fails in its turn; by default some twenty of them.
    """
    base = shutil.copytree(path, tmp_path / "before") if path.exists() else None
    if base is None:
        base = tmp_path / "before"
        base.mkdir()
        root = path.parent
    else:
        root = path
    recorded = recorder(root)
    with monkeypatch.context() as patch:
        patch.setattr(files, "os", recorded)
        patch.setattr(files.shutil, "rmtree", recorded.rmtree)
        result = operation(path)
    n = len(recorded.events)
    assert n > 5
    rng = np.random.default_rng(0)
    for k in sorted({*range(0, n, 1 if SOAK else max(1, n // 20)), n}):
        for way in range(6 if SOAK else 2):
            target = tmp_path / "after"
            shutil.rmtree(target, ignore_errors=True)
            disk_after(base, recorded.events[:k], target, rng if way else None)
            yield target, result if k == n else None


def forget(path):
    """Forget the source."""
    store = Store.open(path)
    return store.commit([DropSource("s", store.state.sources["s"].snapshot)], "forget")


@pytest.fixture
def three(filled):
    """A store of 20 rows and two small parts."""
    store = filled
    for seed in (2, 3):
        rows, digests = rows_and_digests(2, seed)
        part = store.write_part(digests, rows, {"engine": "x", "batch": 4})
        store = store.commit([store.add_part(part)], "x")
    return store


@pytest.mark.slow
@pytest.mark.parametrize("recorder", [Recorder, NoLinks])
@pytest.mark.parametrize("operation", [add_part, look_again, fold_all, forget])
def test_a_power_cut_leaves_the_old_state_or_the_new(
    three, monkeypatch, tmp_path, operation, recorder
):
    monkeypatch.setattr(folding, "MANY", 2)
    numbers = set()
    for path, result in disks(monkeypatch, three.path, operation, tmp_path, recorder):
        found = Store.open(path)
        numbers.add(found.state.number)
        if result is not None:
            assert found.state.checksum == result.state.checksum
        assert verify(path)["damaged"] == []
        rows, digests = rows_and_digests(20)
        np.testing.assert_array_equal(found.rows(digests), rows)
    assert numbers == {three.state.number, three.state.number + 1}


def test_a_power_cut_while_a_store_is_made_leaves_none_or_a_whole_one(tmp_path, fmt, monkeypatch):
    made = set()
    store = tmp_path / "store"

    def create(path):
        return Store.create(path, RECIPE, {}, fmt)

    (tmp_path / "x").mkdir()
    for disk, result in disks(monkeypatch, tmp_path / "x" / "store", create, tmp_path):
        is_there = Store.is_there(disk / "store")
        made.add(is_there)
        assert is_there or result is None
        assert Store.create(disk / "store", RECIPE, {}, fmt).recipe == RECIPE
    assert made == {False, True}
    assert not store.exists()


@pytest.mark.slow
def test_a_power_cut_while_a_store_is_repaired_and_collected_loses_nothing(
    three, monkeypatch, tmp_path
):
    expected = three.state.checksum
    (three.path / "log" / f"{three.state.number + 1:08}.json").write_bytes(b"{")

    def mend(path):
        verify(path, repair=True)
        return gc(path, grace_s=-10)

    for path, _ in disks(monkeypatch, three.path, mend, tmp_path):
        verify(path, repair=True)
        # gc may have dropped rows that nobody needs, and a repair may have given up what only older
        # commits name, where gc's deletions outlived the power cut and theirs did not.
        store = Store.open(path)
        assert store.state.checksum == expected or store.state.by in {"gc", "verify --repair"}
        assert len(store.available()) == 20
        assert verify(path)["damaged"] == []


@pytest.mark.slow
@pytest.mark.parametrize("verb", [Extract, Train])
def test_a_power_cut_during_a_whole_command_loses_nothing_that_was_reported(
    tmp_path, monkeypatch, fmt, verb
):
    names = {Extract: "extract", Train: "train"}
    world, at_work = prepare(tmp_path / "world", fmt, names[verb], monkeypatch)
    assert isinstance(world, World)
    work = world.copy("work")
    base = Store.open(work).state.number

    def go(path):
        code, _, said = quiet_run(at_work.main, at_work.words(path))
        assert code == 0, said
        return Store.open(path)

    for path, result in disks(monkeypatch, work, go, tmp_path):
        assert not [*world.wrong(path)]
        found = Store.open(path)
        assert found.state.number >= base
        assert at_work.before <= world.held(path)
        for run in (path / "runs").glob("[!t]*"):
            read_run(run)
        if result is not None:
            assert found.state.checksum == result.state.checksum
            assert verb is not Train or (path / "runs" / "one").is_dir()
