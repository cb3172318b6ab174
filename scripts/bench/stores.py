"""Stores of random rows: gathering batches, and a snapshot of a million samples."""

import subprocess
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from timing import PYTHON, interval, seconds, spread, turns

from bottleneck.core.recipe import ImageSpec, Recipe, RowSpec
from bottleneck.core.sample import Samples, key_array
from bottleneck.pipeline.extraction.plan import plan
from bottleneck.store.log import SetSource
from bottleneck.store.snapshot import Snapshot
from bottleneck.store.store import Store


def of_width(n_features):
    """Return the recipe of float16 rows of so many numbers."""
    return Recipe(
        network="0" * 64,
        weights="0" * 64,
        preprocessing="none",
        image=ImageSpec(size=(8, 8)),
        rows=RowSpec(dtype="float16", shape=(n_features,)),
    )


def filled(folder, fmt, n, parts):
    """Return a store of n random rows of 2048 float16 numbers, in so many parts."""
    store = Store.create(Path(folder), of_width(2048), {}, fmt)
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((n, 2048), np.float32).astype(np.float16)
    digests = rng.integers(0, 256, (n, 32), np.uint8)
    entries = [
        store.write_part(digests[at], rows[at], {}) for at in np.array_split(np.arange(n), parts)
    ]
    samples = Samples(
        keys=key_array([b"%08d" % i for i in range(n)]),
        digests=digests,
        known=np.ones(n, bool),
        labels=np.zeros(n, np.int32),
        splits=np.zeros(n, np.uint8),
        classes=("a",),
    )
    entry = store.write_snapshot(Snapshot(samples=samples, spec={"kind": "bench"}))
    actions = [*map(store.add_part, entries), SetSource("s", None, entry)]
    return store.commit(actions, "bench"), rows


def bench_gather(options):
    """Gather 256 random rows out of 50,000 (float16 [2048]), beside np.memmap."""
    n, n_batches = 50_000, 195
    for fmt in ("hdf5", "zarr"):
        for parts in (1, 4):
            with tempfile.TemporaryDirectory() as folder:
                store, rows = filled(Path(folder) / "store", fmt, n, parts)
                np.save(Path(folder) / "rows.npy", rows)
                plain = np.load(Path(folder) / "rows.npy", mmap_mode="r")
                batches = (
                    np.random.default_rng(1).permutation(n)[: n_batches * 256].reshape(-1, 256)
                )
                x = store.features()
                np.testing.assert_array_equal(x.take(batches[0]), rows[batches[0]])

                def epoch(take, order=batches):
                    for at in order:
                        take(at)

                # Both map their file anew: of the first epoch, a part is the system's.
                plain_first = seconds(epoch, plain.__getitem__)
                first = seconds(epoch, x.take)
                plain_later = seconds(epoch, plain.__getitem__)
                ours, base, ratios = turns(
                    partial(epoch, x.take), partial(epoch, plain.__getitem__), n=options.runs
                )
                speed = interval([1 / ratio for ratio in ratios])
                print(
                    f"gather {fmt}, {parts} parts: {speed} of np.memmap's speed "
                    f"(first epoch {100 * plain_first / first:.0f} % of its first, "
                    f"{100 * plain_later / first:.0f} % of a later one); "
                    f"an epoch {spread(ours)}, {spread(base)}"
                )


def bench_snapshot(_):
    """Load and plan a snapshot of a million samples."""
    n = 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        code = f"""
import time
from pathlib import Path
from bottleneck.pipeline.extraction.plan import plan
from bottleneck.store.store import Store
store = Store.open(Path({folder!r}) / "store")
start = time.perf_counter(); samples = store.snapshot("s").samples
load = time.perf_counter() - start
start = time.perf_counter(); found = plan(store, samples)
planned = time.perf_counter() - start
status = Path("/proc/self/status").read_text()
peak = int(status.split("VmHWM:")[1].split()[0]) / 2**20
print(f"snapshot of {n}: load {{load:.2f}} s, plan {{planned:.2f}} s, peak {{peak:.2f}} GiB")
"""
        rng = np.random.default_rng(0)
        digests = rng.integers(0, 256, (n, 32), np.uint8)
        samples = Samples(
            keys=key_array([b"train/class%03d/image%08d.jpg" % (i // 1000, i) for i in range(n)]),
            digests=digests,
            known=np.ones(n, bool),
            labels=np.zeros(n, np.int32),
            splits=np.zeros(n, np.uint8),
            classes=("a",),
        )
        store = Store.create(Path(folder) / "store", of_width(4), {}, "hdf5")
        part = store.write_part(digests[: n // 2], np.zeros((n // 2, 4), np.float16), {})
        entry = store.write_snapshot(Snapshot(samples=samples, spec={"kind": "bench"}))
        store = store.commit([store.add_part(part), SetSource("s", None, entry)], "bench")
        assert len(plan(store, samples).pending) == n // 2
        print(
            subprocess.run([PYTHON, "-c", code], check=True, capture_output=True, text=True).stdout,
            end="",
        )
