"""How good predictions of numbers are, beside always saying the mean of the training rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

KEYS = ("mae", "rmse", "r2", "baseline_mae", "baseline_rmse")


def evaluate_numbers(
    values: NDArray[np.float32],
    truth: NDArray[np.float32],
    names: Sequence[str],
    train_mean: NDArray[np.float64],
) -> dict[str, Any]:
    """Return MAE, RMSE and R², each the mean over columns, and those of each column.

    Parameters
    ----------
    values : (n, k) float32, predicted
    truth : (n, k) float32, NaN where it is not known
    names : k
    train_mean : (k,), of the training rows; what a prediction must be better than

    Returns
    -------
    dict
        R² is one less the squared error's share of the variance of the judged rows; None where
        those do not vary. `baseline` is the RMSE of the training mean. A figure is None where
        nothing is known.
    """
    each: dict[str, dict[str, Any]] = {}
    for i, name in enumerate(names):
        at = ~np.isnan(truth[:, i])
        true = truth[at, i].astype(np.float64)
        each[name] = {"samples": int(at.sum()), **_figures(values[at, i], true, train_mean[i])}
    mean = {key: _mean([found[key] for found in each.values()]) for key in KEYS}
    squared = [found["rmse"] ** 2 for found in each.values() if found["rmse"] is not None]
    return {
        "samples": len(truth),
        **{key: mean[key] for key in ("mae", "rmse", "r2", "baseline_mae")},
        "baseline": mean["baseline_rmse"],
        "loss": _mean(squared),
        "numbers": each,
    }


def known_mean(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean (k,) of what is known in each column (n, k); 0 where nothing is."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(axis=0, dtype=np.float64)
    return np.asarray(total / np.maximum(known.sum(axis=0), 1))


def _figures(
    values: NDArray[np.float32], true: NDArray[np.float64], train_mean: float
) -> dict[str, float | None]:
    if not len(true):
        return dict.fromkeys(KEYS)
    error, naive = values - true, train_mean - true
    variance = float(true.var())
    squared = float((error * error).mean())
    return {
        "mae": float(np.abs(error).mean()),
        "rmse": squared**0.5,
        "r2": 1 - squared / variance if variance > 0 else None,
        "baseline_mae": float(np.abs(naive).mean()),
        "baseline_rmse": float((naive * naive).mean()) ** 0.5,
    }


def _mean(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return float(np.mean(found)) if found else None
