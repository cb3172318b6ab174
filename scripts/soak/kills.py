"""Kill a real extraction again and again, and see that nothing is lost, doubled or wrong.

    python scripts/soak/kills.py --data FOLDER --backbone mini --kills 200

Without --data, the images are 1,797 digits drawn as PNGs.

An undisturbed extraction of the folder is the reference. Then, in rounds: a new store, the same
command killed (SIGKILL) and started again, until it ends. A run is killed either when the store has
changed a random number of times, so also in the middle of a write, or after a random time. That
time may be longer after each kill that came before anything was committed: so a round ends, however
slow the machine became. After each kill the store must open at a commit and hold every row that a
commit held before, nothing may have been computed that a commit held already, and at most one part
that was whole may be in no commit. At the end of a round the rows must be the reference's, byte for
byte, and gc must leave no file that the newest commit does not name. Runs commit every second
instead of every minute, so that there is something between two kills.
"""

from __future__ import annotations

import argparse
import os
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
    HERE,
    ROOT,
    Command,
    bottleneck,
    collected,
    files_needed,
    format_reader,
    oracle,
    rows_of,
    seconds_since,
)

ROOMS = ("log", "parts", "snapshots", "recipes", "derived")
POLL_S = 0.005


def digits(folder: Path) -> Path:
    """Write the digits of the package as PNGs in class folders; return the folder."""
    with np.load(ROOT / "bottleneck" / "data" / "digits.npz") as columns:
        for i, (image, label) in enumerate(zip(columns["images"], columns["labels"], strict=True)):
            path = folder / str(label) / f"{i:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).resize((64, 64)).save(path)
    return folder


class Trial:
    """A command, the rows that it must give, and what was seen of its runs so far."""

    def __init__(self, words: list[object], folder: Path, draw: random.Random) -> None:
        self.words, self.folder, self.draw = words, folder, draw
        began = time.monotonic()
        run = self.start(folder / "reference")
        self.n_changes, seen = 1, set[str]()
        while run.process.poll() is None:
            self.n_changes += changes(folder / "reference", seen)
            time.sleep(POLL_S)
        code, report, said = run.end()
        assert code == 0, said
        self.whole_s = time.monotonic() - began
        self.reference = rows_of(folder / "reference")
        self.kills = self.rounds = self.again = self.most_again = 0
        print(f"reference: {report['computed']} rows in {self.whole_s:.1f} s", flush=True)

    def start(self, store: Path) -> Command:
        """Start the command on a store."""
        program = (HERE / "counted.py", store.with_suffix(".computed"))
        return Command(*self.words, "--cache", store, program=program)

    def round(self) -> None:
        """Kill the command until it ends; assert what must be true of its store."""
        store, before = self.folder / f"round{self.rounds}", self.kills
        kept, span_s = set[str](), self.whole_s
        while True:
            n_noted, old_parts = len(noted(store)), set(names(store / "parts"))
            is_killed = self._kill(store, span_s)
            computed = noted(store)[n_noted:]
            now = held(store)
            assert not kept & set(computed), f"{store}: rows were computed that a commit held"
            assert kept <= now, f"{store}: {len(kept - now)} rows that a commit held are gone"
            new = set(names(store / "parts")) - old_parts
            lost = {name for name in new - parts_of(store) if "/tmp-" not in name}
            assert len(lost) <= 1, f"{store}: one kill cost {len(lost)} whole parts"
            again = len(set(computed) - now)
            self.again, self.most_again = self.again + again, max(self.most_again, again)
            if not is_killed:
                break
            self.kills += 1
            span_s = span_s if now > kept else 1.5 * span_s
            kept = now
        self.rounds += 1
        self._check(store)
        shutil.rmtree(store)
        print(
            f"round {self.rounds}: {self.kills - before} kills, {self.kills} in all; "
            f"{self.again} rows computed again, {self.most_again} at most for one kill",
            flush=True,
        )

    def _kill(self, store: Path, span_s: float) -> bool:
        """Run the command and kill it at a random moment; return False where it ended by itself."""
        run = self.start(store)
        if self.draw.random() < 0.5:
            return run.kill_after(self.draw.uniform(0, span_s))
        left, seen = self.draw.randint(1, self.n_changes), set[str]()
        changes(store, seen)
        while run.process.poll() is None:
            left -= changes(store, seen)
            if left <= 0:
                return run.kill_after(0.0)
            time.sleep(POLL_S)
        return run.kill_after(60.0)

    def _check(self, store: Path) -> None:
        report = bottleneck(*self.words, "--cache", store)
        assert report["computed"] == 0, f"{store}: {report['computed']} rows were missing"
        assert rows_of(store) == self.reference, f"{store}: other rows than the undisturbed run's"
        parts = [part["rows"] for part in format_reader.commits(store)[-1]["parts"]]
        assert sum(parts) == len(self.reference), f"{store}: {sum(parts)} rows"
        assert bottleneck("verify", "--cache", store)["damaged"] == []
        collected(store)
        left = leftovers(store)
        assert not left, f"{store}: gc left {left}"


def changes(store: Path, seen: set[str]) -> int:
    """Return how many names are new in a store; they are noted in `seen`."""
    found = {path for room in ROOMS for path in names(store / room)}
    new = len(found - seen)
    seen |= found
    return new


def names(folder: Path) -> list[str]:
    """Return the names in a folder, with their room's; none where there is no folder."""
    try:
        return [f"{folder.name}/{name}" for name in os.listdir(folder)]  # noqa: PTH208 - fast
    except FileNotFoundError:
        return []


def held(store: Path) -> set[str]:
    """Return the digests that have a row in the newest commit."""
    return set(oracle.stored(store).rows) if names(store / "log") else set()


def parts_of(store: Path) -> set[str]:
    """Return the names of all parts that a commit has named, with their room's.

    Not of the newest commit alone: one that folds small parts into one no longer names those.
    """
    if not any((store / "log").glob("*.json")):
        return set()
    commits = format_reader.commits(store)
    return {f"parts/{part['name']}" for commit in commits for part in commit["parts"]}


def noted(store: Path) -> list[str]:
    """Return the digest of each row that was computed for a store, in order."""
    path = store.with_suffix(".computed")
    data = path.read_bytes() if path.exists() else b""
    return [data[at : at + 32].hex() for at in range(0, len(data), 32)]


def leftovers(store: Path) -> set[str]:
    """Return the parts, snapshots and temporary names that the newest commit does not need."""
    there, named = files_needed(store)
    return (there - named) | {str(path) for path in store.rglob("tmp-*")}


def main() -> int:
    """Run the trial; print what was seen; return 0 when nothing was violated."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--backbone", default="mini")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--format", choices=("hdf5", "zarr"), default="hdf5")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("more", nargs="*", help="further options of extract, after --")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    data = args.data or digits(folder / "digits")
    words = ["extract", "--data", data, "--backbone", args.backbone, "--format", args.format]
    trial = Trial([*words, *args.more], folder, random.Random(args.seed))
    start = time.monotonic()
    while trial.kills < args.kills:
        trial.round()
    shutil.rmtree(folder)
    print(
        f"{args.format}: {trial.kills} kills in {trial.rounds} rounds, {seconds_since(start)}: "
        f"{len(trial.reference)} rows identical in each round, none lost, no file left over; "
        f"{trial.again / max(1, trial.kills):.1f} rows computed again for a kill, "
        f"{trial.most_again} at most"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
