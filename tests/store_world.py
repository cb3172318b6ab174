"""Stores of seeded rows."""

import os

import numpy as np

from bottleneck.core.recipe import ImageSpec, Recipe, RowSpec
from bottleneck.core.sample import Samples, key_array
from bottleneck.store.fold import fold
from bottleneck.store.log import SetSource
from bottleneck.store.snapshot import Snapshot
from bottleneck.store.store import Store

RECIPE = Recipe(
    network="aa" * 32,
    weights="bb" * 32,
    preprocessing="none",
    image=ImageSpec(size=(8, 8)),
    rows=RowSpec(dtype="float16", shape=(16,)),
)


def rows_and_digests(n, seed=0):
    """Return seeded rows (n, 16) float16 and digests (n, 32)."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 16)).astype("f2"), rng.integers(0, 256, (n, 32), np.uint8)


def snapshot_of(digests, spec=None):
    """Return a snapshot of one sample a digest, labelled 0, 1, 0, 1, …"""
    n = len(digests)
    samples = Samples(
        keys=key_array([b"k%06d" % i for i in range(n)]),
        digests=digests,
        known=np.ones(n, bool),
        labels=(np.arange(n) % 2).astype(np.int32),
        splits=np.zeros(n, np.uint8),
        classes=("a", "b"),
    )
    return Snapshot(samples=samples, spec=spec or {"kind": "test"})


def add_part(path):
    """Commit a part of three rows."""
    store = Store.open(path)
    rows, digests = rows_and_digests(3, 1)
    return store.commit([store.add_part(store.write_part(digests, rows, {}))], "new")


def look_again(path):
    """Commit another snapshot of the source."""
    store = Store.open(path)
    before = store.state.sources["s"].snapshot
    entry = store.write_snapshot(snapshot_of(rows_and_digests(20)[1], {"kind": "again"}))
    return store.commit([SetSource("s", before, entry)], "new")


def fold_all(path):
    """Fold the parts of the store."""
    return fold(Store.open(path))


EFFECTS = {"fsync", "link", "rename", "replace", "unlink", "mkdir", "write"}


class PowerCut(BaseException):
    pass


class Cut:
    """The module `os`, all of whose effects fail from the n-th on, as after a power cut."""

    def __init__(self, n, error):
        self.left, self.error, self.fired = n, error, False

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in EFFECTS:
            return real

        def call(*args, **kwargs):
            self.left -= 1
            if self.left < 0:
                self.fired = True
                raise self.error
            return real(*args, **kwargs)

        return call
