"""`bottleneck extract`: compute exactly the rows that are missing."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck import _options as options
from bottleneck import _store_options as of_stores
from bottleneck._extract_lines import lines, stores_lines
from bottleneck._extract_list import LIST, show_list
from bottleneck._parser import make_parser
from bottleneck.core import console, failures, words
from bottleneck.core.choices import COMPUTE
from bottleneck.store.catalog import FORMATS, described

if TYPE_CHECKING:
    import argparse
    from argparse import _ArgumentGroup
    from collections.abc import Callable, Sequence

    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.extraction.options import ExtractOptions
    from bottleneck.pipeline.extraction.several_report import Ended

PARTIAL = 7  # the exit code of --strict


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
        "bottleneck extract --all cache/     (every store in that folder)",
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
    options.add_crew(work)
    work.add_argument(
        "--budget",
        type=words.duration,
        metavar="TIME",
        help="Stop after this time, such as 90s, 30m or 2h, and keep what was computed; several "
        "stores share it. Default: no limit.",
    )
    work.add_argument(
        "--strict",
        action="store_true",
        help="End with exit code 7 where images are left to compute, because of --budget or "
        "--limit. Without it that is a success.",
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
        help="Compute at most N images in this run, in all stores together; the next run goes on "
        "from there. Default: all.",
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
        "resnet50, the path of a .keras, .h5 or .onnx file, or kerashub: and a preset of KerasHub. "
        "The word list prints all names and exits.",
    )
    options.add_weights(network)
    network.add_argument(
        "--layer",
        metavar="NAME",
        action="append",
        help="Layer whose output is the features; with --backbone, the word list prints all "
        "layers and exits. With --cache-each it may be given several times. Default: the last one "
        "before the classes.",
    )
    options.add_pooling(
        network, action="append", more="With --cache-each it may be given several times. "
    )
    options.add_size(network)
    options.add_resample(network)
    options.add_decode(network)
    network.add_argument(
        "--compute",
        choices=COMPUTE,
        help="Arithmetic of the network. float32: IEEE single precision, the same in every engine. "
        "bfloat16: about twice as fast on processors that have it; each engine rounds in its own "
        "way, so the store goes on with the same engine, and how far the features are from "
        "float32's is measured and kept. Default: float32.",
    )
    options.add_rows(network)
    options.add_views(network)
    options.add_own_network(network)


def _add_store(store: _ArgumentGroup) -> None:
    store.add_argument(
        "--cache",
        type=of_stores.store,
        action="append",
        metavar="FOLDER",
        help="Folder of the feature store (this or --all is required); it is created where there "
        "is none. May be given several times, to bring several stores up to date: each with its "
        "own network, each image being looked at once. An address in a bucket, such as "
        "s3://bucket/store, is a store there.",
    )
    of_stores.add_part_cache(store)
    store.add_argument(
        "--cache-each",
        metavar="PATTERN",
        help="Folder of a store for each --layer with each --pooling, such as "
        "'cache/{layer}-{pooling}': all of them are filled in one pass, which decodes an image "
        "once and computes the network once. Each is a store like any other. In place of --cache.",
    )
    of_stores.add_all(store, "bring up to date")
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
    of_stores.add_wait(store)
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
    if str(args.backbone).lower().rpartition(":")[2] == LIST or LIST in (args.layer or ()):
        return _list(args)
    if args.list and not args.dry_run:
        made.error("argument --list: works only with --dry-run: add --dry-run")
    if args.cache_each is not None:
        for flag, is_given in (("--cache", args.cache), ("--all", args.all)):
            if is_given is not None:
                made.error(f"argument --cache-each: not with {flag}: it names all stores: omit one")
        return _each(args, reporter)
    if args.cache is None and args.all is None:
        made.error("argument --cache: missing: name the folder of the store")
    for flag, named in (("--layer", args.layer), ("--pooling", args.pooling)):
        if len(named or ()) > 1:
            made.error(
                f"argument {flag}: given {len(named)} times: give it once, or --cache-each "
                "'cache/{layer}-{pooling}' in place of --cache, for a store each"
            )
    if args.all is not None or len(args.cache) > 1:
        return _several(args, reporter)
    from bottleneck.pipeline.extraction import extract as use_case  # noqa: PLC0415 - --help stays light

    report = use_case.extract(_options(args, args.cache[0]), reporter, is_strict=args.strict)
    console.result(report, lines(report), as_json=args.json)
    return PARTIAL if args.strict and report["partial"] else 0


def _list(args: argparse.Namespace) -> int:
    """Print the backbones, or the layers of one; return the exit code."""
    from bottleneck.pipeline.network import listing  # noqa: PLC0415 - --help stays light

    return show_list(*listing.listed({**vars(args), **_first_cut(args)}, LIST), as_json=args.json)


def _each(args: argparse.Namespace, reporter: Reporter) -> int:
    """Bring the stores of several cuts up to date in one pass."""
    from bottleneck.pipeline.extraction import cut_options, cuts  # noqa: PLC0415 - --help stays light

    asked = replace(
        _options(args, Path()),
        cache_each=args.cache_each,
        layers=tuple(args.layer or ()),
        poolings=tuple(args.pooling or ()),
    )
    stores = [one.cache for one in cut_options.told_apart(asked)]
    return _told(args, stores, partial(cuts.extract_cuts, asked, reporter))


def _several(args: argparse.Namespace, reporter: Reporter) -> int:
    """Bring several stores up to date; return the code of the gravest failure."""
    from bottleneck.pipeline.extraction import several as use_case  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.extraction import sources  # noqa: PLC0415

    caches = sources.distinct(
        [*(args.cache or []), *(sources.stores_in(args.all) if args.all is not None else [])]
    )
    options = _options(args, caches[0])
    return _told(args, caches, partial(use_case.extract_several, caches, options, reporter))


def _told(
    args: argparse.Namespace, caches: Sequence[Path], extract: Callable[..., list[Ended]]
) -> int:
    """Extract into several stores, and tell of each; return the code of the gravest failure."""
    from bottleneck.pipeline.extraction.several_report import several_report  # noqa: PLC0415

    started = time.perf_counter()
    told: dict[int, dict[str, Any]] = {}
    n_ended = 0

    def tell(end: Ended) -> None:
        nonlocal n_ended
        if end.error is not None:
            told[n_ended] = failures.failed(end.error)
        elif end.report is not None and not args.json:
            console.result({}, [*lines(end.report), ""], as_json=False)
        n_ended += 1

    ends = extract(is_strict=args.strict, tell=tell, asked_to_stop=console.asked_to_stop)
    told |= failures.stopped(
        [(i, e.store, e.error) for i, e in enumerate(ends) if i >= n_ended and e.error is not None]
    )
    report = several_report(
        caches, ends, told, time.perf_counter() - started, is_strict=args.strict
    )
    console.result(report, stores_lines(report), as_json=args.json)
    return int(report["code"])


def _options(args: argparse.Namespace, cache: Path) -> ExtractOptions:
    """Return the words of the command line as values."""
    from bottleneck.pipeline.extraction.crew import crew  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.extraction.options import ExtractOptions  # noqa: PLC0415
    from bottleneck.pipeline.network.options import NetworkOptions  # noqa: PLC0415

    return ExtractOptions(
        cache=cache,
        data=args.data,
        source=args.source,
        format=args.format,
        network=NetworkOptions.of({**vars(args), **_first_cut(args)}),
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
        crew=crew(args.workers, args.cluster),
    )


def _first_cut(args: argparse.Namespace) -> dict[str, str | None]:
    return {word: (getattr(args, word) or [None])[0] for word in ("layer", "pooling")}


if __name__ == "__main__":
    sys.exit(console.run(main))
