"""What a store in a bucket costs: requests and bytes of its verbs, and seconds beside a disk.

    make objects            # once: obstore and moto, in .venv/objects
    PYTHONPATH=.venv/objects .venv/bin/python scripts/bench/buckets.py --data FOLDER
    PYTHONPATH=.venv/objects .venv/bin/python scripts/bench/buckets.py --files 60000
    PYTHONPATH=.venv/objects .venv/bin/python scripts/bench/buckets.py --files 6000 --sources

`--files` makes so many tiny images instead of a folder's. `--sources` measures images in the bucket
instead of a store there: as class folders, as one tar archive, and as several (`--shards`).

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
import tarfile
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

import numpy as np
import obstore
from bucket_world import Bucket, served
from PIL import Image

from bottleneck.__main__ import main
from bottleneck.core.buckets import address
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


def make_images(folder: Path, number: int) -> Path:
    """Make images of 8 by 8 in ten classes; return the folder."""
    rng = np.random.default_rng(0)
    for i in range(number):
        path = folder / f"{i % 10:02}" / f"{i:06}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(path)
    return folder


def measure_sources(bucket: Bucket, data: Path, folder: Path, n_shards: int) -> None:
    """Print the table of images in the bucket; the stores are on this disk."""
    photos = folder / "photos"
    shutil.copytree(data, photos)
    images = sorted(path for path in photos.rglob("*") if path.is_file())
    kinds = " ".join(f"{kind:>5}" for kind in KINDS)
    print(f"{'':<34} {kinds} {'kB up':>11} {'kB down':>11} {'s':>8}")

    place = address("s3://bucket/sets")
    client = place.client()

    def send_folder(some: list[Path]) -> None:
        for path in some:
            obstore.put(client, f"photos/{path.relative_to(photos).as_posix()}", path)

    def send_archives(of: int, some: list[Path]) -> None:
        for n in range(of if len(some) > 1 else 1):  # the first image is in the first
            with tarfile.open(folder / "one.tar", "w") as archive:
                for path in images[n::of]:
                    archive.add(path, path.relative_to(photos))
            obstore.put(client, f"{of}-{n:04}.tar", folder / "one.tar")

    first = images[0]
    ways = {
        "folders": ("photos", send_folder),
        "one tar": ("1-0000.tar", lambda some: send_archives(1, some)),
        f"{n_shards} tars": (f"{n_shards}-*.tar", lambda some: send_archives(n_shards, some)),
    }
    for called_by, (name, send) in ways.items():
        send(images)
        cache = ("--cache", folder / called_by)
        words = ("--data", f"{place}/{name}", "--backbone", "mini")
        counted(bucket, f"{called_by}: all", "extract", *cache, *words)
        counted(bucket, f"{called_by}: nothing changed", "extract", *cache)
        first.write_bytes(first.read_bytes() + b"\0")
        send([first])
        report = counted(bucket, f"{called_by}: one image changed", "extract", *cache)
        assert report["computed"] == 1, report
    print(f"{len(images):,} images, {sum(p.stat().st_size for p in images) / 1e3:,.0f} kB")


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    which = asked.add_mutually_exclusive_group(required=True)
    which.add_argument("--data", type=Path, help="class folders")
    which.add_argument("--files", type=int, help="how many tiny images to make instead")
    asked.add_argument("--sources", action="store_true", help="of images in the bucket")
    asked.add_argument("--shards", type=int, default=8, metavar="N", help="with --sources: tars")
    told = asked.parse_args()
    with served() as world, tempfile.TemporaryDirectory() as scratch:
        world.empty()
        os.environ |= world.env()
        another_machine(Path(scratch) / "machine")
        images = told.data or make_images(Path(scratch) / "made", told.files)
        if told.sources:
            measure_sources(world, images, Path(scratch), told.shards)
        else:
            measure(world, images, Path(scratch))
