"""Softmax regression, in numpy alone; which strength is chosen, `strength` says.

The loss is the mean cross-entropy (where rows have weights, of so many rows each) plus strength/2 ·
||W||² on standardised features; the bias is free. It is convex, so the result depends on the data
alone; no seed plays a part. Minimised by L-BFGS (Liu and Nocedal 1989).

What makes it quick: the Hessian is at most ½ XᵀX/n per class (Böhning 1992), so the inverse of
that plus the strength, from one eigendecomposition, is where L-BFGS starts from.

`minimise` and `refined` serve other convex losses too (`masked_regression`).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bottleneck.heads.metrics import log_loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.heads.design_matrix import DesignMatrix

MEMORY = 10
MAX_ITERATIONS = 200
TOLERANCE = 1e-4  # the gradient's norm, against its norm at zero weights
# An eigendecomposition costs nothing for few features and too much for many; between these, it
# pays where there is a row for each 1,024 of d².
FEW, MANY = 512, 4096
WHITEN_ROWS = 8192
Basis = tuple["NDArray[np.float32]", "NDArray[np.float32]"]  # eigenvalues and vectors of XᵀX/n
CURVATURE = 0.5  # the largest second derivative of the cross-entropy of a softmax


class Convex(Protocol):
    """What `minimise` minimises: see `Problem`."""

    def value(
        self, theta: NDArray[np.float32], strength: float
    ) -> tuple[float, NDArray[np.float32]]:
        """Return the loss at `theta` and its gradient."""

    def precondition(self, gradient: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
        """Return the gradient times the inverse of a bound of the Hessian."""


def basis_of(x: DesignMatrix) -> Basis | None:
    """Return the eigenvalues and eigenvectors of standardised rows; None where they cost too much.

    Of a sample of the rows: they only say in which directions steps are long.
    """
    n, d = len(x), x.width
    if d > FEW and (d > MANY or d * d > 1024 * n):
        return None
    rows = x.some(WHITEN_ROWS)
    values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
    return np.asarray(np.maximum(values, 0), np.float32), np.asarray(vectors, np.float32)


def preconditioned(
    gradient: NDArray[np.float32], basis: Basis | None, curvature: float, strength: float
) -> NDArray[np.float32]:
    """Return a gradient (d + 1, k) times the inverse of a bound of the Hessian.

    Parameters
    ----------
    curvature : the largest second derivative of the loss of a row
    """
    out = gradient / np.float32(curvature)
    if basis is None:
        out[:-1] = gradient[:-1] / np.float32(curvature + strength)
    else:
        values, vectors = basis
        inner = (vectors.T @ gradient[:-1]) / (values * curvature + strength)[:, None]
        out[:-1] = vectors @ inner.astype(np.float32)
    return out


class Problem:
    """Mean cross-entropy of (n, d) standardised rows, its gradient, and where to start from."""

    def __init__(
        self,
        x: DesignMatrix,
        y: NDArray[np.int32],
        n_classes: int,
        basis: Basis | None = None,
        weights: NDArray[np.float32] | None = None,
    ) -> None:
        self.weights = weights
        self.x, self.y, self.n_classes = x, y, n_classes
        self.basis = basis_of(x) if basis is None else basis

    def value(
        self, theta: NDArray[np.float32], strength: float
    ) -> tuple[float, NDArray[np.float32]]:
        """Return the loss at `theta` (d + 1, k), whose last row is the bias, and its gradient."""
        n, total = len(self.x), 0.0
        gradient = np.zeros_like(theta)
        for at, block in self.x.blocks():
            y = self.y[at]
            p = softmax(block @ theta[:-1] + theta[-1])
            if self.weights is None:
                total += log_loss(p, y) * len(y)
                p[np.arange(len(p)), y] -= 1
            else:
                w = self.weights[at]
                total += log_loss(p, y, w) * float(w.sum())
                p[np.arange(len(p)), y] -= 1
                p *= w[:, None]
            gradient[:-1] += block.T @ p
            gradient[-1] += p.sum(axis=0)
        gradient /= np.float32(n)
        gradient[:-1] += np.float32(strength) * theta[:-1]
        return total / n + strength / 2 * float((theta[:-1].astype(float) ** 2).sum()), gradient

    def precondition(self, gradient: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
        """Return the gradient times the inverse of a bound of the Hessian."""
        return preconditioned(gradient, self.basis, CURVATURE, strength)


def minimise(
    problem: Convex, theta: NDArray[np.float32], strength: float, tolerance: float
) -> tuple[NDArray[np.float32], float, int]:
    """Return the minimum near `theta`, its loss and how many steps it took."""
    zero = np.zeros_like(theta)
    enough = tolerance * float(np.linalg.norm(problem.value(zero, strength)[1]))
    loss, gradient = problem.value(theta, strength)
    pairs: deque[tuple[NDArray[np.float32], NDArray[np.float32], float]] = deque(maxlen=MEMORY)
    for steps in range(MAX_ITERATIONS):
        if float(np.linalg.norm(gradient)) <= enough:
            break
        step = -_two_loop(problem, pairs, gradient, strength)
        slope = float(np.vdot(step, gradient))
        length = 1.0
        while True:
            new = theta + np.float32(length) * step
            new_loss, new_gradient = problem.value(new, strength)
            if new_loss <= loss + 1e-4 * length * slope:
                break
            length /= 2
            if length < 1e-4:  # float32 can tell no better
                return theta, loss, steps
        s, g = new - theta, new_gradient - gradient
        curvature = float(np.vdot(s, g))
        if curvature > 1e-12:
            pairs.append((s, g, curvature))
        theta, loss, gradient = new, new_loss, new_gradient
    return theta, loss, steps


def _two_loop(
    problem: Convex,
    pairs: deque[tuple[NDArray[np.float32], NDArray[np.float32], float]],
    gradient: NDArray[np.float32],
    strength: float,
) -> NDArray[np.float32]:
    """Return the inverse Hessian, as L-BFGS knows it, times the gradient."""
    q = gradient.copy()
    alphas = []
    for s, g, curvature in reversed(pairs):
        alpha = float(np.vdot(s, q)) / curvature
        q -= np.float32(alpha) * g
        alphas.append(alpha)
    q = problem.precondition(q, strength)
    if pairs:
        # The bound is far too large where predictions are sure: scale it as the last step says.
        _, g, curvature = pairs[-1]
        q *= np.float32(curvature / float(np.vdot(g, problem.precondition(g, strength))))
    for (s, g, curvature), alpha in zip(pairs, reversed(alphas), strict=True):
        beta = float(np.vdot(g, q)) / curvature
        q += np.float32(alpha - beta) * s
    return q


def probabilities(x: DesignMatrix, theta: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities (n, k) of rows (n, d) at weights (d + 1, k), the bias last."""
    out = np.empty((len(x), theta.shape[1]), np.float32)
    for at, block in x.blocks():
        out[at] = softmax(block @ theta[:-1] + theta[-1])
    return out


def softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return the softmax of each row of logits (n, k)."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float32)


def refined(path: Sequence[float], losses: Sequence[float], strength: float) -> float:
    """Return the strength where the parabola through the lowest loss and both beside it is lowest.

    Over the logarithm of the strength, in which losses are smooth.

    Parameters
    ----------
    path : strengths, half a decade apart, strong to weak
    losses : of the first of them, or of none
    strength : that of the lowest loss
    """
    at = path.index(strength) if losses else 0
    if not 0 < at < len(losses) - 1:
        return strength
    before, here, after = losses[at - 1 : at + 2]
    bend = before - 2 * here + after
    return strength if bend <= 0 else strength * 10.0 ** (-(before - after) / bend / 4)
