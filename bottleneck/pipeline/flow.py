"""read → hash → decode in threads, in order, a bounded window ahead of the network."""

from __future__ import annotations

import os
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bottleneck.core.digest import sample_digest
from bottleneck.data.decode import UndecodableError, decode
from bottleneck.data.views import make

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.core.recipe import ImageSpec, ViewSpec
    from bottleneck.data.decode import Limits
    from bottleneck.data.source import Read

T = TypeVar("T")
R = TypeVar("R")


class Readable(Protocol):
    """What samples are read from: a source, or images named one by one."""

    def read(self, index: int) -> Read:
        """See `data.source.Source.read`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """One sample after reading.

    `image` is (views, height, width, 3) uint8 RGB when this sample must be computed, the image
    itself first; `failure` says why that is impossible; neither is set when a row for the digest
    exists or is on its way.
    `digest` is None when the sample could not be read at all.
    """

    index: int
    digest: bytes | None
    read: Read | None
    image: NDArray[np.uint8] | None = None
    failure: str | None = None


@dataclass(slots=True)
class Seconds:
    """Seconds of thread time in each step."""

    scan: float = 0.0
    hash: float = 0.0  # reading included: it is one read that serves both
    decode: float = 0.0
    compute: float = 0.0
    write: float = 0.0


@dataclass(slots=True)
class Reader:
    """Reads a sample once, and decodes it if no row for its bytes exists or is on its way."""

    source: Readable
    image: ImageSpec
    views: ViewSpec
    limits: Limits
    has_row: Callable[[bytes], bool]
    seconds: Seconds
    claimed: set[bytes] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, index: int) -> Item:
        """Return sample `index` of the source's last listing, read, hashed, perhaps decoded."""
        start = time.perf_counter()
        try:
            read = self.source.read(index)
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            return Item(index=index, digest=None, read=None, failure=reason)
        digest = sample_digest(read.content)
        self._spent("hash", start)
        if self._claim(digest):
            return Item(index=index, digest=digest, read=read)
        return self._decoded(index, digest, read)

    def image_of(self, index: int, digest: bytes) -> NDArray[np.uint8] | None:
        """Return the views of a sample whose row exists, or None if it changed or fails."""
        try:
            read = self.source.read(index)
            if sample_digest(read.content) != digest:
                return None
            return self._views(read, digest)
        except (OSError, UndecodableError):
            return None

    def _decoded(self, index: int, digest: bytes, read: Read) -> Item:
        start = time.perf_counter()
        try:
            image = self._views(read, digest)
        except UndecodableError as error:
            return Item(index=index, digest=digest, read=read, failure=error.reason)
        finally:
            self._spent("decode", start)
        return Item(index=index, digest=digest, read=read, image=image)

    def _views(self, read: Read, digest: bytes) -> NDArray[np.uint8]:
        return make(decode(read.content, self.image, self.limits), digest, self.views)

    def _claim(self, digest: bytes) -> bool:
        """Whether a row for the digest exists or is on its way; if not, now it is."""
        with self._lock:
            if digest in self.claimed:
                return True
            if self.has_row(digest):
                return True
            self.claimed.add(digest)
            return False

    def _spent(self, step: str, start: float) -> None:
        spent: Any = time.perf_counter() - start
        with self._lock:
            setattr(self.seconds, step, getattr(self.seconds, step) + spent)


def default_threads() -> int:
    """Return how many processors this process may use, where the system says, else has."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_ahead(
    work: Callable[[T], R], inputs: Iterable[T], *, threads: int, window: int
) -> Generator[R, None, None]:
    """Yield `work` of each input, in order, with at most `window` results waiting.

    Closing the iterator drops what is waiting and returns once running calls have ended.
    """
    waiting: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="decode")
    try:
        for item in inputs:
            waiting.append(pool.submit(work, item))
            if len(waiting) >= window:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
