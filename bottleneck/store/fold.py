"""Folding: many small parts become few large ones, every row checked on the way."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.store.copying import copied, once
from bottleneck.store.copying import groups as grouped
from bottleneck.store.log import ReplaceParts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bottleneck.store.part import Part, PartEntry
    from bottleneck.store.store import Store

MANY = 16
SMALL_BYTES = 64 << 20
A_WHILE = 8 << 30  # bytes that are copied in a minute or so


def fold(store: Store, *, many: int | None = None, most_bytes: float = math.inf) -> Store:
    """Fold when more than 16 parts (or `many`) are small; return the store as it then is.

    Of more than `most_bytes` the first are folded, and the rest stays as it is.

    Rows that two parts hold are kept once. Parts that were computed in different ways (engine,
    versions, machine, batch) stay apart, so that every row's provenance stays known. If another
    run replaced one of the parts meanwhile, or took a new one away, the work is dropped and gc
    collects it.
    """
    groups = foldable(store, MANY if many is None else many)
    sizes = (sum(part.entry.n_bytes for part in group) for group in groups)
    ends = itertools.accumulate(sizes)
    chosen = [group for group, end in zip(groups, ends, strict=True) if end <= most_bytes]
    if not chosen:
        return store
    from bottleneck.store.claim import claimed  # noqa: PLC0415 - most runs fold nothing

    with claimed(store.storage) as claim:
        new = [merged(store, group) for group in chosen]
        if not claim.holds(new):
            return store
        olds = (tuple(part.entry.name for part in group) for group in chosen)
        actions = [ReplaceParts(old, (one,)) for old, one in zip(olds, new, strict=True)]
        return store.commit(actions, "fold")


def foldable(store: Store, many: int) -> list[list[Part]]:
    """Return the small parts that would be one each, where more than `many` are small."""
    small = [part for part in store.parts if part.entry.n_bytes <= SMALL_BYTES * 1.1]
    if len(small) <= many:
        return []
    found = grouped(small, lambda part: part, lambda part: part.entry.n_bytes)
    return [group for group in found if len(group) > 1]


def merged(store: Store, parts: Sequence[Part]) -> PartEntry:
    """Write and publish one part of all rows of `parts`, each checked, equal ones once.

    The parts must be of equal provenance, which the new part then has.
    """
    return copied(store, once([(part, np.arange(len(part))) for part in parts]))
