"""`bottleneck train`: a head from a store, in seconds."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from bottleneck.core import console, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


HEADS = ("linear", "dense", "conv", "tail")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = words.parser(
        "train",
        "Fit a head on cached features; images that changed or vanished are left out.",
        "bottleneck train --cache cache/resnet50",
    )
    words.add_cache(made, required=False)
    made.add_argument("--source", metavar="NAME", help="which source, where there are several")
    made.add_argument("--head", choices=HEADS, default="linear")
    made.add_argument("--seed", type=int, default=0, metavar="N", help="of the validation split")
    made.add_argument(
        "--validation-split",
        type=float,
        default=0.2,
        metavar="F",
        help="of the training images, where no split says otherwise (default 0.2)",
    )
    made.add_argument(
        "--on-stale",
        choices=("drop", "error", "use"),
        default="drop",
        help="images that changed: leave them out, stop with code 6, or use their old rows",
    )
    made.add_argument("--run", metavar="NAME", help="of the run's folder (default: time and head)")
    _add_head_options(made)
    return made


def _add_head_options(made: argparse.ArgumentParser) -> None:
    """Add what a head can be told; without it, each head has its own defaults."""
    add = made.add_argument_group("of the heads that are networks (not of linear)").add_argument
    add("--units", type=words.whole_numbers, metavar="N,…", help="dense: of each layer, or none")
    add("--dropout", type=words.fractions, metavar="F,…", help="behind each layer, or one for all")
    add("--filters", type=words.positive, metavar="N", help="conv: channels of the convolution")
    add("--kernel", type=words.positive, metavar="N", help="conv: its height and width")
    add("--optimizer", choices=("adam", "sgd"))
    add("--learning-rate", type=float, metavar="F")
    add("--momentum", type=float, metavar="F", help="sgd")
    add("--nesterov", action=argparse.BooleanOptionalAction, default=None, help="sgd")
    add("--weight-decay", type=float, metavar="F")
    add("--epochs", type=words.positive, metavar="N", help="at most")
    add("--batch-size", type=words.positive, metavar="N", help="rows a step")
    add(
        "--patience",
        type=int,
        metavar="N",
        help="epochs without a lower validation loss before it stops, and takes the best weights; "
        "0: all epochs, the last weights",
    )
    add("--class-weights", choices=("balanced", "none"), help="balanced: rare classes count more")


HEAD_OPTIONS = (
    "units", "dropout", "filters", "kernel", "optimizer", "learning_rate", "momentum", "nesterov",
    "weight_decay", "epochs", "batch_size", "patience", "class_weights",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    console.configure(quiet=args.quiet)
    from bottleneck.pipeline.extraction.sources import the_one_store  # noqa: PLC0415
    from bottleneck.pipeline.learning import train as use_case  # noqa: PLC0415 - --help stays light

    report = use_case.train(
        use_case.TrainOptions(
            cache=args.cache or the_one_store(),
            source=args.source,
            head=args.head,
            seed=args.seed,
            validation_split=args.validation_split,
            on_stale=args.on_stale,
            run=args.run,
            head_options={name: getattr(args, name) for name in HEAD_OPTIONS},
        )
    )
    console.result(report, lines(report), as_json=args.json)
    return 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    left_out = [f"{n} {why}" for why, n in report["left_out"].items() if n]
    found = []
    if report["accuracy"] is not None:
        samples = report["samples"][report["judged_on"]]
        # Of five classes the right one is always among five.
        top5 = f"top 5 {report['top5']:.4f}, " if report["classes"] > 5 else ""
        found.append(
            f"accuracy {report['accuracy']:.4f} on {samples} {report['judged_on']} images "
            f"({top5}loss {report['loss']:.4f}; "
            f"always the commonest class: {report['baseline']:.4f})"
        )
    if left_out:
        found.append(f"left out: {', '.join(left_out)}")
    found.append(
        f"{report['head']} head, {_parameters(report)}, {report['epochs']} epochs, "
        f"{report['seconds']:.1f} s"
    )
    found.append(report["run"])
    return found


def _parameters(report: Mapping[str, Any]) -> str:
    trained, frozen = report["parameters"], report["frozen_parameters"]
    if frozen is None:
        return f"{trained:,} parameters"
    return f"{trained:,} trainable of {trained + frozen:,} parameters"


if __name__ == "__main__":
    sys.exit(console.run(main))
