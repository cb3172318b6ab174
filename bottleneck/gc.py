"""`bottleneck gc`: delete what nothing refers to any more."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bottleneck import _store_options as of_stores
from bottleneck._parser import make_parser
from bottleneck.core import console, words
from bottleneck.core.text import count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence


MOST_NAMED = 20


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "gc",
        "--cache FOLDER [options]",
        "Free disk space: delete old versions of a store, features that no image needs any more, "
        "and what interrupted runs left behind. (gc is short for garbage collection.)",
        "bottleneck gc --cache cache/resnet50 --dry-run",
    )
    store = made.add_argument_group("store (what to delete)")
    of_stores.add_cache(store, required=True)
    store.add_argument(
        "--grace",
        type=words.duration,
        default=24 * 3600.0,
        metavar="TIME",
        help="Keep everything younger than this, such as 30m or 48h, because another program may "
        "still be reading it. Default: 24h.",
    )
    store.add_argument(
        "--dry-run",
        action="store_true",
        help="Say what would be deleted; delete nothing.",
    )
    of_stores.add_wait(store)
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
    found = [f"{done} {name}" for name in report["deleted"][:MOST_NAMED]]
    n_more = len(report["deleted"]) - len(found)
    found += [f"and {n_more:,} more"] if n_more else []
    found.append(f"{done} {count(len(report['deleted']), 'file')}, {report['bytes'] / 1e6:.1f} MB")
    if report["rows"]:
        dropped = "would drop" if report["dry_run"] else "dropped"
        size = f"{report['row_bytes'] / 1e6:.1f} MB"
        found.append(
            f"{dropped} {count(report['rows'], 'row')} that no image needs: about {size}, free "
            "once --grace has passed"
        )
    if report["folded"]:
        made = "would become" if report["dry_run"] else "became"
        found.append(f"{count(report['folded'], 'small file')} of rows {made} fewer, larger ones")
    if report["rows_left"]:
        found.append(
            f"{report['rows_left']:,} more are not needed, but most of their files' rows are"
        )
    if report["unread"]:
        named = ", ".join(report["unread"])
        found.append(f"every row stays while images of {named} are unread: run bottleneck extract")
    if report["claimed"]:
        found.append(
            "files that no commit names stay for now: another command is writing into this store, "
            "or was killed less than half an hour ago; run gc again later"
        )
    return found


if __name__ == "__main__":
    sys.exit(console.run(main))
