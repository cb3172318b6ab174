"""How good a head is, on rows that it was not fitted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.sample import SPLITS
from bottleneck.heads import metrics
from bottleneck.heads.calibration import honesty
from bottleneck.heads.views import itself
from bottleneck.pipeline.learning.training_data import TEST, TRAIN

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
    probabilities : (n, classes) float32
    figures : as `heads.metrics.evaluate` has them, with the split and the baseline
    """

    split: str
    at: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    figures: Mapping[str, Any]


def judge(fitted: Fitted, data: TrainingData) -> Judged:
    """Judge a head by the test rows, or by the validation rows where there are none."""
    split = "test" if data.counts["test"] else "val"
    is_judged = data.split == SPLITS.index(split)
    classes, truth = data.samples.classes, data.labels[is_judged]
    if split == "test":
        rows = data.store.features_of(data.digests[data.split == TEST])
        probabilities = fitted.predict(itself(rows, data.store.recipe.views.number))
    elif len(truth):  # by the fit that had not seen them
        probabilities = fitted.validation
    else:
        probabilities = np.zeros((0, len(classes)), np.float32)
    figures = {
        "split": split,
        **metrics.evaluate(probabilities, truth, classes),
        **honesty(probabilities, truth),
        "baseline": metrics.majority_baseline(data.labels[data.split == TRAIN], truth),
    }
    return Judged(split=split, at=data.at[is_judged], probabilities=probabilities, figures=figures)
