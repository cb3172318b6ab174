"""`bottleneck status`: what a store holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck import _store_options as of_stores
from bottleneck._lines import network_line, source_lines, spread_line
from bottleneck._parser import make_parser
from bottleneck._run_lines import age_words, history_lines, last_run_line
from bottleneck.core import console, failures, words
from bottleneck.core.text import as_known, count

if TYPE_CHECKING:
    import argparse
    from argparse import _ArgumentGroup
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
GROUP_CUT = "others of its group are in val or test: not used for training"
MOST_KEYS = 20  # shown of a list; all of them stand in --json


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "status",
        "[--cache FOLDER] [options]",
        "Show what a store holds: its network, its data sources, and what is missing.",
        "bottleneck status --cache cache/resnet50",
        "bottleneck status --cache cache/resnet50 --why cat/01.jpg",
        "bottleneck status --all cache/ --check --max-age 25h",
    )
    store = made.add_argument_group("store (what to show)")
    store.add_argument(
        "--cache",
        type=of_stores.store,
        action="append",
        metavar="FOLDER",
        help="Folder of the feature store; may be given several times, to show several. Default: "
        "the only store in the folder cache/. An address in a bucket, such as s3://bucket/store, "
        "is a store there.",
    )
    of_stores.add_part_cache(store)
    of_stores.add_all(store, "show")
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
        "--picture",
        nargs="?",
        const="",
        metavar="FILE.png",
        help="Draw the features as points in two dimensions. Default of FILE.png: "
        "derived/features.png in the store.",
    )
    _add_runs(made.add_argument_group("runs (is everything up to date, and does it stay so)"))
    return made


def _add_runs(runs: _ArgumentGroup) -> None:
    runs.add_argument(
        "--check",
        action="store_true",
        help="Look whether the images are still what was recorded; end with exit code 6 if not. "
        "No image is read.",
    )
    runs.add_argument(
        "--max-age",
        type=words.duration,
        metavar="TIME",
        help="With --check: end with exit code 6 also where the last extraction that ended well is "
        "older than this, such as 90m, 25h or 7d, or none is recorded. Default: any age will do.",
    )
    runs.add_argument(
        "--history",
        action="store_true",
        help="Show the runs that were: when, how much they computed, how they ended. Default: only "
        "the last one.",
    )
    runs.add_argument(
        "--prometheus",
        action="store_true",
        help="Print metrics in the text format of Prometheus in place of the report: age and exit "
        "code of the last runs, images, rows, bytes.",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    made = parser()
    args = made.parse_args(argv)
    console.configure(quiet=args.quiet)
    if args.max_age is not None and not args.check:
        made.error("argument --max-age: works only with --check: add --check")
    if args.prometheus and args.json:
        made.error("argument --prometheus: not with --json: give one of them")
    caches = _caches(args)
    if len(caches) == 1 and args.all is None and not args.prometheus:
        report = _report(args, caches[0])
        console.result(report, lines(report), as_json=args.json)
        return _code(report)
    if args.picture:
        made.error("argument --picture: one file for several stores: leave out the file's name")
    return _several(args, caches)


def _caches(args: argparse.Namespace) -> list[Path]:
    from bottleneck.pipeline.extraction import sources  # noqa: PLC0415 - --help stays light

    named = list(args.cache or [])
    if args.all is not None:
        named += sources.stores_in(args.all)
    return sources.distinct(named or [sources.the_one_store()])


def _several(args: argparse.Namespace, caches: Sequence[Path]) -> int:
    """Report of each store in turn; one that fails does not keep the others from being shown."""
    from bottleneck.core.errors import first_code  # noqa: PLC0415 - --help stays light

    stores: list[dict[str, Any]] = []
    shown: list[str] = []
    for cache in caches:
        try:
            report = _report(args, cache)
            shown += [*lines(report), ""]
            stores.append({**report, "code": _code(report)})
        except Exception as error:  # noqa: BLE001 - told as whatever it is, and the next one is shown
            told = failures.failed(error)
            failed = {"verb": "status", "store": as_known(str(cache)), "code": told["code"]}
            stores.append({**failed, "error": told})
    if args.prometheus:
        from bottleneck.pipeline.upkeep.prometheus import exposition  # noqa: PLC0415

        console.output(exposition(stores))
    else:
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
            max_age_s=args.max_age,
            history=args.history,
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
    if "history" in report:
        return [f"{report['store']}:", *history_lines(report["history"]), *_checked(report)]
    if "why" in report:
        return _why(report["why"]) + _drawn(report)
    views = f", {report['views']} views of each image" if report["views"] > 1 else ""
    n_runs = len(report["runs"])
    found = [
        f"{report['store']}: commit {report['commit']} of {report['time']}, {report['format']}",
        f"network: {network_line(report['network'])}",
        f"recipe {report['recipe'][:16]}",
        *spread_line(report["spread"]),
        f"{count(report['rows'], 'row')} in {count(report['parts'], 'part')}{views}, "
        f"{report['bytes'] / 1e6:.1f} MB",
        *(f"computed by {engine}" for engine in report["engines"]),
        count(n_runs, "run"),
        "",
        *console.table(
            [
                ("source", "images", "duplicates", "cached", "pending", "set aside"),
                *(
                    (
                        source["name"],
                        source["samples"],
                        source["duplicates"],
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
    return [*found, *_checked(report), *_drawn(report)]


def _checked(report: Mapping[str, Any]) -> list[str]:
    return [
        f"{name} is {'out of date' if check['stale'] else 'as recorded'}: {_found(check)}"
        for name, check in report.get("check", {}).items()
    ]


def _found(check: Mapping[str, Any]) -> str:
    """Return what a look at a source found, in words."""
    if "reason" in check:
        return "; ".join([str(check["reason"]), *age_words(check)])
    return ", ".join(
        [*(f"{check[key]:,} {said}" for key, said in CHECKED.items()), *age_words(check)]
    )


def _source(source: Mapping[str, Any]) -> list[str]:
    """Return what was understood of a source, and what of it is not used, and why."""
    told = [*source_lines(source), *last_run_line(source)]
    found = [f"{source['name']}: {line}" for line in told]
    for word, why in (
        ("conflicting", "same bytes with two labels: not used for training"),
        ("leaking", "same bytes in train and in val or test: not used for training"),
    ):
        keys, of_group = source[word], {*source["leaking_by_group"]}
        for key in keys[:MOST_KEYS]:
            is_cut = word == "leaking" and key in of_group
            found.append(f"{word} {key}: {GROUP_CUT if is_cut else why}")
        found += _more(len(keys))
    quarantined = source["quarantined"]
    found += [f"set aside {entry['key']}: {entry['reason']}" for entry in quarantined[:MOST_KEYS]]
    return found + _more(len(quarantined))


def _more(n: int) -> list[str]:
    return [f"… and {n - MOST_KEYS} more (all of them: --json)"] if n > MOST_KEYS else []


def _why(why: Mapping[str, Any]) -> list[str]:
    """Return what is known of one image, for people."""
    plain = {key: value for key, value in why.items() if not isinstance(value, list | dict)}
    found = [f"{key}: {_said(value)}" for key, value in plain.items() if value is not None]
    for name, value in (why["targets"] or {}).items():
        found.append(f"{name}: {'not known' if value is None else f'{value:g}'}")
    if why["also_in"]:
        others = ", ".join(why["also_in"])
        found.append(f"the key is also in {others}: --source NAME tells of that image")
    twins = why["same_bytes"]
    found += [
        f"same bytes: {twin['key']} (class {twin['class'] or 'unknown'}, split {twin['split']})"
        for twin in twins[:MOST_KEYS]
    ]
    found += _more(len(twins))
    if why["conflicting"]:
        found.append("training leaves it out: the same bytes have two labels; keep one of them")
    if why["leaking_by_group"]:
        found.append("training leaves it out: others of its group are in val or test")
    elif why["leaking"]:
        found.append("training leaves it out: the same bytes are in val or test as well")
    return found


def _said(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _drawn(report: Mapping[str, Any]) -> list[str]:
    return [f"drawn: {report['picture']}"] if "picture" in report else []


if __name__ == "__main__":
    sys.exit(console.run(main))
