"""What heads that have not seen an image, and its neighbours, think of its class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.sample import NO_LABEL
from bottleneck.pipeline.looking.labels import LEAST_OF_CLASS, Judged, judged, votes
from bottleneck.pipeline.looking.out_of_fold import FOLDS, folds_of, out_of_fold

if TYPE_CHECKING:
    from collections.abc import Callable

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
    too_small : the classes that cannot be judged: of too few images, or all of one group, which no
        head is fitted without and then knows
    """

    at: NDArray[np.int64]
    head: NDArray[np.float32]
    judged: Judged
    too_small: tuple[int, ...]


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
    together : (u,) as `groups.together` returns it
    """
    n_classes = len(images.samples.classes)
    with reporter.progress(int((images.labels >= 0).sum()), "judge") as bar:
        return judge_labels(
            images.units, images.labels, near, together, n_classes, seed, bar.update
        )


def judge_labels(
    units: NDArray[np.float32],
    labels: NDArray[np.int32],
    near: Neighbours,
    together: NDArray[np.int64],
    n_classes: int,
    seed: int,
    counted: Callable[[int], object] = lambda _: None,
) -> Opinions | None:
    """Return what is thought of labels (n,), -1 without one; as `opinions_of`, of arrays.

    Parameters
    ----------
    units : (n, d) rows of length one; `near` their neighbours
    together : (n,) groups that stay in one fold
    """
    sizes = np.bincount(labels[labels >= 0], minlength=n_classes)
    several = np.unique(np.stack([labels, together]), axis=1)[0]  # each group of a class once
    n_groups = np.bincount(several[several >= 0], minlength=n_classes)
    is_judged = (sizes >= LEAST_OF_CLASS) & (n_groups > 1)
    too_small = np.flatnonzero((sizes > 0) & ~is_judged)
    if is_judged.sum() < 2:
        return None
    labels = np.where(np.isin(labels, too_small), np.int32(NO_LABEL), labels)
    at = np.flatnonzero(labels >= 0)
    told = labels[at]
    rows = units if len(at) == len(units) else units[at]
    folds = folds_of(told, together[at], FOLDS, seed)
    head = out_of_fold(rows, told, folds, n_classes, counted)
    voted = votes(near, labels, n_classes)[at]
    return Opinions(
        at=at,
        head=head,
        judged=judged(told, head, voted),
        too_small=tuple(too_small.tolist()),
    )
