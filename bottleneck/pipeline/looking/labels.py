"""Labels that are disputed: by heads that have not seen the image, and by its neighbours.

Both give probabilities of each class: a linear head of the other folds, and the votes of the
nearest images under their own labels; their weighted geometric mean is what is thought of the
image. Whether a label is wrong also depends on how labels go wrong here. A cat that the head is
unsure of is doubtful as a dog where many such cats are labelled dog, and less so where that never
happens. So the table of what is labelled as what is estimated along with the labels, by expectation
maximisation (Dawid and Skene 1979), beginning at few mistakes of all kinds alike. The score of an
image is the probability that its label is right: the lower, the more doubtful.

With mistakes of all kinds alike this orders images as the probability of their label does
(self-confidence); with mistakes of a few kinds those kinds come first, as with the margin between
two classes. docs/inspect.md has figures of both, beside confident learning's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.pipeline.looking.neighbours import Neighbours

VOTERS = 50  # neighbours, at most
LEAST_VOTERS = 5
TEMPERATURE = 0.07  # of a vote, as in the knn head
VOTES_WEIGH = 0.2  # of the neighbours beside the head
LEAST_OF_CLASS = 5  # images: of fewer, no head can know the class
LEAST = 1e-6  # probability
WRONG = 0.05  # share of wrong labels that the table begins at
BELIEF = 150  # images of each class that the beginning counts as much as
DOUBTFUL = 0.5  # score below which a label is disputed in any case
ROUNDS = 30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """What is thought of n labels.

    Attributes
    ----------
    score : (n,) float32, 0 to 1
        The probability that the label is right.
    proposed : (n,) int32
        The likeliest other class.
    is_disputed : (n,) bool
        Where the score is low (as many as labels are estimated to be wrong, and all below
        DOUBTFUL) and the proposed class was thought likelier than the label.
    table : (k, k) float32
        How often images of a class (row) are labelled as each class (column), as estimated.
    """

    score: NDArray[np.float32]
    proposed: NDArray[np.int32]
    is_disputed: NDArray[np.bool_]
    table: NDArray[np.float32]


def votes(near: Neighbours, labels: NDArray[np.int32], n_classes: int) -> NDArray[np.float32]:
    """Return probabilities (n, k) by the labels of neighbours, and a little of all classes.

    Parameters
    ----------
    labels : (n,), -1 without one: such neighbours have no vote
    """
    # Not more than half of an average class, or others would outvote it.
    half = int((labels >= 0).sum()) // (2 * n_classes)
    most = max(LEAST_VOTERS, min(VOTERS, half))
    told = labels[near.which[:, :most]]
    weights = np.exp((near.cosines[:, :most] - near.cosines[:, :1]) / np.float32(TEMPERATURE))
    weights *= told >= 0
    n = len(labels)
    cells = np.arange(n)[:, None] * n_classes + np.maximum(told, 0)
    found = np.bincount(cells.ravel(), weights.ravel(), n * n_classes).reshape(n, n_classes)
    voters = (told >= 0).sum(axis=1, keepdims=True)
    shares = found / np.maximum(found.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray((voters * shares + 1 / n_classes) / (voters + 1), np.float32)


def judged(
    labels: NDArray[np.int32], head: NDArray[np.float32], voted: NDArray[np.float32]
) -> Judged:
    """Return what is thought of labels (n,), by both probabilities (n, k)."""
    n, k = head.shape
    thought = np.maximum(head, LEAST) ** (1 - VOTES_WEIGH) * np.maximum(voted, LEAST) ** VOTES_WEIGH
    thought /= thought.sum(axis=1, keepdims=True)
    begin = np.full((k, k), WRONG / max(1, k - 1))
    np.fill_diagonal(begin, 1 - WRONG)
    table = begin
    for _ in range(ROUNDS):
        belief = _believed(thought, table, labels)
        counts = np.zeros((k, k))
        np.add.at(counts.T, labels, belief)
        table = counts + BELIEF * begin
        table /= table.sum(axis=1, keepdims=True)
    belief = _believed(thought, table, labels)
    at = np.arange(n)
    score = belief[at, labels].copy()
    belief[at, labels] = -1
    proposed = belief.argmax(axis=1).astype(np.int32)
    is_low = score < DOUBTFUL
    is_low[np.argsort(score, kind="stable")[: math.ceil((1 - score).sum())]] = True
    return Judged(
        score=score.astype(np.float32),
        proposed=proposed,
        is_disputed=is_low & (thought[at, proposed] > thought[at, labels]),
        table=table.astype(np.float32),
    )


def _believed(
    thought: NDArray[np.floating[Any]], table: NDArray[np.float64], labels: NDArray[np.int32]
) -> NDArray[np.float64]:
    """Return the probabilities (n, k) of the true classes of images that have these labels."""
    found = thought * table[:, labels].T
    return np.asarray(found / found.sum(axis=1, keepdims=True))
