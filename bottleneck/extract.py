"""`bottleneck extract`: compute exactly the rows that are missing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from bottleneck.core import console, words
from bottleneck.store.catalog import FORMATS, described

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = words.parser(
        "extract",
        "Compute the features of a frozen network for the images that have none yet.",
        "bottleneck extract --data photos/ --backbone resnet50 --cache cache/resnet50",
    )
    words.add_cache(made, required=True)
    data = made.add_argument_group("data")
    data.add_argument("--data", metavar="X", help="folder, table, array, tar, image, or a name")
    data.add_argument("--source", metavar="NAME", help="the source's name in the store")
    data.add_argument("--include", action="append", default=[], metavar="GLOB")
    data.add_argument("--exclude", action="append", default=[], metavar="GLOB")
    data.add_argument("--limit", type=words.positive, metavar="N", help="compute at most N images")
    data.add_argument("--allow-shrink", action="store_true", help="half of the images may be gone")
    data.add_argument("--rehash", action="store_true", help="read every image, trust no stat")
    network = made.add_argument_group("network (none of these: the store's own recipe)")
    network.add_argument(
        "--backbone", metavar="NAME", help="mini, a model of keras.applications, or a .keras file"
    )
    network.add_argument("--weights", metavar="W", help="imagenet, a file, or random:SEED")
    network.add_argument("--layer", metavar="NAME", help="cut here instead of below the top")
    network.add_argument("--pooling", choices=("avg", "max", "none"))
    words.add_image(network)
    words.add_own_network(network)
    network.add_argument("--compute", choices=("float32",), help="arithmetic (IEEE float32)")
    network.add_argument("--rows", choices=("float16", "float32"), help="stored dtype")
    words.add_views(network)
    store = made.add_argument_group("store")
    store.add_argument("--format", choices=tuple(FORMATS), help=f"of a new store: {described()}")
    store.add_argument("--replace", action="store_true", help="another recipe: start anew")
    store.add_argument("--dry-run", action="store_true", help="what would be computed, and why")
    store.add_argument("--wait", type=words.duration, metavar="10m", help="for another run")
    store.add_argument("--no-lock", action="store_true", help="several runs at once")
    work = words.add_work(made, engine="auto")
    work.add_argument("--budget", type=words.duration, metavar="30m", help="stop after this long")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    console.configure(quiet=args.quiet)
    from bottleneck.pipeline.extraction import extract as use_case  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.extraction.options import ExtractOptions  # noqa: PLC0415
    from bottleneck.pipeline.network.options import NetworkOptions  # noqa: PLC0415

    report = use_case.extract(
        ExtractOptions(
            cache=args.cache,
            data=args.data,
            source=args.source,
            format=args.format,
            network=NetworkOptions.of(vars(args)),
            include=tuple(args.include),
            exclude=tuple(args.exclude),
            engine=args.engine,
            devices=args.devices,
            batch_size=args.batch_size,
            threads=args.threads,
            limit=args.limit,
            budget_s=args.budget,
            wait_s=args.wait,
            allow_shrink=args.allow_shrink,
            dry_run=args.dry_run,
            replace=args.replace,
            rehash=args.rehash,
            no_lock=args.no_lock,
        )
    )
    console.result(report, lines(report), as_json=args.json)
    return 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    found = [
        f"{report['store']}: {report['samples']} images of {report['source']}: "
        f"{report['computed']} computed, {report['cached']} cached, {report['pending']} pending, "
        f"{report['quarantined']} quarantined",
    ]
    what = [f"{report[k]} {k}" for k in ("added", "changed", "renamed", "deleted") if report[k]]
    if what:
        found.append(f"since the last look: {', '.join(what)}")
    found += [
        f"would compute {entry['key']} ({entry['why']})"
        for entry in report.get("would_compute", [])[:20]
    ]
    hidden = len(report.get("would_compute", [])) - 20
    if hidden > 0:
        found.append(f"… and {hidden} more (all of them: --json)")
    seconds = report["seconds"]["total"]
    rate = f", {report['images_per_second']} images/s" if report["images_per_second"] else ""
    found.append(f"{seconds:.1f} s{rate}, commit {report['commit']}")
    return found


if __name__ == "__main__":
    sys.exit(console.run(main))
