"""Stores of seeded rows."""

import numpy as np

from bottleneck.core.recipe import ImageSpec, Recipe, RowSpec
from bottleneck.core.sample import Samples, key_array
from bottleneck.store.snapshot import Snapshot

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
