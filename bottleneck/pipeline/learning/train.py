"""Train: look at the data, fit a head, judge it, record the run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import UsageError
from bottleneck.core.guest import as_guest
from bottleneck.core.reporter import SILENT, Reporter
from bottleneck.heads import catalog
from bottleneck.heads.groups import numbers
from bottleneck.heads.run import check_name, name_is_taken
from bottleneck.heads.split import unlearned
from bottleneck.heads.task import Task
from bottleneck.pipeline.learning import few_shot as few_shots
from bottleneck.pipeline.learning import trackers
from bottleneck.pipeline.learning.calibrate import calibrated, with_widths
from bottleneck.pipeline.learning.folds import FILE as OUT_OF_FOLD
from bottleneck.pipeline.learning.folds import cross_validate
from bottleneck.pipeline.learning.judge import judge
from bottleneck.pipeline.learning.record import record
from bottleneck.pipeline.learning.train_options import TRIES, TrainOptions
from bottleneck.pipeline.learning.training_data import training_data
from bottleneck.pipeline.network.network import resolve
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.backbones.behind import Behind
    from bottleneck.heads.task import Fitted
    from bottleneck.pipeline.learning.training_data import TrainingData

__all__ = ["TrainOptions", "train"]

NAMED = 5  # classes in a warning
LEAST_NUMBERS = 2  # of images that differ
LARGEST_SEED = 2**53  # of whole numbers that canonical JSON, and so a receipt's checksum, can hold


@as_guest()
def train(options: TrainOptions, reporter: Reporter = SILENT) -> dict[str, Any]:
    """Fit a head and write its run; return the report (DESIGN's keys).

    Raises
    ------
    DataError
        No rows, no labels, one class.
    StaleError
        Images changed, and `on_stale` is error.
    """
    started = time.perf_counter()
    _check(options)
    told = catalog.complete(options.head, options.head_options)
    store = Store.open(options.cache)
    name = store.source_name(options.source)
    check_name(store.storage.new_runs, options.run)
    if options.run is not None and options.run in store.storage.run_names():
        raise name_is_taken(store.runs, options.run)
    trackers.check(options)
    head = catalog.load_kind(options.head)
    data = training_data(store, name, options, reporter)
    told = catalog.for_kind(options.head, told, data.kind, options.head_options)
    _announce(data, options, reporter)
    _check_judges(data, options)

    def fit(split: NDArray[np.uint8], told_of: Reporter) -> Fitted:
        return head.fit(_task(data, split, options, told, told_of))

    found: dict[str, Any] = {}
    tables: dict[str, bytes] = {}
    fitted = fit(data.split, reporter)
    judged = judge(fitted, data)
    seconds = time.perf_counter() - started  # of this head alone, not of others that judge it
    folded = cross_validate(data, options, fit, reporter) if options.folds else None
    if options.few_shot:
        found["few_shot"] = few_shots.few_shot(data, options, fit, judged, reporter)
        tables[few_shots.FILE] = few_shots.as_csv(found["few_shot"], data.kind)
    if folded is not None:
        found["folds"], tables[OUT_OF_FOLD] = folded.to_json(), folded.to_csv(data)
        judged = judged if judged.split == "test" else folded.judged(data)
    if options.calibrate:
        if data.kind == "numbers":
            judged = with_widths(fitted, judged, data, options, folded)
        else:
            fitted, judged = calibrated(fitted, judged, data, options, folded)
        found["calibration"] = judged.figures["calibration"]
    report = record(options, data, fitted, judged, seconds, reporter, found, tables)
    parameters = {
        "head": options.head, "source": name, "seed": options.seed, "recipe": store.recipe.id,
        "backbone": store.about.get("backbone"), **fitted.options,
    }  # fmt: skip
    run = Path(report["run"])
    figures = {**judged.figures, **found}
    elsewhere = trackers.tell(options, run, figures, fitted.history, parameters, reporter)
    return {**report, "told": elsewhere}


def _check(options: TrainOptions) -> None:
    """Raise UsageError for what no training can be asked for."""
    if not 0 <= options.validation_split < 1:
        raise UsageError(
            f"{options.validation_split} is not a share of the images",
            "--validation-split",
            "give a number from 0 to below 1, such as 0.2; 0 fits on all images",
        )
    if abs(options.seed) > LARGEST_SEED:
        raise UsageError(
            f"{options.seed} is too large", "--seed", "give a whole number such as 0, up to 2**53"
        )
    if options.folds and options.folds < 2:
        raise UsageError(f"{options.folds} is not several", "--folds", "give 2 or more, such as 5")
    if options.repeats != 1 and (options.repeats < 1 or not options.folds):
        raise UsageError(
            "repeats are of folds", "--repeats", "say --folds 5 as well, and 1 or more"
        )
    if options.tries != TRIES and not options.few_shot:
        raise UsageError("tries are of few labels", "--tries", "say --few-shot 1,5,10 as well")
    if any(n < 1 for n in options.few_shot) or options.tries < 1:
        raise UsageError(
            "labels a class, and tries of each, begin at 1", "--few-shot", "such as 1,5,10"
        )


def _check_judges(data: TrainingData, options: TrainOptions) -> None:
    """Raise UsageError where there is nothing to judge by, or to calibrate by."""
    if options.few_shot and data.kind == "numbers" and min(options.few_shot) < LEAST_NUMBERS:
        raise UsageError(
            "of one image no number can be learned", "--few-shot", "give 2 or more, such as 10,50"
        )
    counts, advice = data.counts, "give --validation-split 0.2, or leave it out"
    if options.few_shot and not counts["test"] + counts["val"]:
        raise UsageError("no images to judge by", "--few-shot", advice)
    if options.calibrate and not counts["val"] and not options.folds:
        raise UsageError(
            "no images that the head has not seen", "--calibrate", f"say --folds 5, or {advice}"
        )


def _announce(data: TrainingData, options: TrainOptions, reporter: Reporter) -> None:
    """Say how many images do what, and which classes cannot be learned."""
    counts, names = data.counts, data.names
    what = {"class": "classes"}.get(data.kind, data.kind)
    if len(names) == 1 and data.kind != "class":
        what = what.removesuffix("s")
    reporter.say(
        f"{data.source}: {counts['train']} to train on, {counts['val']} to validate, "
        f"{counts['test']} to test; {len(names)} {what}"
    )
    groups = data.samples.groups
    if groups and not counts["val"] + counts["test"] and options.validation_split:
        reporter.warn(
            f"the images are {len(groups.names)} groups, of which none was drawn to validate: try "
            "another --seed, or --folds 2; if they need not be kept together, extract with "
            "--group-column ''"
        )
    missing = [names[i] for i in unlearned(data.targets, data.split, data.kind)]
    if missing:
        reporter.warn(
            f"{len(missing)} of {len(names)} {what} have images to judge by and none to train "
            f"on: {', '.join(missing[:NAMED])}{', …' if len(missing) > NAMED else ''}: "
            "add images, or try another --seed"
        )


def _task(
    data: TrainingData,
    split: NDArray[np.uint8],
    options: TrainOptions,
    told: Mapping[str, Any],
    reporter: Reporter,
) -> Task:
    """Return what the head is fitted on."""
    return Task(
        rows=data.store.features_of(data.digests),
        targets=data.targets,
        split=split,
        n_outputs=len(data.names),
        kind=data.kind,
        groups=numbers(data.belongs),
        seed=options.seed,
        options={"validation_split": options.validation_split, **told},
        views=data.store.recipe.views.number,
        network=lambda: _behind(data.store),
        reporter=reporter,
    )


def _behind(store: Store) -> Behind:
    """Return what is behind the store's cut; a head is kept without code of anybody's own."""
    if store.recipe.network_version is not None:
        raise UsageError(
            "the network holds code that is not Keras' own, which no head may keep",
            "--head tail",
            "use another head",
        )
    return resolve(NetworkOptions(), store).backbone().behind()
