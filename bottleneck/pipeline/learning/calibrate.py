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
    as_choices,
    honesty,
    honesty_of_labels,
    reliability,
    temperature,
    tempered,
    tempered_labels,
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
        said, truth, part = folded.said[0], data.targets[folded.at], folded.fold[0]
    else:
        rows = data.split == VALIDATION
        said, truth = fitted.validation, data.targets[rows]
        part = (drawn(data.belongs[rows], "calibration", options.seed) % 2).astype(np.int64)
    of_labels = data.kind == "labels"
    head = Calibrated(head=fitted, temperature=_temperature(said, truth), of_labels=of_labels)
    before, by_test = judged.probabilities, judged.split == "test"
    after = _at(before, head.temperature, of_labels) if by_test else _crossed(said, truth, part)
    of = data.samples.labels if data.samples.targets is None else data.samples.targets.values
    judged_by = of[judged.at]
    figures = {
        **judged.figures,
        **_honesty(after, judged_by),
        "calibration": {
            "temperature": head.temperature,
            "samples": len(truth),
            "before": _with_bins(before, judged_by),
            "after": _with_bins(after, judged_by),
        },
    }
    thresholds = _thresholds(judged, head.temperature)
    if of_labels:
        each = figures["labels"].items()
        figures["labels"] = {
            name: {**found, "threshold": threshold}
            for (name, found), threshold in zip(each, thresholds, strict=True)
        }
    return head, replace(judged, probabilities=after, figures=figures, thresholds=thresholds)


def _thresholds(judged: Judged, at: float) -> tuple[float, ...]:
    """Return the thresholds of labels as they are at another temperature: they part the same."""
    before = np.array([judged.thresholds], np.float32)
    return tuple(tempered_labels(before, at)[0].tolist())


def _temperature(said: NDArray[np.float32], truth: NDArray[Any]) -> float:
    return temperature(*(as_choices(said, truth) if truth.ndim == 2 else (said, truth)))


def _at(said: NDArray[np.float32], at: float, of_labels: bool) -> NDArray[np.float32]:
    return tempered_labels(said, at) if of_labels else tempered(said, at)


def _honesty(said: NDArray[np.float32], truth: NDArray[Any]) -> dict[str, Any]:
    return honesty_of_labels(said, truth) if truth.ndim == 2 else honesty(said, truth)


def _crossed(
    said: NDArray[np.float32], truth: NDArray[Any], part: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return probabilities (n, k), those of each part at the temperature of all others."""
    found = np.empty_like(said)
    for i in np.unique(part):
        mine = part == i
        found[mine] = _at(said[mine], _temperature(said[~mine], truth[~mine]), truth.ndim == 2)
    return found


def _with_bins(said: NDArray[np.float32], truth: NDArray[Any]) -> dict[str, Any]:
    bins = reliability(*(as_choices(said, truth) if truth.ndim == 2 else (said, truth)))
    return {**_honesty(said, truth), "bins": [asdict(each) for each in bins]}
