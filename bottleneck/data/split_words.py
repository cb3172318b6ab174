"""The words that people use for the splits of a data set, in folders, tables and file names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

TRAIN, VAL, TEST = range(3)  # indices into `core.sample.SPLITS`
EVAL, UNLABELLED = 3, 4  # what there is besides: `evaluation` says which it is; without labels
WORDS = {
    **dict.fromkeys(("train", "training", "trainval", "trn"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "validate", "validating"), VAL),
    **dict.fromkeys(("dev", "devel", "development"), VAL),
    **dict.fromkeys(("test", "tests", "testing", "tst", "holdout"), TEST),
    **dict.fromkeys(("eval", "evaluation"), EVAL),
    **dict.fromkeys(("pred", "predict", "prediction", "predictions", "inference"), UNLABELLED),
    **dict.fromkeys(("unlabeled", "unlabelled", "unsup"), UNLABELLED),
}
# Of the words for images without labels, those for images to learn from; the others are to predict.
NO_LABELS = frozenset({"unlabeled", "unlabelled", "unsup"})


def evaluation(found: Collection[int | None]) -> int:
    """Return the split that `eval` means beside these: val where another is test, else test."""
    return VAL if TEST in found else TEST
