"""Which training images are the few that a head is fitted to, by the kind of target.

Those of a smaller number are among those of a larger one, so that more labels are more labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.digest import as_void
from bottleneck.heads.groups import drawn
from bottleneck.pipeline.learning.strata import strata_of
from bottleneck.pipeline.learning.training_data import TRAIN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.pipeline.learning.training_data import TrainingData


def some(data: TrainingData, n: int, number: int, seed: int) -> NDArray[np.int64]:
    """Return the positions of the few of try `number`, sorted.

    Of classes `n` training images of each, or all that it has; of labels at least `n` that have
    each and `n` that are known not to; of numbers `n` in all, spread over how large they are.
    Drawn by what the images are, so that more of them in the source change little. An image that
    is there twice counts once.
    """
    train = np.flatnonzero(data.split == TRAIN)
    _, first = np.unique(as_void(data.digests[train]), return_index=True)
    train = train[np.sort(first)]
    order = np.argsort(drawn(data.digests[train], f"few {number}", seed), kind="stable")
    return np.sort(train[order[few_of(data.targets[train[order]], data.kind, n)]])


def few_of(targets: NDArray[Any], kind: str, n: int) -> NDArray[np.int64]:
    """Return the positions of the few among images that lie in the order that was drawn.

    Parameters
    ----------
    targets : (m,) int of classes, or (m, k) float32, NaN where it is not known
    kind : class, labels or numbers
    n : see `some`
    """
    if kind == "labels":
        return _of_each_label(targets, n)
    strata = strata_of(targets, kind, 1)
    place = np.empty(len(strata), np.int64)  # of an image among those of its stratum
    for stratum in np.unique(strata):
        mine = np.flatnonzero(strata == stratum)
        place[mine] = np.arange(len(mine))
    if kind == "class":
        return np.flatnonzero(place < n)
    known = np.flatnonzero(~np.isnan(targets).all(axis=1))
    return known[np.argsort(place[known], kind="stable")[:n]]


def _of_each_label(targets: NDArray[np.float32], n: int) -> NDArray[np.int64]:
    """Return the first images that have each label, and that have it not, the rarest first.

    In `n` rounds; an image that is taken counts for all that it is known to have and to lack, so
    that few are taken twice over.
    """
    is_one = np.concatenate([targets == 1, targets == 0], axis=1)
    rarest = np.argsort(is_one.sum(axis=0), kind="stable")
    # Of those taken already fewer than n are of it, so that the next is among the first n.
    queues = {one: np.flatnonzero(is_one[:, one])[:n] for one in rarest}
    taken = np.zeros(len(targets), bool)
    counts = np.zeros(is_one.shape[1], np.int64)
    for goal in range(1, n + 1):
        for one in rarest:
            left = queues[one][~taken[queues[one]]]
            if len(left) and counts[one] < goal:
                taken[left[0]] = True
                counts += is_one[left[0]]
    return np.flatnonzero(taken)
