"""`bottleneck search`: the images of a store that are nearest to an image."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck import _options as options
from bottleneck import _store_options as of_stores
from bottleneck._parser import make_parser
from bottleneck.core import console, words
from bottleneck.core.text import count

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "search",
        "[--cache FOLDER] IMAGE ... [options]",
        "Find the images of a store that are most like an image, by their features. Features that "
        "are in the store are not computed again.",
        "bottleneck search --cache cache/resnet50 cat/01.jpg",
        "bottleneck search --cache cache/resnet50 ~/new.jpg --top 5",
    )
    made.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="An image of the store, by its path below the source's folder; or any other image, a "
        "folder, or a pattern such as 'more/*.jpg'.",
    )
    store = made.add_argument_group("store (where to search)")
    of_stores.add_cache(store, required=False)
    of_stores.add_source(store)
    answers = made.add_argument_group("answers")
    answers.add_argument(
        "--top",
        type=words.positive,
        default=12,
        metavar="N",
        help="How many of the nearest images to show for each image. Default: 12.",
    )
    answers.add_argument(
        "--page",
        type=Path,
        metavar="FILE.html",
        help="Also write a page with pictures to this file, which must not exist. "
        "Default: no page.",
    )
    network = made.add_argument_group(
        "network (the store knows it; this says where its files are now, and allows its code)"
    )
    options.add_code(network)
    options.add_work(made, engine="auto")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    reporter = console.configure(quiet=args.quiet)
    from bottleneck.pipeline.extraction.sources import the_one_store  # noqa: PLC0415
    from bottleneck.pipeline.looking import search as use_case  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.looking.queries import Work  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.network.options import NetworkOptions  # noqa: PLC0415

    report = use_case.search(
        use_case.SearchOptions(
            cache=args.cache or the_one_store(),
            images=tuple(args.images),
            source=args.source,
            top=args.top,
            page=args.page,
            work=Work(
                network=NetworkOptions.of(vars(args)),
                engine=args.engine,
                devices=args.devices,
                batch_size=args.batch_size,
                threads=args.threads,
            ),
        ),
        reporter,
    )
    console.result(report, lines(report), as_json=args.json)
    return 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    found: list[str] = []
    for image in report["images"]:
        if image["error"] is not None:
            found.append(f"{image['image']}: cannot be used: {image['error']}")
            continue
        rows = [
            (
                f"{near['cosine']:.4f}",
                near["class"] or "-",
                near["split"],
                near["key"] + (" (the same image)" if near["same_bytes"] else ""),
            )
            for near in image["nearest"]
        ]
        found += [
            f"nearest to {image['image']}:",
            *console.table([("cosine", "class", "split", "image"), *rows]),
            "",
        ]
    return [
        *found,
        f"{count(report['searched'], 'image')} of {report['source']} searched; "
        f"{report['computed']:,} computed",
    ]


if __name__ == "__main__":
    sys.exit(console.run(main))
