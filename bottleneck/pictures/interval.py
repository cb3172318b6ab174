"""How sure an accuracy is: the bootstrap, over the images that were judged."""

from __future__ import annotations

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
    The same counts and seed give the same interval, whatever else is compared.
    """
    counts = np.asarray(confusion, np.int64)
    n, hits = int(counts.sum()), int(np.trace(counts))
    if not n:
        return None
    generator = np.random.default_rng(seed if seed >= 0 else [-seed, 1])
    drawn = generator.binomial(n, hits / n, resamples) / n
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
