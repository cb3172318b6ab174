"""How sure an accuracy is: by the images that were judged, or by several fits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 10_000
LEVEL = 0.95


def accuracy_interval(
    confusion: Sequence[Sequence[int]], seed: int, resamples: int = RESAMPLES
) -> tuple[float, float] | None:
    """Return the percentile interval (LEVEL) of the accuracy; None where no image was judged.

    Resampling n images of which h are right is a draw from the binomial distribution of n and h/n
    (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", 5.2), so the counts are enough.
    The same counts and seed give the same interval, whatever else is compared. Where all are right,
    or none, every draw is the same and says nothing of how sure that is: then it is the exact one
    of Clopper and Pearson (1934).
    """
    counts = np.asarray(confusion, np.int64)
    n, hits = int(counts.sum()), int(np.trace(counts))
    if not n:
        return None
    if hits in (0, n):
        beyond = ((1 - LEVEL) / 2) ** (1 / n)
        return (beyond, 1.0) if hits else (0.0, 1 - beyond)
    generator = np.random.default_rng(seed if seed >= 0 else [-seed, 1])
    drawn = generator.binomial(n, hits / n, resamples) / n
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def mean_interval(values: Sequence[float], overlap: float = 0.0) -> tuple[float, float] | None:
    """Return the interval (LEVEL) of the mean of such values, by Student's t.

    None of one alone, and of values that are all the same: they do not say how far another may be.

    Parameters
    ----------
    overlap : of folds, how many images judge for each that is trained on. Their fits share most of
        their images, so that plain t would be too sure; Nadeau and Bengio 2003 ("Inference for the
        Generalization Error") add this to 1/n in the variance of the mean.
    """
    n = len(values)
    if n < 2:
        return None
    found = np.asarray(values, np.float64)
    if np.ptp(found) == 0:
        return None
    half = _t(n - 1) * float(found.std(ddof=1)) * math.sqrt(1 / n + overlap)
    return float(found.mean()) - half, float(found.mean()) + half


def _t(freedom: int) -> float:
    """Return the quantile of Student's t that LEVEL lies within, on both sides."""
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        angle = (low + high) / 2
        low, high = (angle, high) if _within(angle, freedom) < LEVEL else (low, angle)
    return math.tan(low) * math.sqrt(freedom)


def _within(angle: float, freedom: int) -> float:
    """Return P(|t| < tan(angle) √freedom) (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    cosine, is_odd = math.cos(angle), freedom % 2
    term = cosine if is_odd else 1.0
    total = 0.0
    for i in range(freedom // 2):
        total += term
        before = 2 * i + 2 if is_odd else 2 * i + 1
        term *= cosine * cosine * before / (before + 1)
    total *= math.sin(angle)
    return 2 / math.pi * (angle + total) if is_odd else total
