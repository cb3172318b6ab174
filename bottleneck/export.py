"""`bottleneck export`: a run as one Keras model, or a store's rows for any other tool."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.core import console, words

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

MOST_NAMES = 20


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = words.parser(
        "export",
        "Write a run as one model (uint8 pixels in, probabilities out), or a store's rows, labels "
        "and keys.",
        "bottleneck export --run cache/resnet50/runs/NAME model.keras\n"
        "  bottleneck export --cache cache/resnet50 features.npz",
    )
    made.add_argument("file", type=Path, metavar="FILE", help="ends with .keras, .npz or .csv")
    made.add_argument("--run", metavar="RUN", help="a run's folder, or its name (.keras)")
    network = made.add_argument_group("of the run's network")
    network.add_argument("--backbone", metavar="FILE", help="where its model file is now")
    network.add_argument("--weights", metavar="FILE", help="where its weight file is now")
    words.add_leave(network)
    words.add_cache(made, required=False)
    made.add_argument("--source", metavar="NAME", help="which source, where there are several")
    made.add_argument("--split", choices=("train", "val", "test"), help="these samples alone")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    reporter = console.configure(quiet=args.quiet)
    from bottleneck.pipeline.learning import export as use_case  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.network.options import NetworkOptions  # noqa: PLC0415

    report = use_case.export(
        use_case.ExportOptions(
            file=args.file,
            run=args.run,
            network=NetworkOptions.of(vars(args)),
            cache=args.cache,
            source=args.source,
            split=args.split,
        ),
        reporter,
    )
    console.result(report, lines(report), as_json=args.json)
    return 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    if "run" in report:
        height, width = report["input"][1:3]
        names = ", ".join(report["classes"][:MOST_NAMES])
        more = ", …" if len(report["classes"]) > MOST_NAMES else ""
        what = [
            f"uint8 pixels (n, {height}, {width}, 3), RGB, to probabilities of: {names}{more}",
            f"{report['parameters']} parameters",
        ]
    else:
        pending = f", {report['pending']} without a row left out" if report["pending"] else ""
        what = [
            f"{report['samples']} rows of {report['source']}, {report['dtype']} "
            f"{tuple(report['shape'])}{pending}"
        ]
    return [*what, f"{report['file']}: {report['bytes'] / 1e6:.1f} MB"]


if __name__ == "__main__":
    sys.exit(console.run(main))
