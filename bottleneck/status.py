"""`bottleneck status`: what a store holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck._lines import network_line, source_lines
from bottleneck._parser import make_parser
from bottleneck.core import console, failures

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

# What a check counts, in words.
CHECKED = {
    "unknown": "edited or touched",
    "changed": "changed",
    "added": "added",
    "gone": "gone",
    "pending": "without features",
    "unrecorded": "read by a run that did not end",
}
MOST_KEYS = 20  # shown of a list; all of them stand in --json


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
    store.add_argument(
        "--cache",
        type=Path,
        action="append",
        metavar="FOLDER",
        help="Folder of the feature store; may be given several times, to show several. Default: "
        "the only store in the folder cache/.",
    )
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
    made = parser()
    args = made.parse_args(argv)
    console.configure(quiet=args.quiet)
    from bottleneck.pipeline.extraction.sources import the_one_store  # noqa: PLC0415 - --help stays light

    caches = args.cache or [the_one_store()]
    if len(caches) == 1:
        report = _report(args, caches[0])
        console.result(report, lines(report), as_json=args.json)
        return _code(report)
    if args.picture:
        made.error("argument --picture: one file for several stores: leave out the file's name")
    return _several(args, caches)


def _several(args: argparse.Namespace, caches: Sequence[Path]) -> int:
    """Report of each store in turn; one that fails does not keep the others from being shown."""
    from bottleneck.core.errors import BottleneckError, first_code  # noqa: PLC0415 - --help stays light

    stores: list[dict[str, Any]] = []
    shown: list[str] = []
    for cache in caches:
        try:
            report = _report(args, cache)
            shown += [*lines(report), ""]
            stores.append({**report, "code": _code(report)})
        except BottleneckError as error:
            failures.show_error(error)
            failed = {"verb": "status", "store": str(cache), "code": error.exit_code}
            stores.append({**failed, "error": failures.error_object(error)})
    console.result({"verb": "status", "stores": stores}, shown[:-1], as_json=args.json)
    return first_code(store["code"] for store in stores)


def _report(args: argparse.Namespace, cache: Path) -> dict[str, Any]:
    from bottleneck.pipeline.upkeep import status as use_case  # noqa: PLC0415 - --help stays light

    return use_case.status(
        use_case.StatusOptions(
            cache=cache,
            source=args.source,
            why=args.why,
            check=args.check,
            draw=args.picture is not None,
            picture=Path(args.picture) if args.picture else None,
        )
    )


def _code(report: Mapping[str, Any]) -> int:
    from bottleneck.core.errors import StaleError  # noqa: PLC0415 - --help stays light

    stale = any(found["stale"] for found in report.get("check", {}).values())
    return StaleError.exit_code if stale else 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    if "why" in report:
        return _why(report["why"]) + _drawn(report)
    views = f", {report['views']} views of each image" if report["views"] > 1 else ""
    n_runs = len(report["runs"])
    found = [
        f"{report['store']}: commit {report['commit']} of {report['time']}, {report['format']}",
        f"network: {network_line(report['network'])}",
        f"recipe {report['recipe'][:16]}",
        f"{_count(report['rows'], 'row')} in {_count(report['parts'], 'part')}{views}, "
        f"{report['bytes'] / 1e6:.1f} MB",
        *(f"computed by {engine}" for engine in report["engines"]),
        _count(n_runs, "run"),
        "",
        *console.table(
            [
                ("source", "samples", "unique", "cached", "pending", "set aside"),
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
        found += _source(source)
    for name, check in report.get("check", {}).items():
        found.append(
            f"{name} is {'out of date' if check['stale'] else 'as recorded'}: {_found(check)}"
        )
    return found + _drawn(report)


def _found(check: Mapping[str, Any]) -> str:
    """Return what a look at a source found, in words."""
    if "reason" in check:
        return str(check["reason"])
    return ", ".join(f"{check[key]:,} {words}" for key, words in CHECKED.items())


def _source(source: Mapping[str, Any]) -> list[str]:
    """Return what was understood of a source, and what of it is not used, and why."""
    found = [f"{source['name']}: {line}" for line in source_lines(source)]
    for word, why in (
        ("conflicting", "same bytes with two labels: not used for training"),
        ("leaking", "same bytes in train and in val or test: not used for training"),
    ):
        keys = source[word]
        found += [f"{word} {key}: {why}" for key in keys[:MOST_KEYS]]
        found += _more(len(keys))
    quarantined = source["quarantined"]
    found += [f"set aside {entry['key']}: {entry['reason']}" for entry in quarantined[:MOST_KEYS]]
    return found + _more(len(quarantined))


def _more(n: int) -> list[str]:
    return [f"… and {n - MOST_KEYS} more (all of them: --json)"] if n > MOST_KEYS else []


def _why(why: Mapping[str, Any]) -> list[str]:
    """Return what is known of one image, for people."""
    plain = {key: value for key, value in why.items() if not isinstance(value, list)}
    found = [f"{key}: {_said(value)}" for key, value in plain.items() if value is not None]
    twins = why["same_bytes"]
    found += [
        f"same bytes: {twin['key']} (class {twin['class'] or 'unknown'}, split {twin['split']})"
        for twin in twins[:MOST_KEYS]
    ]
    found += _more(len(twins))
    if why["conflicting"]:
        found.append("training leaves it out: the same bytes have two labels; keep one of them")
    if why["leaking"]:
        found.append("training leaves it out: the same bytes are in val or test as well")
    return found


def _said(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _drawn(report: Mapping[str, Any]) -> list[str]:
    return [f"drawn: {report['picture']}"] if "picture" in report else []


if __name__ == "__main__":
    sys.exit(console.run(main))
