"""Kill the workers of a real extraction at random, or its driver, and see that nothing is lost.

    python scripts/soak/workers.py --data FOLDER --on dask --kills 30 -- --size 96
    python scripts/soak/workers.py --data FOLDER --on loky --drivers 20

An undisturbed extraction by one process is the reference. Then, in rounds: a new store, the same
command with two workers, of which one is killed (SIGKILL) after a random time, again and again;
or the driver is, and the command is started again until it ends. At the end of a round the rows
must be the reference's (byte for byte, else within rounding, which is said), none may be missing or
set aside, the store must verify, and gc must leave no file that the newest commit does not name.
After each kill of a driver the store must hold every row that a commit held before. What is
computed again is counted: for each kill of a worker it is at most what both had begun, as a pool
ends with one of its processes; of a driver, a part that each had published as well. Runs commit
every second instead of every minute. Where the minutes end before the first kill, it ends with 2.

Without --data, the images are 1,797 digits drawn as PNGs. --on dask and --on ray start a cluster on
this machine, and need `distributed` or `ray`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

import noting
import numpy as np
from kills import digits, held, leftovers, noted, parts_of
from world import (
    HERE,
    ROOT,
    Command,
    bottleneck,
    collected,
    rows_of,
    seconds_since,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

sys.path.insert(0, str(ROOT / "tests"))
import clusters

ROUNDING = 5e-5


def children(pid: int) -> list[int]:
    """Return the processes of loky below a driver: those that compute."""
    said = subprocess.run(["ps", "-wweo", "pid=,ppid=,args="], capture_output=True, text=True)
    rows = [line.split(maxsplit=2) for line in said.stdout.splitlines()]
    return [int(row[0]) for row in rows if int(row[1]) == pid and "popen_loky" in row[-1]]


@contextlib.contextmanager
def crew(on: str, folder: Path) -> Iterator[tuple[list[str], Any]]:
    """Yield the words that name two workers, and what returns their process numbers."""
    if on == "loky":
        yield ["--workers", "2"], children
        return
    with getattr(clusters, on)(folder) as cluster:
        yield ["--cluster", cluster.address], lambda _: cluster.workers()


class Trial:
    """The reference, and what was seen so far."""

    def __init__(self, words: list[object], folder: Path, draw: random.Random) -> None:
        self.words, self.folder, self.draw = words, folder, draw
        began = time.monotonic()
        report = bottleneck(*words, "--cache", folder / "reference")
        self.seconds = time.monotonic() - began
        self.n = report["computed"]
        self.reference = rows_of(folder / "reference")
        self.rounds = self.kills = self.retried = self.lost = self.most_lost = self.again = 0
        self.worst = 0.0
        self.noted = folder / "noted"
        self.noted.mkdir()
        os.environ[noting.FOLDER] = str(self.noted)  # of workers that start from here on
        os.environ["PYTHONPATH"] = os.pathsep.join(
            [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
        print(f"reference: {self.n} rows in {self.seconds:.1f} s", flush=True)

    def start(self, store: Path, who: list[str], before: tuple[str, ...] = ()) -> Command:
        """Start the command with workers; `before` are words that it follows."""
        program = (HERE / "counted.py", store.with_suffix(".computed"))
        return Command(*self.words, *who, "--cache", store, program=program, before=before)

    def of_workers(self, who: list[str], workers: Any) -> None:
        """Kill workers while the command runs; it must end as if nobody had."""
        store = self.folder / f"round{self.rounds}"
        run, before, n_noted = self.start(store, who), self.kills, noting.n_rows(self.noted)
        is_over = threading.Event()

        def kill() -> None:
            span_s, n_parts = self.seconds / 2, 0
            while not is_over.wait(self.draw.uniform(0.0, span_s)):
                there = workers(run.process.pid)
                if there:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(self.draw.choice(there), signal.SIGKILL)
                        self.kills += 1
                # Longer after a kill that came before anything was done: so a round ends.
                now = len(list((store / "parts").glob("*")))
                span_s, n_parts = span_s if now > n_parts else 1.5 * span_s, now

        killing = threading.Thread(target=kill)
        killing.start()
        code, report, said = run.end()
        is_over.set()
        killing.join()
        assert code == 0, f"{store}: {code}: {said}"
        assert report["computed"] == self.n, f"{store}: {report['computed']} computed"
        self.retried += (report["shards"] or {"retried": 0})["retried"]
        again = self._again(store, n_noted, 2 * (self.kills - before))
        self.check(store, report)
        self._tell(self.kills - before, report, again)

    def _again(self, store: Path, n_noted: int, n_shards: int) -> int:
        """Return how many rows were computed again since so many were noted.

        At most so many shards may be.
        """
        again = noting.n_rows(self.noted) - n_noted + len(noted(store)) - self.n
        largest = noting.largest(self.noted)
        assert again <= n_shards * largest, f"{store}: {again} rows again, shards of {largest}"
        self.again += again
        return again

    def of_drivers(self, who: list[str], _: Any) -> None:
        """Kill the driver again and again, until the command ends by itself."""
        store, before, kept = self.folder / f"round{self.rounds}", self.kills, set[str]()
        n_noted = noting.n_rows(self.noted)
        span_s = 2 * self.seconds
        while True:
            run = self.start(store, who)
            parts = {path.name for path in (store / "parts").glob("*")}
            if not run.kill_after(self.draw.uniform(0.0, span_s)):
                code, report, said = run.end()
                assert code == 0, f"{store}: {code}: {said}"
                break
            self.kills += 1
            now = held(store)
            assert kept <= now, f"{store}: {len(kept - now)} rows that a commit held are gone"
            span_s = span_s if now > kept else 1.5 * span_s
            kept = now
            time.sleep(2.0)  # workers publish what they had begun
            named = parts_of(store)
            new = {path.name for path in (store / "parts").glob("*")} - parts
            lost = {name for name in new if f"parts/{name}" not in named and "tmp-" not in name}
            self.lost, self.most_lost = self.lost + len(lost), max(self.most_lost, len(lost))
        again = self._again(store, n_noted, 4 * (self.kills - before))
        self.check(store, report)
        self._tell(self.kills - before, report, again)

    def check(self, store: Path, report: dict[str, Any]) -> None:
        """Assert what must be true of a store at the end of a round."""
        assert (report["pending"], report["quarantined"]) == (0, 0), report
        rows = rows_of(store)
        assert rows.keys() == self.reference.keys(), f"{store}: other images"
        for digest, row in rows.items():
            if row != self.reference[digest]:
                self.worst = max(self.worst, distance(row, self.reference[digest]))
        assert self.worst <= 2e-3, f"{store}: other rows: {self.worst}"  # float16's own rounding
        assert bottleneck("verify", "--cache", store)["damaged"] == []
        assert bottleneck(*self.words, "--cache", store)["computed"] == 0
        collected(store)
        left = leftovers(store)
        assert not left, f"{store}: gc left {left}"
        self.rounds += 1

    def _tell(self, n_kills: int, report: dict[str, Any], again: int) -> None:
        print(
            f"round {self.rounds}: {n_kills} kills, {self.kills} in all; "
            f"{report['seconds']['total']:.0f} s; shards {report['shards']}; {again} rows computed "
            "again",
            flush=True,
        )


def distance(one: bytes, other: bytes) -> float:
    """Return the relative L2 distance of two rows of float16."""
    a, b = (np.frombuffer(row, np.float16).astype(np.float64) for row in (one, other))
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def main() -> int:
    """Run the trial; print what was seen; return 0 when nothing was violated."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--backbone", default="mini")
    parser.add_argument("--on", choices=("loky", "dask", "ray"), default="loky")
    parser.add_argument("--kills", type=int, default=0, help="of workers")
    parser.add_argument("--drivers", type=int, default=0, help="kills of the driver")
    parser.add_argument("--minutes", type=float, default=1e9, help="after which no round begins")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("more", nargs="*", help="further options of extract, after --")
    args = parser.parse_args()
    folder, start = Path(tempfile.mkdtemp(prefix="workers-")), time.monotonic()
    data = args.data or digits(folder / "digits")
    words = ["extract", "--data", data, "--backbone", args.backbone, *args.more]
    trial = Trial(words, folder, random.Random(args.seed))
    with crew(args.on, folder) as (who, workers):
        for n, one in ((args.kills, trial.of_workers), (args.drivers, trial.of_drivers)):
            trial.kills = trial.again = 0
            while trial.kills < n and time.monotonic() - start < 60 * args.minutes:
                one(who, workers)
            if n and not trial.kills:
                print(f"{args.on}: {one.__name__}: no kill in that time", file=sys.stderr)
                return 2
            if n:
                print(
                    f"{args.on}: {one.__name__}: {trial.kills} kills, {trial.again} rows computed "
                    f"again, {trial.again / trial.kills:.0f} for each",
                    flush=True,
                )
    shutil.rmtree(folder)
    print(
        f"{args.on}: {trial.rounds} rounds, {seconds_since(start)}: {trial.n} rows in each, none "
        f"lost, none set aside, no file left over; the worst differs by {trial.worst:.1e}; "
        f"{trial.retried} shards given out again; {trial.lost} parts that nobody committed, "
        f"{trial.most_lost} at most for one kill"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
