"""Which split a word in a table means; numbers mean none until somebody says so.

A column whose name says the split (`is_training_image`, `is_valid`) may hold 0 and 1: there they
mean no and yes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.sample import SPLITS
from bottleneck.core.text import printable
from bottleneck.data.split_examples import example_of
from bottleneck.data.split_words import (
    EVAL,
    TEST,
    TRAIN,
    VAL,
    WORDS,
    evaluation,
    plain_word,
    split_of_word,
)
from bottleneck.data.table_words import way

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bottleneck.data.table_text import Fields

_SHOWN = 6
_YES, _NO = {"1", "1.0", "true", "yes"}, {"0", "0.0", "false", "no"}
_FLAG = re.compile(r"(is|in|for)(a)?([a-z]+?)(set|data|split|subset|image|img|sample)?")


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
    found = {text: told.get(plain_word(text), split_of_word(text)) for text in counts}
    unclear = sorted(text for text, number in found.items() if number is None)
    if unclear:
        words = sorted(counts, key=lambda text: (-counts[text], text))
        listed = ", ".join(f"{printable(text)!r} ({counts[text]})" for text in words[:_SHOWN])
        raise DataError(
            f"column {column!r} holds {listed}: {printable(unclear[0])!r} is no split by its name",
            where,
            f"say which is which{example_of(unclear)}; --split-column '' if it is no split",
        )
    otherwise = evaluation(found.values())
    return {
        text: otherwise if number == EVAL else number
        for text, number in found.items()
        if number is not None
    }


def name_note(stem: str) -> tuple[str, ...]:
    """Return what to say of a table without splits whose file is called test.csv or so."""
    words = [split_of_word(word) for word in re.split(r"[\W_]+", stem)]
    if TRAIN in words or not {VAL, TEST, EVAL} & {*words}:
        return ()
    split = "val" if VAL in words else "test"
    return (
        f"its name says {split}, but no column says a split, so all of it is train; "
        f"--split-map ={split} if not",
    )


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


@dataclass(frozen=True, slots=True)
class Flag:
    """A column that says with 1 that a row is of a split.

    Attributes
    ----------
    column : its number
    yes, no : the split of 1, and of 0 where no other column says 1; None where one has to
    """

    column: int
    yes: int
    no: int | None


def is_flag(plain: str) -> bool:
    """Whether a column of this plain name says whether a row is of a split: `istrainingimage`."""
    return _flagged(plain) is not None and plain not in WORDS


def _flagged(plain: str) -> int | None:
    """Return the split that a column's plain name asks about."""
    if plain == "invalid":
        return None
    found = _FLAG.fullmatch(plain)
    split = split_of_word(found[3] if found else plain)
    return TEST if split == EVAL else split


def flags_of(plain: Sequence[str], sample: Sequence[Fields], at: Sequence[int]) -> tuple[Flag, ...]:
    """Return these columns as flags; none where they are not, or hold something else than 0 and 1.

    Of one alone 0 means the other side: test for a flag of train, train for any other.
    """
    splits = {i: _flagged(plain[i]) for i in at}
    if not sample or not all(
        (fields[i] or "").strip().lower() in _YES | _NO for fields in sample for i in at
    ):
        return ()
    no = None if len(at) > 1 and TRAIN in splits.values() else TRAIN
    if len(at) == 1 and TRAIN in splits.values():
        no = TEST
    return tuple(Flag(i, split, no) for i, split in splits.items() if split is not None)


def find_flags(
    header: Sequence[str], plain: Sequence[str], sample: Sequence[Fields], where: str
) -> tuple[Flag, ...]:
    """Return the columns of 0 and 1 whose names say the split: is_valid, or train and test.

    Raises
    ------
    DataError
        For one that is called train or test alone: it may be anything.
    """
    by_name = [i for i, name in enumerate(plain) if is_flag(name)]
    if by_name:
        return flags_of(plain, sample, by_name)
    bare = [i for i, name in enumerate(plain) if _flagged(name) is not None]
    flags = flags_of(plain, sample, bare) if bare else ()
    if len(flags) == 1:
        name = header[flags[0].column]
        raise DataError(
            f"column {printable(name)!r} holds 0 and 1",
            where,
            f"say {way('--split-column', name)} if 1 means that an image is of that split, or "
            "--split-column '' if it is something else",
        )
    return flags


def flags_note(flags: Sequence[Flag], header: Sequence[str]) -> tuple[str, ...]:
    """Return what to say of flags."""
    said = [f"1 in {printable(header[flag.column])} is {SPLITS[flag.yes]}" for flag in flags]
    if flags and flags[0].no is not None:
        said.append(f"{'0' if len(flags) == 1 else 'no 1'} is {SPLITS[flags[0].no]}")
    return (", ".join(said),) if said else ()


def flag_words(flags: Sequence[Flag], header: Sequence[str]) -> dict[str, str]:
    """Return how flags spell each split."""
    if len(flags) == 1 and flags[0].no is not None:
        return {"1": SPLITS[flags[0].yes], "0": SPLITS[flags[0].no]}
    return {printable(header[flag.column]): SPLITS[flag.yes] for flag in flags}


def refuse_most(
    splits: bytearray, flags: Sequence[Flag], header: Sequence[str], where: str
) -> None:
    """Raise DataError where a flag of val or test has most of the rows: it says something else.

    Such is an `is_valid` that says of most images that they are not broken.
    """
    n = len(splits) - splits.count(TRAIN)
    if 2 * n > len(splits) and len(flags) == 1 and flags[0].yes != TRAIN:
        name = header[flags[0].column]
        raise DataError(
            f"column {printable(name)!r} is 1 in {n} of {len(splits)} rows, which is much for "
            f"{SPLITS[flags[0].yes]}",
            where,
            f"say {way('--split-column', name)} if that is meant, or --split-column '' if it says "
            "something else",
        )


def split_of_flags(
    flags: Sequence[Flag], header: Sequence[str], fields: Fields, line: int, where: str
) -> int:
    """Return the number of the split that a row's flags say.

    Raises
    ------
    DataError
        When one holds something else than 0 and 1, or not one of them says 1.
    """
    ones = []
    for flag in flags:
        text = (fields[flag.column] or "").strip().lower()
        if text in _YES:
            ones.append(flag)
        elif text not in _NO:
            raise DataError(
                f"line {line}: column {printable(header[flag.column])!r} holds "
                f"{printable(text)[:40]!r}, neither 0 nor 1",
                where,
                "mend it, or say --split-column '' if that is no split",
            )
    if len(ones) > 1 or (not ones and flags[0].no is None):
        names = ", ".join(printable(header[flag.column]) for flag in ones or flags)
        raise DataError(
            f"line {line} has {'a 1 in each of' if ones else 'no 1 in any of'} {names}",
            where,
            "give each row one split, or say which column has it: --split-column NAME",
        )
    return ones[0].yes if ones else int(flags[0].no or 0)
