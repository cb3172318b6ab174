"""Folding: fewer parts, the same rows, and still known how each was computed."""

import numpy as np
import pytest
from store_world import rows_and_digests

from bottleneck.store import fold as folding
from bottleneck.store.fold import fold, merged
from bottleneck.store.store import Store


def add(store, seed, provenance):
    """Add a part of three rows."""
    rows, digests = rows_and_digests(3, seed)
    return store.commit([store.add_part(store.write_part(digests, rows, provenance))], "x")


def made_by(store):
    """Return {digest: provenance} of all rows."""
    return {
        digest.tobytes(): part.provenance["engine"]
        for part in store.parts
        for digest in part.digests
    }


@pytest.fixture
def many(store, monkeypatch):
    """A store of small parts that two engines made in turns; `b` made the newest."""
    monkeypatch.setattr(folding, "MANY", 2)
    for seed, engine in enumerate("abaab"):
        store = add(store, seed, {"engine": engine, "batch": 4})
    return store


def test_rows_keep_the_provenance_that_they_were_computed_with(many):
    before = made_by(many)
    folded = fold(many)
    assert made_by(Store.open(folded.path)) == before
    assert [(p.provenance["engine"], len(p)) for p in folded.parts] == [("a", 9), ("b", 6)]


def test_the_newest_rows_are_still_the_newest(many):
    more = add(many, 9, {"engine": "c", "batch": 8})
    assert fold(more).provenance() == {"engine": "c", "batch": 8}


def test_folding_keeps_every_row_once(many):
    rows, digests = rows_and_digests(3, 0)
    doubled = add(many, 0, {"engine": "a", "batch": 4})
    folded = fold(doubled)
    assert sum(entry.rows for entry in folded.state.parts) == 15
    np.testing.assert_array_equal(folded.rows(digests), rows)


def test_parts_of_unlike_provenance_are_never_one(many):
    with pytest.raises(ValueError, match="different ways"):
        merged(many, many.parts)


def test_nothing_alike_is_nothing_to_fold(store, monkeypatch):
    monkeypatch.setattr(folding, "MANY", 2)
    for seed in range(4):
        store = add(store, seed, {"engine": str(seed)})
    assert fold(store).state.checksum == store.state.checksum
