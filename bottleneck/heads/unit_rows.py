"""Rows as heads that measure distances see them: less the mean of the training rows, of length one.

The dot product of two of them is their cosine. A row that is that mean has no direction and stays
zero. Features are not standardised one by one: of few rows, deviations are mostly chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DamagedError
from bottleneck.core.frameworks import import_keras
from bottleneck.heads import tensors
from bottleneck.heads.catalog import ADVICE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.heads.design_matrix import DesignMatrix

LEAST = 1e-12  # a shorter row has no direction
_SHAPES = {"mean": ("d",), "spread": ("one",)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Directions:
    """What makes rows directions.

    Attributes
    ----------
    mean : (d,) float32
        Of the training rows.
    spread : (1,) float32
        Their root mean square deviation from it, over all features; above zero. Nothing but the
        size that is too large for a row depends on it.
    """

    mean: NDArray[np.float32]
    spread: NDArray[np.float32]

    def of(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return rows (n, d) at length one; NaN where a row is not finite, or too large."""
        centred = (rows - self.mean) / self.spread
        squared = np.einsum("nd,nd->n", centred, centred)
        length = np.where(np.isfinite(squared), np.maximum(np.sqrt(squared), LEAST), np.nan)
        return np.asarray(centred / length[:, None], np.float32)

    def of_matrix(self, x: DesignMatrix) -> NDArray[np.float32]:
        """Return all rows of a design matrix, (n, d)."""
        out = np.empty((len(x), x.width), np.float32)
        for at, block in x.blocks():
            out[at] = self.of(block * x.scale + x.mean)
        return out

    def append(self, rows: Any) -> Any:
        """Return the directions (n, d) of a Keras tensor of rows (n, …)."""
        keras = import_keras()
        centre = keras.layers.Normalization(name="centre")
        x = centre(keras.layers.Flatten(name="features")(rows))
        centre.set_weights([self.mean, np.ones_like(self.mean), np.zeros((), np.int32)])
        centre.finalize_state()
        x = x / float(self.spread[0])
        squared = keras.ops.sum(x * x, axis=-1, keepdims=True)
        return x / keras.ops.maximum(keras.ops.sqrt(squared), LEAST)

    @property
    def tensors(self) -> dict[str, NDArray[Any]]:
        """What `loaded` needs, by name."""
        return {"mean": self.mean, "spread": self.spread}


def directions(x: DesignMatrix) -> Directions:
    """Return what makes directions of rows, by a design matrix of the training rows."""
    total = 0.0
    for _, block in x.blocks():
        centred = (block * x.scale).astype(np.float64)
        total += float(np.einsum("nd,nd->", centred, centred))
    spread = np.sqrt(total / max(1, len(x) * x.width))
    # Where all rows are one, nothing is far from it.
    usable = spread if spread > np.finfo(np.float32).tiny else 1.0
    return Directions(mean=x.mean, spread=np.array([usable], np.float32))


def loaded(
    folder: Path, shapes: Mapping[str, tuple[str, ...]], dtypes: Mapping[str, Any], head: str
) -> tuple[Directions, dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the directions, the other tensors and the options of a head that was saved.

    Parameters
    ----------
    shapes, dtypes : of the other tensors; see `tensors.load`. `d` is the length of a row.

    Raises
    ------
    DamagedError
        When its files are not such.
    """
    dtypes = {**dict.fromkeys(_SHAPES, np.float32), **dtypes}
    found, options = tensors.load(folder, {**_SHAPES, **shapes}, dtypes)
    mean, spread = found.pop("mean"), found.pop("spread")
    if spread.shape != (1,) or not spread[0] > 0:
        raise DamagedError(f"not a {head} head (a spread that is not above zero)", folder, ADVICE)
    return Directions(mean=mean, spread=spread), found, options
