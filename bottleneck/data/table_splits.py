"""Which split a word in a table means; numbers mean none until somebody says so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.sample import SPLITS
from bottleneck.core.text import printable
from bottleneck.data.split_words import EVAL, TEST, UNLABELLED, VAL, WORDS, evaluation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MORE = {"publictest": VAL, "privatetest": TEST}  # FER2013's
_AROUND = re.compile(r"(?<=.)(set|data|images|split|subset)$")
_BETWEEN = re.compile(r"[\W_]+")
_SHOWN = 6


def split_of_word(word: str) -> int | None:
    """Return the number of the split that a word means in any case of letters; None for none.

    `eval` is `EVAL`: which split that is depends on the others.
    """
    plain = _BETWEEN.sub("", word.casefold())
    found = next((w for w in (plain, _AROUND.sub("", plain)) if w in _MORE or w in WORDS), None)
    if found is None:
        return None
    split = _MORE[found] if found in _MORE else WORDS[found]
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
        found[_plain(word)] = evaluation(()) if split == EVAL else split
    return found


def numbers_of(
    counts: Mapping[str, int], column: str, told: Mapping[str, int], where: str
) -> dict[str, int]:
    """Return the split's number for each text in a column of splits, "" for empty fields.

    Parameters
    ----------
    counts : how often each text stands there

    Raises
    ------
    DataError
        When a word means no split.
    """
    found = {text: told.get(_plain(text), split_of_word(text)) for text in counts}
    unclear = sorted(text for text, number in found.items() if number is None)
    if unclear:
        words = sorted(counts, key=lambda text: (-counts[text], text))
        listed = ", ".join(f"{printable(text)!r} ({counts[text]})" for text in words[:_SHOWN])
        likely = ("train", "test", "val") if len(unclear) == len(words) else ("test", "val")
        unsaid = [text for text in words if text in unclear]
        example = ",".join(f"{text}={split}" for text, split in zip(unsaid, likely, strict=False))
        raise DataError(
            f"column {column!r} holds {listed}: {printable(unclear[0])!r} is no split by its name",
            where,
            f"say which is which, such as --split-map {example}; --split-column '' if it is no "
            "split",
        )
    otherwise = evaluation(found.values())
    return {
        text: otherwise if number == EVAL else number
        for text, number in found.items()
        if number is not None
    }


def refuse_empty(lines: Sequence[int], count: int, column: str, where: str) -> None:
    """Raise DataError for rows without a split among rows that have one."""
    if lines:
        some = ", ".join(map(str, lines))
        more = ", ..." if count > len(lines) else ""
        raise DataError(
            f"column {column!r} is empty in {count} of its rows (lines {some}{more})",
            where,
            "fill it, or say what empty means, such as --split-map =train",
        )


def _plain(word: str) -> str:
    """Return a word as it is compared: `True`, `TRUE` and `true` are one, and so are 1 and 1.0."""
    plain = word.strip().casefold()
    return plain.removesuffix(".0") if re.fullmatch(r"-?\d+\.0", plain) else plain
