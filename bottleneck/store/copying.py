"""Copying rows of parts into one new part: in blocks, each row checked as it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from bottleneck.core.digest import as_void
from bottleneck.store.table import Blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from bottleneck.store.part import Part, PartEntry
    from bottleneck.store.store import Store

LARGE_BYTES = 1 << 30
BLOCK_BYTES = 8 << 20
Chosen = tuple["Part", "NDArray[np.int64]"]
T = TypeVar("T")


def copied(store: Store, chosen: Sequence[Chosen]) -> PartEntry:
    """Write and publish one part of these rows of parts, in that order, each checked.

    The parts must be of equal provenance, which the new part then has.

    Raises
    ------
    DamagedError
        When a row is not the one that was written; nothing is published then.
    """
    provenance = chosen[0][0].provenance
    if any(part.provenance != provenance for part, _ in chosen):
        raise ValueError("parts that were computed in different ways cannot be one")
    return write_rows(
        store,
        np.concatenate([part.digests[rows] for part, rows in chosen]),
        np.concatenate([part.checksums[rows] for part, rows in chosen]),
        (part.take(at) for part, rows in chosen for at in _pieces(store, rows)),
        provenance,
    )


def write_rows(
    store: Store,
    digests: NDArray[np.uint8],
    checksums: NDArray[np.uint32],
    blocks: Iterable[NDArray[Any]],
    provenance: Mapping[str, Any],
) -> PartEntry:
    """Write and publish a part of rows that come in blocks and were checked already."""
    spec = store.recipe.rows
    column = Blocks(
        shape=(len(digests), *spec.shape), dtype=np.dtype(spec.dtype), blocks=iter(blocks)
    )
    return store.write_part(digests, column, provenance, checksums)


def in_pieces(
    store: Store, rows: NDArray[np.int64], take: Callable[[NDArray[np.int64]], NDArray[Any]]
) -> Iterator[NDArray[Any]]:
    """Yield `take` of a few megabytes of rows at a time, in their order."""
    yield from map(take, _pieces(store, rows))


def _pieces(store: Store, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    spec = store.recipe.rows
    row_bytes = max(1, int(np.prod(spec.shape)) * np.dtype(spec.dtype).itemsize)
    step = max(1, BLOCK_BYTES // row_bytes)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]


def once(chosen: Sequence[Chosen]) -> list[Chosen]:
    """Return the same rows without those whose digest came before."""
    digests = [part.digests[rows] for part, rows in chosen]
    _, first = np.unique(as_void(np.concatenate(digests)), return_index=True)
    is_first = np.zeros(sum(map(len, digests)), bool)
    is_first[first] = True
    ends = np.cumsum([len(rows) for _, rows in chosen])[:-1]
    kept = np.split(is_first, ends)
    return [(part, rows[keep]) for (part, rows), keep in zip(chosen, kept, strict=True)]


def groups(
    items: Sequence[T], part_of: Callable[[T], Part], size: Callable[[T], int]
) -> list[list[T]]:
    """Return items whose parts may be one: of equal provenance, and together not too large."""
    found: list[list[T]] = []
    sizes: list[int] = []
    for item in items:
        provenance, n_bytes = part_of(item).provenance, size(item)
        for i, group in enumerate(found):
            has_room = sizes[i] + n_bytes <= LARGE_BYTES
            if has_room and part_of(group[0]).provenance == provenance:
                group.append(item)
                sizes[i] += n_bytes
                break
        else:
            found.append([item])
            sizes.append(n_bytes)
    return found
