"""Columns that hold words of splits in every row, under names that say no split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.sample import SPLITS
from bottleneck.core.text import printable
from bottleneck.data.split_words import TRAIN, split_of_word
from bottleneck.data.table_labels import is_called_label
from bottleneck.data.table_words import way

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bottleneck.data.table_text import Fields, Sheet

_NOT_CHOSEN = ("unassigned", "none", "unspecified")


def refuse_unnamed_splits(
    sheet: Sheet,
    plain: Sequence[str],
    sample: Sequence[Fields],
    taken: Collection[int | None],
    where: str,
) -> None:
    """Raise DataError where such a column is there that says more than that all is train.

    Parameters
    ----------
    plain : the columns' plain names
    sample : the first rows; only where these hold such words alone, all rows are looked at
    taken : columns that are something else
    """
    found = [
        i
        for i, name in enumerate(plain)
        if i not in taken and not is_called_label(name) and _are_splits({f[i] for f in sample})
    ]
    if not found:
        return
    texts: dict[int, set[str | None]] = {i: set() for i in found}
    for _, fields in sheet.rows():
        for i in [*texts]:
            if fields[i] not in texts[i]:
                texts[i].add(fields[i])
                if not _are_splits({*texts[i], SPLITS[TRAIN]}):
                    del texts[i]
        if not texts:
            return
    found = [i for i, each in texts.items() if {*map(_split, each)} - {None} != {TRAIN}]
    if found:
        raise unnamed_splits_error(sheet, found, where)


def unnamed_splits_error(sheet: Sheet, found: Sequence[int], where: str) -> DataError:
    """Return the error for columns that may all be that of the splits, or not."""
    names = [printable(sheet.header[i]) for i in found]
    ways = " or ".join(way("--split-column", name) for name in names)
    several = len(names) > 1
    return DataError(
        f"{'columns' if several else 'column'} {' and '.join(map(repr, names))} "
        f"{'hold' if several else 'holds'} words for splits in every row",
        where,
        f"say {ways} if {'one of them' if several else 'that'} says the split, or --split-column "
        f"'' if {'none' if several else 'it'} does{'' if several else ' not'}",
    )


def _split(text: str | None) -> int | None:
    return split_of_word((text or "").strip())


def _are_splits(texts: Collection[str | None]) -> bool:
    """Whether all are words for splits, or say that none was chosen beside some that are."""
    some = {text for text in texts if (text or "").strip().lower() not in _NOT_CHOSEN}
    return bool(some) and all(_split(text) is not None for text in some)
