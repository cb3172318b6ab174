"""How far off a predicted number may be: split conformal prediction.

The width of a column is such that LEVEL of rows that the fit had not seen lie within it of what was
said of them (Lei et al. 2018, "Distribution-Free Predictive Inference for Regression"). Of another
row drawn as they were that is true with about this probability: with at least it of a head that the
rows had no part in; here they may have chosen its strength or its epoch, or join in the last fit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.9


def widths(said: NDArray[np.float32], truth: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the half-width (k,) of each column's interval; NaN where too few rows tell it.

    Parameters
    ----------
    said, truth : (n, k), of rows that the fit had not seen; truth is NaN where it is not known
    """
    errors = np.abs(said.astype(np.float64) - truth)
    found = np.full(errors.shape[1], np.nan)
    for i, column in enumerate(errors.T):
        known = np.sort(column[~np.isnan(column)])
        rank = math.ceil(round((len(known) + 1) * LEVEL, 9))
        if rank <= len(known):
            found[i] = known[rank - 1]
    return found


def covered(
    said: NDArray[np.float32], truth: NDArray[np.float32], width: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the share (k,) of rows whose number lies within; NaN where nothing tells it.

    Parameters
    ----------
    width : (k,), or (n, k) where each row has its own; NaN is not judged
    """
    errors = np.abs(said.astype(np.float64) - truth)
    told = ~np.isnan(errors + width)
    n = told.sum(axis=0)
    inside = ((errors <= width) & told).sum(axis=0)
    return np.where(n, inside / np.maximum(n, 1), np.nan)
