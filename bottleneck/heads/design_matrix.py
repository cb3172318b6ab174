"""The rows that a linear head is fitted to: centred and scaled float32, given in blocks.

Each feature is divided by its deviation to the power of OWN, times a typical deviation (the upper
quartile of them all) to the power of the rest: "standardised" means this here.

Where they fit they are held in memory. Where they do not, each pass over them reads them anew from
the features (a store's rows, which are mapped from the disk). Both give the same blocks, bit for
bit: what is fitted does not depend on how much memory there is.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.heads.views import take_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

BLOCK_ROWS = 4096
KEPT_BYTES = 2 << 30  # the largest matrix that is held in memory
# How much of a feature's scale is its own deviation, in the exponent; the rest is a typical one.
# At 1, what hardly varies among few rows is blown up; at 0, what varies most says everything.
OWN = 0.25
MOST = 10.0  # of a feature's deviation, standardised
LARGEST = 1e15  # of a standardised feature, so that no sum of a fit leaves float32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DesignMatrix:
    """Standardised rows (n, d) of images, each view of an image a row of its own.

    Attributes
    ----------
    features : array-like (m, …)
        What rows are read from; each holds all `views` of an image.
    images : (i,) int64
        Positions in `features`, in the order of the rows.
    mean, scale : (d,) float32
        What standardises: (x - mean) / scale.
    kept : (i, views, d) float32, or None
        All rows, standardised; None where they are read anew.
    is_first_view : whether an image's first view, the image itself, is its only row
    """

    features: Any
    images: NDArray[np.int64]
    views: int
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    kept: NDArray[np.float32] | None = None
    is_first_view: bool = False

    def __len__(self) -> int:
        return len(self.images) * (1 if self.is_first_view else self.views)

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        return len(self.mean)

    def between(self, start: int, stop: int) -> DesignMatrix:
        """Return the rows of these images alone."""
        kept = None if self.kept is None else self.kept[start:stop]
        return replace(self, images=self.images[start:stop], kept=kept)

    def of(self, which: NDArray[np.int64]) -> DesignMatrix:
        """Return the rows of these images alone, by their place here; held where they are held."""
        kept = None if self.kept is None else self.kept[which]
        return replace(self, images=self.images[which], kept=kept)

    def held(self, which: NDArray[np.int64]) -> DesignMatrix:
        """Return the rows of these images alone, by their place here, held in memory."""
        some = self.of(which)
        if some.kept is not None:
            return some
        kept = np.empty((len(which), self.views, self.width), np.float32)
        for at in _image_blocks(len(which), self.views):
            kept[at] = some._block(at)
        return replace(some, kept=kept)

    def first_views(self) -> DesignMatrix:
        """Return one row an image: the image itself."""
        return replace(self, is_first_view=True)

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Yield where in the rows a block stands, and the block (b, d)."""
        rows_each = 1 if self.is_first_view else self.views
        for at, read in self._blocks():
            block = read[:, :rows_each].reshape(-1, self.width)
            yield slice(at.start * rows_each, at.start * rows_each + len(block)), block

    def some(self, most: int) -> NDArray[np.float32]:
        """Return at least `most` rows, evenly spread, or all of them, as (k, d)."""
        step = max(1, len(self) // most)
        # Copies: a view would keep its whole block.
        some = [block[-at.start % step :: step].copy() for at, block in self.blocks()]
        return np.concatenate(some) if some else np.zeros((0, self.width), np.float32)

    def _blocks(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Yield blocks of images, as (b, views, d); what is read anew is read one block ahead."""
        parts = _image_blocks(len(self.images), self.views)
        if self.kept is not None:
            yield from ((at, self.kept[at]) for at in parts)
            return
        with ThreadPoolExecutor(1, thread_name_prefix="rows") as ahead:
            pending: tuple[slice, Future[NDArray[np.float32]]] | None = None
            for at in parts:
                following = at, ahead.submit(self._block, at)
                if pending is not None:
                    yield pending[0], pending[1].result()
                pending = following
            if pending is not None:
                yield pending[0], pending[1].result()

    def _block(self, at: slice) -> NDArray[np.float32]:
        if self.kept is not None:
            return self.kept[at]
        block = _read(self.features, self.images[at], self.views)
        _standardise(block, self.mean, self.scale)
        return block


def design_matrix(
    features: Any, images: NDArray[np.int64], views: int, n_train: int
) -> DesignMatrix:
    """Return the rows of these images, standardised by those of the first `n_train`.

    Parameters
    ----------
    features : array-like (m, …)
        Rows of a store, or an array; (m, views, …) where there are several views.
    images : (i,) int64
        Positions in it; `n_train` > 0.

    Raises
    ------
    DataError
        Where a feature is no finite number, or so large that sums of it are none.
    """
    d = int(np.prod(features.shape[1:])) // views
    kept = None
    if 4 * len(images) * views * d <= KEPT_BYTES:
        kept = np.empty((len(images), views, d), np.float32)
        for at in _image_blocks(len(images), views):
            kept[at] = _read(features, images[at], views)

    def raw(at: slice) -> NDArray[np.float32]:
        return kept[at] if kept is not None else _read(features, images[at], views)

    mean, scale = _mean_and_scale(raw, n_train, views, d)
    for at in _image_blocks(len(images), views):
        block = raw(at)
        _standardise(block, mean, scale)
        # Training rows are within MOST times the root of their number; others may be anywhere.
        if block.max(initial=0) > LARGEST or block.min(initial=0) < -LARGEST:
            raise DataError(
                "features too large beside those that are trained on",
                "train",
                "look at the validation images, or extract another layer",
            )
    return DesignMatrix(
        features=features, images=images, views=views, mean=mean, scale=scale, kept=kept
    )


def _image_blocks(n_images: int, views: int) -> Iterator[slice]:
    step = max(1, BLOCK_ROWS // views)
    for start in range(0, n_images, step):
        yield slice(start, min(start + step, n_images))


def _read(features: Any, images: NDArray[np.int64], views: int) -> NDArray[np.float32]:
    """Return rows of images as they are stored, as (i, views, d) float32."""
    with np.errstate(over="ignore"):  # refused below
        rows = take_rows(features, images).reshape(len(images), views, -1)
        block: NDArray[np.float32] = rows.astype(np.float32)
    if not np.isfinite(block).all():
        raise DataError(
            "features that are not finite numbers, or too large for float32",
            "train",
            "run bottleneck verify",
        )
    return block


def _mean_and_scale(
    raw: Callable[[slice], NDArray[np.float32]], n_images: int, views: int, d: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what standardises rows, by those of the first `n_images`, in two passes."""
    n = n_images * views
    total = np.zeros(d)
    for at in _image_blocks(n_images, views):
        total += raw(at).reshape(-1, d).sum(axis=0, dtype=np.float64)
    mean = total / n
    variance = np.zeros(d)
    for at in _image_blocks(n_images, views):
        centred = raw(at).reshape(-1, d) - mean
        variance += (centred * centred).sum(axis=0)
    deviation = np.sqrt(variance / n)
    # A feature that never varies tells nothing, also where rounding makes it seem to vary, or
    # where it varies by less than float32 can divide by.
    varies = deviation > np.maximum(1e-6 * np.abs(mean), np.finfo(np.float32).tiny)
    if not varies.any():
        return mean.astype(np.float32), np.ones(d, np.float32)
    # Not their mean: a few may be in another unit, or vary by far more than all the others.
    typical = np.quantile(deviation[varies], 0.75, method="lower")
    deviation = np.where(varies, deviation, typical)
    scale = np.maximum(deviation**OWN * typical ** (1 - OWN), deviation / MOST)
    return mean.astype(np.float32), scale.astype(np.float32)


def _standardise(
    block: NDArray[np.float32], mean: NDArray[np.float32], scale: NDArray[np.float32]
) -> None:
    """Standardise rows (…, d) in place."""
    with np.errstate(over="ignore"):  # refused where it is looked for
        block -= mean
        block /= scale
