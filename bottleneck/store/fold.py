"""Folding: many small parts become few large ones, every row checked on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bottleneck.store.copying import copied, groups, once
from bottleneck.store.log import ReplaceParts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bottleneck.store.part import Part, PartEntry
    from bottleneck.store.store import Store

MANY = 16
SMALL_BYTES = 64 << 20


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
    for group in groups(small, lambda part: part, lambda part: part.entry.n_bytes):
        if len(group) > 1:
            new = merged(store, group)
            actions.append(ReplaceParts(tuple(part.entry.name for part in group), (new,)))
    return store.commit(actions, "fold") if actions else store


def merged(store: Store, parts: Sequence[Part]) -> PartEntry:
    """Write and publish one part of all rows of `parts`, each checked, equal ones once.

    The parts must be of equal provenance, which the new part then has.
    """
    return copied(store, once([(part, np.arange(len(part))) for part in parts]))
