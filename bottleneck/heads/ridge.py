"""Ridge regression in closed form: all strengths of it from one eigendecomposition.

The loss is half the mean squared error plus strength/2 · ||w||² on standardised features; the bias
is free. With XᵀX/n = V diag(λ) Vᵀ of centred rows, the weights of strength s are
V diag(1 / (λ + s)) Vᵀ Xᵀy/n. Of fewer rows than features the rows' own products XXᵀ are decomposed,
which gives the same V. Columns of targets that are known for the same rows share all of it.

What a strength does on rows that it has not seen: of few rows, each is left out in turn, exactly
(Allen 1974); of many, generalised cross-validation (Golub, Heath and Wahba 1979) says the same, but
of few it picks strengths that are too weak.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.heads.design_matrix import DesignMatrix

LARGEST = 4096  # rows or features: a decomposition of more takes minutes
FEW = 1024  # rows of which each is left out in turn
LEAST = 1e-7  # of the largest eigenvalue: below it there is rounding alone
STRENGTHS = tuple(10.0 ** (exponent / 8) for exponent in range(24, -49, -1))


def is_quick(x: DesignMatrix) -> bool:
    """Whether a decomposition takes seconds; else steps are taken (`masked_regression`)."""
    return min(len(x), x.width) <= LARGEST


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ridge:
    """Ridge regressions of all strengths onto targets (n, k) that are all known.

    Attributes
    ----------
    values : (r,) float64, vectors : (d, r) float64
        Of the covariance of the rows; those that are above rounding.
    products : (r, k) float64
        Vᵀ Xᵀy/n of centred rows and targets.
    x_mean : (d,), y_mean : (k,), spread : (k,)
        Means, and the variances of the targets.
    n : how many rows
    each : (n, r) and (n, k) float64, or None
        Of few rows: where they are along each direction, of length one, and the centred targets.
    """

    values: NDArray[np.float64]
    vectors: NDArray[np.float64]
    products: NDArray[np.float64]
    x_mean: NDArray[np.float64]
    y_mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    n: int
    each: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    def theta(self, strengths: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weights (d + 1, k) at a strength for each column, the bias last."""
        inner = self.products / (self.values[:, None] + strengths)
        weights = self.vectors @ inner
        return np.vstack([weights, self.y_mean - self.x_mean @ weights])

    def seen_errors(
        self, strengths: Sequence[float], x: DesignMatrix, y: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Return the mean squared errors (strengths, k) on rows that a fit has not seen.

        NaN where nothing is known of them.
        """
        seen = np.concatenate([block @ self.vectors for _, block in x.blocks()])
        seen -= self.x_mean @ self.vectors
        known = ~np.isnan(y)
        n_known = known.sum(axis=0)
        errors = np.full((len(strengths), len(self.y_mean)), np.nan)
        for i, strength in enumerate(strengths):
            said = seen @ (self.products / (self.values[:, None] + strength)) + self.y_mean
            squared = np.where(known, said - np.where(known, y, 0), 0) ** 2
            mean = squared.sum(axis=0) / np.maximum(n_known, 1)
            errors[i] = np.where(n_known > 0, mean, np.nan)
        return errors

    def fitted_errors(self, strength: float) -> NDArray[np.float64]:
        """Return the mean squared error (k,) on the rows of the fit."""
        explained = self.products**2 / self.values[:, None]
        left = (explained * self._left(strength)[:, None] ** 2).sum(axis=0)
        if len(self.values) >= self.n - 1:  # so many features reach every target
            return np.asarray(left)
        return np.asarray(left + np.maximum(self.spread - explained.sum(axis=0), 0))

    def _left(self, strength: float) -> NDArray[np.float64]:
        """Return which share of each direction (r,) a fit leaves out."""
        return np.asarray(strength / (self.values + strength))

    def cross_validated(self, strength: float) -> NDArray[np.float64]:
        """Return the mean squared error (k,) on rows that are left out in turn, or about that."""
        if self.each is not None:
            along, y = self.each
            kept = along * (1 - self._left(strength))
            spare = 1 - 1 / self.n - (along * kept).sum(axis=1)
            errors = (y - kept @ (along.T @ y)) / np.maximum(spare, 1e-12)[:, None]
            return np.asarray((errors**2).mean(axis=0))
        spare = max(self.n - 1 - len(self.values), 0) + float(self._left(strength).sum())
        return self.fitted_errors(strength) / max(spare / self.n, 1e-12) ** 2

    def errors(self, x: DesignMatrix, y: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return errors (3, strengths, k): on rows it has not seen, cross-validated, on its own.

        The first are NaN where nothing of such rows is known.
        """
        seen = np.full((len(STRENGTHS), len(self.y_mean)), np.nan)
        if len(x):
            seen = self.seen_errors(STRENGTHS, x, y)
        crossed = np.stack([self.cross_validated(s) for s in STRENGTHS])
        return np.stack([seen, crossed, np.stack([self.fitted_errors(s) for s in STRENGTHS])])


def ridge(x: DesignMatrix, y: NDArray[np.float32]) -> Ridge:
    """Return the ridge regressions of rows (n, d) onto targets (n, k), all of them known."""
    n, d = len(x), x.width
    x_mean = sum((b.sum(axis=0, dtype=np.float64) for _, b in x.blocks()), np.zeros(d)) / n
    y_mean = y.mean(axis=0, dtype=np.float64)
    centred = y - y_mean
    crossed = np.zeros((d, y.shape[1]))
    for at, block in x.blocks():
        crossed += block.T.astype(np.float64) @ centred[at] / n
    values, vectors = _tall(x, x_mean) if n >= d else _wide(x, x_mean)
    is_real = values > LEAST * max(values.max(initial=0), np.finfo(np.float32).tiny)
    values, vectors = values[is_real], vectors[:, is_real]
    each = None
    if n <= FEW:
        rows = np.concatenate([block for _, block in x.blocks()]) - x_mean
        each = rows @ vectors / np.sqrt(n * values), centred
    return Ridge(
        values=values,
        vectors=vectors,
        products=vectors.T @ crossed,
        x_mean=x_mean,
        y_mean=y_mean,
        spread=(centred**2).mean(axis=0),
        n=n,
        each=each,
    )


def _tall(
    x: DesignMatrix, mean: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    gram = np.zeros((x.width, x.width))
    for _, block in x.blocks():
        gram += block.T @ block
    values, vectors = np.linalg.eigh(gram / len(x) - np.outer(mean, mean))
    return values, vectors


def _wide(
    x: DesignMatrix, mean: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = np.concatenate([block for _, block in x.blocks()]) - mean
    values, left = np.linalg.eigh(rows @ rows.T / len(rows))
    values = np.maximum(values, 0)
    lengths = np.sqrt(np.maximum(values * len(rows), np.finfo(np.float64).tiny))
    return values, rows.T @ left / lengths


def rows_of(x: DesignMatrix, images: NDArray[np.int64]) -> DesignMatrix:
    """Return the rows of some of its images (i,), in this order."""
    kept = None if x.kept is None else x.kept[images]
    return replace(x, images=x.images[images], kept=kept)


def alike(y: NDArray[np.float32]) -> list[NDArray[np.int64]]:
    """Return the columns of targets (n, k) that are known for the same rows, together."""
    _, which = np.unique(np.isnan(y).T, axis=0, return_inverse=True)
    which = which.reshape(-1)
    return [np.flatnonzero(which == i) for i in range(int(which.max()) + 1)]


def history(
    errors: NDArray[np.float64], strengths: NDArray[np.float64], *, has_judged: bool
) -> list[dict[str, float]]:
    """Return the mean errors at each strength, half a decade apart, and of the fits that are kept.

    Parameters
    ----------
    errors : (3, strengths, k)
        As `Ridge.errors` returns them.
    """
    losses = errors[[0, 2] if has_judged else [1, 2]]
    usable = ~np.isnan(losses).any(axis=(0, 1))
    if not usable.any():
        return [{"epoch": 1, "loss": 0.0}]
    mean = losses[:, :, usable].mean(axis=2)
    chosen = [int(np.abs(np.log(np.array(STRENGTHS) / s)).argmin()) for s in strengths]
    kept = np.stack([losses[:, at, i] for i, at in enumerate(chosen)], axis=1)[:, usable]
    rows = [(s, *mean[:, at]) for at, s in enumerate(STRENGTHS) if not at % 4]
    rows.append((geometric_mean(strengths), *kept.mean(axis=1)))
    return [
        {"epoch": 1, "strength": s, "loss": float(fit)}
        | ({"validation_loss": float(seen)} if has_judged else {})
        for s, seen, fit in rows
    ]


def geometric_mean(strengths: NDArray[np.float64]) -> float:
    """Return the geometric mean; of equal strengths exactly these."""
    first = float(strengths[0])
    return first if (strengths == first).all() else float(np.exp(np.log(strengths).mean()))
