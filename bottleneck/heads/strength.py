"""How strongly a linear head is regularised: by the loss on rows that a fit had not seen.

From strong to weak, each fit starting from the one before, until two weaker strengths in a row were
worse. The loss is the mean over folds of the training rows: a fifth of few rows is too few to judge
by, and the strength that it picks changes with the seed. Of so many rows that five folds would take
minutes one fifth is enough: the validation rows, or one fold where there are none. And of more than
a gigabyte some, drawn by lot and held in memory, choose as well as all of them.

The loss is that at the best temperature (see `calibration`), which is then the head's. A strength
that tells classes apart best leaves probabilities that are not sure enough; judged as they are,
they would ask for a weaker one, which is right less often (Berta et al. 2025, "Rethinking Early
Stopping: Refine, Then Calibrate"). It is smooth in the strength's logarithm, so the lowest point of
the parabola through the best three is taken, to a quarter of a decade: the loss is flat there, and
what is finer changes with the seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.heads.calibration import temperature, tempered
from bottleneck.heads.groups import fold_of
from bottleneck.heads.metrics import log_loss
from bottleneck.heads.softmax_regression import Basis, Problem, minimise, probabilities, refined
from bottleneck.heads.training import seed_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from bottleneck.heads.design_matrix import DesignMatrix

STRENGTHS = tuple(10.0 ** (exponent / 2) for exponent in range(4, -13, -1))
PATIENCE = 2
MARGIN = 0.01  # of the loss: where classes lie apart, weaker ones gain a little for ever
PATH_TOLERANCE = 3e-3  # only the order of losses matters on the path
UNCHOSEN = 1e-3  # where nothing can be judged: one at which few overfit
FOLDS = 5
FOLDED_BYTES = 96 << 20  # the largest matrix of training rows of which every fold judges
CHOOSING_BYTES = 1 << 30  # the largest matrix of training rows that choose
SOME = FOLDS + 1  # the number of the generator that draws them; `FOLDS` is that of folds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """A fit and the rows that judge it.

    Attributes
    ----------
    x, y : rows and classes (n,) that the fit has not seen
    weights : (n,) of these rows in the loss; None where each is as much as another
    """

    problem: Problem
    x: DesignMatrix
    y: NDArray[np.int32]
    weights: NDArray[np.float32] | None = None


def folds(
    x: DesignMatrix,
    y: NDArray[np.int32],
    n_classes: int,
    seed: int,
    groups: NDArray[np.int64] | None = None,
    weights: NDArray[np.float32] | None = None,
    most: int = FOLDS,
    basis: Basis | None = None,
) -> list[Judged]:
    """Return fits to all but one fold of the training rows each, and that fold to judge them.

    A row is not judged by a fit that has not seen its class; there may be no row that can be.

    Parameters
    ----------
    x : the rows of i images
    y : (i,), the class of each image
    groups : (i,), equal where images belong together
    weights : (i,), of each image in the loss
    most : of so many folds at most
    basis : of all rows, which only says where a fit starts from
    """
    alone = np.arange(len(y)) if groups is None else np.unique(groups, return_inverse=True)[1]
    if alone.max() + 1 < FOLDS:
        return []
    fold = divided(alone, y, seed)
    found = []
    for i in range(most):
        seen, held_out = np.flatnonzero(fold != i), np.flatnonzero(fold == i)
        held_out = held_out[np.isin(y[held_out], y[seen])]
        if not len(held_out) or len(np.unique(y[seen])) < 2:
            continue
        of = None if weights is None else np.repeat(weights[seen], x.views)
        problem = Problem(x.of(seen), np.repeat(y[seen], x.views), n_classes, basis, of)
        theirs = None if weights is None else weights[held_out]
        judged = x.of(held_out).first_views()
        found.append(Judged(problem=problem, x=judged, y=y[held_out], weights=theirs))
    return found


def divided(
    groups: NDArray[np.int64], strata: NDArray[np.integer], seed: int, k: int = FOLDS
) -> NDArray[np.int64]:
    """Return the fold (n,) of each image, drawn at random, a group in one.

    Parameters
    ----------
    groups : (n,), from zero, at least `k` of them; strata : (n,), see `groups.fold_of`
    """
    drawn = np.random.default_rng(seed_of(seed, FOLDS)).permutation(groups.max() + 1)
    return fold_of(drawn[groups].astype(np.uint64), strata, k)


def subsample(alone: Judged, seed: int) -> tuple[Judged, NDArray[np.int64]]:
    """Return a fit to as many training rows as choose, and the positions of their images.

    That is all of them where they are not many. Else they are drawn by lot, and of the rows that
    judge as large a share; a row of a class that was not drawn judges nothing.
    """
    problem = alone.problem
    x, n = problem.x, len(problem.x.images)
    share = CHOOSING_BYTES / (4 * len(x) * x.width)
    if share >= 1:
        return alone, np.arange(n)
    rng = np.random.default_rng(seed_of(seed, SOME))
    drawn = np.sort(rng.permutation(n)[: int(share * n)])
    judge = np.sort(rng.permutation(len(alone.y))[: int(share * len(alone.y))])
    y = problem.y.reshape(n, x.views)[drawn]
    judge = judge[np.isin(alone.y[judge], y)]
    of = None if problem.weights is None else problem.weights.reshape(n, x.views)[drawn].ravel()
    theirs = None if alone.weights is None else alone.weights[judge]
    fewer = Problem(x.held(drawn), y.ravel(), problem.n_classes, problem.basis, of)
    return Judged(problem=fewer, x=alone.x.held(judge), y=alone.y[judge], weights=theirs), drawn


def is_small(x: DesignMatrix) -> bool:
    """Whether a fit for every fold of these rows is quick."""
    return 4 * len(x) * x.width <= FOLDED_BYTES


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """What was found on the path of strengths.

    Attributes
    ----------
    temperature : what logits at this strength are divided by, to be as sure as they are right
    theta : (d + 1, k), weights near the fit at this strength
    history : an entry for each strength
    epochs : how many steps all fits took
    """

    strength: float
    temperature: float
    theta: NDArray[np.float32]
    history: Sequence[Mapping[str, float]] = ()
    epochs: int = 0


def chosen(judged: Sequence[Judged], report: Callable[[str], None]) -> Choice:
    """Return the strength of the lowest loss on the rows that judge, and how it was found."""
    weights = [
        np.zeros((one.problem.x.width + 1, one.problem.n_classes), np.float32) for one in judged
    ]
    y = np.concatenate([one.y for one in judged])
    of_rows = [one.weights for one in judged if one.weights is not None]
    counted = np.concatenate(of_rows) if of_rows else None
    history: list[dict[str, float]] = []
    temperatures: list[float] = []
    lowest, worse, epochs = np.inf, 0, 0
    path = _path(judged[0].problem)
    best = (path[0], weights[0])
    for strength in path:
        said, fitted = [], 0.0
        for i, one in enumerate(judged):
            weights[i], loss, steps = minimise(one.problem, weights[i], strength, PATH_TOLERANCE)
            said.append(probabilities(one.x, weights[i]))
            fitted += loss / len(judged)
            epochs += steps
        p = np.concatenate(said)
        temperatures.append(temperature(p, y))
        loss = log_loss(tempered(p, temperatures[-1]), y, counted)
        entry = {
            "epoch": epochs,
            "strength": strength,
            "loss": fitted,
            "validation_loss": loss,
            "validation_accuracy": float((p.argmax(axis=1) == y).mean()),
        }
        history.append(entry)
        report(" ".join(f"{key} {value:.4g}" for key, value in entry.items()))
        if loss < (1 - MARGIN) * lowest:
            lowest, worse = loss, 0
            best = (strength, np.asarray(np.mean(weights, axis=0), np.float32))
        else:
            worse += 1
            if worse == PATIENCE:
                break
    strength = _rounded(refined(path, [entry["validation_loss"] for entry in history], best[0]))
    weak_first = np.log(path[: len(temperatures)])[::-1]
    at = np.interp(np.log(strength), weak_first, np.log(temperatures[::-1]))
    return Choice(
        strength=strength,
        temperature=float(np.exp(at)),
        theta=best[1],
        history=history,
        epochs=epochs,
    )


def _path(problem: Problem) -> Sequence[float]:
    """Return the strengths to try: of fewer rows than features, stronger ones first."""
    strongest = max(1.0, 3.2 * problem.x.width / len(problem.x))
    return [strength for strength in STRENGTHS if strength <= strongest]


def _rounded(strength: float) -> float:
    """Return a strength to the nearest quarter of a decade."""
    return float(10.0 ** (round(4 * math.log10(strength)) / 4))
