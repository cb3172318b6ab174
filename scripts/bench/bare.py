"""An extraction beside the bare engine: what identity, the store and the pipeline cost."""

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from cold import BOUND, JPEG_PIXELS, SIZE, norm
from photos import write_photos
from timing import interval, process, spread, turns

from bottleneck.store.store import Store

FILES = 20_000
SCRIPT = Path(__file__).with_name("bare_engine.py")


def bench_bare(options):
    """Time a first extraction, whole processes, in turns with the same engine by itself."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        images = options.images or folder / "images"
        if not options.images:
            write_photos(images, options.files or FILES, JPEG_PIXELS, ".jpg")
        store, rows = folder / "store", folder / "rows.npy"
        extract = process(
            *("-m", "bottleneck.extract", "--data", images, "--cache", store, "--quiet"),
            *("--backbone", options.backbone, "--weights", options.weights, "--size", SIZE),
            *("--rows", "float32", "--engine", "openvino"),
        )
        extract()
        network = folder / "network"
        shutil.copytree(next((store / "derived").rglob("network.xml")).parent, network)
        bare = process(SCRIPT, images, network / "network.xml", SIZE, rows)
        bare()
        n, worst = check(store, rows)
        print(f"bare: {n} images, {options.backbone} ({Path(options.weights).name}) at {SIZE}")
        print(f"  checked: the rows are the same but for rounding (worst {worst:.1e})")
        clear = lambda: shutil.rmtree(store)  # noqa: E731
        ours, base, ratios = turns(extract, bare, n=options.runs, before=clear, warm_up=False)
        print(f"  extract {spread(ours)}; the bare engine {spread(base)}; ratio {interval(ratios)}")


def check(store, rows):
    """Return how many rows there are, and how far the worst is off; stop where they differ."""
    features, _, _ = Store.open(store).arrays()
    ours, theirs = np.asarray(features), np.load(rows)
    if ours.shape != theirs.shape:
        sys.exit(f"not the same images: {ours.shape} here, {theirs.shape} by the bare engine")
    worst = float((norm(ours - theirs) / norm(theirs)).max())
    if not worst <= BOUND:
        sys.exit(f"the bare engine computes other rows: {worst:.1e} apart")
    return len(ours), worst
