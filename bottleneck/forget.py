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
        "SOURCE [--cache FOLDER] [options]",
        "Remove a data source from a store. Its images are not touched, and its features stay on "
        "disk until bottleneck gc.",
        "bottleneck forget photos --cache cache/resnet50",
    )
    store = made.add_argument_group("store (what to forget)")
    store.add_argument(
        "named",
        nargs="?",
        metavar="SOURCE",
        help="Name of the data source in the store; also --source NAME. Default: the only one.",
    )
    of_stores.add_cache(store, required=False)
    store.add_argument("--source", metavar="NAME", help="The same.")
    store.add_argument(
        "--dry-run",
        action="store_true",
        help="Say what would be forgotten; change nothing.",
    )
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    made = parser()
    args = made.parse_args(argv)
    console.configure(quiet=args.quiet)
    if args.named and args.source not in (None, args.named):
        made.error(f"argument --source: another than {args.named!r}: name one source at a time")
    from bottleneck.pipeline.extraction.sources import the_one_store  # noqa: PLC0415
    from bottleneck.pipeline.upkeep import upkeep  # noqa: PLC0415 - --help stays light

    report = upkeep.forget(
        args.cache or the_one_store(), args.named or args.source, dry_run=args.dry_run
    )
    console.result(report, lines(report), as_json=args.json)
    return 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    done = "would forget" if report["dry_run"] else "forgot"
    said = f"{done} {report['source']} ({report['samples']} images)"
    return [said if report["dry_run"] else f"{said}, commit {report['commit']}"]


if __name__ == "__main__":
    sys.exit(console.run(main))
