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

# What may be a split, and is none until somebody says so: other languages, other habits.
_MAY_BE_TRAIN = (
    "tr entrenamiento entrainement apprentissage addestramento treino treinamento trainingsdaten"
    " trainingsdatensatz trainingsbilder lerndaten trening egitim seen \u8bad\u7ec3"
    " \u8bad\u7ec3\u96c6 \u8a13\u7df4 \u5b66\u7fd2 \u043e\u0431\u0443\u0447\u0435\u043d\u0438\u0435"
)
_MAY_BE_VAL = (
    "va validacion validacao validazione validierung validierungsdaten dogrulama \u9a8c\u8bc1"
    " \u9a8c\u8bc1\u96c6 \u691c\u8a3c"
)
_MAY_BE_TEST = (
    "te ts prueba pruebas essai essais prova provas teste testes testdaten testdatensatz"
    " testbilder evaluacion query queries gallery probe probes unseen challenge novel distractors"
    " \u6d4b\u8bd5 \u6d4b\u8bd5\u96c6 \u30c6\u30b9\u30c8 \u0442\u0435\u0441\u0442"
)
MAY_BE = {
    **dict.fromkeys(_MAY_BE_TRAIN.split(), TRAIN),
    **dict.fromkeys(_MAY_BE_VAL.split(), VAL),
    **dict.fromkeys(_MAY_BE_TEST.split(), TEST),
}


def evaluation(found: Collection[int | None]) -> int:
    """Return the split that `eval` means beside these: val where another is test, else test."""
    return VAL if TEST in found else TEST
