"""Probabilities of images by linear heads that have not seen them.

The images are dealt into folds; a head is fitted on all folds but one and asked about that one.
Images that belong together (copies, pictures of one patient) are in one fold: else a head would
know the answer, and no label that is wrong twice would ever be disputed. The strength of the
regularisation and the temperature are chosen on the first fold, as `heads.strength` does, and serve
all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bottleneck.heads.calibration import tempered
from bottleneck.heads.design_matrix import design_matrix
from bottleneck.heads.groups import fold_of
from bottleneck.heads.softmax_regression import Problem, minimise, probabilities
from bottleneck.heads.strength import PATH_TOLERANCE, Choice, Judged, chosen

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

FOLDS = 5


def folds_of(
    labels: NDArray[np.int32], together: NDArray[np.int64], n_folds: int, seed: int
) -> NDArray[np.int64]:
    """Return the fold (n,) of each image: each class is spread evenly, groups stay whole.

    See `heads.groups.fold_of`. Of fewer groups than folds there are fewer folds.

    Parameters
    ----------
    labels : (n,) from 0
    together : (n,) number of the group that each image is in; of an image alone, its own
    seed : not below zero
    """
    _, group = np.unique(together, return_inverse=True)
    order = np.random.default_rng(seed).permutation(group.max() + 1)[group.reshape(-1)]
    if order.max() < n_folds:  # each group is a fold
        return order
    return fold_of(order.astype(np.uint64), labels, n_folds)


def out_of_fold(
    rows: NDArray[np.float32],
    labels: NDArray[np.int32],
    folds: NDArray[np.int64],
    n_classes: int,
    counted: Callable[[int], object] = lambda _: None,
    trusted: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Return the probabilities (n, k) of rows (n, d), each by a head fitted on the other folds.

    A class that no other fold has comes out near zero.

    Parameters
    ----------
    labels : (n,), 0 to k - 1
    folds : (n,) of each row
    counted : is told how many rows are done, fold by fold
    trusted : (n,) which rows a head may be fitted to; None for all
    """
    out = np.zeros((len(rows), n_classes), np.float32)
    choice: Choice | None = None
    basis = None  # where a fit starts from; that of nearly the same rows serves as well
    for fold in np.unique(folds):
        asked = np.flatnonzero(folds == fold)
        others = folds != fold
        fitted = np.flatnonzero(others if trusted is None else others & trusted)
        if not len(fitted):
            out[asked] = 1 / n_classes
            continue
        x = design_matrix(rows, np.concatenate([fitted, asked]), 1, len(fitted))
        inside, outside = x.between(0, len(fitted)), x.between(len(fitted), len(x))
        problem = Problem(inside, labels[fitted], n_classes, basis)
        basis = problem.basis
        theta = np.zeros((x.width + 1, n_classes), np.float32)
        if choice is None:
            # No fit can judge by a class that it has not seen.
            judged = np.isin(labels[asked], labels[fitted])
            if trusted is not None:
                judged &= trusted[asked]
            at = np.flatnonzero(judged) if judged.any() else np.arange(len(asked))
            one = Judged(problem=problem, x=outside.of(at), y=labels[asked[at]])
            choice = chosen([one], lambda _: None)
            theta = choice.theta
        theta, _, _ = minimise(problem, theta, choice.strength, PATH_TOLERANCE)
        out[asked] = tempered(probabilities(outside, theta), choice.temperature)
        counted(len(asked))
    return out
