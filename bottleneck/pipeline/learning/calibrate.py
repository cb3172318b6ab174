"""Calibrate: probabilities as sure as they are right; of numbers, how far off they may be.

No row is judged at a temperature, or within a width, that it had a part in choosing. Test rows, and
each fold, had a part in nothing else of the head that they judge; validation rows, where they
judge, may have chosen when a training stops, how many neighbours vote, how far means are shrunk.
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
from bottleneck.heads.conformal import LEVEL, covered, widths
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
    said, truth, part = _unseen(fitted, data, options, folded)
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


def with_widths(
    fitted: Fitted,
    judged: Judged,
    data: TrainingData,
    options: TrainOptions,
    folded: Folded | None,
) -> Judged:
    """Return what is judged of numbers with the width of each one's interval; see `conformal`.

    By the rows that `calibrated` takes, in the same way.
    """
    said, truth, part = _unseen(fitted, data, options, folded)
    width = widths(said, truth)
    if judged.split == "test":
        assert data.samples.targets is not None
        share = covered(judged.probabilities, data.samples.targets.values[judged.at], width)
    else:
        of_rows = np.empty(said.shape)
        for i in np.unique(part):
            of_rows[part == i] = widths(said[part != i], truth[part != i])
        share = covered(said, truth, of_rows)
    each = {
        name: {"width": _known(width[i]), "coverage": _known(share[i])}
        for i, name in enumerate(data.names)
    }
    numbers = {name: {**found, **each[name]} for name, found in judged.figures["numbers"].items()}
    calibration = {"level": LEVEL, "samples": len(truth), "numbers": each}
    figures = {**judged.figures, "numbers": numbers, "calibration": calibration}
    return replace(judged, figures=figures)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _unseen(
    fitted: Fitted, data: TrainingData, options: TrainOptions, folded: Folded | None
) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[np.int64]]:
    """Return what was said of rows by fits that had not seen them, the truth, and their parts."""
    if folded is not None:
        return folded.said[0], data.targets[folded.at], folded.fold[0]
    rows = data.split == VALIDATION
    half = (drawn(data.belongs[rows], "calibration", options.seed) % 2).astype(np.int64)
    return fitted.validation, data.targets[rows], half


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
