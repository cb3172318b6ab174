"""Few-shot: how accurate a head is with a few labels a class, drawn several times."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.digest import as_void
from bottleneck.core.reporter import OneOfMany
from bottleneck.core.sample import SPLITS
from bottleneck.heads.groups import drawn
from bottleneck.heads.views import itself
from bottleneck.pictures.interval import mean_interval
from bottleneck.pipeline.learning.training_data import LEAVE_OUT, TRAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.learning.folds import Fit
    from bottleneck.pipeline.learning.judge import Judged
    from bottleneck.pipeline.learning.train_options import TrainOptions
    from bottleneck.pipeline.learning.training_data import TrainingData

FILE = "few_shot.csv"


def few_shot(
    data: TrainingData, options: TrainOptions, fit: Fit, whole: Judged, reporter: Reporter
) -> list[dict[str, Any]]:
    """Return the accuracy with so many labels a class, and at last with all of them.

    The few are drawn of the training images, and a head sees nothing but them, also where it
    chooses how it is fitted. All are judged by the same images as the whole.

    Parameters
    ----------
    fit : see `folds.cross_validate`
    whole : what the head that was fitted to all images said of those that judge
    """
    is_judged = data.split == SPLITS.index(whole.split)
    truth, views = data.labels[is_judged], data.store.recipe.views.number
    rows = itself(data.store.features_of(data.digests[is_judged]), views)
    found = []
    for n in sorted(set(options.few_shot)):
        accuracies, sizes = [], []
        for number in range(options.tries):
            few = some(data, n, number, options.seed)
            split = np.full(len(data.split), LEAVE_OUT, np.uint8)
            split[few] = TRAIN
            said = fit(split, OneOfMany(reporter)).predict(rows)
            accuracies.append(float((said.argmax(axis=1) == truth).mean()))
            sizes.append(len(few))
        found.append(_entry(n, sizes[0], accuracies))
        reporter.say(f"{n} a class: accuracy {found[-1]['accuracy']:.4f}, {options.tries} tries")
    _warn_of_small_classes(data, options.few_shot, reporter)
    return [*found, _entry(None, int((data.split == TRAIN).sum()), [whole.figures["accuracy"]])]


def some(data: TrainingData, n: int, number: int, seed: int) -> NDArray[np.int64]:
    """Return the positions of `n` training images of each class, or of all that it has.

    Drawn by what the images are, so that more of them in the source change little; those of a
    smaller `n` are among those of a larger one. An image that is there twice counts once.
    """
    train = np.flatnonzero(data.split == TRAIN)
    _, first = np.unique(as_void(data.digests[train]), return_index=True)
    train = train[np.sort(first)]
    order = drawn(data.digests[train], f"few {number}", seed)
    found = []
    for c in np.unique(data.labels[train]):
        mine = np.flatnonzero(data.labels[train] == c)
        found.append(train[mine[np.argsort(order[mine], kind="stable")[:n]]])
    return np.sort(np.concatenate(found))


def _entry(n: int | None, images: int, accuracies: list[float]) -> dict[str, Any]:
    interval = mean_interval(accuracies)
    return {
        "labels": n,
        "images": images,
        "tries": len(accuracies),
        "accuracy": float(np.mean(accuracies)),
        "interval": None if interval is None else np.clip(interval, 0, 1).tolist(),
        "each": accuracies,
    }


def _warn_of_small_classes(data: TrainingData, asked: Sequence[int], reporter: Reporter) -> None:
    counts = np.bincount(data.labels[data.split == TRAIN])
    n = int(((counts > 0) & (counts < max(asked))).sum())
    if n:
        reporter.warn(
            f"{n} of {len(data.samples.classes)} classes have fewer than {max(asked)} training "
            "images: all of theirs are taken"
        )


def as_csv(entries: Sequence[dict[str, Any]]) -> bytes:
    """Return a line for each try: labels a class (or all), which try, and the accuracy."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["labels", "images", "try", "accuracy"])
    for entry in entries:
        for number, accuracy in enumerate(entry["each"], 1):
            writer.writerow([entry["labels"] or "all", entry["images"], number, accuracy])
    return text.getvalue().encode()
