"""The words that people use for the splits of a data set, in folders, tables and file names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bottleneck.core.errors import UsageError
from bottleneck.core.sample import SPLITS

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

_IN_TABLES = {"publictest": VAL, "privatetest": TEST}  # FER2013's
_AROUND = re.compile(r"(?<=.)(set|data|images|split|subset)$")
_BETWEEN = re.compile(r"[\W_]+")


def evaluation(found: Collection[int | None]) -> int:
    """Return the split that `eval` means beside these: val where another is test, else test."""
    return VAL if TEST in found else TEST


def split_of_word(word: str) -> int | None:
    """Return the number of the split that a word means in any case of letters; None for none.

    `eval` is `EVAL`: which split that is depends on the others.
    """
    plain = _BETWEEN.sub("", word.casefold())
    found = next(
        (w for w in (plain, _AROUND.sub("", plain)) if w in _IN_TABLES or w in WORDS), None
    )
    if found is None:
        return None
    split = _IN_TABLES[found] if found in _IN_TABLES else WORDS[found]
    return None if split == UNLABELLED else split


def parse_map(told: str | None) -> dict[str, int]:
    """Return what `--split-map` says: the number of a split for each word.

    Raises
    ------
    UsageError
        When it names no split behind a =.
    """
    found = {}
    for part in told.split(",") if told else ():
        word, _, name = part.rpartition("=")
        split = split_of_word(name)
        if split is None:
            raise UsageError(
                f"{name!r} is no split", "--split-map", f"say {', '.join(SPLITS[:2])} or test"
            )
        found[plain_word(word)] = evaluation(()) if split == EVAL else split
    return found


def plain_word(word: str) -> str:
    """Return a word as it is compared: `True`, `TRUE` and `true` are one, and so are 1 and 1.0."""
    plain = word.strip().casefold()
    return plain.removesuffix(".0") if re.fullmatch(r"-?\d+\.0", plain) else plain
