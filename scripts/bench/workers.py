"""What a second worker is worth: two of them against twice one worker pinned to one core.

    python scripts/bench/workers.py --data FOLDER [--backbone NAME] [--on loky|dask] [--repeat 3]
        [-- further options of extract]

In turns, A B A B: a new store is filled by one worker on one core, then by two workers on two.
Images a second are of the whole command. Machines are shared, so the processor's seconds are said
beside: how much of them is the network's, and how much ours (reading, decoding, shards, commits).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import clusters  # noqa: E402

STEPS = ("wall", "network", "decode", "read")


def once(words: list[object], folder: Path, core: str | None) -> dict[str, Any]:
    """Fill a new store; return the report, and the processor's seconds of the command."""
    pinned = ["taskset", "-c", core] if core else []
    store = Path(tempfile.mkdtemp(dir=folder)) / "store"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    ended = subprocess.run(
        [*pinned, sys.executable, "-m", "bottleneck", *map(str, words), "--cache", str(store),
         "--json", "--quiet"],
        env={**os.environ, "PYTHONPATH": clusters.path()},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    report: dict[str, Any] = json.loads(ended.stdout)
    report["wall"] = time.monotonic() - began
    report["cpu"] = sum(getattr(after, k) - getattr(before, k) for k in ("ru_utime", "ru_stime"))
    return report


@contextlib.contextmanager
def crews(on: str, folder: Path, core: str):
    """Yield the words of one worker on one core, and of two."""
    if on == "loky":
        yield ["--workers", 1], ["--workers", 2]
        return
    one, two = folder / "one", folder / "two"
    one.mkdir()
    two.mkdir()
    with clusters.dask(one, [core]) as first, clusters.dask(two) as second:
        yield ["--cluster", first.address], ["--cluster", second.address]


def rate(report: dict[str, Any]) -> float:
    """Return images a second of the whole command."""
    return report["computed"] / report["wall"]


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--backbone", default="mini")
    parser.add_argument("--on", choices=("loky", "dask"), default="loky")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--core", default="0")
    parser.add_argument("more", nargs="*", help="further options of extract, after --")
    args = parser.parse_args()
    words = ["extract", "--data", args.data, "--backbone", args.backbone, *args.more]
    folder = Path(tempfile.mkdtemp(prefix="bench-workers-"))
    ratios = []
    print("who          wall s  images/s  workers' s: wall network decode read  driver+loky cpu s")
    with crews(args.on, folder, args.core) as (one, two):
        for _ in range(args.repeat):
            pair = []
            for name, who, core in (("1, pinned", one, args.core), ("2", two, None)):
                report = once([*words, *who], folder, core)
                used = report["processor_seconds"] or {}
                print(
                    f"{args.on} {name:10} {report['wall']:6.1f} {rate(report):8.0f}   "
                    + " ".join(
                        f"{used.get(k, 0):7.1f}" for k in ("wall", "network", "decode", "read")
                    )
                    + f"   {report['cpu']:6.1f}",
                    flush=True,
                )
                pair.append(rate(report))
            ratios.append(pair[1] / (2 * pair[0]))
    spread = ", ".join(f"{ratio:.2f}" for ratio in sorted(ratios))
    print(f"{args.on}: 2 workers are {statistics.median(ratios):.2f} of 2 x 1 ({spread})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
