"""Stores of seeded rows."""

import pytest
from store_world import RECIPE, rows_and_digests, snapshot_of

from bottleneck.store.log import SetSource
from bottleneck.store.store import Store


@pytest.fixture(params=["hdf5", "zarr"])
def fmt(request):
    return request.param


@pytest.fixture
def store(tmp_path, fmt):
    """An empty store."""
    return Store.create(tmp_path / "store", RECIPE, {"backbone": "x"}, fmt)


@pytest.fixture
def filled(store):
    """A store of 20 rows in one part, source `s`."""
    rows, digests = rows_and_digests(20)
    part = store.write_part(digests, rows, {"engine": "x", "batch": 4})
    entry = store.write_snapshot(snapshot_of(digests))
    return store.commit([store.add_part(part), SetSource("s", None, entry)], "test")
