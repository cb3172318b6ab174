"""Kill a real extraction again and again, and see that nothing is lost, doubled or wrong.

    python scripts/soak/kills.py --data FOLDER --backbone mini --kills 200

Without --data, the images are 1,797 digits drawn as PNGs.

An undisturbed extraction of the folder is the reference. Then, in rounds: a new store, the same
command killed (SIGKILL) at a random time and started again, until it ends. After each kill the
store must open at a commit and hold every row that a commit held before. At the end of a round the
rows must be the reference's, byte for byte, no more may have been computed than one part for each
kill, and gc must leave no file that the newest commit does not name.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import numpy as np
from PIL import Image
from world import (
    ROOT,
    Command,
    bottleneck,
    files_needed,
    format_reader,
    oracle,
    rows_of,
    seconds_since,
)


def digits(folder: Path) -> Path:
    """Write the digits of the package as PNGs in class folders; return the folder."""
    with np.load(ROOT / "bottleneck" / "data" / "digits.npz") as columns:
        for i, (image, label) in enumerate(zip(columns["images"], columns["labels"], strict=True)):
            path = folder / str(label) / f"{i:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).resize((64, 64)).save(path)
    return folder


def main() -> int:
    """Run the trial; print a table; return 0 when nothing was violated."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--backbone", default="mini")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--format", choices=("hdf5", "zarr"), default="hdf5")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("more", nargs="*", help="further options of extract, after --")
    args = parser.parse_args()
    draw, start = random.Random(args.seed), time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    data = args.data or digits(folder / "digits")
    words = ["extract", "--data", data, "--backbone", args.backbone, "--format", args.format]
    words += args.more
    began = time.monotonic()
    report = bottleneck(*words, "--cache", folder / "reference")
    whole = time.monotonic() - began
    reference = rows_of(folder / "reference")
    print(f"reference: {report['computed']} rows in {whole:.1f} s", flush=True)
    kills = rounds = lost = 0
    while kills < args.kills:
        store = folder / f"round{rounds}"
        kept: set[str] = set()
        n_killed = 0
        while Command(*words, "--cache", store).kill_after(draw.uniform(0, 1.2 * whole)):
            n_killed += 1
            if (store / "log").is_dir() and any((store / "log").glob("*.json")):
                now = set(oracle.stored(store).rows)
                lost += len(kept - now)
                kept = now
        kills += n_killed
        rounds += 1
        bottleneck(*words, "--cache", store)
        rows = rows_of(store)
        assert rows == reference, f"{store}: rows differ from the undisturbed run's"
        assert not lost, f"{store}: {lost} rows that a commit held are gone"
        parts = [part["rows"] for part in format_reader.commits(store)[-1]["parts"]]
        assert sum(parts) == len(reference), f"{store}: {sum(parts)} rows for {len(reference)}"
        assert bottleneck("verify", "--cache", store)["damaged"] == []
        bottleneck("gc", "--cache", store, "--grace", "0s")
        there, named = files_needed(store)
        assert there == named, f"{store}: gc left {there - named}"
        said = f"round {rounds}: {n_killed} kills, {kills} in all, {seconds_since(start)}"
        print(said, flush=True)
        shutil.rmtree(store)
    shutil.rmtree(folder)
    print(f"{kills} kills in {rounds} rounds: no row differs, none is lost, no file is left over")
    return 0


if __name__ == "__main__":
    sys.exit(main())
