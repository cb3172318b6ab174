"""How good predictions are, in the usual figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

SMALLEST = 1e-12  # a probability of zero would make one mistake cost everything


def log_loss(probabilities: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    """Return the mean negative log-likelihood of the true classes, in nats; n > 0."""
    right = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(right, SMALLEST)).mean())


def evaluate(
    probabilities: NDArray[np.float32], labels: NDArray[np.int32], classes: Sequence[str]
) -> dict[str, Any]:
    """Return accuracy, top-5 accuracy, loss, precision, recall and F1, confusion counts.

    Parameters
    ----------
    probabilities : (n, k) float32
    labels : (n,) int32
    classes : k names

    Returns
    -------
    dict
        `confusion[i][j]` counts rows of class i that were predicted as j. Precision is None for a
        class that was never predicted, recall for one that has no row, F1 where both are; of no
        rows at all every figure is None. `macro` is the mean over the classes that have a row or
        were predicted, where what is None counts as 0: scikit-learn's `average="macro"`.
    """
    n_classes = len(classes)
    confusion = np.zeros((n_classes, n_classes), np.int64)
    accuracy = top5 = loss = None
    if len(labels):  # no figure can be had of none, and NaN is no JSON
        predicted = probabilities.argmax(axis=1)
        np.add.at(confusion, (labels, predicted), 1)
        right = probabilities[np.arange(len(labels)), labels]
        rank = (probabilities > right[:, None]).sum(axis=1)
        accuracy, top5 = float((predicted == labels).mean()), float((rank < 5).mean())
        loss = log_loss(probabilities, labels)
    per_class = _per_class(confusion, classes)
    return {
        "samples": len(labels),
        "accuracy": accuracy,
        "top5": top5,
        "loss": loss,
        "macro": _macro(per_class.values()),
        "classes": per_class,
        "confusion": confusion.tolist(),
    }


def _per_class(confusion: NDArray[np.int64], classes: Sequence[str]) -> dict[str, dict[str, Any]]:
    hits, truth, answers = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return {
        name: {
            "samples": int(truth[i]),
            "precision": _ratio(hits[i], answers[i]),
            "recall": _ratio(hits[i], truth[i]),
            "f1": _ratio(2 * hits[i], truth[i] + answers[i]),
        }
        for i, name in enumerate(classes)
    }


def _macro(per_class: Iterable[Mapping[str, Any]]) -> dict[str, float | None]:
    seen = [found for found in per_class if found["f1"] is not None]
    if not seen:
        return {"precision": None, "recall": None, "f1": None}
    return {
        key: float(np.mean([found[key] or 0.0 for found in seen]))
        for key in ("precision", "recall", "f1")
    }


def majority_baseline(train_labels: NDArray[np.int32], labels: NDArray[np.int32]) -> float | None:
    """Return the accuracy on `labels` of always saying the commonest class of the training rows.

    None where no row has that class, so that the figure would say nothing.
    """
    right = labels == np.bincount(train_labels).argmax()
    return float(right.mean()) if right.any() else None


def _ratio(part: np.int64, whole: np.int64) -> float | None:
    return float(part / whole) if whole else None
