"""Linear regression onto labels, or onto numbers with outliers: convex, minimised by L-BFGS.

Of labels the loss is the binary cross-entropy of sigmoids, of numbers the squared error or Huber's
(1964: squared near zero, absolute beyond). Each column's loss is the mean over the rows for which
it is known, plus strength/2 · ||w||² on standardised features; the bias is free. So columns do not
disturb each other, and a rare label weighs as much as a common one.

The steps, and what makes them quick, are those of `softmax_regression`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.heads.label_metrics import binary_loss
from bottleneck.heads.softmax_regression import (
    TOLERANCE,
    Basis,
    basis_of,
    minimise,
    preconditioned,
    refined,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bottleneck.heads.design_matrix import DesignMatrix

    Losses = Callable[
        [NDArray[np.float32], NDArray[np.float32]],
        tuple[NDArray[np.float32], NDArray[np.float32]],
    ]

STRENGTHS = tuple(10.0 ** (exponent / 2) for exponent in range(4, -13, -1))
PATIENCE = 2
PATH_TOLERANCE = 3e-3  # only the order of losses matters on the path
UNCHOSEN = 1e-3  # where nothing can be judged: one at which few overfit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loss:
    """What is minimised.

    Attributes
    ----------
    each : callable
        Returns the loss and its derivative, each (n, k), of outputs (n, k) and targets (n, k).
    judge : callable
        Returns the mean loss of outputs (n, k) against targets (n, k), NaN where not known.
    curvature : the largest second derivative
    """

    each: Losses
    judge: Callable[[NDArray[np.float32], NDArray[np.float32]], float]
    curvature: float


def sigmoid(outputs: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return 1 / (1 + exp(-x)) of each, without overflow."""
    small = np.exp(-np.abs(outputs))
    return np.asarray(np.where(outputs >= 0, 1, small) / (1 + small), np.float32)


