"""Folds: every image is judged by a fit that has seen nothing of it, nor of its group."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.reporter import OneOfMany
from bottleneck.core.sample import show_key
from bottleneck.core.text import cell
from bottleneck.heads import metrics
from bottleneck.heads.calibration import honesty
from bottleneck.heads.groups import drawn, fold_of, numbers
from bottleneck.heads.views import itself
from bottleneck.pictures.interval import mean_interval
from bottleneck.pipeline.learning.judge import Judged
from bottleneck.pipeline.learning.training_data import LEAVE_OUT, TRAIN, VALIDATION

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.heads.task import Fitted
    from bottleneck.pipeline.learning.train_options import TrainOptions
    from bottleneck.pipeline.learning.training_data import TrainingData

    Fit = Callable[[NDArray[np.uint8], Reporter], Fitted]  # of a split of the data

FILE = "out_of_fold.csv"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Folded:
    """What the fits of all folds say of the n images that they were not fitted on.

    Attributes
    ----------
    at : (n,) positions among those of the data
    fold : (repeats, n) from 0 to below k
    probabilities : (repeats, n, classes) float32
    accuracies : of each fold of each repeat
    """

    k: int
    at: NDArray[np.int64]
    fold: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    accuracies: list[float]

    def to_json(self) -> dict[str, Any]:
        """Return the mean accuracy, its interval and the accuracy of each fold."""
        interval = mean_interval(self.accuracies, 1 / (self.k - 1))
        return {
            "k": self.k,
            "repeats": len(self.fold),
            "samples": len(self.at),
            "accuracy": float(np.mean(self.accuracies)),
            "interval": None if interval is None else np.clip(interval, 0, 1).tolist(),
            "each": self.accuracies,
        }

    def judged(self, data: TrainingData) -> Judged:
        """Return what is said of every image, in the first repeat, as a head is judged."""
        labels, probabilities = data.labels[self.at], self.probabilities[0]
        figures = {
            "kind": data.kind,
            "split": "folds",
            **metrics.evaluate(probabilities, labels, data.samples.classes),
            **honesty(probabilities, labels),
            "baseline": metrics.majority_baseline(labels, labels),
        }
        at = data.at[self.at]
        return Judged(split="folds", at=at, probabilities=probabilities, figures=figures)

    def to_csv(self, data: TrainingData) -> bytes:
        """Return a line for each image of each repeat: what it is, and what was said of it.

        No cell is a formula to a spreadsheet; see `core.text.cell`.
        """
        classes = [*map(cell, data.samples.classes)]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        again = ["repeat"] if len(self.fold) > 1 else []
        said = [cell(f"probability {name}") for name in data.samples.classes]
        writer.writerow(["key", "label", *again, "fold", "predicted", *said])
        keys, labels = data.samples.keys[data.at[self.at]], data.labels[self.at]
        for repeat, (fold, probabilities) in enumerate(
            zip(self.fold, self.probabilities, strict=True), 1
        ):
            best = probabilities.argmax(axis=1)
            for i, key in enumerate(keys):
                which = [repeat, fold[i] + 1] if again else [fold[i] + 1]
                named = [cell(show_key(bytes(key))), classes[labels[i]], *which, classes[best[i]]]
                writer.writerow([*named, *probabilities[i]])
        return text.getvalue().encode()


def cross_validate(
    data: TrainingData, options: TrainOptions, fit: Fit, reporter: Reporter
) -> Folded:
    """Fit once for each fold, to the images of the others, and judge it by its own.

    What trains and what validates within the others is drawn as without folds; the images that are
    tested are in no fold.

    Parameters
    ----------
    fit : fits the head to a split of the data; rows of neither train nor val are not looked at

    Raises
    ------
    UsageError
        Fewer images or groups than folds.
    DataError
        As the head's fit does.
    """
    k, classes = options.folds, data.samples.classes
    at = np.flatnonzero((data.split == TRAIN) | (data.split == VALIDATION))
    labels = data.labels[at]
    _warn_of_small_classes(data, at, k, reporter)
    folds = np.empty((options.repeats, len(at)), np.int64)
    said = np.empty((options.repeats, len(at), len(classes)), np.float32)
    accuracies = []
    views = data.store.recipe.views.number
    for repeat in range(options.repeats):
        order = drawn(data.belongs[at], f"folds {repeat}", options.seed)
        folds[repeat] = fold_of(order, labels, k, classes)
        for i in range(k):
            mine = folds[repeat] == i
            split = data.split.copy()
            split[at[mine]] = LEAVE_OUT
            rows = data.store.features_of(data.digests[at[mine]])
            said[repeat, mine] = fit(split, OneOfMany(reporter)).predict(itself(rows, views))
            right = said[repeat, mine].argmax(axis=1) == labels[mine]
            accuracies.append(float(right.mean()))
            again = f" of repeat {repeat + 1}" if options.repeats > 1 else ""
            reporter.say(f"fold {i + 1} of {k}{again}: accuracy {accuracies[-1]:.4f}")
    return Folded(k=k, at=at, fold=folds, probabilities=said, accuracies=accuracies)


def _warn_of_small_classes(
    data: TrainingData, at: NDArray[np.int64], k: int, reporter: Reporter
) -> None:
    """Say how many classes cannot be in every fold."""
    pairs = np.unique(np.stack([numbers(data.belongs)[at], data.labels[at]]), axis=1)
    counts = np.bincount(pairs[1])
    n = int(((counts > 0) & (counts < k)).sum())
    if n:
        reporter.warn(
            f"{n} of {len(data.samples.classes)} classes have fewer than {k} images (or groups), "
            "so that some folds have none of them"
        )
