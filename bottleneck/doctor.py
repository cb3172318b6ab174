"""`bottleneck doctor`: check this machine and environment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck._parser import make_parser
from bottleneck.core import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "doctor",
        "[options]",
        "Check this machine: installed packages, GPU, and whether the disk can hold a "
        "store safely.",
        "bottleneck doctor --cache cache/resnet50",
    )
    made.add_argument_group("disk (where stores are kept)").add_argument(
        "--cache",
        type=Path,
        default=Path("cache"),
        metavar="FOLDER",
        help="Folder on the disk to check; it need not exist yet. Default: cache.",
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
