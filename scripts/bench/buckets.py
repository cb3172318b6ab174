"""What a store in a bucket costs: requests and bytes of its verbs, and seconds beside a disk.

    make objects            # once: obstore and moto, in .venv/objects
    PYTHONPATH=.venv/objects .venv/bin/python scripts/bench/buckets.py --data FOLDER

The server is moto's, on this machine, behind the proxy of the tests, which counts. So requests and
bytes are those of any bucket, and seconds are those of one that is as near as can be.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from bucket_world import Bucket, served

from bottleneck.__main__ import main
from bottleneck.store import storage

ADDRESS = "s3://bucket/stores/first"
KINDS = ("list", "head", "get", "put", "post")


def called(*words: object) -> tuple[dict, float]:
    """Call a verb; return its report and seconds."""
    out, started = io.StringIO(), time.perf_counter()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        code = main([*map(str, words), "--json"])
    assert code == 0, out.getvalue()
    return json.loads(out.getvalue()), time.perf_counter() - started


def counted(bucket: Bucket, what: str, *words: object) -> dict:
    """Call a verb, print a row of the table, and return its report."""
    bucket.counts.clear()
    report, seconds = called(*words)
    kinds = " ".join(f"{bucket.counts[kind]:>5}" for kind in KINDS)
    up, down = (f"{bucket.counts[way] / 1e3:>11,.1f}" for way in ("up", "down"))
    print(f"{what:<34} {kinds} {up} {down} {seconds:>8.2f}", flush=True)
    return report


def another_machine(folder: Path) -> None:
    """Forget all copies."""
    os.environ["BOTTLENECK_PART_CACHE"] = str(folder)
    storage._opened.clear()


def measure(bucket: Bucket, data: Path, folder: Path) -> None:
    """Print the table."""
    photos = folder / "photos"
    shutil.copytree(data, photos)
    network = ("--data", photos, "--backbone", "mini")
    kinds = " ".join(f"{kind:>5}" for kind in KINDS)
    print(f"{'':<34} {kinds} {'kB up':>11} {'kB down':>11} {'s':>8}")
    cache = ("--cache", ADDRESS)
    report = counted(bucket, "extract, all", "extract", *cache, *network)
    counted(bucket, "extract, nothing changed", "extract", *cache)
    first = next(photos.rglob("*.jpg"), None) or next(photos.rglob("*.png"))
    first.write_bytes(first.read_bytes() + b"\0")
    counted(bucket, "extract, one image changed", "extract", *cache)
    counted(bucket, "status", "status", *cache)
    local = folder / "local"
    counted(bucket, "copy to a disk", "copy", ADDRESS, local)
    head = ("--head", "prototypes")  # the quickest: what is left is reading
    for turn in range(3):
        another_machine(folder / f"machine{turn}")
        counted(bucket, f"train, cold part cache ({turn + 1})", "train", *cache, *head)
        counted(bucket, f"train, warm part cache ({turn + 1})", "train", *cache, *head)
        counted(bucket, f"train, on the disk ({turn + 1})", "train", "--cache", local, *head)
    another_machine(folder / "last")
    counted(bucket, "extract, nothing changed, cold", "extract", *cache)
    counted(bucket, "verify", "verify", *cache)
    counted(bucket, "gc --grace 0s", "gc", *cache, "--grace", "0s")
    print(f"{report['samples']:,} images")


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--data", type=Path, required=True, help="class folders")
    with served() as world, tempfile.TemporaryDirectory() as scratch:
        world.empty()
        os.environ |= world.env()
        another_machine(Path(scratch) / "machine")
        measure(world, asked.parse_args().data, Path(scratch))
