"""`bottleneck extract`: compute exactly the rows that are missing."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck import _options as options
from bottleneck._lines import network_line, source_lines
from bottleneck._parser import make_parser
from bottleneck.core import console, words
from bottleneck.store.catalog import FORMATS, described

if TYPE_CHECKING:
    import argparse
    from argparse import _ArgumentGroup
    from collections.abc import Mapping, Sequence

UNKNOWN = "time not known, as no run with this network has computed anything yet"
SOON_S = 120  # below it, a time is said in seconds
COMPUTE = ("float32",)
LIST = "list"  # in the place of a name: print the names there are


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "extract",
        "--data DATA --backbone NAME --cache FOLDER [options]",
        "Compute the features of a frozen network, once, and keep them in a store on disk. Only "
        "images whose features are not there yet are computed: run the same command again, also "
        "from cron, whenever images were added or edited.",
        "bottleneck extract --data photos/ --backbone resnet50 --cache cache/resnet50",
        "bottleneck extract --cache cache/resnet50     (again, with all that the store knows)",
    )
    _add_data(made.add_argument_group("data (which images)"))
    _add_network(
        made.add_argument_group(
            "network (how an image becomes features)",
            "Needed only for a new store; an existing store knows its network.",
        )
    )
    _add_store(made.add_argument_group("store (where the features are kept)"))
    work = options.add_work(made, engine="auto")
    work.add_argument(
        "--budget",
        type=words.duration,
        metavar="TIME",
        help="Stop after this time, such as 90s, 30m or 2h, and keep what was computed. Default: "
        "no limit.",
    )
    return made


def _add_data(data: _ArgumentGroup) -> None:
    data.add_argument(
        "--data",
        metavar="DATA",
        help=f"The images: {options.DATA}. Default: the data source that the store knows.",
    )
    data.add_argument(
        "--source",
        metavar="NAME",
        help="Name of this data source in the store. Default: the name of the folder, file or "
        "data set.",
    )
    options.add_reading(data)
    data.add_argument(
        "--limit",
        type=words.positive,
        metavar="N",
        help="Compute at most N images in this run; the next run goes on from there. Default: all.",
    )
    data.add_argument(
        "--allow-shrink",
        action="store_true",
        help="Accept that more than half of the images are gone since the last run. Without it "
        "that is an error, because the folder may just not be mounted.",
    )
    data.add_argument(
        "--rehash",
        action="store_true",
        help="Read every image again, even where its size and times say that it did not change.",
    )


def _add_network(network: _ArgumentGroup) -> None:
    network.add_argument(
        "--backbone",
        metavar="NAME",
        help="The network: mini (small, in this package), a model of keras.applications such as "
        "resnet50, or the path of a .keras or .h5 file. The word list prints all names and exits.",
    )
    options.add_weights(network)
    network.add_argument(
        "--layer",
        metavar="NAME",
        help="Layer whose output is the features; with --backbone, the word list prints all "
        "layers and exits. Default: the last one before the classes.",
    )
    options.add_pooling(network)
    options.add_size(network)
    options.add_resample(network)
    network.add_argument(
        "--compute",
        choices=COMPUTE,
        help="Arithmetic of the network: float32 is IEEE single precision. Default: float32.",
    )
    options.add_rows(network)
    options.add_views(network)
    options.add_own_network(network)


def _add_store(store: _ArgumentGroup) -> None:
    store.add_argument(
        "--cache",
        type=Path,
        metavar="FOLDER",
        help="Folder of the feature store (required); it is created where there is none.",
    )
    store.add_argument(
        "--format",
        choices=tuple(FORMATS),
        help=f"File format of a new store: {described()}.",
    )
    store.add_argument(
        "--replace",
        action="store_true",
        help="Accept network options that differ from the store's, and compute everything anew. "
        "The old features stay on disk until bottleneck gc.",
    )
    store.add_argument(
        "--dry-run",
        action="store_true",
        help="Say how much would be computed, and about how long that takes; compute and write "
        "nothing.",
    )
    store.add_argument(
        "--list",
        action="store_true",
        help="With --dry-run: also name each image that would be computed, and why.",
    )
    options.add_wait(store)
    store.add_argument(
        "--no-lock",
        action="store_true",
        help="Do not take the store's lock, so that several runs can fill one store at once.",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    made = parser()
    args = made.parse_args(argv)
    reporter = console.configure(quiet=args.quiet)
    if LIST in (str(args.backbone).lower(), args.layer):
        return _list(args)
    if args.cache is None:
        made.error("argument --cache: missing: name the folder of the store")
    if args.list and not args.dry_run:
        made.error("argument --list: works only with --dry-run: add --dry-run")
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
            reading=options.reading(args),
            engine=args.engine,
            devices=args.devices,
            batch_size=args.batch_size,
            threads=args.threads,
            limit=args.limit,
            budget_s=args.budget,
            wait_s=args.wait,
            allow_shrink=args.allow_shrink,
            dry_run=args.dry_run,
            list_keys=args.list,
            replace=args.replace,
            rehash=args.rehash,
            no_lock=args.no_lock,
        ),
        reporter,
    )
    console.result(report, lines(report), as_json=args.json)
    return 0


def _list(args: argparse.Namespace) -> int:
    """Print the backbones, or the layers of one; return the exit code."""
    from bottleneck.core.errors import UsageError  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.network.options import NetworkOptions  # noqa: PLC0415

    listing = import_module("bottleneck.pipeline.network.listing")
    if str(args.backbone).lower() == LIST:
        what, found = "backbones", listing.backbones()
    elif args.backbone is None:
        raise UsageError("no network named", "--layer list", "name it with --backbone")
    else:
        told = {**vars(args), "layer": None}
        what, found = "layers", listing.layers(NetworkOptions.of(told))
    heading = list(found[0]) if found else []
    rows = [[_cell(entry[column]) for column in heading] for entry in found]
    report = {"verb": "extract", what: found}
    console.result(report, console.table([heading, *rows]), as_json=args.json)
    return 0


def _cell(value: object) -> str:
    """Return a value of a listing for people: a shape as 7 x 7 x 2048."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " x ".join(map(str, value))
    return "-" if value is None else str(value)


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    found = [
        f"{report['store']}: {_images(report)}: {_counts(report)}",
        f"network: {network_line(report['network'])}",
        *(f"{report['source']}: {line}" for line in source_lines(report)),
    ]
    skipped = [f"{n:,} {why}" for why, n in report["skipped"].items()]
    if skipped:
        found.append(f"left alone: {', '.join(skipped)}")
    found += [f"set aside: {n:,} ({why})" for why, n in report["set_aside"].items()]
    what = [f"{report[k]:,} {k}" for k in ("added", "changed", "renamed", "deleted") if report[k]]
    if what and not report["first_look"]:
        found.append(f"since the last look: {', '.join(what)}")
    if "would" in report:
        return found + _would(report)
    seconds, rate = report["seconds"]["total"], report["images_per_second"]
    rated = f", {rate} images/s" if rate else ""
    return [*found, f"{seconds:.1f} s{rated}, commit {report['commit']}"]


