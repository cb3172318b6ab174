"""Which images without a label are proposed to be labelled next, and what a head thinks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.heads import linear
from bottleneck.heads.task import TRAIN, VALIDATION, Task
from bottleneck.pipeline.looking.next_labels import label_next
from bottleneck.pipeline.looking.out_of_fold import FOLDS, folds_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.looking.images import Images

NO_TWO = "no two classes have a label yet"


def proposals_of(
    images: Images, together: NDArray[np.int64], number: int, seed: int, reporter: Reporter
) -> dict[str, Any] | str:
    """Return the images to label next, `number` at most; a reason where there is none.

    Images of one group (u,) of `together` are on one side of whatever chooses the head.
    `difference_alone` says why no head was asked what it is unsure of; None where one was.
    """
    has_target = images.has_target
    left = np.flatnonzero(~has_target)
    if not len(left):
        numbers = images.samples.kind == "numbers"
        return f"every image has {'numbers' if numbers else 'a label'}"
    labelled = np.flatnonzero(images.labels >= 0)
    n_classes = len(images.samples.classes)
    p = answers(images.units, images.labels, labelled, left, n_classes, seed, together)
    with reporter.progress(len(left), "choose") as bar:
        chosen = label_next(images.units[left], p, number, seed)
        bar.update(len(left))
    found = []
    for i in chosen.tolist():
        entry = {**images.shown(int(left[i])), "guess": None, "probability": None}
        if p is not None:
            entry["guess"] = images.samples.classes[int(p[i].argmax())]
            entry["probability"] = round(float(p[i].max()), 4)
        found.append(entry)
    return {
        "images": found,
        "labelled": int((has_target & ~images.conflicting).sum()),
        "unlabelled": len(left),
        "difference_alone": None if p is not None else images.no_classes or NO_TWO,
    }


def answers(
    rows: NDArray[np.float32],
    labels: NDArray[np.int32],
    labelled: NDArray[np.int64],
    asked: NDArray[np.int64],
    n_classes: int,
    seed: int,
    together: NDArray[np.int64] | None = None,
) -> NDArray[np.float32] | None:
    """Return what a linear head of the labelled rows says of others, (m, k).

    None where the labels are not of two classes. A fifth of the labels chooses how strongly the
    head is held back, where they are enough for that.

    Parameters
    ----------
    rows, labels : (n, d), (n,)
    labelled, asked : positions of those that have a label, and of the m that are asked about
    together : (n,) equal where rows are on one side of a division; None where each is alone
    """
    some = labels[labelled]
    if len(np.unique(some)) < 2:
        return None
    groups = labelled if together is None else together[labelled]
    folds = folds_of(some, groups, FOLDS, seed)
    split = np.where(folds == 0, VALIDATION, TRAIN).astype(np.uint8)
    if len(np.unique(some[split == TRAIN])) < len(np.unique(some)):
        split[:] = TRAIN
    task = Task(
        rows=rows[labelled],
        targets=some,
        split=split,
        n_outputs=n_classes,
        groups=groups,
        seed=seed,
    )
    return linear.fit(task).predict(rows[asked])
