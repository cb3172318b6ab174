"""A store after many one-image runs and gc, beside a store that was filled at once."""

import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from photos import write_photos
from timing import interval, process, seconds, spread, turns

from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.upkeep import gc, verify
from bottleneck.store.store import Store

RUNS = 1_000
MOST = 1.2  # times a fresh store's
OPEN = "import sys; from bottleneck.store.store import Store; Store.open(sys.argv[1]).arrays()"


def bench_increments(options):
    """Add one image a run, a thousand times; collect; then open, no-op extract and gather."""
    n, n_runs = options.files or 6_000, RUNS
    for fmt in [options.format] if options.format else ["hdf5", "zarr"]:
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            paths = write_photos(folder / "all", n, 8, ".png")
            first = folder / "photos"
            for path in paths[:-n_runs]:
                copied(path, folder)
            run(folder, first, "aged", fmt)
            took = seconds(partial(increments, folder, first, paths[-n_runs:], fmt))
            report = gc(folder / "aged", grace_s=-60.0)
            run(folder, first, "fresh", fmt)
            for name in ("aged", "fresh"):  # files that were young are hashed once more
                run(folder, first, name, fmt)
            store = Store.open(folder / "aged")
            assert verify(folder / "aged")["damaged"] == []
            assert len(store.arrays()[2]) == len(paths)
            print(
                f"increments {fmt}: {n_runs} runs of one image beside {n - n_runs} in "
                f"{took:.0f} s; then {len(store.state.parts)} parts, and gc deleted "
                f"{len(report['deleted'])} files"
            )
            compare(folder, first, options.runs)


def copied(path, folder):
    """Put an image where the store's source is."""
    target = folder / "photos" / path.relative_to(folder / "all")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def increments(folder, photos, paths, fmt):
    """Add one image a run."""
    for path in paths:
        copied(path, folder)
        if run(folder, photos, "aged", fmt)["computed"] != 1:
            sys.exit("not one image was computed")


def run(folder, photos, name, fmt):
    """Bring a store up to date."""
    network = NetworkOptions(backbone="mini")
    return extract(
        ExtractOptions(cache=folder / name, data=str(photos), network=network, format=fmt)
    )


def compare(folder, photos, n):
    """Time both stores in turns."""
    aged, fresh = folder / "aged", folder / "fresh"

    def shown(what, ours, base):
        one, other, ratios = turns(ours, base, n=n)
        met = "met" if np.median(ratios) <= MOST else "MISSED"
        print(
            f"  {what}: {spread(one)}, fresh {spread(other)}; ratio {interval(ratios)}, "
            f"at most {MOST:g} wanted: {met}"
        )

    shown("open and look up, whole process", *(process("-c", OPEN, p) for p in (aged, fresh)))
    no_op = [
        process("-m", "bottleneck.extract", "--data", photos, "--cache", p, "--quiet")
        for p in (aged, fresh)
    ]
    shown("no-op extract, whole process", *no_op)
    x, y = (Store.open(p).features() for p in (aged, fresh))
    np.testing.assert_allclose(np.asarray(x), np.asarray(y), rtol=2e-3, atol=1e-4)
    order = np.random.default_rng(1).permutation(len(x))
    batches = [order[at : at + 256] for at in range(0, len(order), 256)] * 20

    def epoch(features):
        for at in batches:
            features.take(at)

    shown("gather of 20 epochs", partial(epoch, x), partial(epoch, y))
