"""`bottleneck gc`: delete what nothing refers to any more."""

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
        "gc",
        "Delete old commits, rows that nothing refers to, and leftovers of killed runs.",
        "bottleneck gc --cache cache/resnet50 --dry-run",
    )
    words.add_cache(made, required=True)
    made.add_argument(
        "--grace",
        type=words.duration,
        default=24 * 3600.0,
        metavar="24h",
        help="what is younger stays, so that nobody's reading is disturbed (default 24h)",
    )
    made.add_argument("--dry-run", action="store_true", help="say it, do nothing")
    made.add_argument("--wait", type=words.duration, metavar="10m", help="for another run")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    console.configure(quiet=args.quiet)
    from bottleneck.pipeline.upkeep import upkeep  # noqa: PLC0415 - --help stays light

    report = upkeep.gc(args.cache, grace_s=args.grace, dry_run=args.dry_run, wait_s=args.wait)
    console.result(report, lines(report), as_json=args.json)
    return 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    done = "would delete" if report["dry_run"] else "deleted"
    return [
        *(f"{done} {name}" for name in report["deleted"][:20]),
        f"{done} {len(report['deleted'])} files, {report['bytes'] / 1e6:.1f} MB",
    ]


if __name__ == "__main__":
    sys.exit(console.run(main))
