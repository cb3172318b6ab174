"""How many images a GPU computes at once: doubled until it computes no more of them a second."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from bottleneck.engines.batches import Call

log = logging.getLogger(__name__)
GAIN = 1.05  # a doubling that brings less is not worth its memory
LARGEST = 2048
CALLS = 3  # of which the fastest counts


def grown(
    compile_for: Callable[[int], Call],
    size: int,
    shape: tuple[int, int, int],
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> int:
    """Return the batch size, of `size` and its doubles, from which on the speed grows no more.

    Parameters
    ----------
    compile_for : returns, for a batch size, the call; see `batches.Batches`
    shape : (height, width, channels) of an image
    """
    best = 0.0
    chosen = size
    while size <= LARGEST:
        try:
            speed = _images_per_second(compile_for(size), size, shape, clock)
        except MemoryError:
            break
        log.debug("%d images a batch: %.0f a second", size, speed)
        if speed < GAIN * best:
            break
        best, chosen = speed, size
        size *= 2
    return chosen


def _images_per_second(
    call: Call, size: int, shape: tuple[int, int, int], clock: Callable[[], float]
) -> float:
    batch = np.zeros((size, *shape), np.uint8)
    call(batch)  # compiles
    took = []
    for _ in range(CALLS):
        start = clock()
        call(batch)
        took.append(clock() - start)
    return size / max(min(took), 1e-9)
