"""Labels that are disputed: by heads that have not seen the image, and by its neighbours.

Both give probabilities of each class: a linear head of the other folds, and the votes of the
nearest images under their own labels; their weighted geometric mean is what is thought of the
image. Whether a label is wrong also depends on how labels go wrong here. A cat that the head is
unsure of is doubtful as a dog where many such cats are labelled dog, and less so where that never
happens. So the table of what is labelled as what is estimated along with the labels, by expectation
maximisation (Dawid and Skene 1979). The score of an image is the probability that its label is
right: the lower, the more doubtful.

With mistakes of all kinds alike this orders images as the probability of their label does
(self-confidence); with mistakes of a few kinds those kinds come first, as with the margin between
two classes. Which of both it is, the labels say: to how many other classes those of a class are
mistaken is chosen by which table makes the labels likelier of images that it was not estimated
from; of tables that do that equally well, within a standard error, the evenest. A table too free
would take cats that are hard to tell from dogs for mistakes. docs/inspect.md has figures, beside
confident learning's.
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
KINDS = (1.0, 4.0, 16.0, 64.0, 1e6)  # of mistakes a class has, about; the last: all kinds alike
CHOOSING = 20_000  # images that choose among these, at most
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
    thought = np.maximum(head, LEAST) ** (1 - VOTES_WEIGH) * np.maximum(voted, LEAST) ** VOTES_WEIGH
    thought /= thought.sum(axis=1, keepdims=True)
    table = table_of(thought, labels, chosen_kinds(thought, labels))
    belief = thought * table.T[labels]
    belief /= belief.sum(axis=1, keepdims=True)
    at = np.arange(len(labels))
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


def chosen_kinds(thought: NDArray[np.floating[Any]], labels: NDArray[np.int32]) -> float:
    """Return of KINDS that by which labels that a table has not seen are likeliest.

    Two halves of the images are judged by each other's table. Of those that are not worse by more
    than the standard error of the difference, the evenest.
    """
    some = np.random.default_rng(0).permutation(len(labels))[:CHOOSING]
    halves = some[::2], some[1::2]
    likely: list[list[float]] = [[] for _ in KINDS]
    for likely_so, kinds in zip(likely, KINDS, strict=True):
        for seen, asked in (halves, halves[::-1]):
            table = table_of(thought[seen], labels[seen], kinds)
            likely_so.extend((thought[asked] * table.T[labels[asked]]).sum(axis=1))
    gain = np.log(likely)
    behind = gain[gain.sum(axis=1).argmax()] - gain
    near = behind.mean(axis=1) <= behind.std(axis=1) / math.sqrt(len(some))
    return KINDS[int(np.flatnonzero(near)[-1])]


def table_of(
    thought: NDArray[np.floating[Any]], labels: NDArray[np.int32], kinds: float
) -> NDArray[np.float64]:
    """Return how often images of a class (row) are labelled as each class (column), (k, k).

    Parameters
    ----------
    thought : (n, k) probabilities of the true class
    labels : (n,)
    kinds : above 0; about how many other classes those of a class are mistaken for
        Divided by the number of other classes, it is the shape of the gamma distribution that the
        rates of all kinds of mistakes are drawn from.
    """
    k = thought.shape[1]
    sizes = np.bincount(labels, minlength=k)
    ordered = thought[np.argsort(labels, kind="stable")]
    present = np.flatnonzero(sizes)
    starts = np.cumsum(sizes)[present] - sizes[present]
    share = WRONG
    table = _table(np.zeros((k, k)), kinds, share)
    for _ in range(ROUNDS):
        belief = ordered * np.repeat(table.T, sizes, axis=0)
        belief /= belief.sum(axis=1, keepdims=True)
        counts = np.zeros((k, k))
        counts[:, present] = np.add.reduceat(belief, starts, axis=0).T
        wrong = counts.sum() - np.trace(counts)
        share = (wrong + BELIEF * k * WRONG) / (len(labels) + BELIEF * k)
        table = _table(counts, kinds, share)
    return table


def _table(counts: NDArray[np.float64], kinds: float, share: float) -> NDArray[np.float64]:
    """Return the expected table, of images counted by class and label, `share` of them wrong."""
    shape = kinds / (len(counts) - 1)
    table = (counts + shape) / (counts.sum(axis=1, keepdims=True) + kinds / share)
    np.fill_diagonal(table, 0)
    np.fill_diagonal(table, 1 - table.sum(axis=1))
    return np.asarray(table)
