"""Rows of several views of each image, as heads look at them: one view of each at a time.

Features whose rows are (views, …) become array-likes (n, …) that need no copy of the whole: the
images themselves, which is the first view, or one that is drawn for each row. Where there is one
view the features are what they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_ROWS = 1024  # gathered at once, with all of their views


class OneView:
    """One view of each of n rows, as an array-like (n, …).

    Parameters
    ----------
    features : array-like (n, views, …)
    which : (n,) int64
        The view of each row.
    """

    def __init__(self, features: Any, which: NDArray[np.int64]) -> None:
        self._features = features
        self._which = which
        self.shape: tuple[int, ...] = (len(features), *features.shape[2:])
        self.dtype: np.dtype[Any] = features.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return self.take(np.arange(len(self))[index])

    def take(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        """Return a copy of the view of each of these rows (k,), in that order, as (k, …)."""
        out = np.empty((len(indices), *self.shape[1:]), self.dtype)
        for start in range(0, len(indices), BLOCK_ROWS):
            at = indices[start : start + BLOCK_ROWS]
            rows = take_rows(self._features, at)
            out[start : start + len(at)] = rows[np.arange(len(at)), self._which[at]]
        return out


def take_rows(features: Any, indices: NDArray[np.int64]) -> NDArray[Any]:
    """Return rows of an array, or of what takes positions as a store's features do."""
    found: NDArray[Any] = (
        features.take(indices, axis=0)
        if isinstance(features, np.ndarray)
        else features.take(indices)
    )
    return found


def itself(features: Any, views: int) -> Any:
    """Return the first view of each row, the image itself, as an array-like (n, …)."""
    return features if views == 1 else OneView(features, np.zeros(len(features), np.int64))


def drawn(features: Any, views: int, generator: np.random.Generator) -> Any:
    """Return one view of each row, drawn anew, as an array-like (n, …)."""
    if views == 1:
        return features
    return OneView(features, generator.integers(views, size=len(features)))
