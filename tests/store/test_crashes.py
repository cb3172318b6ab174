"""Power cuts and full disks: at whatever effect they come, the old state is there or the new."""

import itertools
import shutil

import numpy as np
import pytest
from store_world import (
    RECIPE,
    Cut,
    PowerCut,
    add_part,
    fold_all,
    look_again,
    rows_and_digests,
)

from bottleneck.core import files
from bottleneck.core.errors import UsageError
from bottleneck.store import fold as folding
from bottleneck.store.gc import gc
from bottleneck.store.store import Store
from bottleneck.store.verify import verify

MOST = 500  # effects of one operation: more is a loop that does not end


def cuts(monkeypatch, error, start, operation):
    """Cut an operation at its first effect, its second, … until none is left to cut.

    Yields (path, result) after each; the result is None where the operation failed. `start` gives
    each attempt a store of its own.
    """
    for n in itertools.count():
        assert n < MOST
        path, cut, result = start(n), Cut(n, error), None
        with monkeypatch.context() as patch:
            patch.setattr(files, "os", cut)
            try:
                result = operation(path)
            except (PowerCut, OSError):
                assert cut.fired
        yield path, result
        if not cut.fired:
            assert result is not None
            return


ERRORS = pytest.mark.parametrize("error", [PowerCut(), OSError(28, "No space left on device")])


@pytest.fixture
def copies(filled, tmp_path):
    """Return a function that gives a copy of a store of 20 rows in three parts, and its state."""
    store = filled
    for seed in (2, 3):
        rows, digests = rows_and_digests(2, seed)
        provenance = {"engine": "x", "batch": 4}
        store = store.commit([store.add_part(store.write_part(digests, rows, provenance))], "x")
    return store, lambda n: shutil.copytree(store.path, tmp_path / f"copy {n}")


@ERRORS
@pytest.mark.parametrize("operation", [add_part, look_again, fold_all])
def test_a_crash_at_any_effect_leaves_the_old_state_or_the_new(
    copies, monkeypatch, error, operation
):
    store, start = copies
    monkeypatch.setattr(folding, "MANY", 2)
    numbers = set()
    for path, result in cuts(monkeypatch, error, start, operation):
        found = Store.open(path)
        numbers.add(found.state.number)
        if result is not None:
            assert found.state.checksum == result.state.checksum
        np.testing.assert_array_equal(np.asarray(found.arrays()[0]), rows_and_digests(20)[0])
        assert verify(path)["damaged"] == []
    assert numbers == {store.state.number, store.state.number + 1}


@ERRORS
def test_a_crash_while_a_store_is_made_leaves_none_or_a_whole_one(
    tmp_path, fmt, monkeypatch, error
):
    made = set()
    create = lambda path: Store.create(path, RECIPE, {}, fmt)  # noqa: E731 - shortest here
    for path, _ in cuts(monkeypatch, error, lambda n: tmp_path / str(n), create):
        made.add(Store.is_there(path))
        if not Store.is_there(path):
            with pytest.raises(UsageError, match="not a feature store"):
                Store.open(path)
        assert create(path).recipe == RECIPE  # the next run makes it, or finds it
    assert made == {False, True}


@ERRORS
def test_a_crash_while_a_store_is_collected_or_repaired_loses_nothing(copies, monkeypatch, error):
    store, start = copies
    least = store.state.number  # gc drops the rows that no snapshot names, by a commit more

    def damaged(n):
        path = start(n)
        newest = path / "log" / f"{store.state.number + 1:08}.json"
        newest.write_bytes(b"{")
        return path

    def mend(path):
        return verify(path, repair=True), gc(path, grace_s=-10)

    for path, _ in cuts(monkeypatch, error, damaged, mend):
        verify(path, repair=True)
        found = Store.open(path)
        assert least <= found.state.number <= least + 2
        assert verify(path)["damaged"] == []
        np.testing.assert_array_equal(np.asarray(found.arrays()[0]), rows_and_digests(20)[0])
