"""`bottleneck forget`: drop a source from a store."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bottleneck import _store_options as of_stores
from bottleneck._parser import make_parser
from bottleneck.core import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "forget",
        "--cache FOLDER [options]",
        "Remove a data source from a store. Its images are not touched, and its features stay on "
        "disk until bottleneck gc.",
        "bottleneck forget --cache cache/resnet50 --source photos",
    )
    store = made.add_argument_group("store (what to forget)")
    of_stores.add_cache(store, required=True)
    of_stores.add_source(store)
    store.add_argument(
        "--dry-run",
        action="store_true",
        help="Say what would be forgotten; change nothing.",
    )
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    console.configure(quiet=args.quiet)
    from bottleneck.pipeline.upkeep import upkeep  # noqa: PLC0415 - --help stays light

    report = upkeep.forget(args.cache, args.source, dry_run=args.dry_run)
    console.result(report, lines(report), as_json=args.json)
    return 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    done = "would forget" if report["dry_run"] else "forgot"
    return [f"{done} {report['source']} ({report['samples']} images), commit {report['commit']}"]


if __name__ == "__main__":
    sys.exit(console.run(main))
