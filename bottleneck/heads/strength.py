"""How strongly a linear head is regularised: by the loss on rows that a fit had not seen.

From strong to weak, each fit starting from the one before, until two weaker strengths in a row were
worse. Of few rows the loss is the mean over folds of the training rows, because a fifth of them is
too few to judge by: the strength that it picks changes with the seed. Of many rows the validation
rows are enough, and folds would take minutes. The loss is smooth in the strength's logarithm, so
the lowest point of the parabola through the best three is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.heads.metrics import log_loss
from bottleneck.heads.softmax_regression import Problem, minimise, probabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bottleneck.heads.design_matrix import DesignMatrix

STRENGTHS = tuple(10.0 ** (exponent / 2) for exponent in range(0, -13, -1))
PATIENCE = 2
PATH_TOLERANCE = 3e-3  # only the order of losses matters on the path
UNCHOSEN = 1e-3  # where nothing can be judged: one at which few overfit
FOLDS = 5
FOLDED_BYTES = 256 << 20  # the largest matrix of training rows that is divided into folds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """A fit and the rows that judge it.

    Attributes
    ----------
    x, y : rows and classes (n,) that the fit has not seen
    """

    problem: Problem
    x: DesignMatrix
    y: NDArray[np.int32]


def folds(x: DesignMatrix, y: NDArray[np.int32], n_classes: int, seed: int) -> list[Judged]:
    """Return fits to all but one fold of the training rows each, and that fold to judge them.

    Parameters
    ----------
    x : the rows of i images
    y : (i,), the class of each image
    """
    fold = _fold_of(y, seed)
    found = []
    for i in range(FOLDS):
        seen, held_out = np.flatnonzero(fold != i), np.flatnonzero(fold == i)
        problem = Problem(x.of(seen), np.repeat(y[seen], x.views), n_classes)
        found.append(Judged(problem=problem, x=x.of(held_out).first_views(), y=y[held_out]))
    return found


def can_be_folded(x: DesignMatrix, y: NDArray[np.int32]) -> bool:
    """Whether folds of the training rows can judge, and are quick."""
    counts = np.bincount(y)
    is_small = 4 * len(x) * x.width <= FOLDED_BYTES
    return is_small and bool(counts[counts > 0].min() >= 2) and len(y) >= FOLDS


def chosen(
    judged: Sequence[Judged], report: Callable[[str], None]
) -> tuple[float, NDArray[np.float32], list[dict[str, float]], int]:
    """Return the strength of the lowest loss, weights near its fit, the path, and its steps."""
    weights = [
        np.zeros((one.problem.x.width + 1, one.problem.n_classes), np.float32) for one in judged
    ]
    history: list[dict[str, float]] = []
    lowest, worse, epochs = np.inf, 0, 0
    best = (STRENGTHS[0], weights[0])
    for strength in STRENGTHS:
        losses, right, n, fitted = 0.0, 0.0, 0, 0.0
        for i, one in enumerate(judged):
            weights[i], loss, steps = minimise(one.problem, weights[i], strength, PATH_TOLERANCE)
            p = probabilities(one.x, weights[i])
            losses += log_loss(p, one.y) * len(one.y)
            right += float((p.argmax(axis=1) == one.y).sum())
            n += len(one.y)
            fitted += loss / len(judged)
            epochs += steps
        entry = {
            "epoch": epochs,
            "strength": strength,
            "loss": fitted,
            "validation_loss": losses / n,
            "validation_accuracy": right / n,
        }
        history.append(entry)
        report(" ".join(f"{key} {value:.4g}" for key, value in entry.items()))
        if losses / n < lowest:
            lowest, worse = losses / n, 0
            best = (strength, np.asarray(np.mean(weights, axis=0), np.float32))
        else:
            worse += 1
            if worse == PATIENCE:
                break
    strength = _refined([entry["validation_loss"] for entry in history], best[0])
    return strength, best[1], history, epochs


def _refined(losses: Sequence[float], strength: float) -> float:
    """Return where the parabola through the loss of the best and both beside it is lowest."""
    at = STRENGTHS.index(strength)
    if not 0 < at < len(losses) - 1:
        return strength
    before, here, after = losses[at - 1 : at + 2]
    bend = before - 2 * here + after
    return strength if bend <= 0 else strength * 10.0 ** (-(before - after) / bend / 4)


def _fold_of(y: NDArray[np.int32], seed: int) -> NDArray[np.int64]:
    """Return the fold of each image, as (i,): each class is spread over all folds."""
    fold = np.empty(len(y), np.int64)
    order = np.random.default_rng([seed, FOLDS]).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    fold[order] = np.arange(len(y)) % FOLDS
    return fold
