"""The requests of a network that OpenVINO compiled: several in flight, shared by several batches.

A batch takes requests as they become idle and gives each back once its rows are taken. Where it
leaves a stream without work, at its end, the next batch has that stream.
"""

from __future__ import annotations

import contextlib
import queue
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Running = deque[tuple[Any, int]]  # of one batch, the oldest first: a request, its first image

BATCHES = 2  # that share the requests at a time
# For each stream one that runs, and one that waits: no stream waits for this interpreter.
FOR_EACH_STREAM = 2


class Requests:
    """What computes the rows of batches. Any thread may call.

    Parameters
    ----------
    compiled : a network of a fixed number of images
    """

    def __init__(self, compiled: Any) -> None:
        self._images = int(compiled.input(0).get_shape()[0])  # of one request
        self._row_shape = tuple(compiled.output(0).shape)[1:]
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        streams = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        for _ in range(FOR_EACH_STREAM * streams):
            request = compiled.create_infer_request()
            # Two threads that are the first in a process to look at an array of OpenVINO's wait for
            # each other for ever [2026.4]. So this thread is the first.
            request.get_input_tensor(0).data  # noqa: B018
            self._idle.put(request)

    def __call__(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the rows (n, …) of n images (n, height, width, channels), for any n.

        Raises
        ------
        MemoryError
            When memory ends; nothing of this batch is at work then.
        """
        once = self._images
        n = -(-len(batch) // once) * once
        padded = np.zeros((n, *batch.shape[1:]), np.uint8)
        padded[: len(batch)] = batch
        rows = np.empty((n, *self._row_shape), np.float32)
        running: Running = deque()
        try:
            for at in range(0, n, once):
                running.append((self._free(running, rows), at))
                running[-1][0].start_async({0: padded[at : at + once]})
            while running:
                self._idle.put(_ended(running, rows))
        except RuntimeError as error:
            if "alloc" in str(error):
                raise MemoryError(str(error)[:200]) from error
            raise
        finally:
            for request, _ in running:
                with contextlib.suppress(RuntimeError):
                    request.wait()
                self._idle.put(request)
        return rows[: len(batch)]

    def _free(self, running: Running, rows: NDArray[np.float32]) -> Any:
        """Return an idle request; where there is none, the oldest of these once it has ended."""
        if not running:
            return self._idle.get()
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return _ended(running, rows)


def _ended(running: Running, rows: NDArray[np.float32]) -> Any:
    """Wait for the oldest request, take its rows, and return it."""
    request, at = running[0]
    request.wait()
    found = request.get_output_tensor(0).data
    rows[at : at + len(found)] = found
    running.popleft()
    return request
