"""Features in two dimensions, the same on every run: UMAP where it is, else principal components.

UMAP keeps who is near whom, so that classes lie apart which a flat shadow lays over each other, but
its distances and directions mean nothing; the picture says which of the two it is.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

NEIGHBOURS = 15  # UMAP's own default; of no more rows than these there is nothing to find
BLOCK = 32  # directions that are sought at once: more than two, so that those two are soon found
ROUNDS = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plane:
    """Rows in two dimensions.

    Attributes
    ----------
    points : (n, 2)
    axes : what each of the two is
    how : how rows became points
    has_scale : whether a distance along an axis means something
    """

    points: NDArray[np.float64]
    axes: tuple[str, str]
    how: str
    has_scale: bool


def plane_of(rows: NDArray[Any]) -> Plane:
    """Return rows in two dimensions: by UMAP where umap-learn is installed, else their components.

    Parameters
    ----------
    rows : (n, …), n > 0; finite, float16 or float32
    """
    why = ""
    if len(rows) > NEIGHBOURS and has_umap():
        try:
            return _umap_plane(rows)
        except ImportError as error:  # it is there, and does not fit numpy, numba or Python
            why = f" (umap-learn does not load: {error})"
    points, shares = principal_plane(rows)
    return Plane(
        points=points,
        axes=(
            f"component 1, {shares[0]:.1%} of the variance",
            f"component 2, {shares[1]:.1%} of the variance",
        ),
        how=f"first two principal components{why}",
        has_scale=True,
    )


def has_umap() -> bool:
    """Whether umap-learn is installed; another package that is called umap is not it."""
    try:
        metadata.version("umap-learn")
    except metadata.PackageNotFoundError:
        return False
    return True


def _umap_plane(rows: NDArray[Any]) -> Plane:
    """Lay rows out by UMAP (McInnes, Healy and Melville 2018), from a fixed seed, on one core."""
    flat = rows.reshape(len(rows), -1).astype(np.float32)
    with _umap_alone(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numba's compiler; nothing that a user could act on
        import umap  # noqa: PLC0415 - seconds, only where it is drawn

        layout = umap.UMAP(n_components=2, n_neighbors=NEIGHBOURS, random_state=0, n_jobs=1)
        points = np.asarray(layout.fit_transform(flat), np.float64)
    return Plane(
        points=points,
        axes=("UMAP 1", "UMAP 2"),
        how=f"UMAP of {NEIGHBOURS} neighbours, seed 0: near is alike, far means nothing",
        has_scale=False,
    )


@contextlib.contextmanager
def _umap_alone() -> Iterator[None]:
    """Import umap without the part of it that would bring TensorFlow, and forget it afterwards.

    Whoever has imported it already keeps it; whoever does so later gets the whole of it.
    """
    if "umap" in sys.modules:
        yield
        return
    sys.modules["umap.parametric_umap"] = None  # type: ignore[assignment] # so an import of it fails
    try:
        yield
    finally:
        for name in [n for n in sys.modules if n == "umap" or n.startswith("umap.")]:
            del sys.modules[name]


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
