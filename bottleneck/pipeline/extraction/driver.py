"""The driver: read → hash → decode → batch → compute, for whoever wants rows of images.

It knows positions, a reader and a computer; it knows no store and commits nothing. What comes out
is for the caller to keep: an extraction writes it into parts, a prediction asks its head. A list
of positions is all that a share of the work needs.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bottleneck.pipeline.extraction.flow import Background, Item, read_ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.core.reporter import Progress
    from bottleneck.pipeline.extraction.compute import Computer
    from bottleneck.pipeline.extraction.extraction import Extraction
    from bottleneck.pipeline.extraction.flow import Reader


def _without_end() -> float:
    return math.inf


def _never() -> bool:
    return False


def _always(_: Item) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Samples that were computed together, and their rows (n, views, …) float32.

    `seconds` is what they took; None: as long as the clock says.
    """

    items: list[Item]
    rows: NDArray[np.float32]
    seconds: float | None = None

    @property
    def n(self) -> int:
        """How many samples they are."""
        return len(self.items)

    def record_in(self, run: Extraction, span: slice) -> list[int]:
        """Have an extraction write what it lacks of these rows; return the samples' positions."""
        return [item.index for item in run.record(self.items, self.rows[..., span])]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Driver:
    """What reads and what computes, and when to stop.

    Attributes
    ----------
    took : called with each sample as it was read, in order, in the caller's thread
    is_needed : asked of each image as it joins a batch: while it waited, another run may have
        computed it
    wanted : how many more images may be computed
    is_over : whether time is up; asked between images
    """

    reader: Reader
    computer: Computer
    threads: int
    took: Callable[[Item], None]
    is_needed: Callable[[Item], bool] = _always
    wanted: Callable[[], float] = _without_end
    is_over: Callable[[], bool] = _never

    def batches(
        self, positions: Sequence[int] | NDArray[np.int64], bar: Progress
    ) -> Generator[Batch, None, None]:
        """Yield the rows of the samples at these positions that have none yet, in order.

        The next batches are computed while the caller works on the one before, as many as the
        engine computes side by side; the very first is waited for, so that nothing is given out
        before the canaries agreed. Close the generator
        when leaving early: it waits for the batch at work, and drops those behind it.
        """
        window = self.reader.window(self.computer.batch_size)
        items = read_ahead(self.reader, map(int, positions), threads=self.threads, window=window)
        batch: list[Item] = []
        with contextlib.closing(items), Background(self._rows) as background:
            for item in items:
                bar.update(1)
                self.took(item)
                if item.image is not None and self.is_needed(item):
                    batch.append(item)
                is_enough = len(background) + len(batch) >= self.wanted()
                if batch and (is_enough or len(batch) >= self.computer.room):
                    yield from self._start(background, batch)
                    batch = []
                if is_enough:
                    yield from _done(background, but=0)
                if self.wanted() <= 0 or self.is_over():
                    break
            if batch:
                yield from self._start(background, batch)
            yield from _done(background, but=0)

    def _start(
        self, background: Background[Item, NDArray[np.float32]], batch: list[Item]
    ) -> Generator[Batch, None, None]:
        lanes = self.computer.lanes
        background.start(batch, threads=max(1, lanes))
        yield from _done(background, but=lanes)

    def _rows(self, batch: list[Item]) -> NDArray[np.float32]:
        return self.computer([item.image for item in batch if item.image is not None])


def _done(
    background: Background[Item, NDArray[np.float32]], *, but: int
) -> Generator[Batch, None, None]:
    for items, rows in background.results(but=but):
        yield Batch(items=items, rows=rows)
