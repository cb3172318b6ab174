"""`bottleneck doctor`: check this machine and environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.core import console, words

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = words.parser(
        "doctor",
        "Check what of this machine and environment matters to a store.",
        "bottleneck doctor --cache cache/resnet50",
    )
    made.add_argument(
        "--cache", type=Path, default=Path("cache"), metavar="DIR", help="where stores are to be"
    )
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    console.configure(quiet=args.quiet)
    from bottleneck.core.errors import UsageError  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.upkeep.doctor import doctor  # noqa: PLC0415

    report = doctor(args.cache)
    console.result(report, lines(report), as_json=args.json)
    return 0 if report["ok"] else UsageError.exit_code


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    checks = report["checks"].items()
    rows = [(name, "ok" if check["ok"] else "BAD", check["says"]) for name, check in checks]
    return console.table([("what", "", f"in {report['folder']}"), *rows])


if __name__ == "__main__":
    sys.exit(console.run(main))
