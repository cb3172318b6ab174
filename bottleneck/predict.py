"""`bottleneck predict`: the classes of images, by a trained head or a backbone's own top."""

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
        "predict",
        "Say which classes images are of. Images whose rows are stored are not computed again.",
        "bottleneck predict --run cache/resnet50/runs/NAME photos/ 'more/*.jpg'",
    )
    made.add_argument(
        "images", nargs="+", metavar="IMAGE|FOLDER|GLOB|DATA", help="DATA as in extract --data"
    )
    made.add_argument("--run", metavar="RUN", help="a run's folder, or its name")
    made.add_argument(
        "--backbone",
        metavar="NAME",
        help="its own classes, without a run; with one, where its model file is now",
    )
    made.add_argument("--top", type=words.positive, default=3, metavar="N", help="(default 3)")
    made.add_argument("--csv", type=Path, metavar="FILE", help="write the answers there as well")
    network = made.add_argument_group(
        "network (--weights, --import and --trust of a run's too, the others of --backbone alone)"
    )
    network.add_argument("--weights", metavar="W", help="imagenet, a file, or random:SEED")
    network.add_argument(
        "--classes", metavar="C", help="imagenet, or a file with a name a line (default: its own)"
    )
    words.add_image(network)
    words.add_own_network(network)
    words.add_work(made, engine=None)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    made = parser()
    args = made.parse_args(argv)
    reporter = console.configure(quiet=args.quiet)
    if not (args.run or args.backbone):
        made.error("say --run RUN, or --backbone NAME")
    from bottleneck.pipeline.learning import predict as use_case  # noqa: PLC0415 - --help stays light
    from bottleneck.pipeline.network.options import NetworkOptions  # noqa: PLC0415

    report = use_case.predict(
        use_case.PredictOptions(
            images=tuple(args.images),
            run=args.run,
            network=NetworkOptions.of(vars(args)),
            classes=args.classes,
            top=args.top,
            csv=args.csv,
            engine=args.engine,
            devices=args.devices,
            batch_size=args.batch_size,
            threads=args.threads,
        ),
        reporter,
    )
    console.result(report, lines(report), as_json=args.json)
    return 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    images = report["images"]
    most = max(len(image["top"]) for image in images)
    found = [
        [
            image["path"],
            *(f"{entry['description']} {entry['probability']:.4f}" for entry in image["top"]),
            *([""] * (most - len(image["top"]))),
        ]
        for image in images
        if image["top"]
    ]
    n_unusable = len(images) - len(found)
    return [
        *console.table([["image", *(f"top {i + 1}" for i in range(most))], *found]),
        *(f"{i['path']}: cannot be used: {i['error']}" for i in images if not i["top"]),
        f"{report['computed']} computed, {report['cached']} cached, {n_unusable} cannot be used",
    ]


if __name__ == "__main__":
    sys.exit(console.run(main))
