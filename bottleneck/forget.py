"""`bottleneck forget`: drop a source from a store."""

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
        "forget",
        "Drop a source from a store; its rows stay until gc.",
        "bottleneck forget --cache cache/resnet50 --source photos",
    )
    words.add_cache(made, required=True)
    made.add_argument("--source", metavar="NAME", help="which, where there are several")
    made.add_argument("--dry-run", action="store_true", help="say it, do nothing")
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
