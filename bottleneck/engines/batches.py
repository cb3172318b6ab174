"""Batches of one shape: the last one is padded, and all are halved when memory ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import NoSpaceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Call = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

log = logging.getLogger(__name__)


class Batches:
    """A compiled call of one batch shape, for any number of images.

    Nothing is compiled twice for a last batch that is smaller, and every image meets the same
    arithmetic.

    Parameters
    ----------
    compile_for : callable
        Returns, for a batch size, the call from (batch, height, width, 3) uint8 to (batch, …)
        float32; the call raises MemoryError when memory ends.
    """

    def __init__(self, compile_for: Callable[[int], Call], size: int, device: str) -> None:
        self.size = size
        self._compile_for = compile_for
        self._device = device
        self._call: Call | None = None

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the rows (n, …) of n images (n, height, width, 3); see `engine.Engine`."""
        done: list[NDArray[np.float32]] = []
        at = 0
        while at < len(images):
            batch = images[at : at + self.size]
            try:
                done.append(self._padded(batch)[: len(batch)])
                at += len(batch)
            except MemoryError as error:
                self._halve(error)
        return np.concatenate(done)

    def _padded(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        if len(batch) < self.size:
            padding = np.zeros((self.size - len(batch), *batch.shape[1:]), np.uint8)
            batch = np.concatenate([batch, padding])
        if self._call is None:
            self._call = self._compile_for(self.size)
        return self._call(batch)

    def _halve(self, error: Exception) -> None:
        if self.size == 1:
            raise NoSpaceError(
                "not enough memory for a single image",
                self._device,
                "use a smaller --size or a smaller network",
            ) from error
        self.size //= 2
        self._call = None
        log.warning("not enough memory: going on with %d images per batch", self.size)
