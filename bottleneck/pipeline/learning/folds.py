"""Folds: every image is judged by a fit that has seen nothing of it, nor of its group."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.figures import BOUNDS, MAIN, OF_FOLDS, WORDS
from bottleneck.core.reporter import OneOfMany
from bottleneck.core.sample import show_key
from bottleneck.core.text import cell
from bottleneck.heads import label_metrics, metrics, number_metrics
from bottleneck.heads.calibration import honesty, honesty_of_labels
from bottleneck.heads.groups import drawn, fold_of, numbers
from bottleneck.heads.views import itself
from bottleneck.pictures.interval import mean_interval
from bottleneck.pipeline.learning.judge import Judged
from bottleneck.pipeline.learning.strata import strata_of
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
    said : (repeats, n, outputs) float32
        Probabilities of classes or labels; of numbers what was predicted.
    each : of each figure its value in each fold of each repeat; None where a fold does not tell it
    """

    k: int
    kind: str
    at: NDArray[np.int64]
    fold: NDArray[np.int64]
    said: NDArray[np.float32]
    each: dict[str, list[float | None]]

    def to_json(self) -> dict[str, Any]:
        """Return the mean of each figure, its interval and what it is in each fold.

        What belongs to the main one stands at the top as well.
        """
        figures = {name: self._mean(name) for name in self.each}
        main = figures[MAIN[self.kind]]
        return {
            "k": self.k,
            "repeats": len(self.fold),
            "samples": len(self.at),
            MAIN[self.kind]: main["mean"],
            "interval": main["interval"],
            "each": main["each"],
            "figures": figures,
        }

    def _mean(self, name: str) -> dict[str, Any]:
        known = [value for value in self.each[name] if value is not None]
        interval = mean_interval(known, 1 / (self.k - 1))
        return {
            "mean": float(np.mean(known)) if known else None,
            "interval": None if interval is None else np.clip(interval, *BOUNDS[name]).tolist(),
            "each": self.each[name],
        }

    def judged(self, data: TrainingData) -> Judged:
        """Return what is said of every image, in the first repeat, as a head is judged.

        The threshold of each label is that of all images, and each fold is judged at those of the
        other folds.
        """
        truth, said, at = data.targets[self.at], self.said[0], data.at[self.at]
        figures: dict[str, Any] = {
            "kind": data.kind, "split": "folds", "accuracy": None, "top5": None,
        }  # fmt: skip
        thresholds: tuple[float, ...] = ()
        if data.kind == "labels":
            thresholds = label_metrics.best_thresholds(said, truth)
            crossed = self._crossed_thresholds(truth)
            figures |= label_metrics.evaluate_labels(said, truth, data.names, thresholds, crossed)
            figures |= honesty_of_labels(said, truth)
        elif data.kind == "numbers":
            mean = number_metrics.known_mean(truth)
            figures |= number_metrics.evaluate_numbers(said, truth, data.names, mean)
        else:
            figures |= {
                **metrics.evaluate(said, truth, data.names),
                **honesty(said, truth),
                "baseline": metrics.majority_baseline(truth, truth),
            }
        return Judged(
            split="folds", at=at, probabilities=said, figures=figures, thresholds=thresholds
        )

    def _crossed_thresholds(self, truth: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return for each image the thresholds (n, k) that the other folds give."""
        found = np.empty(truth.shape, np.float32)
        for i in range(self.k):
            mine = self.fold[0] == i
            found[mine] = label_metrics.best_thresholds(self.said[0][~mine], truth[~mine])
        return found

    def to_csv(self, data: TrainingData) -> bytes:
        """Return a line for each image of each repeat: what it is, and what was said of it.

        No cell is a formula to a spreadsheet; see `core.text.cell`.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        again = ["repeat"] if len(self.fold) > 1 else []
        is_class, truth = data.kind == "class", data.targets[self.at]
        word = "predicted" if data.kind == "numbers" else "probability"
        true = ["label"] if is_class else [cell(f"true {name}") for name in data.names]
        said = [cell(f"{word} {name}") for name in data.names]
        best = ["predicted"] if is_class else []
        writer.writerow(["key", *true, *again, "fold", *best, *said])
        keys = [cell(show_key(bytes(key))) for key in data.samples.keys[data.at[self.at]]]
        names = [*map(cell, data.names)]
        for repeat, (fold, each) in enumerate(zip(self.fold, self.said, strict=True), 1):
            for i, key in enumerate(keys):
                which = [repeat, fold[i] + 1] if again else [fold[i] + 1]
                if is_class:
                    answer = [names[truth[i]], *which, names[each[i].argmax()]]
                else:
                    answer = ["" if np.isnan(value) else value for value in truth[i]] + which
                writer.writerow([key, *answer, *each[i]])
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
    k, names = options.folds, data.names
    at = np.flatnonzero((data.split == TRAIN) | (data.split == VALIDATION))
    truth = data.targets[at]
    strata = strata_of(truth, data.kind, k)
    _warn_of_rare(data, at, k, reporter)
    folds = np.empty((options.repeats, len(at)), np.int64)
    said = np.empty((options.repeats, len(at), len(names)), np.float32)
    each: dict[str, list[float | None]] = {name: [] for name in OF_FOLDS[data.kind]}
    views = data.store.recipe.views.number
    for repeat in range(options.repeats):
        order = drawn(data.belongs[at], f"folds {repeat}", options.seed)
        folds[repeat] = fold_of(order, strata, k, names if data.kind == "class" else ())
        for i in range(k):
            mine = folds[repeat] == i
            split = data.split.copy()
            split[at[mine]] = LEAVE_OUT
            rows = data.store.features_of(data.digests[at[mine]])
            said[repeat, mine] = fit(split, OneOfMany(reporter)).predict(itself(rows, views))
            found = figures_of(said[repeat, mine], truth[mine], data)
            for name, values in each.items():
                values.append(found[name])
            again = f" of repeat {repeat + 1}" if options.repeats > 1 else ""
            main = found[MAIN[data.kind]]
            known = "not told" if main is None else f"{main:.4f}"
            reporter.say(f"fold {i + 1} of {k}{again}: {WORDS[MAIN[data.kind]]} {known}")
    return Folded(k=k, kind=data.kind, at=at, fold=folds, said=said, each=each)


def figures_of(
    said: NDArray[np.float32], truth: NDArray[Any], data: TrainingData
) -> dict[str, float | None]:
    """Return the figures of what was said; `core.figures.OF_FOLDS` are among them."""
    if data.kind == "labels":
        unchosen = (label_metrics.UNCHOSEN,) * len(data.names)
        return label_metrics.evaluate_labels(said, truth, data.names, unchosen)
    if data.kind == "numbers":
        mean = number_metrics.known_mean(truth)
        return number_metrics.evaluate_numbers(said, truth, data.names, mean)
    return {"accuracy": float((said.argmax(axis=1) == truth).mean())}


def _warn_of_rare(data: TrainingData, at: NDArray[np.int64], k: int, reporter: Reporter) -> None:
    """Say how many classes or labels cannot be in every fold."""
    if data.kind == "numbers":
        return
    of, what = numbers(data.belongs)[at], "classes" if data.kind == "class" else "labels"
    if data.kind == "class":
        row, output = np.arange(len(at)), data.labels[at].astype(np.int64)
    else:
        row, output = np.nonzero(data.targets[at] == 1)
    counts = np.bincount(np.unique(np.stack([of[row], output]), axis=1)[1])
    n = int(((counts > 0) & (counts < k)).sum())
    if n:
        reporter.warn(
            f"{n} of {len(data.names)} {what} have fewer than {k} images (or groups), "
            "so that some folds have none of them"
        )
