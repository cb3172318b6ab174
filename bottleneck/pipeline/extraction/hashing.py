"""Reading and hashing many samples: in chunks, and by several threads where they pay.

Small files that the system holds in memory are read faster by one thread than by two, which would
hand Python's lock to and fro. Files that a disk or a network has yet to bring want all threads, and
so do large ones, which are hashed without that lock. So one thread begins, and how long its files
take decides about the others; but for sources that say by themselves how many reads they want.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bottleneck.core.digest import sample_digest
from bottleneck.data.source import at_once

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bottleneck.core.paths import Stat
    from bottleneck.pipeline.extraction.flow import Readable

    # Digest, the stat of those bytes, and the clock before they were read.
    Hashed = tuple[bytes, Stat, int]

CHUNK = 256  # samples a task: one each would cost more than reading a small file
FEW = 8  # where each waits for a network: what threads read at the same time lies close together
SLOW_S = 100e-6  # a sample; above it threads gain more than they cost


def hashed(
    source: Readable, indices: Sequence[int], threads: int
) -> Iterator[tuple[Sequence[int], list[Hashed | None]]]:
    """Yield some samples at a time, in order: their positions, and what was read of each.

    None is what cannot be read. Contents are not kept: those of a large set do not fit in memory.

    Parameters
    ----------
    indices : positions in the source's last listing
    threads : the most that read at once
    """
    n_wanted = at_once(source)
    size = CHUNK if n_wanted == 1 else max(1, min(FEW, len(indices) // (4 * n_wanted)))
    chunks = [indices[at : at + size] for at in range(0, len(indices), size)]
    at, is_slow = 0, n_wanted > 1
    while at < len(chunks) and not (is_slow and threads > 1):
        start = time.perf_counter()
        found = _chunk(source, chunks[at])
        is_slow = time.perf_counter() - start > SLOW_S * len(chunks[at])
        yield chunks[at], found
        at += 1
    if at < len(chunks):
        from bottleneck.pipeline.extraction.flow import read_ahead  # noqa: PLC0415 - warm runs do without

        rest = read_ahead(
            lambda chunk: _chunk(source, chunk), chunks[at:], threads=threads, window=2 * threads
        )
        yield from zip(chunks[at:], rest, strict=True)


def _chunk(source: Readable, indices: Sequence[int]) -> list[Hashed | None]:
    found: list[Hashed | None] = []
    for index in indices:
        try:
            read = source.read(index)
        except OSError:
            found.append(None)
        else:
            found.append((sample_digest(read.content), read.stat, read.clock_ns))
    return found
