"""What a person could say of words that may be splits: an example for a message.

A word that begins one of the usual words (`tr`), begins with one (`trainA`) or is one in another
language says the split; of any other word nothing is guessed.
"""

from __future__ import annotations

import shlex
import unicodedata
from typing import TYPE_CHECKING

from bottleneck.core.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST = 6
# Without accents. Portuguese, Spanish, Italian, French, German, Dutch.
_BEGINNINGS = {
    "train": ("train", "trein", "treina", "entren", "addestr", "allen", "entrain", "apprent"),
    "val": ("val", "conval", "dev"),
    "test": ("test", "prueba", "prova", "teste", "pruef"),
}  # fmt: skip
_WHOLE = {"train": "training", "val": "validation", "test": "testing"}


def example_of(words: Sequence[str]) -> str:
    """Return the end of a sentence that says `--split-map`, with what these words can only mean."""
    if not 0 < len(words) <= _MOST or any("," in word for word in words):
        return ": --split-map WORD=SPLIT,…, where SPLIT is train, val or test"
    guessed = [_guess(word) for word in words]
    is_clear = all(guessed)
    parts = (f"{word}={split if is_clear else 'SPLIT'}"
             for word, split in zip(words, guessed, strict=True))  # fmt: skip
    said = shlex.quote(printable(",".join(parts)))
    if is_clear:
        return f", such as --split-map {said}"
    return f": --split-map {said}, where SPLIT is train, val or test"


def _guess(word: str) -> str:
    """Return the split that a word says; nothing where it says none."""
    apart = unicodedata.normalize("NFD", word.casefold())
    plain = "".join(c for c in apart if c.isalpha())
    found = {
        split
        for split, beginnings in _BEGINNINGS.items()
        if plain.startswith(beginnings)
        or (plain and _WHOLE[split].startswith(plain) and not _is_shared(plain))
    }
    return found.pop() if len(found) == 1 else ""


def _is_shared(plain: str) -> bool:
    """Whether these letters begin more than one of the usual words."""
    return sum(whole.startswith(plain) for whole in _WHOLE.values()) > 1
