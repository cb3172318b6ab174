"""Whole processes that have little to do: `--help`, and a run that finds nothing changed."""

import tempfile
from pathlib import Path

from photos import write_photos
from timing import interval, process, seconds, spread, turns

FILES = 60_000
FORMATS = ("hdf5", "zarr")
WALK = """
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        os.stat(os.path.join(folder, name))
"""


def bench_help(options):
    """Time `--help` beside a bare import of argparse."""
    ours, base, ratios = turns(
        process("-m", "bottleneck", "extract", "--help"),
        process("-c", "import argparse"),
        n=options.runs,
    )
    print(f"help: {spread(ours)}; import argparse: {spread(base)}; ratio {interval(ratios)}")


def bench_warm(options):
    """Time a run that finds nothing changed, whole process, beside os.walk with stat."""
    with tempfile.TemporaryDirectory() as folder:
        photos, n = Path(folder) / "photos", options.files or FILES
        write_photos(photos, n, 8, ".png")
        for fmt in [options.format] if options.format else FORMATS:
            command = [
                *("-m", "bottleneck.extract", "--data", photos, "--cache", Path(folder) / fmt),
                *("--backbone", "mobilenetv2", "--weights", "random:0", "--size", "32"),
                *("--rows", "float32", "--format", fmt, "--quiet"),
            ]
            first = seconds(process(*command))
            again = process(*command)
            ours, base, ratios = turns(again, process("-c", WALK, photos), n=options.runs)
            print(f"{fmt}: {n} files, first run {first:.0f} s; nothing changed {spread(ours)};")
            print(f"  os.walk with stat {spread(base)}; ratio {interval(ratios)}")
            status = process("-m", "bottleneck.status", "--cache", Path(folder) / fmt)
            print(f"  status {spread([seconds(status) for _ in range(options.runs)])}")