def _images(report: Mapping[str, Any]) -> str:
    n, twice = report["samples"], report["duplicates"]
    images = f"{_plural(n)} of {report['source']}"
    if twice:
        images += f" ({twice:,} of them {'a duplicate' if twice == 1 else 'duplicates'})"
    return images


def _plural(n: int) -> str:
    return f"{n:,} image{'' if n == 1 else 's'}"


def _counts(report: Mapping[str, Any]) -> str:
    """Return what became of the images; a duplicate of one just computed is nothing cached."""
    cached = report["cached"] - report["copies"]
    return (
        f"{report['computed']:,} computed, {cached:,} cached, {report['pending']:,} pending, "
        f"{report['quarantined']:,} set aside"
    )


def _would(report: Mapping[str, Any]) -> list[str]:
    """Return what a run without --dry-run would do."""
    would = report["would"]
    seconds = would["seconds"]
    time = UNKNOWN if seconds is None else _about(seconds)
    listed = [f"  {entry['key']} ({entry['why']})" for entry in report.get("would_compute", [])]
    size = f"{would['bytes'] / 1e6:.1f} MB"
    return [f"would compute {_plural(would['computed'])}: {size} of features, {time}", *listed]


def _about(seconds: float) -> str:
    if seconds < SOON_S:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} minutes"


if __name__ == "__main__":
    sys.exit(console.run(main))
