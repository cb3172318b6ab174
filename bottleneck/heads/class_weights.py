"""How much each class counts in a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def class_weights(
    labels: NDArray[np.int32], n_classes: int, how: str
) -> NDArray[np.float32] | None:
    """Return a weight for each class (n_classes,), such that all that are there weigh the same.

    Over all labels (n,) they sum to n; None where `how` is not balanced and all rows count alike.
    """
    if how == "none":
        return None
    counts = np.bincount(labels, minlength=n_classes)
    there = counts > 0
    weights = np.ones(n_classes, np.float32)
    weights[there] = len(labels) / (there.sum() * counts[there])
    return weights
