"""The figures of the README, on this machine.

    make bench                           all of them
    make bench ARGS="gather linear"      some
    make bench ARGS="warm --files 6000"  with fewer files

Every figure stands beside its baseline, taken in the same run, in turns; medians of five, with
the smallest and the largest. Absolute times say more of the machine than of the program.
"""

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from bottleneck.core.recipe import ImageSpec, Recipe, RowSpec
from bottleneck.core.sample import Samples, key_array
from bottleneck.heads import linear
from bottleneck.pipeline.plan import plan
from bottleneck.store.log import SetSource
from bottleneck.store.snapshot import Snapshot
from bottleneck.store.store import Store

RUNS = 5
PYTHON = sys.executable
WALK = """
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        os.stat(os.path.join(folder, name))
"""


def seconds(work, *arguments):
    """Return how long one call takes."""
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def spread(values):
    """Return median and range for people."""
    return f"{statistics.median(values):.3f} s ({min(values):.3f} to {max(values):.3f})"


def turns(ours, baseline):
    """Time both in turns, after a warm-up of each; return both lists and the median ratio."""
    ours(), baseline()
    pairs = [(seconds(ours), seconds(baseline)) for _ in range(RUNS)]
    one, other = zip(*pairs, strict=True)
    return one, other, statistics.median(a / b for a, b in pairs)


def process(*arguments):
    """Return a function that runs a whole process and must succeed."""
    return lambda: subprocess.run([PYTHON, *map(str, arguments)], check=True, capture_output=True)


def bench_help(_):
    """Time `--help` beside a bare import of argparse."""
    ours, base, ratio = turns(
        process("-m", "bottleneck", "extract", "--help"), process("-c", "import argparse")
    )
    print(f"help: {spread(ours)}; import argparse: {spread(base)}; ratio {ratio:.2f}")


def bench_warm(options):
    """Time a run that finds nothing changed, whole process, beside os.walk with stat."""
    with tempfile.TemporaryDirectory() as folder:
        photos, n = Path(folder) / "photos", options.files
        rng = np.random.default_rng(0)
        for i in range(n):
            path = photos / f"class{i % 10}" / f"{i:06}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(path)
        for fmt in ("hdf5", "zarr"):
            command = [
                *("-m", "bottleneck.extract", "--data", photos, "--cache", Path(folder) / fmt),
                *("--backbone", "mobilenetv2", "--weights", "random:0", "--size", "32"),
                *("--rows", "float32", "--format", fmt, "--quiet"),
            ]
            first = seconds(process(*command))
            again = process(*command)
            ours, base, ratio = turns(again, process("-c", WALK, photos))
            print(f"{fmt}: {n} files, first run {first:.0f} s; nothing changed {spread(ours)};")
            print(f"  os.walk with stat {spread(base)}; ratio {ratio:.2f}")
            status = process("-m", "bottleneck.status", "--cache", Path(folder) / fmt)
            print(f"  status {spread([seconds(status) for _ in range(RUNS)])}")


def filled(folder, fmt, n, parts):
    """Return a store of n random rows of 2048 float16 numbers, in so many parts."""
    recipe = Recipe(
        network="0" * 64,
        weights="0" * 64,
        preprocessing="none",
        image=ImageSpec(size=(8, 8)),
        rows=RowSpec(dtype="float16", shape=(2048,)),
    )
    store = Store.create(Path(folder), recipe, {}, fmt)
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
    entry = store.write_snapshot(Snapshot(samples=samples, spec={}))
    actions = [*map(store.add_part, entries), SetSource("s", None, entry)]
    return store.commit(actions, "bench"), rows


def bench_gather(_):
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

                epoch(plain.__getitem__)
                base = seconds(epoch, plain.__getitem__)
                first = base / seconds(epoch, x.take)
                ours, base, ratio = turns(partial(epoch, x.take), partial(epoch, plain.__getitem__))
                print(
                    f"gather {fmt}, {parts} parts: {100 / ratio:.0f} % of np.memmap's speed "
                    f"(first epoch {100 * first:.0f} %); an epoch {spread(ours)}, {spread(base)}"
                )


def bench_linear(_):
    """Fit the linear head to convergence: 50,000 x 2048, 10 classes."""
    n, d, k = 50_000, 2048, 10
    rng = np.random.default_rng(0)
    y = rng.integers(0, k, n).astype(np.int32)
    basis = rng.standard_normal((64, d), np.float32) / 8
    centres = rng.standard_normal((k, 64), np.float32) / 2
    inner = centres[y] + rng.standard_normal((n, 64), np.float32)
    x = np.maximum(inner @ basis + rng.standard_normal((n, d), np.float32) / 2, 0)
    split = (rng.random(n) < 0.2).astype(np.uint8)
    work = lambda: linear.fit(  # noqa: E731
        x.astype(np.float16), y, split, seed=0, n_classes=k, options={}, report=lambda _: None
    )
    print(f"linear head {n} x {d}, {k} classes: {spread([seconds(work) for _ in range(3)])}")


def bench_snapshot(_):
    """Load and plan a snapshot of a million samples."""
    n = 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        code = f"""
import time
from pathlib import Path
from bottleneck.pipeline.plan import plan
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
        recipe = Recipe(
            network="0" * 64,
            weights="0" * 64,
            preprocessing="none",
            image=ImageSpec(size=(8, 8)),
            rows=RowSpec(dtype="float16", shape=(4,)),
        )
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
        store = Store.create(Path(folder) / "store", recipe, {}, "hdf5")
        part = store.write_part(digests[: n // 2], np.zeros((n // 2, 4), np.float16), {})
        entry = store.write_snapshot(Snapshot(samples=samples, spec={}))
        store = store.commit([store.add_part(part), SetSource("s", None, entry)], "bench")
        assert len(plan(store, samples).pending) == n // 2
        print(
            subprocess.run([PYTHON, "-c", code], check=True, capture_output=True, text=True).stdout,
            end="",
        )


BENCHES = {
    "help": bench_help,
    "gather": bench_gather,
    "linear": bench_linear,
    "snapshot": bench_snapshot,
    "warm": bench_warm,
}


def main():
    """Run the benches that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], metavar="NAME")
    parser.add_argument("--files", type=int, default=60_000)
    options = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} threads, Python {platform.python_version()}")
    for name in options.names or BENCHES:
        BENCHES[name](options)
    print(f"peak of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")


if __name__ == "__main__":
    main()
