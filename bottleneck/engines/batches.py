"""Batches of one shape: the last one is padded, and all are halved when memory ends."""

from __future__ import annotations

import logging
import queue
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import NoSpaceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Call = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

log = logging.getLogger(__name__)


class Batches:
    """A compiled call of one batch shape, for any number of images.

    Nothing is compiled twice for a last batch that is smaller, and every image meets the same
    arithmetic. Several threads may call at once: each batch takes the next lane that is free.

    Parameters
    ----------
    compile_for : callable
        Returns, for a batch size and a lane, the call from (batch, height, width, 3) uint8 to
        (batch, …) float32; the call raises MemoryError when memory ends.
    size : images in a batch
    device : for people
    lanes : where batches are computed side by side, each name as often as it takes batches at once
    """

    def __init__(
        self,
        compile_for: Callable[[int, str], Call],
        size: int,
        device: str,
        lanes: Sequence[str] = ("",),
    ) -> None:
        self.size = size
        self._compile_for = compile_for
        self._device = device
        self._calls: dict[tuple[int, str], Call] = {}
        self._lock = Lock()
        self._free: queue.SimpleQueue[str] = queue.SimpleQueue()
        for lane in lanes:
            self._free.put(lane)

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the rows (n, …) of n images (n, height, width, 3); see `engine.Engine`."""
        if not len(images):
            # What a row is like, only the network can say.
            return self._padded(images, self.size)[:0]
        done: list[NDArray[np.float32]] = []
        at = 0
        while at < len(images):
            size = self.size
            batch = images[at : at + size]
            try:
                done.append(self._padded(batch, size)[: len(batch)])
                at += len(batch)
            except MemoryError as error:
                self._halve(size, error)
        return np.concatenate(done)

    def _padded(self, batch: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
        if len(batch) < size:
            padding = np.zeros((size - len(batch), *batch.shape[1:]), np.uint8)
            batch = np.concatenate([batch, padding])
        lane = self._free.get()
        try:
            return self._call(size, lane)(batch)
        finally:
            self._free.put(lane)

    def _call(self, size: int, lane: str) -> Call:
        with self._lock:
            if (size, lane) not in self._calls:
                self._calls[size, lane] = self._compile_for(size, lane)
            return self._calls[size, lane]

    def _halve(self, size: int, error: Exception) -> None:
        with self._lock:
            if size != self.size:  # another thread did, meanwhile
                return
            if size == 1:
                raise NoSpaceError(
                    "not enough memory for a single image",
                    self._device,
                    "use a smaller --size or a smaller network",
                ) from error
            self.size //= 2
            self._calls.clear()
        log.warning("not enough memory: going on with %d images per batch", self.size)
