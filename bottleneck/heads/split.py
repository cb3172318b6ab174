"""Which rows train and which validate, chosen by content: stable when images come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.digest import as_void
from bottleneck.core.errors import DataError
from bottleneck.heads.groups import drawn
from bottleneck.heads.task import TRAIN, VALIDATION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.core.sample import Samples
    from bottleneck.heads.task import Task


TEST = 2


def validation_mask(belongs: NDArray[np.uint8], seed: int, fraction: float) -> NDArray[np.bool_]:
    """Return which rows are for validation, as (n,) bool.

    A row validates when hash(seed, what it is drawn by) is below `fraction` of the hash's range. So
    adding or deleting images or classes never moves others, equal images and those of one group are
    always on one side, and each class is cut at the same rate (exactly `fraction` only in the mean:
    a small class may have none). A class's number is no part of it: a new class that sorts earlier
    would change it.

    Parameters
    ----------
    belongs : (n, 32) uint8
        Digests, or what `groups.together` makes of them.
    fraction : from 0 to 1
    """
    return np.asarray(drawn(belongs, "validation", seed) < int(fraction * 2**64), bool)


def conflicting(digests: NDArray[np.uint8], labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return which rows hold an image that stands under two labels, as (n,) bool.

    Parameters
    ----------
    digests : (n, 32) uint8
    labels : (n,) int32
        Below zero is no label, and contradicts none.
    """
    if not len(digests):
        return np.zeros(0, bool)
    _, group = np.unique(as_void(digests), return_inverse=True)
    low = np.full(group.max() + 1, np.iinfo(np.int32).max, np.int32)
    high = np.full(group.max() + 1, np.iinfo(np.int32).min, np.int32)
    labelled = labels >= 0
    np.minimum.at(low, group[labelled], labels[labelled])
    np.maximum.at(high, group[labelled], labels[labelled])
    return np.asarray((low < high)[group])  # of an image without any label, low stays above high


def contradicting(digests: NDArray[np.uint8], values: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which rows hold an image that stands under two labels or numbers, as (n,) bool.

    Parameters
    ----------
    digests : (n, 32) uint8
    values : (n, k) float32
        NaN is not known, and contradicts none.
    """
    if not len(digests):
        return np.zeros(0, bool)
    _, group = np.unique(as_void(digests), return_inverse=True)
    low = np.full((group.max() + 1, values.shape[1]), np.inf, np.float32)
    high = -low
    np.fmin.at(low, group, values)
    np.fmax.at(high, group, values)
    return np.asarray(np.any(low < high, axis=1))[group]


def clashing(samples: Samples, at: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of the samples `at` hold an image that has other targets elsewhere, (len(at),).

    It stands under two classes, labels or numbers.
    """
    digests = samples.digests[at]
    if samples.targets is None:
        return conflicting(digests, samples.labels[at])
    return contradicting(digests, samples.targets.values[at])


def leaking(belongs: NDArray[np.uint8], split: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which rows would tell a fit of what it is judged by, as (n,) bool.

    Rows to train on or to validate with of which the image, or the group, is tested; and those to
    train on of which it is validated.

    Parameters
    ----------
    belongs : (n, 32) uint8
        Digests, or what `groups.together` makes of them.
    split : (n,) uint8
    """
    images = as_void(belongs)
    tested = np.isin(images, images[split == TEST]) & ((split == TRAIN) | (split == VALIDATION))
    validated = np.isin(images, images[split == VALIDATION]) & (split == TRAIN)
    return np.asarray(tested | validated)


def untrained(labels: NDArray[np.int32], split: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the classes that have rows to judge by and none to train on, sorted.

    Parameters
    ----------
    labels : (n,) int32
    split : (n,) uint8
        0 train, 1 validation, 2 test; rows of any other are not looked at.
    """
    judged = labels[((split == VALIDATION) | (split == TEST)) & (labels >= 0)]
    return np.setdiff1d(judged, labels[split == TRAIN])


def unlearned(targets: NDArray[Any], split: NDArray[np.uint8], kind: str) -> NDArray[np.int64]:
    """Return the classes, labels or numbers that only rows to judge by have, sorted.

    Parameters
    ----------
    targets : as in `heads.task.Task`
    split : (n,) uint8
        As in `untrained`.
    """
    if kind == "class":
        return untrained(targets, split).astype(np.int64)
    there = targets == 1 if kind == "labels" else ~np.isnan(targets)
    is_judged = (split == VALIDATION) | (split == TEST)
    return np.flatnonzero(there[is_judged].any(axis=0) & ~there[split == TRAIN].any(axis=0))


def rows_to_fit(task: Task) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions of the rows to train on and of those to validate with.

    Rows of neither may have any target.

    Raises
    ------
    DataError
        When a row has no label, or the rows to train on are not of two classes at least.
    ValueError
        When the arguments do not belong together, which no user can cause.
    """
    n_rows, labels, split = len(task.rows), task.targets, task.split
    if not n_rows == len(labels) == len(split):
        raise ValueError(
            f"{n_rows} features need as many labels and splits, not {len(labels)} and {len(split)}"
        )
    train, validation = np.flatnonzero(split == TRAIN), np.flatnonzero(split == VALIDATION)
    if not len(train):
        raise DataError("no images to train on", "train", "leave some of them out of val and test")
    if task.kind != "class":
        _check_known(task, train, validation)
        return train, validation
    used = np.concatenate([labels[train], labels[validation]])
    unlabelled = int((used < 0).sum())
    if unlabelled:
        # Python would take a label of -1 for the last class.
        raise DataError(
            f"{unlabelled} of {len(used)} images have no label",
            "train",
            "put images into class folders, or leave those without a label out",
        )
    if used.max() >= task.n_outputs:
        raise ValueError(f"label {used.max()} among {task.n_outputs} classes: labels begin at 0")
    found = len(np.unique(labels[train]))
    if found < 2:
        raise DataError(
            f"{found} class among the training images",
            "train",
            "a classifier needs two classes or more",
        )
    return train, validation


def _check_known(task: Task, train: NDArray[np.int64], validation: NDArray[np.int64]) -> None:
    """Raise DataError unless each row has something known, and training rows differ in it."""
    values = task.targets
    if values.shape[1:] != (task.n_outputs,):
        raise ValueError(f"targets of shape {values.shape} for {task.n_outputs} outputs")
    used = values[np.concatenate([train, validation])]
    unknown = int(np.isnan(used).all(axis=1).sum())
    if unknown:
        raise DataError(
            f"{unknown} of {len(used)} images have nothing known to learn",
            "train",
            "fill the table's columns, or leave those images out",
        )
    if np.isinf(used).any():
        raise DataError("targets that are not finite numbers", "train", "correct the table")
    if not (np.fmin.reduce(values[train]) < np.fmax.reduce(values[train])).any():
        what = "no label that some of them have and others have not"
        if task.kind == "numbers":
            what = "one and the same number in each of them"
        raise DataError(
            f"the {len(train)} training images have {what}", "train", "add images that differ"
        )
