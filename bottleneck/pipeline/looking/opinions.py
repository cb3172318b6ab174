"""What heads that have not seen an image, and its neighbours, think of its class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.pipeline.looking.labels import LEAST_OF_CLASS, Judged, judged, votes
from bottleneck.pipeline.looking.out_of_fold import FOLDS, folds_of, out_of_fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.looking.images import Images
    from bottleneck.pipeline.looking.neighbours import Neighbours


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opinions:
    """What is thought of the m images that can be judged.

    Attributes
    ----------
    at : (m,) which images these are: those with a label, of a class that is large enough
    head : (m, k) float32, probabilities by heads that have not seen the image
    judged : of their labels
    too_small : the classes that cannot be judged
    accuracy : of the heads, against the labels
    """

    at: NDArray[np.int64]
    head: NDArray[np.float32]
    judged: Judged
    too_small: tuple[int, ...]
    accuracy: float


def opinions_of(
    images: Images,
    near: Neighbours,
    together: NDArray[np.int64],
    seed: int,
    reporter: Reporter,
) -> Opinions | None:
    """Return what is thought of each label; None where there are not two classes to tell apart.

    Parameters
    ----------
    together : (u,) the group of each image that is the same as others
    """
    n_classes = len(images.samples.classes)
    sizes = np.bincount(images.labels[images.labels >= 0], minlength=n_classes)
    too_small = np.flatnonzero((sizes > 0) & (sizes < LEAST_OF_CLASS))
    if (sizes >= LEAST_OF_CLASS).sum() < 2:
        return None
    at = np.flatnonzero((images.labels >= 0) & ~np.isin(images.labels, too_small))
    labels = images.labels[at]
    folds = folds_of(labels, _with_groups(images, together)[at], FOLDS, seed)
    rows = images.units if len(at) == len(images) else images.units[at]
    with reporter.progress(2 * len(at), "judge") as bar:
        head = out_of_fold(rows, labels, folds, n_classes, bar.update)
        everyone = np.ones(len(images), bool)
        voted = votes(near, images.labels, everyone, n_classes)[at]
        first = judged(labels, head, voted)
        trusted = everyone.copy()
        trusted[at[first.is_disputed]] = False
        again = out_of_fold(rows, labels, folds, n_classes, bar.update, trusted[at])
    voted = votes(near, images.labels, trusted, n_classes)[at]
    return Opinions(
        at=at,
        head=again,
        judged=judged(labels, again, voted),
        too_small=tuple(too_small.tolist()),
        accuracy=float((head.argmax(axis=1) == labels).mean()),
    )


def _with_groups(images: Images, together: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the groups (u,), with the source's own put together with them."""
    groups = images.samples.groups
    if groups is None:
        return together
    from bottleneck.pipeline.looking.groups import united  # noqa: PLC0415 - of few sources

    number = groups.numbers[images.first]
    inside = np.flatnonzero(number >= 0)
    _, first = np.unique(number[inside], return_index=True)
    lead = inside[first][np.searchsorted(number[inside][first], number[inside])]
    pairs = np.concatenate(
        [np.stack([lead, inside], 1), np.stack([together, np.arange(len(together))], 1)]
    )
    return united(len(together), pairs)
