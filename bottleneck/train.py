"""`bottleneck train`: a head from a store, in seconds."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from bottleneck import _options as options
from bottleneck._parser import make_parser
from bottleneck.core import console, words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


HEADS = ("linear", "dense", "conv", "tail")


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "train",
        "[--cache FOLDER] [options]",
        "Train a classifier (a head) on the features in a store, in seconds. Images that changed "
        "or vanished since they were extracted are not used, and the report says how many.",
        "bottleneck train --cache cache/resnet50",
        "bottleneck train --cache cache/resnet50 --head dense --units 512,128",
    )
    data = made.add_argument_group("data (what to learn from)")
    options.add_cache(data, required=False)
    options.add_source(data)
    data.add_argument(
        "--validation-split",
        type=float,
        default=0.2,
        metavar="FRACTION",
        help="Share of the training images that validates, where the data has no validation "
        "split of its own. Default: 0.2.",
    )
    data.add_argument(
        "--on-stale",
        choices=("drop", "error", "use"),
        default="drop",
        help="What to do about images that changed since they were extracted: drop them, stop "
        "with exit code 6 (error), or use their old features. Default: drop.",
    )
    head = made.add_argument_group("head (what to train)")
    head.add_argument(
        "--head",
        choices=HEADS,
        default="linear",
        help="Kind of classifier: linear (logistic regression), dense (fully connected layers), "
        "conv (a convolution, on feature maps), tail (the network's own layers after the cut, "
        "trained further). Default: linear.",
    )
    head.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="Seed of the validation split and of everything random in training. Default: 0.",
    )
    head.add_argument(
        "--run",
        metavar="NAME",
        help="Name of the run's folder below runs/ in the store. Default: the time and the head.",
    )
    _add_head_options(made)
    return made


def _add_head_options(made: argparse.ArgumentParser) -> None:
    """Add what a head can be told; without it, each head has its own defaults."""
    group = made.add_argument_group(
        "options of the heads dense, conv and tail",
        "Each head has defaults of its own for what is not given.",
    )
    add = group.add_argument
    add(
        "--units",
        type=words.whole_numbers,
        metavar="N,N",
        help="dense: units of each hidden layer, separated by commas, or none. Default: 256.",
    )
    add(
        "--dropout",
        type=words.fractions,
        metavar="FRACTION,FRACTION",
        help="dense, conv: share of values dropped behind each layer; one number serves all "
        "layers. Default: dense 0.3, conv 0.4,0.3.",
    )
    add(
        "--filters",
        type=words.positive,
        metavar="N",
        help="conv: channels of the convolution. Default: 100.",
    )
    add(
        "--kernel",
        type=words.positive,
        metavar="N",
        help="conv: height and width of the convolution, in positions. Default: 2.",
    )
    add(
        "--optimizer",
        choices=("adam", "sgd"),
        help="How weights are updated. Default: adam; tail sgd.",
    )
    add(
        "--learning-rate",
        type=float,
        metavar="RATE",
        help="Size of an update step. Default: adam 0.001, sgd 0.01, tail 0.001.",
    )
    add(
        "--momentum",
        type=float,
        metavar="FRACTION",
        help="sgd: how much of the last step goes on, below 1. Default: 0.9.",
    )
    add(
        "--nesterov",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="sgd: use Nesterov's momentum. Default: no; tail yes.",
    )
    add(
        "--weight-decay",
        type=float,
        metavar="RATE",
        help="How strongly weights are pulled towards zero. Default: 0.",
    )
    add(
        "--epochs",
        type=words.positive,
        metavar="N",
        help="Largest number of passes over the training images. Default: 50.",
    )
    add(
        "--batch-size",
        type=words.positive,
        metavar="N",
        help="Images per update step. Default: 32.",
    )
    add(
        "--patience",
        type=int,
        metavar="N",
        help="Stop after N epochs without a lower validation loss, and keep the best weights; 0 "
        "trains all epochs and keeps the last weights. Default: 10.",
    )
    add(
        "--class-weights",
        choices=("balanced", "none"),
        help="balanced: images of rare classes count more. Default: none.",
    )


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