def _cross_entropy(
    outputs: NDArray[np.float32], y: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    softplus = np.maximum(outputs, 0) + np.log1p(np.exp(-np.abs(outputs)))
    return softplus - y * outputs, sigmoid(outputs) - y


CROSS_ENTROPY = Loss(
    each=_cross_entropy,
    judge=lambda outputs, y: binary_loss(sigmoid(outputs), y) or 0.0,
    curvature=0.25,
)


def huber(delta: float | NDArray[np.float32]) -> Loss:
    """Return Huber's loss, which is squared up to `delta`; infinity makes it the squared error.

    Parameters
    ----------
    delta : of all columns, or (k,)
    """
    most = np.asarray(delta, np.float32)

    def each(
        outputs: NDArray[np.float32], y: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        error = outputs - y
        slope = np.clip(error, -most, most)
        return slope * (error - slope / 2), slope

    def judge(outputs: NDArray[np.float32], y: NDArray[np.float32]) -> float:
        known = ~np.isnan(y)
        losses = each(np.where(known, outputs, 0), np.where(known, y, 0))[0]
        n_known = known.sum(axis=0)
        means = (losses * known).sum(axis=0, dtype=np.float64) / np.maximum(n_known, 1)
        return float(means[n_known > 0].mean()) if n_known.any() else 0.0

    return Loss(each=each, judge=judge, curvature=1.0)


class Problem:
    """The loss of (n, d) standardised rows, its gradient, and where to start from.

    Parameters
    ----------
    y : (n, k) float32, a row for each of x; NaN where it is not known
    """

    def __init__(
        self,
        x: DesignMatrix,
        y: NDArray[np.float32],
        loss: Loss,
        basis: Basis | None = None,
    ) -> None:
        self.x, self.loss = x, loss
        self.basis = basis_of(x) if basis is None else basis
        known = ~np.isnan(y)
        self.y = np.where(known, y, np.float32(0))
        self.weights = (known / np.maximum(known.sum(axis=0), 1)).astype(np.float32)

    def value(
        self, theta: NDArray[np.float32], strength: float
    ) -> tuple[float, NDArray[np.float32]]:
        """Return the loss at `theta` (d + 1, k), whose last row is the bias, and its gradient."""
        total = 0.0
        gradient = np.zeros_like(theta)
        for at, block in self.x.blocks():
            losses, slopes = self.loss.each(block @ theta[:-1] + theta[-1], self.y[at])
            weights = self.weights[at]
            total += float((losses * weights).sum(dtype=np.float64))
            slopes *= weights
            gradient[:-1] += block.T @ slopes
            gradient[-1] += slopes.sum(axis=0)
        gradient[:-1] += np.float32(strength) * theta[:-1]
        return total + strength / 2 * float((theta[:-1].astype(float) ** 2).sum()), gradient

    def precondition(self, gradient: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
        """Return the gradient times the inverse of a bound of the Hessian."""
        return preconditioned(gradient, self.basis, self.loss.curvature, strength)


def outputs(x: DesignMatrix, theta: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the outputs (n, k) of rows (n, d) at weights (d + 1, k), the bias last."""
    out = np.empty((len(x), theta.shape[1]), np.float32)
    for at, block in x.blocks():
        out[at] = block @ theta[:-1] + theta[-1]
    return out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judge:
    """A fit, and rows and their targets (m, k) that it has not seen."""

    problem: Problem
    x: DesignMatrix
    y: NDArray[np.float32]


def folds(problem: Problem, y: NDArray[np.float32], fold: NDArray[np.int64]) -> list[Judge]:
    """Return fits to all but one fold of the images of a problem each, and that fold.

    Parameters
    ----------
    y, fold : the targets (i, k) of its images, and the fold (i,) of each
    """
    x, found = problem.x, []
    for i in np.unique(fold):
        seen, mine = np.flatnonzero(fold != i), np.flatnonzero(fold == i)
        theirs = np.repeat(y[seen], x.views, axis=0)
        fit = Problem(x.of(seen), theirs, problem.loss, problem.basis)
        found.append(Judge(problem=fit, x=x.of(mine).first_views(), y=y[mine]))
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """Weights (d + 1, k), the bias last, how they were found, and in how many steps."""

    theta: NDArray[np.float32]
    strength: float
    history: list[dict[str, float]]
    epochs: int


def fitted(
    problem: Problem,
    start: NDArray[np.float32],
    judges: Sequence[Judge],
    report: Callable[[str], None],
    given: float | None = None,
) -> Fit:
    """Fit at the strength of the lowest loss on the rows that judge, else at a middling one.

    Parameters
    ----------
    start : (d + 1, k)
    judges : this fit and the rows that judge it, or those of folds; none of them where nothing does
    given : a strength that is not to be chosen
    """
    thetas, epochs = [start for _ in judges], 0
    y = np.concatenate([start[:0], *(one.y for one in judges)])
    history: list[dict[str, float]] = []
    best = (UNCHOSEN if given is None else given, start)
    lowest, worse = np.inf, 0
    for strength in STRENGTHS if judges and given is None else ():
        fit, said = 0.0, []
        for i, one in enumerate(judges):
            thetas[i], loss, steps = minimise(one.problem, thetas[i], strength, PATH_TOLERANCE)
            fit += loss / len(judges)
            epochs += steps
            said.append(outputs(one.x, thetas[i]))
        found = problem.loss.judge(np.concatenate(said), y)
        history.append(_entry(epochs, strength, fit, found))
        report(_said(history[-1]))
        if found < lowest:
            lowest, worse = found, 0
            best = (strength, np.asarray(np.mean(thetas, axis=0), np.float32))
        else:
            worse += 1
            if worse == PATIENCE:
                break
    strength = refined(STRENGTHS, [entry["validation_loss"] for entry in history], best[0])
    if len(judges) > 1 and given is None:
        strength *= 1 - 1 / len(judges)  # per row, as a prior's is, and each saw fewer of them
    theta, loss, steps = minimise(problem, best[1], strength, TOLERANCE)
    epochs += steps
    judged = None
    if len(judges) == 1:
        judged = problem.loss.judge(outputs(judges[0].x, theta), y)
    history.append(_entry(epochs, strength, loss, judged))
    report(_said(history[-1]))
    return Fit(theta=theta, strength=strength, history=history, epochs=epochs)


def _entry(epochs: int, strength: float, loss: float, judged: float | None) -> dict[str, float]:
    more = {} if judged is None else {"validation_loss": judged}
    return {"epoch": epochs, "strength": strength, "loss": loss, **more}


def _said(entry: dict[str, float]) -> str:
    return " ".join(f"{key} {value:.4g}" for key, value in entry.items())
