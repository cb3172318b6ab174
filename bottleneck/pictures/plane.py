"""Features in two dimensions: their principal components, the same on every run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 32  # directions that are sought at once: more than two, so that those two are soon found
ROUNDS = 20


def principal_plane(rows: NDArray[Any]) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Project rows on the two directions in which they vary most (Pearson 1901).

    By subspace iteration from a fixed start: all eigenvectors of 2,048 numbers an image would take
    half a minute. Exact for rows of rank BLOCK; beyond, as good as the variances decay. The signs
    of directions mean nothing; here the farthest point along each is on the positive side.

    Parameters
    ----------
    rows : (n, …), n > 0; finite, float16 or float32

    Returns
    -------
    points : (n, 2)
    shares : of the rows' variance that each of the two explains; 0 where there is none
    """
    flat = rows.reshape(len(rows), -1).astype(np.float64)
    flat -= flat.mean(axis=0)
    n, d = flat.shape
    # Both square matrices say the same; the smaller one.
    square = flat @ flat.T if n < d else flat.T @ flat
    basis = np.random.default_rng(0).normal(size=(len(square), min(BLOCK, len(square))))
    for _ in range(ROUNDS):
        basis = np.linalg.qr(square @ basis).Q
    values, within = np.linalg.eigh(basis.T @ square @ basis)
    points, shares = np.zeros((n, 2)), [0.0, 0.0]
    total = float(np.trace(square))
    for axis in range(min(2, len(values))):
        value, vector = max(float(values[-1 - axis]), 0.0), basis @ within[:, -1 - axis]
        along = vector * np.sqrt(value) if n < d else flat @ vector
        points[:, axis] = along * (-1 if along[np.abs(along).argmax()] < 0 else 1)
        shares[axis] = value / total if total else 0.0
    return points, (shares[0], shares[1])
