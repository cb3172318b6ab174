"""What images are spread evenly over folds by: one number an image, whatever there is to learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.heads.groups import rarest

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BINS = 10  # of numbers


def strata_of(targets: NDArray[Any], kind: str, k: int) -> NDArray[np.int64]:
    """Return the stratum (n,) of each image, from zero.

    A class is one. Of several labels an image counts as the rarest one that it has, so that those
    are spread which may be missing in a fold; images without any are one more. Numbers are ranked,
    of several columns by the mean of their ranks, and cut into up to `MOST_BINS` ranges with
    equally many images, `k` at least; images of which none is known are one more.

    Parameters
    ----------
    targets : (n,) int of classes, or (n, c) float32, NaN where it is not known
    kind : class, labels or numbers
    k : folds
    """
    if kind == "class":
        return targets.astype(np.int64)
    if kind == "labels":
        return rarest(targets)
    known = ~np.isnan(targets)
    n_bins = max(1, min(MOST_BINS, len(targets) // k))
    ranks = np.full(targets.shape, np.nan)
    for i, column in enumerate(targets.T):
        _, rank = np.unique(column[known[:, i]], return_inverse=True)
        ranks[known[:, i], i] = rank / max(1, rank.max(initial=0))
    found = np.full(len(targets), n_bins, np.int64)
    some = known.any(axis=1)
    mean = np.nanmean(ranks[some], axis=1)
    order = np.argsort(mean, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    found[some] = place * n_bins // max(1, len(order))
    return found
