"""Folding: many small parts become few large ones, every row checked on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.store.log import ReplaceParts
from bottleneck.store.part import PartEntry, write_part
from bottleneck.store.table import Blocks, load_format

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from bottleneck.store.part import Part
    from bottleneck.store.store import Store

MANY = 16
SMALL_BYTES = 64 << 20
LARGE_BYTES = 1 << 30
BLOCK_BYTES = 8 << 20


def fold(store: Store) -> Store:
    """Fold when more than 16 parts are small; return the store as it then is.

    Rows that two parts hold are kept once. Parts that were computed in different ways (engine,
    versions, machine, batch) stay apart, so that every row's provenance stays known. If another
    run replaced one of the parts meanwhile, the work is dropped and gc collects it.
    """
    small = [part for part in store.parts if part.entry.n_bytes <= SMALL_BYTES * 1.1]
    if len(small) <= MANY:
        return store
    actions = []
    for group in _groups(small):
        if len(group) > 1:
            new = merged(store, group)
            actions.append(ReplaceParts(tuple(part.entry.name for part in group), (new,)))
    return store.commit(actions, "fold") if actions else store


def _groups(parts: Sequence[Part]) -> list[list[Part]]:
    """Return parts that may be one: of equal provenance, and together not too large."""
    groups: list[list[Part]] = []
    for part in parts:
        for group in groups:
            held = sum(other.entry.n_bytes for other in group)
            alike = group[0].provenance == part.provenance
            if alike and held + part.entry.n_bytes <= LARGE_BYTES:
                group.append(part)
                break
        else:
            groups.append([part])
    return groups


def merged(store: Store, parts: Sequence[Part]) -> PartEntry:
    """Write and publish one part of all rows of `parts`, each checked, equal ones once.

    The parts must be of equal provenance, which the new part then has.
    """
    provenance = parts[0].provenance
    if any(part.provenance != provenance for part in parts):
        raise ValueError("parts that were computed in different ways cannot be one")
    seen: set[bytes] = set()
    kept: list[NDArray[np.int64]] = []
    for part in parts:
        rows = []
        for row, digest in enumerate(part.digests):
            name = digest.tobytes()
            if name not in seen:
                seen.add(name)
                rows.append(row)
        kept.append(np.array(rows, np.int64))
    spec = store.recipe.rows
    row_bytes = max(1, int(np.prod(spec.shape)) * np.dtype(spec.dtype).itemsize)
    step = max(1, BLOCK_BYTES // row_bytes)

    def blocks() -> Iterator[NDArray[Any]]:
        for part, rows in zip(parts, kept, strict=True):
            for start in range(0, len(rows), step):
                yield part.take(rows[start : start + step])

    digests = np.concatenate([part.digests[rows] for part, rows in zip(parts, kept, strict=True)])
    sums = np.concatenate([part.checksums[rows] for part, rows in zip(parts, kept, strict=True)])
    column = Blocks(shape=(len(digests), *spec.shape), dtype=np.dtype(spec.dtype), blocks=blocks())
    return write_part(
        store.path / "parts",
        load_format(store.format),
        store.state.recipe,
        digests,
        column,
        provenance,
        checksums=sums,
    )
