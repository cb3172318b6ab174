"""`bottleneck train`: a head from a store, in seconds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bottleneck.core import console, words

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = words.parser(
        "train",
        "Fit a head on cached features; images that changed or vanished are left out.",
        "bottleneck train --cache cache/resnet50",
    )
    words.add_cache(made, required=False)
    made.add_argument("--source", metavar="NAME", help="which source, where there are several")
    made.add_argument("--head", choices=("linear",), default="linear")
    made.add_argument("--seed", type=int, default=0, metavar="N", help="of the validation split")
    made.add_argument(
        "--validation-split",
        type=float,
        default=0.2,
        metavar="F",
        help="of the training images, where no split says otherwise (default 0.2)",
    )
    made.add_argument(
        "--on-stale",
        choices=("drop", "error", "use"),
        default="drop",
        help="images that changed: leave them out, stop with code 6, or use their old rows",
    )
    made.add_argument("--run", metavar="NAME", help="of the run's folder (default: time and head)")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    console.configure(quiet=args.quiet)
    from bottleneck.pipeline import train as use_case  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.sources import the_one_store  # noqa: PLC0415

    report = use_case.train(
        use_case.TrainOptions(
            cache=args.cache or the_one_store(),
            source=args.source,
            head=args.head,
            seed=args.seed,
            validation_split=args.validation_split,
            on_stale=args.on_stale,
            run=args.run,
        )
    )
    console.result(report, lines(report), as_json=args.json)
    return 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    left_out = [f"{n} {why}" for why, n in report["left_out"].items() if n]
    found = []
    if report["accuracy"] is not None:
        samples = report["samples"][report["judged_on"]]
        found.append(
            f"accuracy {report['accuracy']:.4f} on {samples} {report['judged_on']} images "
            f"(top 5 {report['top5']:.4f}, loss {report['loss']:.4f}; "
            f"always the commonest class: {report['baseline']:.4f})"
        )
    if left_out:
        found.append(f"left out: {', '.join(left_out)}")
    found.append(
        f"{report['head']} head, {report['parameters']} parameters, {report['epochs']} epochs, "
        f"{report['seconds']:.1f} s"
    )
    found.append(report["run"])
    return found


if __name__ == "__main__":
    sys.exit(console.run(main))
