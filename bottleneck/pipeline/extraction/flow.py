"""read → hash → decode in threads, in order, a bounded window ahead of the network."""

from __future__ import annotations

import os
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from bottleneck.core.digest import sample_digest
from bottleneck.data.undecodable import UndecodableError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.core.recipe import ImageSpec, ViewSpec
    from bottleneck.data.source import Read
    from bottleneck.data.undecodable import Limits

T = TypeVar("T")
R = TypeVar("R")

STEPS = ("scan", "hash", "decode", "compute", "write")
LOOK_AT = 64  # images, to know how large a source's are
AHEAD = 128 << 20  # bytes of decoded images that may wait: what starting an engine has time for


class Readable(Protocol):
    """What samples are read from: a source, or images named one by one."""

    def read(self, index: int) -> Read:
        """See `data.source.Source.read`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """One sample after reading; `read` without its content, which many waiting ones would hold.

    `image` is (views, height, width, channels) uint8 when this sample must be computed, the image
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
    """Seconds of the clock in each step, of all its threads together.

    Attributes
    ----------
    processor : seconds of the processor of steps whose threads are ours
    n_seen, n_large : images that were looked at, up to `LOOK_AT`, and those of them that are JPEGs
        so large that decoding them fast would save time
    """

    scan: float = 0.0
    hash: float = 0.0  # reading included: it is one read that serves both
    decode: float = 0.0
    compute: float = 0.0
    write: float = 0.0
    processor: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("hash", "decode", "write"), 0.0)
    )
    n_seen: int = 0
    n_large: int = 0

    def to_json(self) -> dict[str, float]:
        """Return the clock's seconds of each step."""
        return {step: getattr(self, step) for step in STEPS}


class Busy:
    """Counts the seconds of the clock in which at least one thread computes."""

    def __init__(self, seconds: Seconds) -> None:
        self._seconds = seconds
        self._lock = Lock()
        self._n_threads = 0
        self._since = 0.0

    def __enter__(self) -> None:
        """Begin, unless another thread did."""
        with self._lock:
            if not self._n_threads:
                self._since = time.perf_counter()
            self._n_threads += 1

    def __exit__(self, *exception: object) -> None:
        """End, unless another thread goes on."""
        with self._lock:
            self._n_threads -= 1
            if not self._n_threads:
                self._seconds.compute += time.perf_counter() - self._since


@dataclass(slots=True)
class Reader:
    """Reads a sample once, and decodes it if no row for its bytes exists or is on its way."""

    source: Readable
    image: ImageSpec
    views: ViewSpec
    limits: Limits
    has_row: Callable[[bytes], bool]
    seconds: Seconds
    expected: set[bytes] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, index: int) -> Item:
        """Return sample `index` of the source's last listing, read, hashed, perhaps decoded."""
        start = _clocks()
        try:
            read = self.source.read(index)
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            return Item(index=index, digest=None, read=None, failure=reason)
        digest = sample_digest(read.content)
        self._spent("hash", start)
        done = Item(index=index, digest=digest, read=replace(read, content=b""))
        return done if self._is_expected(digest) else self._decoded(done, digest, read.content)

    def image_of(self, index: int, digest: bytes) -> NDArray[np.uint8] | None:
        """Return the views of a sample whose row exists, or None if it changed or fails."""
        try:
            read = self.source.read(index)
            if sample_digest(read.content) != digest:
                return None
            return self._views(read.content, digest)
        except (OSError, UndecodableError):
            return None

    def window(self, batch_size: int) -> int:
        """Return how many decoded samples may wait: four batches, or `AHEAD` bytes of them."""
        height, width = self.image.size
        return max(
            4 * batch_size, AHEAD // (self.views.number * height * width * self.image.channels)
        )

    def _decoded(self, item: Item, digest: bytes, content: bytes | NDArray[np.uint8]) -> Item:
        start = _clocks()
        try:
            self._look(content)
            return replace(item, image=self._views(content, digest))
        except UndecodableError as error:
            return replace(item, failure=error.reason)
        finally:
            self._spent("decode", start)

    def _views(self, content: bytes | NDArray[np.uint8], digest: bytes) -> NDArray[np.uint8]:
        # Imported with the first image: a run in which nothing changed needs no Pillow.
        from bottleneck.data.decode import decode  # noqa: PLC0415
        from bottleneck.data.views import make  # noqa: PLC0415

        return make(decode(content, self.image, self.limits), digest, self.views)

    def _is_expected(self, digest: bytes) -> bool:
        """Whether a row for the digest exists or is on its way; if not, now it is."""
        with self._lock:
            if digest in self.expected:
                return True
            if self.has_row(digest):
                return True
            self.expected.add(digest)
            return False

    def _look(self, content: bytes | NDArray[np.uint8]) -> None:
        """See how large the first few images are."""
        if self.seconds.n_seen >= LOOK_AT:
            return
        from bottleneck.data.decode import is_faster_fast  # noqa: PLC0415 - as above

        is_large = is_faster_fast(content, self.image)
        with self._lock:
            self.seconds.n_seen += 1
            self.seconds.n_large += is_large

    def _spent(self, step: str, start: tuple[float, float]) -> None:
        wall, processor = (now - then for now, then in zip(_clocks(), start, strict=True))
        with self._lock:
            setattr(self.seconds, step, getattr(self.seconds, step) + wall)
            self.seconds.processor[step] += processor


def _clocks() -> tuple[float, float]:
    """Return the clock's seconds, and the processor's of this thread."""
    return time.perf_counter(), time.thread_time()


def default_threads() -> int:
    """Return how many processors this process may use, where the system says, else has."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Background(Generic[T, R]):
    """Batches at work in threads of their own, while whoever gave them goes on.

    Use as a context: leaving it waits for the batch at work, and drops those behind it.
    """

    def __init__(self, work: Callable[[list[T]], R]) -> None:
        self._work = work
        self._threads = 1
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="compute")
        self._under_way: deque[tuple[list[T], Future[R]]] = deque()

    def __len__(self) -> int:
        """How many items are in the batches under way."""
        return sum(len(batch) for batch, _ in self._under_way)

    def start(self, batch: list[T], *, threads: int = 1) -> None:
        """Begin with a batch once fewer than this many of those before it are at work."""
        if threads != self._threads:
            self._pool.shutdown(wait=True)
            self._threads = threads
            self._pool = ThreadPoolExecutor(threads, thread_name_prefix="compute")
        self._under_way.append((batch, self._pool.submit(self._work, batch)))

    def results(self, *, but: int) -> Iterator[tuple[list[T], R]]:
        """Yield batches and what came of them, in order, waiting for all `but` the last few."""
        while len(self._under_way) > but:
            batch, result = self._under_way.popleft()
            yield batch, result.result()

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End the thread."""
        self._pool.shutdown(wait=True, cancel_futures=True)


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
