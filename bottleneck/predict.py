"""`bottleneck predict`: the classes of images, by a trained head or a backbone's own top."""

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
    from argparse import _ArgumentGroup
    from collections.abc import Mapping, Sequence


MOST_COLUMNS = 12  # that the last line names


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = make_parser(
        "predict",
        "IMAGES ... [--run RUN | --backbone NAME] [options]",
        "Say which classes or labels images show, or which numbers the run predicts of them. "
        "Features that are in the run's store are not computed again.",
        "bottleneck predict --run last photos/ 'more/*.jpg'",
        "bottleneck predict --run last test/ --csv mine.csv --like sample_submission.csv",
        "bottleneck predict --backbone resnet50 cat.jpg",
    )
    made.add_argument(
        "images",
        nargs="+",
        metavar="IMAGES",
        help=f"An image, a pattern such as 'more/*.jpg', or data as in extract: {options.DATA}.",
    )
    _add_answers(made.add_argument_group("answers"))
    _add_file(made.add_argument_group("file (the answers as a table)"))
    network = made.add_argument_group(
        "network",
        "With --run, only --weights, --import and --trust: the run knows the rest.",
    )
    options.add_weights(network)
    network.add_argument(
        "--classes",
        metavar="CLASSES",
        help="Names of the classes: imagenet, or the path of a text file with one name per line. "
        "Default: the backbone's own, else numbers.",
    )
    options.add_size(network)
    options.add_resample(network)
    options.add_decode(network)
    options.add_own_network(network)
    options.add_work(made, engine=None)
    return made


def _add_answers(answer: _ArgumentGroup) -> None:
    """Add who answers, and how the answers are given."""
    of_stores.add_run(answer, "The training run whose head answers")
    of_stores.add_cache_of_run(answer)
    answer.add_argument(
        "--backbone",
        metavar="NAME",
        help="Without --run: a network that answers with its own classes, named as in extract. "
        "With --run: where the run's model file is now. Default: where it was.",
    )
    answer.add_argument(
        "--top",
        type=words.positive,
        default=3,
        metavar="N",
        help="How many of the most probable classes to show for each image. Default: 3.",
    )
    answer.add_argument(
        "--strict",
        action="store_true",
        help="End with exit code 3 if any image could not be used. Default: say how many, and end "
        "with 0.",
    )


def _add_file(file: _ArgumentGroup) -> None:
    """Add the file that the answers are written to."""
    file.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="Also write the answers to this file, which must not exist. Default: no file.",
    )
    file.add_argument(
        "--columns",
        type=words.listed,
        metavar="ID,COLUMN",
        help="Columns of the file, in place of the usual ones. First that of the images, such as "
        "id: the file's name without folders and ending (id=name: with its ending; id=key: with "
        "folders too). Then any name, such as label, for the predicted class; the name of a class "
        "for its probability, or NAME=CLASS; * for those of all classes.",
    )
    file.add_argument(
        "--like",
        type=Path,
        metavar="SAMPLE.csv",
        help="A sample of the file, as competitions have one: its columns, its images in their "
        "order and as they are spelled there. --columns says what its columns are, where their "
        "names and values do not.",
    )
    file.add_argument(
        "--force",
        action="store_true",
        help="Replace the file where it exists.",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    made = parser()
    args = made.parse_args(argv)
    reporter = console.configure(quiet=args.quiet)
    if not (args.run or args.backbone):
        made.error("say --run RUN, or --backbone NAME")
    from bottleneck.core.errors import DataError  # noqa: PLC0415 - --help stays light
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
            cache=args.cache,
            columns=args.columns or (),
            like=args.like,
            force=args.force,
            engine=args.engine,
            devices=args.devices,
            batch_size=args.batch_size,
            threads=args.threads,
        ),
        reporter,
    )
    console.result(report, lines(report), as_json=args.json)
    if not report["unusable"]:
        return 0
    n = len(report["images"])
    reporter.warn(f"{report['unusable']} of {n} images could not be used: they have no answer")
    return DataError.exit_code if args.strict else 0


def lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report for people; the answers only where no file holds them column by column."""
    images = report["images"]
    if report["kind"] != "class":
        return [*([] if report["columns"] else _of_targets(report)), *_ends(report)]
    most = max(len(image["top"]) for image in images)
    heading = ["image", *(f"top {i + 1}" for i in range(most))]
    found = [
        [
            image["path"],
            *(f"{entry['description']} {entry['probability']:.4f}" for entry in image["top"]),
            *([""] * (most - len(image["top"]))),
        ]
        for image in images
        if image["top"]
    ]
    return [*([] if report["columns"] else console.table([heading, *found])), *_ends(report)]


def _of_targets(report: Mapping[str, Any]) -> list[str]:
    """Return the labels that each image has, or its numbers."""
    answered = [image for image in report["images"] if image["top"]]
    if report["kind"] == "numbers":
        names = [entry["number"] for entry in answered[0]["top"]]
        values = [[_number(entry) for entry in image["top"]] for image in answered]
    else:
        names = ["labels"]
        values = [
            [
                ", ".join(
                    f"{entry['label']} {entry['probability']:.4f}"
                    for entry in image["top"]
                    if entry["passes"]
                )
                or "none"
            ]
            for image in answered
        ]
    paths = [image["path"] for image in answered]
    rows = [[path, *each] for path, each in zip(paths, values, strict=True)]
    return console.table([["image", *names], *rows])


def _number(entry: Mapping[str, Any]) -> str:
    width = f" ± {entry['width']:.3g}" if "width" in entry else ""
    return f"{entry['value']:.6g}{width}"


def _ends(report: Mapping[str, Any]) -> list[str]:
    """Return what has no answer, and how many were computed."""
    return [
        *(f"{i['path']}: cannot be used: {i['error']}" for i in report["images"] if not i["top"]),
        f"{report['computed']} computed, {report['cached']} cached, "
        f"{report['unusable']} cannot be used",
        *_file_line(report),
    ]


def _file_line(report: Mapping[str, Any]) -> list[str]:
    """Return what the file is that somebody asked for, column by column."""
    if not report["columns"]:
        return []
    columns = report["columns"]
    more = ",…" if len(columns) > MOST_COLUMNS else ""
    rows = count(report["rows"], "row")
    return [f"{report['csv']}: {rows} of {','.join(columns[:MOST_COLUMNS])}{more}"]


if __name__ == "__main__":
    sys.exit(console.run(main))
