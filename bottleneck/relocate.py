"""`bottleneck relocate`: a data source lies elsewhere now, or is to be read in another way."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bottleneck import _options as options
from bottleneck import _store_options as of_stores
from bottleneck._lines import source_lines
from bottleneck._parser import make_parser
from bottleneck.core import console
from bottleneck.core.text import count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "relocate",
        "--cache FOLDER SOURCE DATA [options]",
        "Say where a data source of a store lies now, or how it is to be read: a folder that was "
        "moved, a folder that became a table, other patterns. Images whose bytes are the same keep "
        "their features; nothing is computed. In another place it is read as it was recorded, but "
        "for the options that are given; in the same place those given are all.",
        "bottleneck relocate --cache cache/resnet50 photos /mnt/photos",
        "bottleneck relocate --cache cache/resnet50 photos photos/ --include 'cat/*'",
    )
    store = made.add_argument_group("store (which source of which store)")
    of_stores.add_cache(store, required=True)
    store.add_argument("source", metavar="SOURCE", help="Name of the data source in the store.")
    store.add_argument(
        "--dry-run",
        action="store_true",
        help="Say what would be recorded; change nothing.",
    )
    of_stores.add_wait(store)
    data = made.add_argument_group("data (where it is now)")
    data.add_argument("data", metavar="DATA", help=f"The images: {options.DATA}.")
    options.add_reading(data)
    data.add_argument(
        "--allow-shrink",
        action="store_true",
        help="Accept that less than half of the recorded images are there.",
    )
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    reporter = console.configure(quiet=args.quiet)
    from bottleneck.pipeline.upkeep import relocate as use_case  # noqa: PLC0415 - --help stays light

    report = use_case.relocate(
        use_case.RelocateOptions(
            cache=args.cache,
            source=args.source,
            data=args.data,
            reading=options.reading(args),
            allow_shrink=args.allow_shrink,
            dry_run=args.dry_run,
            wait_s=args.wait,
        ),
        reporter,
    )
    console.result(report, lines(report), as_json=args.json)
    return 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    done = "would be" if report["dry_run"] else "is now"
    counts = f"features of {report['cached']:,} of {count(report['samples'], 'image')}"
    found = [f"{report['source']} {done} {report['to']['where']}: {counts}"]
    if report["kept"]:
        found.append(f"read as recorded: {' '.join(report['kept'])}")
    if report["not_kept"]:
        found.append(
            f"recorded, and left out as it cannot hold there: {' '.join(report['not_kept'])}"
        )
    found += [f"{report['source']}: {line}" for line in source_lines(report)]
    if report["gone"]:
        found.append(f"recorded, and not there: {count(report['gone'], 'image')}")
    if report["pending"]:
        found.append(f"pending: {count(report['pending'], 'image')}: run bottleneck extract")
    return [*found, f"commit {report['commit']}"]


if __name__ == "__main__":
    sys.exit(console.run(main))
