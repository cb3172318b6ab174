"""`bottleneck verify`: every byte against what was written."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bottleneck import _options as options
from bottleneck._parser import make_parser
from bottleneck.core import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "verify",
        "--cache FOLDER [options]",
        "Read every byte of a store and compare it with the checksums that were recorded "
        "when it was written.",
        "bottleneck verify --cache cache/resnet50",
    )
    store = made.add_argument_group("store (what to check)")
    options.add_cache(store, required=True)
    store.add_argument(
        "--repair",
        action="store_true",
        help="Remove damaged files and keep everything that is intact; the next bottleneck "
        "extract computes what was lost.",
    )
    options.add_wait(store)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    console.configure(quiet=args.quiet)
    from bottleneck.core.errors import DamagedError  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.upkeep import upkeep  # noqa: PLC0415

    report = upkeep.verify(args.cache, repair=args.repair, wait_s=args.wait)
    console.result(report, lines(report), as_json=args.json)
    return DamagedError.exit_code if report["damaged"] and not report["repaired"] else 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    found = [
        f"damaged {damage['what']} {damage['name']}: {damage['detail']}"
        + (f" ({damage['rows_lost']} rows lost)" if damage["rows_lost"] else "")
        for damage in report["damaged"]
    ]
    if report["repaired"]:
        found.append(f"repaired, commit {report['commit']}: run bottleneck extract again")
    elif found:
        found.append(f"to repair: bottleneck verify --cache {report['store']} --repair")
    else:
        found.append(f"{report['rows']} rows in {report['parts']} parts are as they were written")
    return found


if __name__ == "__main__":
    sys.exit(console.run(main))
