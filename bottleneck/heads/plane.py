"""Features in two dimensions: their principal components, the same on every run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def principal_plane(
    rows: NDArray[Any],
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Project rows on the two directions in which they vary most (Pearson 1901).

    The directions' signs, which mean nothing, are such that the point farthest out along each is
    on the positive side.

    Parameters
    ----------
    rows : (n, …), n > 0; finite

    Returns
    -------
    points : (n, 2)
    shares : of the rows' variance that each of the two explains; 0 where there is none
    """
    flat = rows.reshape(len(rows), -1).astype(np.float64)
    largest = np.abs(flat).max(initial=0.0)
    if largest:
        flat /= largest  # no square is then too large or too small
    flat -= flat.mean(axis=0)
    n, d = flat.shape
    # Of both square matrices that say the same, the smaller one.
    values, vectors = np.linalg.eigh(flat @ flat.T if n < d else flat.T @ flat)
    points, shares = np.zeros((n, 2)), [0.0, 0.0]
    total = float(np.square(flat).sum())
    for axis in range(min(2, n, d)):
        value = max(float(values[-1 - axis]), 0.0)
        vector = vectors[:, -1 - axis]
        along = vector * np.sqrt(value) if n < d else flat @ vector
        farthest = along[np.abs(along).argmax()]
        points[:, axis] = along * (-largest if farthest < 0 else largest)
        shares[axis] = value / total if total else 0.0
    return points, (shares[0], shares[1])
