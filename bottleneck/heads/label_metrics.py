"""How good predictions of labels are, of which an image may have several.

Each label is judged by itself, over the rows for which it is known: by its average precision, which
needs no threshold, and by precision, recall and F1 at its threshold. Macro figures are means over
labels that some judged row has; micro figures take all labels of all rows together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.heads.metrics import SMALLEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

UNCHOSEN = 0.5  # the threshold of a label that nothing tells one of


def binary_loss(probabilities: NDArray[np.float32], truth: NDArray[np.float32]) -> float | None:
    """Return the mean binary cross-entropy over what is known, in nats; None where nothing is.

    Parameters
    ----------
    probabilities : (n, k)
    truth : (n, k), 0 or 1, NaN where it is not known
    """
    known = ~np.isnan(truth)
    if not known.any():
        return None
    right = np.where(truth == 1, probabilities, 1 - probabilities.astype(np.float64))[known]
    return float(-np.log(np.maximum(right, SMALLEST)).mean())


def average_precision(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> float | None:
    """Return the sum of precisions, each weighted by the recall that it adds; None without a true.

    Parameters
    ----------
    scores : (n,); equal ones are one step
    truth : (n,)
    """
    hits, n_taken, _ = _steps(scores, truth)
    if not len(hits) or not hits[-1]:
        return None
    gained = np.diff(hits, prepend=0)
    return float((gained * hits / n_taken).sum() / hits[-1])


def best_threshold(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Return the probability from which on a label counts as there: that of the highest F1.

    It lies midway to the next lower score. Without rows that have the label it is one half.

    Parameters
    ----------
    scores : (n,), from 0 to 1
    truth : (n,)
    """
    hits, n_taken, values = _steps(scores, truth)
    if not len(hits) or not hits[-1]:
        return UNCHOSEN
    best = int((2 * hits / (n_taken + hits[-1])).argmax())
    below = values[best + 1] if best + 1 < len(values) else 0.0
    return float((float(values[best]) + float(below)) / 2)


def best_thresholds(
    probabilities: NDArray[np.float32], truth: NDArray[np.float32]
) -> tuple[float, ...]:
    """Return `best_threshold` of each column; truth is NaN where it is not known."""
    found = []
    for column, scores in zip(truth.T, probabilities.T, strict=True):
        known = ~np.isnan(column)
        found.append(best_threshold(scores[known], column[known] == 1))
    return tuple(found)


def evaluate_labels(
    probabilities: NDArray[np.float32],
    truth: NDArray[np.float32],
    names: Sequence[str],
    thresholds: Sequence[float],
    of_rows: NDArray[np.float32] | None = None,
) -> dict[str, Any]:
    """Return macro and micro average precision and F1, the loss, and figures of each label.

    Parameters
    ----------
    probabilities : (n, k) float32
    truth : (n, k) float32, 0 or 1, NaN where it is not known
    names, thresholds : k of each
    of_rows : (n, k), the thresholds at which each row is judged; None for `thresholds`

    Returns
    -------
    dict
        Of a label, `samples` counts the rows for which it is known, and `positives` those that
        have it. A figure is None where nothing tells it.
    """
    known, is_true = ~np.isnan(truth), truth == 1
    at = np.asarray(thresholds, np.float32) if of_rows is None else of_rows
    is_said = (probabilities >= at) & known
    hits, said = (is_said & is_true).sum(axis=0), is_said.sum(axis=0)
    positives = is_true.sum(axis=0)
    each: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(names):
        told = known[:, i]
        each[name] = {
            "samples": int(told.sum()),
            "positives": int(positives[i]),
            "average_precision": average_precision(probabilities[told, i], is_true[told, i]),
            "f1": _ratio(2 * hits[i], said[i] + positives[i]),
            "precision": _ratio(hits[i], said[i]),
            "recall": _ratio(hits[i], positives[i]),
            "threshold": float(thresholds[i]),
        }
    judged = [found for found in each.values() if found["positives"]]
    return {
        "samples": len(truth),
        "macro_average_precision": _mean([found["average_precision"] for found in judged]),
        "micro_average_precision": average_precision(probabilities[known], is_true[known]),
        "macro_f1": _mean([found["f1"] for found in judged]),
        "micro_f1": _ratio(2 * hits.sum(), said.sum() + positives.sum()),
        "loss": binary_loss(probabilities, truth),
        # The average precision of an order by chance.
        "baseline": _mean([found["positives"] / found["samples"] for found in judged]),
        "labels": each,
    }


def _steps(
    scores: NDArray[np.float32], truth: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return of each different score, from high to low, how many true and how many are above it.

    Those of the score itself are counted too.
    """
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)])
    return np.cumsum(truth[order], dtype=np.int64)[ends], ends + 1, ordered[ends]


def _ratio(part: np.int64, whole: np.int64) -> float | None:
    return float(part / whole) if whole else None


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
