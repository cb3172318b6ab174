"""`bottleneck copy`: bring a store to another disk, or to or from a bucket."""

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
        "copy",
        "FROM TO [options]",
        "Copy the newest version of a store: to another disk, to a bucket or from one. Run again "
        "it brings what is new, or goes on where it was stopped.",
        "bottleneck copy cache/resnet50 s3://bucket/resnet50",
        "bottleneck copy s3://bucket/resnet50 cache/resnet50",
    )
    stores = made.add_argument_group("stores (from where, and to where)")
    stores.add_argument(
        "source",
        type=of_stores.store,
        metavar="FROM",
        help="The store: its folder, or its address in a bucket.",
    )
    stores.add_argument(
        "target",
        type=of_stores.store,
        metavar="TO",
        help="Where the copy is: a folder or an address; it is made where there is none. One that "
        "has become a store of its own since is left as it is.",
    )
    of_stores.add_part_cache(stores)
    of_stores.add_wait(stores)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    reporter = console.configure(quiet=args.quiet)
    from bottleneck.pipeline.upkeep.copy import copy  # noqa: PLC0415 - --help stays light

    report = copy(args.source, args.target, reporter, args.wait)
    console.result(report, lines(report), as_json=args.json)
    return 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    came = f"{report['files']:,} files came, {report['bytes'] / 1e6:.1f} MB"
    before = f"; {report['there']:,} were there" if report["there"] else ""
    return [
        f"{report['to']}: commit {report['commit']} of {report['from']}, {report['rows']:,} rows",
        f"{came}{before}; {report['seconds']:.1f} s",
    ]


if __name__ == "__main__":
    sys.exit(console.run(main))
