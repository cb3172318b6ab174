"""Labels that are disputed: by heads that have not seen the image, and by its neighbours.

Both give probabilities of each class: a linear head of the other folds, and the votes of the
nearest images under their own labels. Their average is judged. A label is disputed where another
class is likelier than it, and at least as likely as images of that class usually are (confident
learning, Northcutt et al. 2021). The score orders all labels: the probability of the label, less
that of the likeliest other class. What a first pass disputes is left out of a second one, in which
wrong labels no longer vote for each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.pipeline.looking.neighbours import Neighbours

VOTERS = 10  # neighbours
TEMPERATURE = 0.1  # of a vote, as in the knn head
LEAST_OF_CLASS = 5  # images: of fewer, no head can know the class


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """What is thought of n labels.

    Attributes
    ----------
    score : (n,) float32, -1 to 1
        The lower, the likelier the label is wrong.
    proposed : (n,) int32
        The likeliest other class.
    is_disputed : (n,) bool
    """

    score: NDArray[np.float32]
    proposed: NDArray[np.int32]
    is_disputed: NDArray[np.bool_]


def votes(
    near: Neighbours, labels: NDArray[np.int32], trusted: NDArray[np.bool_], n_classes: int
) -> NDArray[np.float32]:
    """Return probabilities (n, k) by the labels of neighbours, and a little of all classes.

    Parameters
    ----------
    labels : (n,), -1 without one
    trusted : (n,) whose labels count
    """
    which = near.which[:, :VOTERS]
    weights = np.exp((near.cosines[:, :VOTERS] - near.cosines[:, :1]) / np.float32(TEMPERATURE))
    weights *= (labels[which] >= 0) & trusted[which]
    n = len(labels)
    cells = np.arange(n)[:, None] * n_classes + np.maximum(labels[which], 0)
    found = np.bincount(cells.ravel(), weights.ravel(), n * n_classes).reshape(n, n_classes)
    voters = ((labels[which] >= 0) & trusted[which]).sum(axis=1, keepdims=True)
    shares = found / np.maximum(found.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray((voters * shares + 1 / n_classes) / (voters + 1), np.float32)


def judged(
    labels: NDArray[np.int32], head: NDArray[np.float32], voted: NDArray[np.float32]
) -> Judged:
    """Return what is thought of labels (n,), by both probabilities (n, k)."""
    n, k = head.shape
    both = (head + voted) / 2
    at = np.arange(n)
    given = both[at, labels]
    others = both.copy()
    others[at, labels] = -1
    proposed = others.argmax(axis=1).astype(np.int32)
    likeliest = others[at, proposed]
    usual = np.array(
        [both[labels == c, c].mean() if (labels == c).any() else 1.0 for c in range(k)], np.float32
    )
    return Judged(
        score=given - likeliest,
        proposed=proposed,
        is_disputed=(likeliest > given) & (likeliest >= usual[proposed]),
    )
