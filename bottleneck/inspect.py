"""`bottleneck inspect`: copies, leaks, doubtful labels, outliers, and what to label next."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bottleneck import _store_options as of_stores
from bottleneck._inspect_lines import lines
from bottleneck._parser import make_parser
from bottleneck.core import console, words

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

PARTS = {
    "same": "images that are the same, and leaks between the splits",
    "labels": "labels that are probably wrong",
    "outliers": "images unlike all others; blank, dark, tiny or blurred ones",
    "classes": "classes that are taken for each other, or hold two things",
    "next": "images without a label that are worth labelling first",
}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "inspect",
        "[--cache FOLDER] [options]",
        "Look into the images by their features: find copies and leaks, wrong labels, outliers, "
        "classes that run into each other, and what to label next. Nothing is changed.",
        "bottleneck inspect --cache cache/resnet50",
        "bottleneck inspect --cache cache/resnet50 --only same,labels --csv findings.csv",
    )
    store = made.add_argument_group("store (whose images)")
    of_stores.add_cache(store, required=False)
    of_stores.add_source(store)
    of_stores.add_decisions(store)
    look = made.add_argument_group("looking (for what, and how much is shown)")
    listed = "; ".join(f"{name}: {what}" for name, what in PARTS.items())
    look.add_argument(
        "--only",
        metavar="PART,PART",
        help=f"Look for these alone. {listed}. Default: all of them.",
    )
    look.add_argument(
        "--top",
        type=words.positive,
        default=10,
        metavar="N",
        help="How many of each kind to show; and how many images to propose for labelling. All "
        "that was found stands in --json and --csv. Default: 10.",
    )
    look.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="Also write all findings to this file, which must not exist. Default: no file.",
    )
    look.add_argument(
        "--page",
        type=Path,
        metavar="FILE.html",
        help="Also write a page with pictures to this file, which must not exist: to look through "
        "what was found, and to save what you decide. Default: no page.",
    )
    look.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="Seed of the folds that judge labels, and of what is proposed for labelling. "
        "Default: 0.",
    )
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    reporter = console.configure(quiet=args.quiet)
    from bottleneck.pipeline.extraction.sources import the_one_store  # noqa: PLC0415
    from bottleneck.pipeline.looking import inspection as use_case  # noqa: PLC0415 - --help stays light

    named = PARTS if args.only is None else (part.strip() for part in args.only.split(","))
    report = use_case.inspect(
        use_case.InspectOptions(
            cache=args.cache or the_one_store(),
            source=args.source,
            only=tuple(filter(None, named)),
            top=args.top,
            csv=args.csv,
            page=args.page,
            decisions=args.decisions,
            seed=args.seed,
        ),
        reporter,
    )
    console.result(report, lines(report, args.top), as_json=args.json)
    return 0


if __name__ == "__main__":
    sys.exit(console.run(main))
