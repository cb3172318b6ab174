"""How sure figures of labels and of numbers are, by the rows that were judged.

The percentile bootstrap (Efron and Tibshirani 1993): the rows are drawn anew, with replacement, and
the figure of each draw is taken. Rows that belong together (the images of one patient) are drawn
together, as they say less than as many others would. A draw is how often each row is in it, so that
rows are sorted once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LEVEL = 0.95
DRAWS, FEWEST = 1000, 100
MOST_WORK = 30_000_000  # of draws times rows times columns: about half a second
BLOCK = 1_000_000

Intervals = dict[str, list[float] | None]


def intervals_of_labels(
    probabilities: NDArray[np.float32], truth: NDArray[np.float32], units: NDArray[np.int64]
) -> Intervals:
    """Return the interval of the macro average precision.

    None where fewer than two units judge, and of so much that `FEWEST` draws take too long.

    Parameters
    ----------
    probabilities, truth : (n, k), truth NaN where it is not known
    units : (n,), equal where rows belong together
    """
    draws = [
        macro_average_precision(probabilities, truth, weights)
        for weights in _draws(units, truth.shape[1])
    ]
    return {"macro_average_precision": _interval(draws)}


def intervals_of_numbers(
    values: NDArray[np.float32], truth: NDArray[np.float32], units: NDArray[np.int64]
) -> Intervals:
    """Return the intervals of R², RMSE and MAE, each the mean over columns; None as for labels."""
    draws = [mean_figures(values, truth, weights) for weights in _draws(units, truth.shape[1])]
    return {
        name: _interval([draw[:, i] for draw in draws])
        for i, name in enumerate(("r2", "rmse", "mae"))
    }


def macro_average_precision(
    probabilities: NDArray[np.float32], truth: NDArray[np.float32], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the macro average precision (b,) of rows that count as often as weights (b, n) say.

    The mean is over labels that some row has; NaN where none has any.
    """
    each = []
    for scores, column in zip(probabilities.T, truth.T, strict=True):
        known = np.flatnonzero(~np.isnan(column))
        order = known[np.argsort(-scores[known], kind="stable")]
        ordered = scores[order]
        ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True)[: len(ordered)])
        mine = weights[:, order]
        taken = np.cumsum(mine, axis=1)[:, ends]
        hits = np.cumsum(mine * (column[order] == 1), axis=1)[:, ends]
        if not len(ends):
            continue
        gained = np.diff(hits, prepend=0, axis=1)
        precision = hits / np.maximum(taken, 1)  # where none is taken, none is gained
        n = hits[:, -1]
        found = (gained * precision).sum(axis=1)
        each.append(np.divide(found, n, out=np.full(len(n), np.nan), where=n > 0))
    return _mean(each, len(weights))


def mean_figures(
    values: NDArray[np.float32], truth: NDArray[np.float32], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return R², RMSE and MAE (b, 3), means over columns, of rows that count as weights (b, n) say.

    NaN where nothing is known, and R² of what does not vary.
    """
    found: list[list[NDArray[np.float64]]] = [[], [], []]
    for said, column in zip(values.T.astype(np.float64), truth.T.astype(np.float64), strict=True):
        known = np.flatnonzero(~np.isnan(column))
        if not len(known):
            continue
        y, mine = column[known] - column[known].mean(), weights[:, known]
        error = said[known] - column[known]
        n = mine.sum(axis=1)
        of = np.stack([y, y * y, error * error, np.abs(error)], axis=1)
        sums = np.divide(mine @ of, n[:, None], out=np.full((len(n), 4), np.nan),
                         where=n[:, None] > 0)  # fmt: skip
        variance = sums[:, 1] - sums[:, 0] ** 2
        varies = variance > 1e-12 * np.maximum(sums[:, 1], np.finfo(np.float64).tiny)
        share = np.divide(sums[:, 2], variance, out=np.full(len(n), np.nan), where=varies)
        for each, figure in zip(found, (1 - share, np.sqrt(sums[:, 2]), sums[:, 3]), strict=True):
            each.append(figure)
    return np.stack([_mean(each, len(weights)) for each in found], axis=1)


def _mean(columns: list[NDArray[np.float64]], b: int) -> NDArray[np.float64]:
    """Return the mean (b,) of what is known of columns (b,) each; NaN where nothing is."""
    if not columns:
        return np.full(b, np.nan)
    stacked = np.stack(columns)
    known = ~np.isnan(stacked)
    total = np.where(known, stacked, 0).sum(axis=0)
    n = known.sum(axis=0)
    return np.asarray(np.divide(total, n, out=np.full(b, np.nan), where=n > 0))


def _draws(units: NDArray[np.int64], k: int) -> Iterator[NDArray[np.float64]]:
    """Yield how often each row is in each draw, (b, n), some draws at a time."""
    n = len(units)
    _, unit = np.unique(units, return_inverse=True)
    n_units = int(unit.max(initial=-1)) + 1
    n_draws = min(DRAWS, MOST_WORK // max(1, n * k))
    if n_units < 2 or n_draws < FEWEST:
        return
    generator = np.random.default_rng(0)
    at_once = max(1, BLOCK // n)
    for start in range(0, n_draws, at_once):
        b = min(at_once, n_draws - start)
        drawn = generator.integers(0, n_units, (b, n_units))
        drawn += n_units * np.arange(b)[:, None]
        counts = np.bincount(drawn.reshape(-1), minlength=b * n_units).reshape(b, n_units)
        yield counts[:, unit].astype(np.float64)


def _interval(draws: list[NDArray[np.float64]]) -> list[float] | None:
    """Return the interval (LEVEL) of draws; None of none, or where they are all alike."""
    found = np.concatenate(draws) if draws else np.zeros(0)
    found = found[~np.isnan(found)]
    if len(found) < FEWEST or np.ptp(found) == 0:
        return None
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return [float(low), float(high)]
