"""What a network is trained by: its last layer, its loss and how it is judged, by kind of target.

A network ends in one dense layer, and one more that makes predictions of its outputs: a softmax of
classes, a sigmoid of each label, and of numbers their scale, because the network learns them
standardised. The loss is taken of the dense layer's outputs (see `training`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.frameworks import import_keras
from bottleneck.heads.label_metrics import binary_loss
from bottleneck.heads.masked_regression import huber
from bottleneck.heads.metrics import log_loss

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bottleneck.heads.task import Task

DELTA = 1.345  # of Huber's loss, in standard deviations of the training rows, taken robustly
MAD = 1.4826  # standard deviations in the median absolute deviation of normal numbers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Objective:
    """What a network is trained by.

    Attributes
    ----------
    last : returns the keras.Layer that makes predictions of outputs (n, k)
    loss : what Keras compiles: of targets (b,) or (b, k), and outputs (b, k)
    targets : of all rows of the task, as the loss is given them
    judge : callable
        Returns the figures of predictions (m, k) of these rows of the task.
    has_accuracy : whether Keras is to say how many were right
    """

    last: Callable[[], Any]
    loss: Callable[[], Any]
    targets: NDArray[Any]
    judge: Callable[[NDArray[np.float32], NDArray[np.int64]], dict[str, float]]
    has_accuracy: bool = False


def objective(task: Task, train_rows: NDArray[np.int64]) -> Objective:
    """Return what a network is trained by for this task.

    Parameters
    ----------
    train_rows : by whose mean and deviation numbers are standardised
    """
    return {"class": _classes, "labels": _labels, "numbers": _numbers}[task.kind](task, train_rows)


def _classes(task: Task, _: NDArray[np.int64]) -> Objective:
    def judge(said: NDArray[np.float32], rows: NDArray[np.int64]) -> dict[str, float]:
        truth = task.targets[rows]
        return {
            "validation_loss": log_loss(said, truth),
            "validation_accuracy": float((said.argmax(axis=1) == truth).mean()),
        }

    return Objective(
        last=lambda: import_keras().layers.Softmax(name="probabilities"),
        loss=lambda: import_keras().losses.SparseCategoricalCrossentropy(from_logits=True),
        targets=task.targets,
        judge=judge,
        has_accuracy=True,
    )


def _labels(task: Task, _: NDArray[np.int64]) -> Objective:
    def judge(said: NDArray[np.float32], rows: NDArray[np.int64]) -> dict[str, float]:
        return {"validation_loss": binary_loss(said, task.targets[rows]) or 0.0}

    def cross_entropy(y: Any, logits: Any) -> Any:
        ops = import_keras().ops
        return _of_known(y, lambda y: ops.softplus(logits) - logits * y)

    return Objective(
        last=lambda: import_keras().layers.Activation("sigmoid", name="probabilities"),
        loss=lambda: cross_entropy,
        targets=np.asarray(task.targets, np.float32),
        judge=judge,
    )


def _numbers(task: Task, train_rows: NDArray[np.int64]) -> Objective:
    is_robust = task.options.get("loss") == "huber"
    mean, scale = standards(task.targets[train_rows], robust=is_robust)
    targets = ((task.targets - mean) / scale).astype(np.float32)
    delta = DELTA if is_robust else np.inf
    of_rows = huber(delta)

    def judge(said: NDArray[np.float32], rows: NDArray[np.int64]) -> dict[str, float]:
        standardised = ((said - mean) / scale).astype(np.float32)
        return {"validation_loss": of_rows.judge(standardised, targets[rows])}

    def loss(y: Any, outputs: Any) -> Any:
        ops = import_keras().ops

        def each(y: Any) -> Any:
            error = outputs - y
            slope = error if delta == np.inf else ops.clip(error, -delta, delta)
            return slope * (error - slope / 2)

        return _of_known(y, each)

    return Objective(
        # Not Normalization(invert=True), which takes no deviation for less than 1e-7.
        last=lambda: import_keras().layers.Rescaling(
            scale.tolist(), offset=mean.tolist(), name="numbers"
        ),
        loss=lambda: loss,
        targets=targets,
        judge=judge,
    )


def _of_known(y: Any, each: Callable[[Any], Any]) -> Any:
    """Return the mean over columns of what `each` returns (b, k), where NaN in y counts nothing."""
    ops = import_keras().ops
    is_unknown = ops.isnan(y)
    found = each(ops.where(is_unknown, 0.0, y))
    return ops.mean(ops.where(is_unknown, 0.0, found), axis=-1)


def standards(
    y: NDArray[np.float32], *, robust: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and deviation (k,) of columns of numbers (n, k), as far as they are known.

    The deviation of a column that never varies is one.

    Parameters
    ----------
    robust : whether the median is taken for the mean, and the median distance from it for the
        deviation, so that outliers do not count; a column of which half is one number has the usual
    """
    mean, scale = _mean_and_deviation(y)
    for i, column in enumerate(y.T if robust else ()):
        numbers = column[~np.isnan(column)].astype(np.float64)
        middle = float(np.median(numbers)) if len(numbers) else 0.0
        spread = MAD * float(np.median(np.abs(numbers - middle))) if len(numbers) else 0.0
        if spread > 0:
            mean[i], scale[i] = middle, spread
    return mean, scale


def _mean_and_deviation(
    y: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = ~np.isnan(y)
    n = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, y, 0).sum(axis=0, dtype=np.float64) / n
    scale = np.sqrt((np.where(known, y - mean, 0) ** 2).sum(axis=0) / n)
    return mean, np.where(scale > 1e-12 * np.maximum(np.abs(mean), 1e-300), scale, 1.0)
