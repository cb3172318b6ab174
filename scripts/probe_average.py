r"""What the average of a network's weights does: the same steps with it and without.

    python scripts/probe_average.py cache/mobilenetv2 --source numbers --seeds 5

CACHE is a store whose source has a test split, which judges. Each seed says which fifth of the
training images validates, and is the head's. Runs are written into the store.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from bottleneck import train_head
from bottleneck.core import console, words
from bottleneck.core.figures import MAIN, WORDS
from bottleneck.heads import training


def main(argv: list[str] | None = None) -> int:
    """Fit with and without; return an exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cache", type=Path, metavar="CACHE")
    parser.add_argument("--source")
    parser.add_argument("--head", choices=("dense", "conv"), default="dense")
    parser.add_argument("--refit", action="store_true")
    parser.add_argument("--seeds", type=words.positive, default=5)
    args = parser.parse_args(argv)
    for averaged in (0.0, training.AVERAGED):
        training.AVERAGED = averaged
        found = []
        for seed in range(args.seeds):
            report = train_head(
                args.cache, source=args.source, head=args.head, seed=seed,
                refit=True if args.refit else None,
            )  # fmt: skip
            found.append(report[MAIN[report["kind"]]])
        each = " ".join(f"{figure:.4f}" for figure in found)
        print(
            f"averaged over {averaged:g} of an epoch: {WORDS[MAIN[report['kind']]]} {each}, "
            f"mean {statistics.mean(found):.4f}",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(console.run(main))
