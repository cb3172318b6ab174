"""`bottleneck compare`: runs beside each other, or backbones on one data set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck import _options as options
from bottleneck import _store_options as of_stores
from bottleneck._parser import make_parser
from bottleneck.core import console, words
from bottleneck.core.text import printable

if TYPE_CHECKING:
    import argparse
    from argparse import _ArgumentGroup
    from collections.abc import Mapping, Sequence

    from bottleneck.core.reporter import Reporter

MOST_WIDTHS = 6  # in a table; --json has all


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "compare",
        "[RUN ...] [options]",
        "Compare trained heads side by side; or find the best backbone for your images: extract "
        "the features that are missing, train a linear head on each backbone, and compare those.",
        "bottleneck compare --cache cache/resnet50",
        "bottleneck compare first second cache/vgg16/runs/third",
        "bottleneck compare --backbones mini,mobilenetv2,resnet50 --data photos/",
    )
    made.add_argument(
        "runs",
        nargs="*",
        metavar="RUN",
        help="Training runs to compare, each by its folder, by its name where that is unique, or "
        "last: the newest one. Default: all runs of the store.",
    )
    both = made.add_argument_group("comparison")
    of_stores.add_cache_of_run(both, ", or all of whose runs are")
    both.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="Seed of the confidence intervals, and of the validation split. Default: 0.",
    )
    both.add_argument(
        "--picture",
        type=Path,
        metavar="FILE.png",
        help="Also draw the comparison into this file. Default: no picture.",
    )
    both.add_argument(
        "--source",
        metavar="NAME",
        help="Of a store's runs, those of this source alone. Default: all.",
    )
    both.add_argument(
        "--target-kind",
        choices=("class", "labels", "numbers"),
        help="Of a store's runs, those that learned this kind of target alone: unlike kinds have "
        "no figure in common. Default: all.",
    )
    _add_backbones(
        made.add_argument_group(
            "backbones (with --backbones, in place of runs: extract, train and compare)"
        )
    )
    return made


def _add_backbones(rank: _ArgumentGroup) -> None:
    rank.add_argument(
        "--backbones",
        metavar="NAME,NAME",
        help="Backbones to compare, separated by commas, named as in bottleneck extract.",
    )
    rank.add_argument("--data", metavar="DATA", help=f"The images: {options.DATA}.")
    rank.add_argument(
        "--caches",
        type=of_stores.store,
        default=Path("cache"),
        metavar="FOLDER",
        help="Folder, or address in a bucket, below which each backbone has a store of its own, by "
        "its name. Default: cache.",
    )
    rank.add_argument(
        "--weights",
        action="append",
        metavar="[NAME=]WEIGHTS",
        help=f"Weights of the backbones: {options.WEIGHTS}; for each its own by its name, such as "
        "resnet50=a.h5,vgg16=b.h5. May be given several times. Default: each backbone's own, which "
        "for models of keras.applications are imagenet.",
    )
    options.add_pooling(rank)
    options.add_size(rank)
    options.add_rows(rank)
    options.add_views(rank)
    options.add_own_network(rank)
    rank.add_argument(
        "--limit",
        type=words.positive,
        metavar="N",
        help="Compute at most N images for each backbone. Default: all.",
    )
    rank.add_argument(
        "--validation-split",
        type=float,
        default=0.2,
        metavar="FRACTION",
        help="Share of the training images that validates, where the data has no validation "
        "split of its own. Default: 0.2.",
    )
    of_stores.add_decisions(rank)
    options.add_engine(rank, default="auto")
    options.add_threads(rank)
    options.add_crew(rank)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    made = parser()
    args = made.parse_args(argv)
    reporter = console.configure(quiet=args.quiet)
    if args.runs and args.backbones:
        made.error("runs or --backbones, not both")
    if args.cache and args.backbones:
        made.error(
            "argument --cache: whose runs are meant; each backbone has a store of its own: "
            "say --caches FOLDER, which holds them"
        )
    if args.backbones:
        for flag, value in (("--source", args.source), ("--target-kind", args.target_kind)):
            if value:
                made.error(f"argument {flag}: is for a store's runs: omit it with --backbones")
    else:
        for flag, value in (
            ("--data", args.data),
            ("--weights", args.weights),
            ("--decisions", args.decisions),
        ):
            if value:
                made.error(f"argument {flag}: is for --backbones: name those, or omit it")
    report = _rank(args, reporter) if args.backbones else _compare(args, reporter)
    console.result(report, lines(report), as_json=args.json)
    return 0


def _compare(args: argparse.Namespace, reporter: Reporter) -> dict[str, Any]:
    from bottleneck.pipeline.learning import compare as use_case  # noqa: PLC0415 - --help stays light

    return use_case.compare(
        use_case.CompareOptions(
            runs=tuple(args.runs),
            cache=args.cache,
            seed=args.seed,
            picture=args.picture,
            source=args.source,
            target_kind=args.target_kind,
        ),
        reporter,
    )


def _rank(args: argparse.Namespace, reporter: Reporter) -> dict[str, Any]:
    from bottleneck.pipeline.extraction.crew import crew  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.learning import rank as use_case  # noqa: PLC0415
    from bottleneck.pipeline.network.options import NetworkOptions  # noqa: PLC0415

    return use_case.rank(
        use_case.RankOptions(
            backbones=tuple(name for name in args.backbones.split(",") if name),
            data=args.data,
            caches=args.caches,
            weights=tuple(args.weights or ()),
            network=NetworkOptions.of({**vars(args), "weights": None}),
            extraction={
                "limit": args.limit,
                "engine": args.engine,
                "devices": args.devices,
                "threads": args.threads,
                "crew": crew(args.workers, args.cluster),
            },
            seed=args.seed,
            validation_split=args.validation_split,
            decisions=args.decisions,
            picture=args.picture,
        ),
        reporter,
    )


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    kind = report["runs"][0]["kind"] if report["runs"] else "class"
    named = {
        "class": ("accuracy", f"{report['level']:.0%} interval"),
        "labels": ("macro AP", f"{report['level']:.0%} interval", "micro AP", "macro F1"),
        "numbers": ("R²", f"{report['level']:.0%} interval", "RMSE", "MAE"),
    }[kind]
    # How far off each number may be (train --calibrate), where that is known of a run.
    has_widths = any(entry.get("widths") for entry in report["runs"])
    heading = (
        "backbone", "head", *named, *(["90% within ±"] if has_widths else []), "loss",
        "judged on", "parameters", "train s", "images/s", "cache MB", "run",
    )  # fmt: skip
    rows = [
        (
            entry["backbone"],
            entry["head"],
            *_figures(entry),
            *([_widths(entry["widths"])] if has_widths else []),
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
    failed += [f"{one['run']}: left out: {one['error']}" for one in report.get("skipped", ())]
    return [*console.table([heading, *rows]), *failed]


def _figures(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the figures of the run's kind of target."""
    ends = " to ".join(f"{end:.4f}" for end in entry["interval"] or ()) or "-"
    main, *others = {
        "class": ("accuracy",),
        "labels": ("macro_average_precision", "micro_average_precision", "macro_f1"),
        "numbers": ("r2", "rmse", "mae"),
    }[entry["kind"]]
    how = ".4g" if entry["kind"] == "numbers" else ".4f"
    return (_number(entry[main], ".4f"), ends, *(_number(entry[key], how) for key in others))


def _widths(widths: Mapping[str, float | None] | None) -> str:
    each = [f"{printable(name)} {_number(width, '.4g')}" for name, width in (widths or {}).items()]
    more = ["…"] if len(each) > MOST_WIDTHS else []
    return ", ".join([*each[:MOST_WIDTHS], *more]) or "-"


def _number(value: float | None, how: str) -> str:
    return "-" if value is None else format(value, how)


if __name__ == "__main__":
    sys.exit(console.run(main))
