"""What a store has of a source's samples: rows, keys, and whatever is said of them, aligned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.sample import SPLITS, show_key
from bottleneck.heads.views import itself

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.core.sample import Groups, Targets
    from bottleneck.store.store import Store


KEY, FEATURES = "key", "features"
NAMES = ("label", "split", "group")  # columns of names, few of them often


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """What is written or shown, aligned."""

    rows: Any  # (n, …), as features of a store: in blocks
    keys: Sequence[str]
    labels: NDArray[np.int32]
    splits: Sequence[str]
    classes: tuple[str, ...]
    recipe: str
    targets: Targets | None = None
    groups: Groups | None = None


def target_names(table: Table) -> list[str]:
    """Return what the columns of targets are called where they stand beside the others.

    One that has the name of another column, f0 and so on included, begins with `target_`.
    """
    n_features = int(np.prod(table.rows.shape[1:]))
    taken = {KEY, FEATURES, *NAMES, *(f"f{i}" for i in range(n_features))}
    found: list[str] = []
    for name in () if table.targets is None else table.targets.names:
        called = name
        while called in taken:
            called = f"target_{called}"
        taken.add(called)
        found.append(called)
    return found


def table_of(store: Store, source: str | None, split: str | None, *, holds_views: bool) -> Table:
    """Return the samples that have a row, in the order of their keys.

    Parameters
    ----------
    split : train, val or test; None for all
    holds_views : whether rows have all views of an image, where there are several, or the first
    """
    samples, at = store.snapshot(source).samples, store.available(source, split)
    rows = store.features_of(samples.digests[at])
    groups, targets = samples.groups, samples.targets
    return Table(
        rows=rows if holds_views else itself(rows, store.recipe.views.number),
        keys=[show_key(bytes(key)) for key in samples.keys[at]],
        labels=samples.labels[at],
        splits=[SPLITS[i] for i in samples.splits[at]],
        classes=samples.classes,
        recipe=store.recipe.id,
        targets=None if targets is None else targets.taken(at),
        groups=None if groups is None else replace(groups, numbers=groups.numbers[at]),
    )
