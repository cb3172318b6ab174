"""What a store has of a source's samples: rows, keys, and whatever is said of them, aligned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bottleneck.core.sample import SPLITS, show_key
from bottleneck.heads.views import itself

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.core.sample import Groups, Targets
    from bottleneck.store.store import Store


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
