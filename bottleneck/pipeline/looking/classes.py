"""What rows say of classes: which run into each other, which are large, which are two things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.pipeline.looking.neighbours import Neighbours

LEAST_OF_CLASS = 40  # images, below which no class is called two clusters
LEAST_SHARE = 0.1  # of the smaller cluster
APART = 0.1  # neighbours across, of those that chance would give: below it, there are two clusters
ROUNDS = 25


def confusions(
    labels: NDArray[np.int32], probabilities: NDArray[np.float32]
) -> list[dict[str, Any]]:
    """Return which classes are taken for which, the commonest first.

    Parameters
    ----------
    labels : (n,)
    probabilities : (n, k), by heads that had not seen the image

    Returns
    -------
    One for each pair of classes: `one other`, numbers of classes; `taken`, how many of one were
    taken for the other; `taken_back`, how many of the other for the one; `share` of both together.
    """
    k = probabilities.shape[1]
    counts = np.zeros((k, k), np.int64)
    np.add.at(counts, (labels, probabilities.argmax(axis=1)), 1)
    sizes = counts.sum(axis=1)
    found = [
        {
            "one": i,
            "other": j,
            "taken": int(counts[i, j]),
            "taken_back": int(counts[j, i]),
            "share": float((counts[i, j] + counts[j, i]) / (sizes[i] + sizes[j])),
        }
        for i in range(k)
        for j in range(i + 1, k)
        if counts[i, j] + counts[j, i]
    ]
    return sorted(found, key=lambda pair: -pair["share"])


def two_clusters(
    units: NDArray[np.float32], labels: NDArray[np.int32], near: Neighbours, n_classes: int
) -> list[dict[str, Any]]:
    """Return the classes that fall into two clusters, the clearest first.

    A class is cut in two where its rows lie widest apart (two means). Of one thing, the cut goes
    through its middle, and many neighbours lie across; of two things, hardly any.

    Returns
    -------
    One for each such class: `label`; `sizes` of both clusters; `across`, the neighbours across as
    a share of what chance would give; `members`, an image number near the middle of each.
    """
    found = []
    for label in range(n_classes):
        members = np.flatnonzero(labels == label)
        if len(members) < LEAST_OF_CLASS:
            continue
        side = _two_means(units[members])
        share = float(side.mean())
        if min(share, 1 - share) < LEAST_SHARE:
            continue
        of = np.full(len(labels), -1, np.int8)
        of[members] = side
        there = of[near.which[members]]
        inside = there >= 0
        across = float(((there != side[:, None]) & inside).sum() / max(1, inside.sum()))
        ratio = across / (2 * share * (1 - share))
        if ratio < APART:
            middles = [_most_typical(units, members[side == i]) for i in (0, 1)]
            sizes = [int((side == i).sum()) for i in (0, 1)]
            found.append({"label": label, "sizes": sizes, "across": ratio, "members": middles})
    return sorted(found, key=lambda one: one["across"])


def _two_means(rows: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return the side (n,) of each row, 0 or 1; the larger one is 0."""
    centred = rows - rows.mean(axis=0)
    some = centred[:: max(1, len(rows) // 2048)]
    axis = np.linalg.svd(some, full_matrices=False)[2][0]
    side = centred @ axis > 0
    for _ in range(ROUNDS):
        if side.all() or not side.any():
            break
        one, other = rows[side].mean(axis=0), rows[~side].mean(axis=0)
        new = rows @ (one - other) > ((one @ one) - (other @ other)) / 2
        if (new == side).all():
            break
        side = new
    return np.asarray(side if side.mean() <= 0.5 else ~side, np.int8)


def _most_typical(units: NDArray[np.float32], members: NDArray[np.int64]) -> int:
    rows = units[members]
    return int(members[(rows @ rows.mean(axis=0)).argmax()])
