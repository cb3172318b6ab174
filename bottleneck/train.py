"""`bottleneck train`: a head from a store, in seconds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck import _options as options
from bottleneck import _store_options as of_stores
from bottleneck._parser import make_parser
from bottleneck._train_lines import report_lines
from bottleneck.core import console, words
from bottleneck.heads.catalog import HEADS, described, options_of_all

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "train",
        "[--cache FOLDER] [options]",
        "Train a head on the features in a store, in seconds: it learns a class for each image, "
        "several labels, or numbers, as the data has them. Images that changed or vanished since "
        "they were extracted are not used, and the report says how many.",
        "bottleneck train --cache cache/resnet50",
        "bottleneck train --cache cache/resnet50 --head dense --units 512,128",
    )
    data = made.add_argument_group("data (what to learn from)")
    of_stores.add_cache(data, required=False)
    of_stores.add_source(data)
    data.add_argument(
        "--validation-split",
        type=float,
        default=0.2,
        metavar="FRACTION",
        help="Share of the training images that validates, where the data has no validation "
        "split of its own; 0 trains on all of them. Default: 0.2.",
    )
    data.add_argument(
        "--on-stale",
        choices=("drop", "error", "use"),
        default="drop",
        help="What to do about images that changed since they were extracted: drop them, stop "
        "with exit code 6 (error), or use their old features. Default: drop.",
    )
    of_stores.add_decisions(data)
    head = made.add_argument_group("head (what to train)")
    kinds = "; ".join(f"{name}: {spec.about}" for name, spec in HEADS.items())
    head.add_argument(
        "--head",
        choices=[*HEADS],
        default="linear",
        help=f"Kind of head. {kinds}. Default: linear.",
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
    _add_evaluation(made)
    _add_head_options(made)
    _add_trackers(made)
    return made


def _add_evaluation(made: argparse.ArgumentParser) -> None:
    group = made.add_argument_group("evaluation (how it is judged)")
    group.add_argument(
        "--folds",
        type=words.positive,
        default=None,
        metavar="N",
        help="Divide all images but the test images into N folds, each class evenly (labels by the "
        "rarest of an image, numbers by their size) and each group in one; judge each fold by a "
        "head fitted to the others, write what is said of each image to out_of_fold.csv, then fit "
        "the run's head without folds. Default: none.",
    )
    group.add_argument(
        "--repeats",
        type=words.positive,
        default=1,
        metavar="N",
        help="How often to divide into folds, each time differently. Default: 1.",
    )
    group.add_argument(
        "--few-shot",
        type=words.whole_numbers,
        default=None,
        metavar="N,…",
        help="Also fit heads to N training images of each class (of labels N with each and N "
        "without; of numbers N in all), and say how good they are; such as 1,5,10. The run's head "
        "is of all images. Default: none.",
    )
    group.add_argument(
        "--tries",
        type=words.positive,
        default=10,
        metavar="N",
        help="How often the few are drawn for --few-shot. Default: 10.",
    )
    group.add_argument(
        "--calibrate",
        action="store_true",
        help="Make probabilities as sure as they are right (temperature scaling on images that "
        "the head has not seen); answers stay what they are. Of numbers: find how far off 90 %% of "
        "such images are, which predict then says.",
    )


def _add_head_options(made: argparse.ArgumentParser) -> None:
    """Add what the heads can be told. An option that several have is there once."""
    group = made.add_argument_group(
        "options of heads", "Each names the heads that have it, and its default."
    )
    for heads in options_of_all().values():
        option = next(iter(heads.values()))
        group.add_argument(option.flag, **options.argument(option, described(heads)))


def _add_trackers(made: argparse.ArgumentParser) -> None:
    """Add where else the run is told of."""
    group = made.add_argument_group("trackers (where else the run is told of)")
    group.add_argument(
        "--tensorboard",
        type=Path,
        metavar="FOLDER",
        help="Also write the curves, the figures and the model card for TensorBoard, into a folder "
        "of the run's name below this one. Default: not.",
    )
    group.add_argument(
        "--mlflow",
        nargs="?",
        const="",
        metavar="URI",
        help="Also log parameters, figures, curves and the run's files to MLflow, which must be "
        "installed: at this address, or at MLflow's own default. Default: not.",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    args = parser().parse_args(argv)
    reporter = console.configure(quiet=args.quiet)
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
            tensorboard=args.tensorboard,
            mlflow=args.mlflow,
            folds=args.folds or 0,
            repeats=args.repeats,
            few_shot=args.few_shot or (),
            tries=args.tries,
            calibrate=args.calibrate,
            decisions=args.decisions,
            head_options={name: getattr(args, name) for name in options_of_all()},
        ),
        reporter,
    )
    console.result(report, lines(report), as_json=args.json)
    return 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people."""
    from bottleneck.pipeline.pages.left_out import left_out_in_words  # noqa: PLC0415

    return report_lines(report, left_out_in_words(report["left_out"], report["left_out_keys"]))


if __name__ == "__main__":
    sys.exit(console.run(main))
