"""Calibrate: probabilities that are as sure as they are right, and how sure they were before.

No row is judged at a temperature that it had a part in choosing. Test rows, and each fold, had a
part in nothing else of the head that they judge; validation rows, where they judge, may have chosen
when a training stops, how many neighbours vote, how far means are shrunk.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.heads.calibration import (
    Calibrated,
    honesty,
    reliability,
    temperature,
    tempered,
)
from bottleneck.heads.groups import drawn
from bottleneck.pipeline.learning.training_data import VALIDATION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.heads.task import Fitted
    from bottleneck.pipeline.learning.folds import Folded
    from bottleneck.pipeline.learning.judge import Judged
    from bottleneck.pipeline.learning.train_options import TrainOptions
    from bottleneck.pipeline.learning.training_data import TrainingData


def calibrated(
    fitted: Fitted,
    judged: Judged,
    data: TrainingData,
    options: TrainOptions,
    folded: Folded | None,
) -> tuple[Calibrated, Judged]:
    """Return the head at the temperature of rows that it had not seen, and what that changes.

    Those rows are all that were folded, or else the validation rows. Where they also judge, each
    half of them (or each fold) is judged at the temperature of the rest.
    """
    if folded is not None:
        said, labels, part = folded.said[0], data.labels[folded.at], folded.fold[0]
    else:
        rows = data.split == VALIDATION
        said, labels = fitted.validation, data.labels[rows]
        part = (drawn(data.belongs[rows], "calibration", options.seed) % 2).astype(np.int64)
    head = Calibrated(head=fitted, temperature=temperature(said, labels))
    before, by_test = judged.probabilities, judged.split == "test"
    after = tempered(before, head.temperature) if by_test else _crossed(said, labels, part)
    truth = data.samples.labels[judged.at]
    figures = {
        **judged.figures,
        **honesty(after, truth),
        "calibration": {
            "temperature": head.temperature,
            "samples": len(labels),
            "before": _with_bins(before, truth),
            "after": _with_bins(after, truth),
        },
    }
    return head, replace(judged, probabilities=after, figures=figures)


def _crossed(
    said: NDArray[np.float32], labels: NDArray[np.int32], part: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return probabilities (n, k), those of each part at the temperature of all others."""
    found = np.empty_like(said)
    for i in np.unique(part):
        mine = part == i
        found[mine] = tempered(said[mine], temperature(said[~mine], labels[~mine]))
    return found


def _with_bins(probabilities: NDArray[np.float32], labels: NDArray[np.int32]) -> dict[str, Any]:
    bins = reliability(probabilities, labels)
    return {**honesty(probabilities, labels), "bins": [asdict(each) for each in bins]}
