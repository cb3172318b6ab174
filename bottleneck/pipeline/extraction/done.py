"""What a worker tells of a shard that it did, and what that is in the place of a batch."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import UsageError
from bottleneck.data.scan import Seen
from bottleneck.store.storage import is_table_there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.pipeline.extraction.extraction import Extraction
    from bottleneck.pipeline.extraction.flow import Item, Seconds
    from bottleneck.pipeline.extraction.limits import Used
    from bottleneck.store.part import PartEntry
    from bottleneck.store.storage_protocol import Storage

THERE_S = 10.0  # a network file system may show what others made a little later


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Done:
    """What a worker tells, of samples by their place in the shard.

    In columns: a driver of a thousand workers takes in a hundred thousand samples a second.

    Attributes
    ----------
    seen : what it read
    failed : why what it read has no row
    unread : why it could not read others
    part : what it published; None where there was no row
    digests : (n, 32) of the part's rows
    rows_of : (n,) the samples that these are
    misfits : digest → why its row does not fit the stored dtype
    wall_s : of the clock, once the network was open
    host : the machine
    """

    seen: Seen
    failed: dict[int, str]
    unread: dict[int, str]
    part: PartEntry | None
    digests: NDArray[np.uint8]
    rows_of: NDArray[np.int64]
    misfits: dict[bytes, str]
    seconds: Seconds
    used: Used | None
    wall_s: float
    host: str = field(default_factory=platform.node)

    def __len__(self) -> int:
        """How many samples it went through."""
        return len(self.seen.index) + len(self.unread)

    def require_part_in(self, storage: Storage) -> None:
        """Raise UsageError where the part is not in this store: no commit may name it then."""
        end = time.monotonic() + THERE_S
        while self.part is not None and not is_table_there(storage, self.part):
            if time.monotonic() >= end:
                raise UsageError(
                    "what a worker wrote is not in the store",
                    f"{self.part.table} of {self.host}",
                    "let all workers see the store that this command sees, under the same path; "
                    "if they do, gc was faster: run the command again",
                )
            time.sleep(0.1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Written:
    """What a worker published, in the place of a batch; see `driver.Batch`.

    Attributes
    ----------
    n : samples that were gone through
    part : None where none of its rows is new
    digests : (m, 32) of those that are new
    indices : (m,) of the samples that these are
    seconds : what they took, all workers being at work
    """

    n: int
    part: PartEntry | None
    digests: NDArray[np.uint8]
    indices: NDArray[np.int64]
    misfits: dict[bytes, str]
    n_workers: int
    seconds: float | None

    def record_in(self, run: Extraction, span: slice) -> list[int]:
        """Have an extraction adopt the part; return the samples whose rows are new."""
        run.adopt(self.part, self.digests, self.misfits, n_workers=self.n_workers)
        indices: list[int] = self.indices.tolist()
        return indices


def digests_of(items: Sequence[Item]) -> NDArray[np.uint8]:
    """Return the digests (n, 32) of samples that were read."""
    return np.frombuffer(b"".join(i.digest or b"" for i in items), np.uint8).reshape(-1, 32)


def seen_of(items: Sequence[Item]) -> Seen:
    """Return in columns what was read of samples; those that could not be are left out."""
    read = [(item.index, item.read) for item in items if item.digest and item.read]
    return Seen(
        index=np.array([index for index, _ in read], np.int64),
        digests=digests_of([item for item in items if item.digest and item.read]),
        stats=np.array([one.stat for _, one in read], np.int64).reshape(-1, 4),
        clocks=np.array([one.clock_ns for _, one in read], np.int64),
    )
