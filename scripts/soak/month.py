"""Thirty nights of scheduled extraction on a folder that changes, with faults, against an oracle.

    python scripts/soak/month.py --nights 30

Two stores (HDF5 and zarr) take the features of one folder. Between the nights images are added,
edited, renamed, deleted, reverted, corrupted and mended. Every night two schedulers start at once;
in one night of three, one or both are killed (SIGKILL) at a random time; in one night the disk is
full (a small tmpfs, where it can be mounted). After each night the status, the history and the
metrics of both stores must say what a plain walk of the folder and a plain reader of the stores
say; where nothing was killed, exactly the new images were computed. At the end verify finds no
damage, and gc leaves only what the newest commit names.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from world import Command, bottleneck, collected, files_needed, oracle, picture, seconds_since

FORMATS = {"avg": "hdf5", "max": "zarr"}
CLASSES = ("bird", "cat", "dog")
FULL_NIGHT = 10
DISK_BYTES = 256 << 20


class Photos:
    """A folder of class folders, and what happens to it by day."""

    def __init__(self, root: Path, draw: random.Random) -> None:
        self.root, self.draw, self.n_made = root, draw, 0
        self.before: dict[Path, bytes] = {}  # what an image was before it was edited or broken
        for _ in range(40):
            self.add()

    def add(self) -> None:
        """Add one new picture to a class."""
        self.n_made += 1
        picture(self.root / self.draw.choice(CLASSES) / f"{self.n_made:04}.png", self.n_made)

    def day(self) -> list[str]:
        """Do a few things to the folder; return what was done."""
        done = []
        for _ in range(self.draw.randint(0, 8)):
            what = self.draw.choice(
                ("add", "add", "edit", "rename", "delete", "revert", "corrupt", "copy")
            )
            path = self.draw.choice(sorted(self.root.rglob("*.png")))
            if what == "add":
                self.add()
            elif what == "edit":
                self.before.setdefault(path, path.read_bytes())
                self.n_made += 1
                picture(path, 10_000 + self.n_made)
            elif what == "rename":
                path.rename(path.with_name(f"moved-{self.n_made}-{path.name}"))
                self.n_made += 1
            elif what == "delete":
                path.unlink()
            elif what == "revert" and self.before:
                path, data = self.before.popitem()
                path.write_bytes(data)  # it may have been deleted or renamed meanwhile: it is back
            elif what == "corrupt":
                self.before.setdefault(path, path.read_bytes())
                path.write_bytes(path.read_bytes()[: self.draw.randint(0, 60)])
            elif what == "copy":
                self.n_made += 1
                shutil.copy(path, self.root / self.draw.choice(CLASSES) / f"c{self.n_made}.png")
            done.append(what)
        return done


def check(stores: dict[str, Path], photos: Photos, *, is_settled: bool) -> None:
    """Assert that status, history and metrics say what the oracle says."""
    walked = oracle.walk(photos.root)
    shown = subprocess.run(
        [sys.executable, "-m", "bottleneck", "status", "--prometheus",
         *(word for store in stores.values() for word in ("--cache", str(store)))],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    metrics = {
        (match[1], match[2]): float(match[3])
        for match in re.finditer(r'^bottleneck_(\w+)\{store="([^"]*)"[^}]*\} (\S+)$', shown, re.M)
    }
    for store in stores.values():
        held = oracle.stored(store)
        want = oracle.held(held, "photos", walked)
        status = bottleneck("status", "--cache", store)
        (source,) = status["sources"]
        oracle.agree(source, want)
        assert status["rows"] == len(held.rows), (status["rows"], len(held.rows))
        for name, key in (("images", "samples"), ("cached_images", "cached"),
                          ("pending_images", "pending"), ("set_aside_images", "quarantined"),
                          ("unique_images", "unique")):  # fmt: skip
            said = metrics[name, str(store)]
            assert said == want[key], (name, said, want)
        if is_settled:
            assert metrics["last_run_exit_code", str(store)] == 0
            assert want["pending"] == 0, want


def main() -> int:
    """Run the trial; return 0 when nothing was violated."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    draw, start = random.Random(args.seed), time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="month-"))
    caches = folder / "caches"
    caches.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(caches)]
    can_fill = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        nights(folder, caches, draw, args.nights, can_fill=can_fill)
    finally:
        if can_fill:
            subprocess.run(["umount", str(caches)], check=False)
    shutil.rmtree(folder)
    print(f"{args.nights} nights in {seconds_since(start)}: nothing was violated")
    return 0


def nights(
    folder: Path, caches: Path, draw: random.Random, n_nights: int, *, can_fill: bool
) -> None:
    """Run the nights, one after the other."""
    photos = Photos(folder / "photos", draw)
    stores = {pooling: caches / pooling for pooling in FORMATS}
    for pooling, store in stores.items():
        bottleneck("extract", "--data", photos.root, "--backbone", "mini", "--pooling", pooling,
                   "--format", FORMATS[pooling], "--cache", store)  # fmt: skip

    for night in range(1, n_nights + 1):
        done = photos.day()
        walked = oracle.walk(photos.root)
        want = {
            str(store): oracle.extracted(oracle.stored(store), "photos", walked)
            for store in stores.values()
        }
        filler = caches / "filler"
        is_full = can_fill and night == FULL_NIGHT
        if is_full:
            for _ in range(5):  # there must be something to write
                photos.add()
            fill(filler)
        commands = [Command("extract", "--all", caches, "--wait", "10m") for _ in range(2)]
        killed = 0
        if night % 3 == 0:
            for command in commands[: draw.randint(1, 2)]:
                killed += command.kill_after(draw.uniform(0.1, 3.0))
        ended = [c.end() for c in commands if c.process.returncode is None or not killed]
        said = f"night {night}: {len(done)} changes, killed {killed}"
        if is_full:
            codes = sorted(code for code, _, _ in ended)
            assert 12 in codes, codes
            assert not any("Traceback" in err for _, _, err in ended)
            filler.unlink()
            check(stores, photos, is_settled=False)
            said += f", disk full: {codes}"
        elif not killed:
            for store in stores.values():
                turns = [turn for _, report, _ in ended for turn in report["stores"]]
                reports = [turn for turn in turns if turn["store"] == str(store)]
                assert [code for code, _, _ in ended] == [0, 0], ended
                n = sum(report["computed"] for report in reports)
                assert n == want[str(store)]["computed"], (n, want[str(store)])
        if killed or is_full:
            if not is_full:
                check(stores, photos, is_settled=False)
            code, _, err = Command("extract", "--all", caches, "--wait", "10m").end()
            assert code == 0, err
        check(stores, photos, is_settled=True)
        print(said, flush=True)
    for store in stores.values():
        assert bottleneck("verify", "--cache", store)["damaged"] == []
        collected(store)
        there, named = files_needed(store)
        assert there == named, there - named
        rows = oracle.stored(store).rows
        needed = {d for d in oracle.walk(photos.root).images.values() if d}
        print(f"{store.name}: {len(rows)} rows, {len(needed)} different images in the end")


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


if __name__ == "__main__":
    sys.exit(main())
