"""How good a head is, on rows that it was not fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.sample import SPLITS
from bottleneck.heads import label_metrics, metrics, number_metrics
from bottleneck.heads.calibration import honesty, honesty_of_labels
from bottleneck.heads.groups import numbers
from bottleneck.heads.resampled import intervals_of_labels, intervals_of_numbers
from bottleneck.heads.views import itself
from bottleneck.pipeline.learning.training_data import TEST, TRAIN, VALIDATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from bottleneck.heads.task import Fitted
    from bottleneck.pipeline.learning.training_data import TrainingData


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """What a head said of the rows that it is judged by.

    Attributes
    ----------
    split : test where there are such rows, else val; or folds, see `folds.Folded`
    at : (n,) positions of those rows among the samples
    probabilities : (n, outputs) float32
        Of classes or labels; of numbers what was predicted.
    figures : as the metrics of this kind of target have them, with kind, split and baseline
    thresholds : of each label, the probability from which on it counts as there; chosen by the
        validation rows, and empty for other kinds of targets
    """

    split: str
    at: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    figures: Mapping[str, Any]
    thresholds: tuple[float, ...] = ()


def judge(fitted: Fitted, data: TrainingData) -> Judged:
    """Judge a head by the test rows, or by the validation rows where there are none."""
    split = "test" if data.counts["test"] else "val"
    is_judged = data.split == SPLITS.index(split)
    truth = data.targets[is_judged]
    if split == "test":
        rows = data.store.features_of(data.digests[data.split == TEST])
        said = fitted.predict(itself(rows, data.store.recipe.views.number))
    elif len(truth):  # by the fit that had not seen them
        said = fitted.validation
    else:
        said = np.zeros((0, len(data.names)), np.float32)
    thresholds = _thresholds(fitted, data) if data.kind == "labels" else ()
    figures = {
        "kind": data.kind,
        "split": split,
        "accuracy": None,  # of classes alone
        "top5": None,
        **_figures(said, truth, data, thresholds),
        **_intervals(said, truth, data, numbers(data.belongs[is_judged])),
    }
    return Judged(
        split=split,
        at=data.at[is_judged],
        probabilities=said,
        figures=figures,
        thresholds=thresholds,
    )


def _thresholds(fitted: Fitted, data: TrainingData) -> tuple[float, ...]:
    """Return the threshold of each label, by the fit that had not seen the validation rows."""
    if not data.counts["val"]:
        return (label_metrics.UNCHOSEN,) * len(data.names)
    return label_metrics.best_thresholds(fitted.validation, data.targets[data.split == VALIDATION])


def _intervals(
    said: NDArray[np.float32],
    truth: NDArray[Any],
    data: TrainingData,
    units: NDArray[np.int64],
) -> dict[str, Any]:
    """Return how sure the figures of labels and of numbers are; that of an accuracy is counted."""
    if data.kind == "class":
        return {}
    of = intervals_of_labels if data.kind == "labels" else intervals_of_numbers
    return {"intervals": of(said, truth, units)}


def _figures(
    said: NDArray[np.float32],
    truth: NDArray[Any],
    data: TrainingData,
    thresholds: tuple[float, ...],
) -> dict[str, Any]:
    """Return the figures of this kind of target."""
    trained = data.targets[data.split == TRAIN]
    if data.kind == "labels":
        found = label_metrics.evaluate_labels(said, truth, data.names, thresholds)
        return {**found, **honesty_of_labels(said, truth)}
    if data.kind == "numbers":
        mean = number_metrics.known_mean(trained)
        return number_metrics.evaluate_numbers(said, truth, data.names, mean)
    return {
        **metrics.evaluate(said, truth, data.names),
        **honesty(said, truth),
        "baseline": metrics.majority_baseline(trained, truth),
    }
