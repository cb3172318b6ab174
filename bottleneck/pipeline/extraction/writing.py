"""Rows on their way into a store: collected, published behind the network, committed in peace."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bottleneck.core.recipe import RowSpec
    from bottleneck.pipeline.extraction.flow import Seconds
    from bottleneck.pipeline.extraction.target import Target
    from bottleneck.store.part import PartEntry

PART_BYTES = 64 << 20
COMMIT_EVERY_S = 60.0
# Where several runs share a store: what one has not committed, another may be computing too.
SHARED_EVERY_S = 10.0
PARTS_EVERY_S = 0.5  # where parts come from others: one of each is enough for a commit
LOST_SHARE = 0.01  # of a row's length; rounding to float16 alone takes 0.0005 at most


def to_dtype(rows: NDArray[np.float32], dtype: str) -> tuple[NDArray[Any], dict[int, str]]:
    """Return rows (n, …) in the stored dtype, and why for those that do not fit it.

    Too large is infinite in float16; too small is zero. Both would be features lost in silence.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        stored = rows.astype(dtype)
        exact = rows.reshape(len(rows), -1).astype(np.float64)
        kept = stored.reshape(len(rows), -1).astype(np.float64)
        lost = np.linalg.norm(kept - exact, axis=1)
        fits = lost <= LOST_SHARE * np.linalg.norm(exact, axis=1)  # False for what is no number
    misfits = {}
    for i in np.flatnonzero(~fits).tolist():
        largest = float(np.abs(exact[i]).max())
        advice = ": --rows float32" if np.isfinite(largest) else ""
        misfits[i] = f"{largest:.1e} does not fit {dtype}{advice}"
    return stored, misfits


def as_stored(rows: NDArray[np.float32], spec: RowSpec) -> tuple[NDArray[Any], dict[int, str]]:
    """Return rows (n, views, …) as a store keeps them, and why for the images that do not fit."""
    n_views = rows.shape[1]
    stored, misfits = to_dtype(rows.reshape(-1, *rows.shape[2:]), spec.dtype)
    return stored.reshape(len(rows), *spec.shape), {i // n_views: misfits[i] for i in misfits}


class Writer:
    """Collects rows, publishes parts in a thread of its own, and commits at most once a minute.

    A part is published when it holds 64 MiB or when a minute has passed, so that a kill loses at
    most a minute; and sooner where other runs wait to see what need not be computed. Commits
    happen in the caller's thread, between batches. Use as a context: leaving it ends the thread,
    and what was not committed by `finish` is left to gc. Until then it is claimed: a batch may take
    longer than what nobody names is left alone.

    Parameters
    ----------
    is_shared : whether other runs may fill the store at the same time
    """

    def __init__(
        self,
        target: Target,
        provenance: Callable[[], dict[str, Any]],
        seconds: Seconds,
        *,
        is_shared: bool,
    ) -> None:
        self.bytes_written = 0
        self._every_s = min(COMMIT_EVERY_S, SHARED_EVERY_S) if is_shared else COMMIT_EVERY_S
        self._target = target
        self._provenance = provenance
        self._seconds = seconds
        self._held: list[tuple[NDArray[np.uint8], NDArray[Any]]] = []
        self._publishing: list[Future[PartEntry]] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._published = self._committed = time.monotonic()

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End the thread, once the part that is being written is whole."""
        try:
            self._pool.shutdown(wait=True, cancel_futures=True)
        finally:
            self._target.release()

    def add(self, digests: NDArray[np.uint8], rows: NDArray[Any]) -> None:
        """Take (n, 32) digests and their (n, …) rows as stored; commit when it is time."""
        self._target.claim_parts()
        self._held.append((digests, rows))
        now = time.monotonic()
        is_full = sum(held.nbytes for _, held in self._held) >= PART_BYTES
        self.commit_when_due()  # before the next part: a kill then costs one, and not two
        if is_full or now - self._published >= self._every_s:
            self._publish()

    def adopt(self, entry: PartEntry, n_workers: int) -> None:
        """Take a part that was published elsewhere; commit when it is time.

        Parameters
        ----------
        n_workers : who publish parts: one of each is committed, so that a kill costs no more
        """
        self._target.claim_parts()
        published: Future[PartEntry] = Future()
        published.set_result(entry)
        self._publishing.append(published)
        self.commit_when_due(n_workers)

    def commit_when_due(self, n_workers: int = 0) -> bool:
        """Commit what is published, unless that was done within the last minute; see `adopt`.

        Returns whether everything that was given to this is committed now.
        """
        is_enough = n_workers and len(self._publishing) >= n_workers
        every_s = min(PARTS_EVERY_S, self._every_s) if is_enough else self._every_s
        if time.monotonic() - self._committed >= every_s:
            self._commit(wait=False)
        return not (self._publishing or self._held)

    def finish(self) -> None:
        """Publish and commit all that is left; more may follow."""
        self._commit(wait=True)  # before the last part: a kill then costs one, and not two
        self._publish()
        self._commit(wait=True)

    def _publish(self) -> None:
        if self._held:
            digests, rows = (np.concatenate(column) for column in zip(*self._held, strict=True))
            new = self._target.without_row(digests)  # another run may have been faster
            # One part waits at most: the writer must not fall behind without bound.
            for earlier in self._publishing[-1:]:
                earlier.result()
            if new.any():
                self._publishing.append(self._pool.submit(self._write, digests[new], rows[new]))
            self._held = []  # last: an interrupt before it costs a row that is there twice
        self._published = time.monotonic()

    def _write(self, digests: NDArray[np.uint8], rows: NDArray[Any]) -> PartEntry:
        start, processor = time.perf_counter(), time.thread_time()
        entry = self._target.store.write_part(digests, rows, self._provenance())
        self._seconds.write += time.perf_counter() - start
        self._seconds.processor["write"] += time.thread_time() - processor
        return entry

    def _commit(self, *, wait: bool) -> None:
        done = [future for future in self._publishing if wait or future.done()]
        entries = [future.result() for future in done]
        if entries:
            self._target.require_parts(entries)
            self._target.commit([self._target.store.add_part(*entries)])
            self.bytes_written += sum(size for entry in entries for size, _ in entry.files.values())
            self._committed = time.monotonic()  # else a part in writing is, as soon as it is whole
        self._publishing = [future for future in self._publishing if future not in done]
