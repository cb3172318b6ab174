"""What fewer bits cost and save: the same network in float32 and in bfloat16, on the same images.

    python scripts/probe_compute.py photos/ --backbone mobilenetv2 --size 139 --seeds 5

DATA has train/ and test/ (or val/). Each is extracted in processes of its own, in turns, into
stores that are deleted at the end; the same linear head is then trained on both, once a seed. Take
the ratio of the times: machines are shared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bottleneck import train_head
from bottleneck.core.choices import COMPUTE


def main() -> None:
    """Print how far the features are apart, the times, and the accuracies."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--backbone", default="mobilenetv2")
    parser.add_argument("--weights")
    parser.add_argument("--size", default="139")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--turns", type=int, default=2, help="extractions of each")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs: dict[str, list[dict[str, Any]]] = {compute: [] for compute in COMPUTE}
        for turn in range(args.turns):
            for compute in COMPUTE:
                runs[compute].append(extract(args, compute, Path(folder) / f"{compute}-{turn}"))
        report(runs)
        for compute in COMPUTE:
            cache = Path(folder) / f"{compute}-0"
            found = [
                train_head(cache, head="linear", seed=seed)["accuracy"]
                for seed in range(args.seeds)
            ]
            accuracies = " ".join(f"{accuracy:.3f}" for accuracy in found)
            print(f"{compute}: {accuracies}, mean {statistics.mean(found):.4f}", flush=True)


def extract(args: argparse.Namespace, compute: str, cache: Path) -> dict[str, Any]:
    """Fill a new store in a process of its own; return its report."""
    words = ["--data", args.data, "--backbone", args.backbone, "--size", args.size, "--json"]
    words += ["--weights", args.weights] if args.weights else []
    words += ["--engine", args.engine, "--compute", compute, "--cache", str(cache), "--quiet"]
    command = [sys.executable, "-m", "bottleneck", "extract", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def report(runs: dict[str, list[dict[str, Any]]]) -> None:
    """Print the spread of each reduced precision and the images a second of all."""
    for compute, found in runs.items():
        rates = [run["images_per_second"] for run in found]
        whole = " ".join(f"{rate:.0f}" for rate in rates)
        within = [run["computed"] / run["seconds"]["compute"] for run in found]
        print(
            f"{compute}: {whole} images/s, median {statistics.median(rates):.0f}; "
            f"of the network alone {statistics.median(within):.0f}",
            flush=True,
        )
        if found[0]["spread"]:
            print(f"{compute}: {found[0]['spread']}", flush=True)


if __name__ == "__main__":
    main()
