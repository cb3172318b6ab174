"""Whole processes that have little to do: `--help`, and a run that finds nothing changed."""

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from timing import RUNS, process, seconds, spread, turns

WALK = """
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        os.stat(os.path.join(folder, name))
"""


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
