"""Predict: classes of images, from rows that are there already or are computed now.

Read, decoded and computed as the recipe says, by the driver that extractions use, and rounded as
its rows are, so that an image gets the same answer whether its row was in the store or not.
Nothing is written to the store but what an engine keeps for itself. What cannot be read has a
reason in the place of an answer.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from bottleneck.core import files
from bottleneck.core.errors import DataError, OtherRowsError, UsageError
from bottleneck.core.guest import as_guest
from bottleneck.core.paths import check_free
from bottleneck.core.reporter import SILENT
from bottleneck.engines.catalog import AUTO
from bottleneck.pipeline.extraction.compute import is_apart
from bottleneck.pipeline.extraction.inputs import find_inputs
from bottleneck.pipeline.extraction.named import compute, computer_of, reader_of
from bottleneck.pipeline.learning import classifier as classifiers
from bottleneck.pipeline.learning.answers import Answers, Predictions, as_csv
from bottleneck.pipeline.learning.submission import plan
from bottleneck.pipeline.learning.submission_sample import read_sample
from bottleneck.pipeline.network.options import NetworkOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.given import Given
    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.extraction.compute import Computer
    from bottleneck.pipeline.extraction.flow import Item, Reader
    from bottleneck.pipeline.learning.submission import Submission
    from bottleneck.pipeline.learning.submission_sample import Sample
    from bottleneck.store.store import Store

MOST_REASONS = 20  # in the message when nothing at all can be used
STORED_ROWS = 1024  # gathered at once


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictOptions:
    """What `bottleneck predict` is asked for; the words of its command line."""

    images: tuple[str | Given, ...]  # files, folders, patterns, and whatever --data can be
    run: str | None = None
    network: NetworkOptions = field(default_factory=NetworkOptions)
    classes: str | None = None  # of a backbone's own top: imagenet, or a file, one name per line
    top: int = 3
    csv: Path | None = None
    cache: Path | None = None  # the store whose run is named
    columns: tuple[str, ...] = ()  # of the CSV file, as `submission.plan` takes them
    like: Path | None = None  # a sample of a submission
    force: bool = False  # the CSV file may replace one
    engine: str | None = None
    devices: str | None = None
    batch_size: int | None = None
    threads: int | None = None


@as_guest()
def predict(options: PredictOptions, reporter: Reporter = SILENT) -> dict[str, Any]:
    """Return the classes of each image (DESIGN's keys); write them as CSV where that is asked.

    Raises
    ------
    BottleneckError
        As `predictions` does, and where the CSV file cannot be made as it is asked for.
    """
    started = time.perf_counter()
    sample = _checked(options)
    asked = bool(options.columns) or sample is not None
    answers = _asked(options if not asked else replace(options, top=sys.maxsize), reporter)
    classifier = answers.classifier
    made: Submission | None = None
    if asked:
        names = [name for name, _ in classifier.classes]
        made = plan(options.columns, sample, answers.inputs, names, classifier.kind)
        n_others = len(answers.inputs.readable) - len(set(made.at))
        if sample is not None and n_others:
            reporter.say(f"{n_others} of the images are not in {sample.path}")
    computer = _fill(answers, options, reporter)
    images = answers.to_json(options.top if classifier.kind == "class" else None)
    if options.csv is not None:
        data = made.to_csv(answers.to_arrays()) if made else as_csv(images, options.top, classifier)
        (files.replace if options.force else files.publish_bytes)(options.csv, data)
    return {
        "verb": "predict",
        "run": None if classifier.run is None else str(classifier.run),
        "backbone": classifier.backbone,
        "kind": classifier.kind,
        "images": images,
        "unusable": sum(image["error"] is not None for image in images),
        "computed": answers.n_computed,
        "cached": answers.n_cached,
        "csv": None if options.csv is None else str(options.csv),
        "columns": None if made is None else list(made.header),
        "rows": None if made is None else len(made.ids),
        "engine": computer.provenance.get("engine"),
        "canaries": computer.canaries,
        "seconds": round(time.perf_counter() - started, 3),
    }


@as_guest()
def predictions(options: PredictOptions, reporter: Reporter = SILENT) -> Predictions:
    """Return the probabilities of all classes of each image.

    Raises
    ------
    DataError
        When no image at all can be used; of a source alone that cannot be listed, its own error.
    OtherRowsError
        When this machine computes other rows than the store of the run holds.
    RecipeError
        When the run's network is another one by now.
    """
    answers = _asked(replace(options, top=sys.maxsize), reporter)
    _fill(answers, options, reporter)
    return answers.to_arrays()


def _checked(options: PredictOptions) -> Sample | None:
    """Return the sample of a submission, if there is one; UsageError for what cannot be meant."""
    if options.csv is not None:
        advice = "choose another name, or say --force to replace it"
        check_free(options.csv, may_replace=options.force, advice=advice)
    else:
        said = {"--columns": options.columns, "--like": options.like, "--force": options.force}
        for flag in (flag for flag, value in said.items() if value):
            raise UsageError("says what a CSV file is like", flag, "name the file: --csv FILE")
    return None if options.like is None else read_sample(options.like)


def _asked(options: PredictOptions, reporter: Reporter) -> Answers:
    """Return who answers and which images are asked about; nothing is known of them yet."""
    if options.run is not None and options.classes is not None:
        raise UsageError("the run names its classes", "--classes", "omit it")
    if options.run is None and options.cache is not None:
        raise UsageError("says whose run is meant", "--cache", "say --run last, or another")

    def apart(store: Store | None) -> bool:
        return is_apart(options.engine or AUTO, options.devices, store)

    classifier = (
        classifiers.of_backbone(options.network, options.classes, reporter, apart)
        if options.run is None
        else classifiers.of_run(options.run, options.network, reporter, apart, options.cache)
    )
    inputs = find_inputs(options.images, reporter)
    n_outputs = len(classifier.classes)
    # Of labels and numbers there is an answer for each.
    n_top = min(options.top, n_outputs) if classifier.kind == "class" else n_outputs
    return Answers(inputs=inputs, classifier=classifier, n_top=n_top)


def _fill(answers: Answers, options: PredictOptions, reporter: Reporter) -> Computer:
    """Find out whatever can be known of the images; return what computed it."""
    classifier, inputs = answers.classifier, answers.inputs
    reader = reader_of(inputs, classifier.network, classifier.store)
    computer = computer_of(
        reader,
        classifier.network,
        classifier.store,
        len(inputs),
        engine=options.engine,
        devices=options.devices,
        batch_size=options.batch_size,
    )
    try:
        _compute(answers, reader, computer, options.threads, reporter)
    except OtherRowsError as error:
        raise OtherRowsError(
            error.what,
            "nothing was predicted",
            "use the versions that computed the stored rows",
            *error.details,
        ) from error
    _look_up(answers)
    if not answers.top:
        _refuse(answers)
    return computer


def _compute(
    answers: Answers, reader: Reader, computer: Computer, threads: int | None, reporter: Reporter
) -> None:
    """Read everything, and answer for the images that have no row yet."""

    def took(item: Item) -> None:
        if item.digest is None:
            answers.unread[item.index] = item.failure or "cannot be read"
            return
        answers.digests[item.index] = item.digest
        if item.failure is not None:
            answers.failed[item.digest] = item.failure

    def computed(items: Sequence[Item], rows: NDArray[Any], misfits: Mapping[int, str]) -> None:
        digests = [item.digest or b"" for item in items]
        good = [i for i in range(len(digests)) if i not in misfits]
        answers.failed.update({digests[i]: reason for i, reason in misfits.items()})
        answers.add([digests[i] for i in good], rows[good])
        answers.n_computed += len(good)

    compute(answers.inputs, reader, computer, threads, took, computed, reporter, "predict")


def _look_up(answers: Answers) -> None:
    """Answer for the images whose rows are in the store."""
    store, left = answers.classifier.store, answers.unanswered()
    for at in range(0, len(left), STORED_ROWS):
        assert store is not None
        some = left[at : at + STORED_ROWS]
        rows = store.rows(np.frombuffer(b"".join(some), np.uint8).reshape(-1, 32))
        answers.add(some, store.recipe.views.first(rows))


def _refuse(answers: Answers) -> NoReturn:
    """Say why there is no answer at all."""
    entries, refused = answers.inputs.entries, answers.inputs.refused
    if refused and len(entries) == len(refused):  # nothing but sources, which say what to do
        first = refused[0]
        raise type(first)(first.what, first.where, first.do, *first.details, *map(str, refused[1:]))
    reasons = [
        f"{entry.path}: {answers.error(i)}" for i, entry in enumerate(entries[:MOST_REASONS])
    ]
    raise DataError(
        f"none of {len(entries)} images can be used", "predict", "check their paths", *reasons
    )
