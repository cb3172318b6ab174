"""`bottleneck compare`: runs beside each other, or backbones on one data set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.core import console, words

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from bottleneck.core.reporter import Reporter


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = words.parser(
        "compare",
        "Compare trained heads; or extract what is missing for several backbones, train a linear "
        "head on each, and say which is best for the data.",
        "bottleneck compare cache/resnet50/runs/*\n"
        "  bottleneck compare --backbones mini,mobilenetv2,resnet50 --data photos/",
    )
    made.add_argument("runs", nargs="*", metavar="RUN", help="a run's folder, or its name")
    made.add_argument("--seed", type=int, default=0, metavar="N", help="of bootstrap and split")
    made.add_argument("--picture", type=Path, metavar="FILE.png", help="draw it there as well")
    rank = made.add_argument_group("backbones")
    rank.add_argument("--backbones", metavar="A,B,C", help="rank these, in place of runs")
    rank.add_argument("--data", metavar="X", help="as in extract")
    rank.add_argument(
        "--caches",
        type=Path,
        default=Path("cache"),
        metavar="DIR",
        help="a store for each backbone lies below, under its name (default: cache/)",
    )
    rank.add_argument("--weights", metavar="W", help="imagenet, a file, or random:SEED")
    words.add_own_network(rank)
    rank.add_argument("--pooling", choices=("avg", "max", "none"))
    rank.add_argument("--size", type=words.size, metavar="H[xW]", help="pixels")
    rank.add_argument("--rows", choices=("float16", "float32"), help="stored dtype")
    words.add_views(rank)
    rank.add_argument("--limit", type=words.positive, metavar="N", help="compute at most N of each")
    rank.add_argument("--validation-split", type=float, default=0.2, metavar="F")
    rank.add_argument("--engine", choices=words.ENGINES, default="auto")
    rank.add_argument("--devices", metavar="D", help="cpu, gpu, gpu:1 (default: the best there is)")
    rank.add_argument("--threads", type=words.positive, metavar="N", help="for decoding")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    made = parser()
    args = made.parse_args(argv)
    reporter = console.configure(quiet=args.quiet)
    if args.runs and args.backbones:
        made.error("runs or --backbones, not both")
    report = _rank(args, reporter) if args.backbones else _compare(args, reporter)
    console.result(report, lines(report), as_json=args.json)
    return 0


def _compare(args: argparse.Namespace, reporter: Reporter) -> dict[str, Any]:
    from bottleneck.pipeline.learning import compare as use_case  # noqa: PLC0415 - --help stays light

    return use_case.compare(
        use_case.CompareOptions(runs=tuple(args.runs), seed=args.seed, picture=args.picture),
        reporter,
    )


def _rank(args: argparse.Namespace, reporter: Reporter) -> dict[str, Any]:
    from bottleneck.pipeline.learning import rank as use_case  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.network.options import NetworkOptions  # noqa: PLC0415

    return use_case.rank(
        use_case.RankOptions(
            backbones=tuple(name for name in args.backbones.split(",") if name),
            data=args.data,
            caches=args.caches,
            network=NetworkOptions.of(vars(args)),
            extraction={
                "limit": args.limit,
                "engine": args.engine,
                "devices": args.devices,
                "threads": args.threads,
            },
            seed=args.seed,
            validation_split=args.validation_split,
            picture=args.picture,
        ),
        reporter,
    )


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    heading = (
        "backbone", "head", "accuracy", f"{report['level']:.0%} interval", "loss", "judged on",
        "parameters", "train s", "images/s", "cache MB", "run",
    )  # fmt: skip
    rows = [
        (
            entry["backbone"],
            entry["head"],
            _number(entry["accuracy"], ".4f"),
            "-".join(f"{end:.4f}" for end in entry["accuracy_interval"] or ()) or "-",
            _number(entry["loss"], ".4f"),
            f"{entry['samples']} {entry['judged_on']}",
            _number(entry["parameters"], "d"),
            _number(entry["seconds"], ".1f"),
            _number((entry["extracted"] or {}).get("images_per_second"), ".1f"),
            _number(entry["cache_bytes"] and entry["cache_bytes"] / 1e6, ".1f"),
            entry["run"],
        )
        for entry in report["runs"]
    ]
    failed = [f"{one['backbone']}: left out: {one['error']}" for one in report.get("failed", ())]
    return [*console.table([heading, *rows]), *failed]


def _number(value: float | None, how: str) -> str:
    return "-" if value is None else format(value, how)


if __name__ == "__main__":
    sys.exit(console.run(main))
