"""Train: look at the data, fit a head, judge it, record the run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import UsageError
from bottleneck.core.guest import as_guest
from bottleneck.core.reporter import SILENT, Reporter
from bottleneck.heads import catalog
from bottleneck.heads.run import check_name
from bottleneck.heads.split import unlearned
from bottleneck.heads.task import Task
from bottleneck.pipeline.learning import trackers
from bottleneck.pipeline.learning.judge import judge
from bottleneck.pipeline.learning.record import record
from bottleneck.pipeline.learning.train_options import TrainOptions
from bottleneck.pipeline.learning.training_data import training_data
from bottleneck.pipeline.network.network import resolve
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bottleneck.backbones.behind import Behind
    from bottleneck.pipeline.learning.training_data import TrainingData

__all__ = ["TrainOptions", "train"]

NAMED = 5  # classes in a warning
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
    check_name(store.runs, options.run)
    trackers.check(options)
    head = catalog.load_kind(options.head)
    data = training_data(store, name, options, reporter)
    told = catalog.for_kind(options.head, told, data.kind, options.head_options)
    _announce(data, reporter)
    fitted = head.fit(_task(data, options, told, reporter))
    judged = judge(fitted, data)
    report = record(options, data, fitted, judged, time.perf_counter() - started, reporter)
    parameters = {
        "head": options.head, "source": name, "seed": options.seed, "recipe": store.recipe.id,
        "backbone": store.about.get("backbone"), **fitted.options,
    }  # fmt: skip
    run = Path(report["run"])
    told = trackers.tell(options, run, judged.figures, fitted.history, parameters, reporter)
    return {**report, "told": told}


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


def _announce(data: TrainingData, reporter: Reporter) -> None:
    """Say how many images do what, and which classes cannot be learned."""
    counts, names = data.counts, data.names
    what = {"class": "classes"}.get(data.kind, data.kind)
    if len(names) == 1 and data.kind != "class":
        what = what.removesuffix("s")
    reporter.say(
        f"{data.source}: {counts['train']} to train on, {counts['val']} to validate, "
        f"{counts['test']} to test; {len(names)} {what}"
    )
    missing = [names[i] for i in unlearned(data.targets, data.split, data.kind)]
    if missing:
        reporter.warn(
            f"{len(missing)} of {len(names)} {what} have images to judge by and none to train "
            f"on: {', '.join(missing[:NAMED])}{', …' if len(missing) > NAMED else ''}: "
            "add images, or try another --seed"
        )


def _task(
    data: TrainingData, options: TrainOptions, told: Mapping[str, Any], reporter: Reporter
) -> Task:
    """Return what the head is fitted on."""
    return Task(
        rows=data.store.features_of(data.digests),
        targets=data.targets,
        split=data.split,
        n_outputs=len(data.names),
        kind=data.kind,
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
