"""`bottleneck status`: what a store holds."""

from __future__ import annotations

import sys
from pathlib import Path
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
        "status",
        "[--cache FOLDER] [options]",
        "Show what a store holds: its network, its data sources, and what is missing.",
        "bottleneck status --cache cache/resnet50",
        "bottleneck status --cache cache/resnet50 --why cat/01.jpg",
    )
    store = made.add_argument_group("store (what to show)")
    options.add_cache(store, required=False)
    store.add_argument(
        "--source", metavar="NAME", help="Show only this data source. Default: all of them."
    )
    store.add_argument(
        "--why",
        metavar="KEY",
        help="Show everything known about one image, and why it has no features or is not used "
        "for training. KEY is its path below the source's folder.",
    )
    store.add_argument(
        "--check",
        action="store_true",
        help="Look whether the images are still what was recorded; end with exit code 6 if not. "
        "No image is read.",
    )
    store.add_argument(
        "--picture",
        nargs="?",
        const="",
        metavar="FILE.png",
        help="Draw the features as points in two dimensions. Default of FILE.png: "
        "derived/features.png in the store.",
    )
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    console.configure(quiet=args.quiet)
    from bottleneck.core.errors import StaleError  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.extraction.sources import the_one_store  # noqa: PLC0415
    from bottleneck.pipeline.upkeep import status as use_case  # noqa: PLC0415

    report = use_case.status(
        use_case.StatusOptions(
            cache=args.cache or the_one_store(),
            source=args.source,
            why=args.why,
            check=args.check,
            draw=args.picture is not None,
            picture=Path(args.picture) if args.picture else None,
        )
    )
    console.result(report, lines(report), as_json=args.json)
    stale = any(found["stale"] for found in report.get("check", {}).values())
    return StaleError.exit_code if stale else 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    if "why" in report:
        found = [f"{key}: {value}" for key, value in report["why"].items() if value is not None]
        return found + _drawn(report)
    about = report["about"]
    views = f", {report['views']} views of each" if report["views"] > 1 else ""
    found = [
        f"{report['store']}: commit {report['commit']} of {report['time']}, {report['format']}",
        f"{about.get('backbone')}, weights {about.get('weights')}, recipe {report['recipe'][:16]}",
        f"{report['rows']} rows in {report['parts']} parts{views}, {report['bytes'] / 1e6:.1f} MB",
        *(f"computed by {engine}" for engine in report["engines"]),
        f"{len(report['runs'])} run{'' if len(report['runs']) == 1 else 's'}",
        "",
        *console.table(
            [
                ("source", "samples", "unique", "cached", "pending", "quarantined"),
                *(
                    (
                        source["name"],
                        source["samples"],
                        source["unique"],
                        source["cached"],
                        source["pending"],
                        len(source["quarantined"]),
                    )
                    for source in report["sources"]
                ),
            ]
        ),
    ]
    for source in report["sources"]:
        shown = source["quarantined"][:20]
        found += [f"quarantined {entry['key']}: {entry['reason']}" for entry in shown]
    for name, check in report.get("check", {}).items():
        counts = ", ".join(f"{key} {value}" for key, value in check.items() if key != "stale")
        found.append(f"{name} is {'stale' if check['stale'] else 'as recorded'}: {counts}")
    return found + _drawn(report)


def _drawn(report: Mapping[str, Any]) -> list[str]:
    return [f"drawn: {report['picture']}"] if "picture" in report else []


if __name__ == "__main__":
    sys.exit(console.run(main))
