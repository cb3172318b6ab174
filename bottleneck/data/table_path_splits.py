"""The splits of a table that says them in no column, but in the folders of its paths.

`train/cat/1.jpg` and `test/cat/3.jpg` are of train and of test where each path has the word of a
split in the same place. Where only some have one, or all are of one split, that is said.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.sample import SPLITS, show_key
from bottleneck.core.text import printable
from bottleneck.data.split_words import EVAL, TRAIN, evaluation, split_of_word

if TYPE_CHECKING:
    from collections.abc import Collection

_ALL_TRAIN = "but no column says a split, so all of it is train"
_MOST_DIFFERENT = 1_000  # names of folders in one place, so that these are no splits


def splits_of_paths(
    keys: Collection[bytes], column: str, where: str
) -> tuple[bytearray, dict[str, str], tuple[str, ...]]:
    """Return the split of each path, how its folder spells it, and what to say.

    Nothing but what to say where the folders do not divide all paths.

    Raises
    ------
    DataError
        When they do so in two ways.
    """
    folders = [key.strip().replace(b"\\", b"/").split(b"/")[:-1] for key in keys]
    depth = min(map(len, folders), default=0)
    places = [numbers for at in range(depth) if (numbers := _numbers(folders, at))]
    whole = [(at, found) for at, found in places if None not in found.values()]
    divided = [(at, found) for at, found in whole if len({*found.values()}) > 1]
    if len(divided) > 1:
        raise DataError(
            f"the folders in {printable(column)!r} say the split in two places, as in "
            f"{show_key(next(iter(keys)))}",
            where,
            "write a column split, or say --split-column '' for none",
        )
    if divided:
        at, found = divided[0]
        of_rows = bytearray(found[folder[at]] or 0 for folder in folders)
        counts = ", ".join(f"{SPLITS[n]} {of_rows.count(n)}" for n in sorted({*of_rows}))
        words = {show_key(name): SPLITS[number or 0] for name, number in sorted(found.items())}
        return of_rows, words, (f"splits from the folders in {printable(column)!r}: {counts}",)
    return bytearray(), {}, _said(places, folders, column)


def _numbers(folders: list[list[bytes]], at: int) -> tuple[int, dict[bytes, int | None]] | None:
    """Return the split that each folder in one place means; None where none means one."""
    names = {folder[at] for folder in folders}
    if len(names) > _MOST_DIFFERENT:
        return None
    found = {name: split_of_word(name.decode("utf-8", "replace")) for name in names}
    other = evaluation(found.values())
    numbers = {name: other if number == EVAL else number for name, number in found.items()}
    return (at, numbers) if any(number is not None for number in numbers.values()) else None


def _said(
    places: list[tuple[int, dict[bytes, int | None]]], folders: list[list[bytes]], column: str
) -> tuple[str, ...]:
    """Return what to say of words of splits that do not divide all paths."""
    for at, found in places:
        kinds = {*found.values()}
        if kinds == {TRAIN} or (len(found) > 1 and len(kinds - {None}) < 2):
            continue
        named = Counter(folder[at] for folder in folders if found[folder[at]] is not None)
        words = " and ".join(show_key(name) for name in sorted(named)[:3])
        n = sum(named.values())
        all_of_one = len(kinds) == 1
        which = f"; --split-map ={SPLITS[kinds.pop() or 0]} if not" if all_of_one else ""
        return (
            f"{n} of {len(folders)} paths in {printable(column)!r} have a folder {words}, "
            f"{_ALL_TRAIN}{which}",
        )
    return ()


def said_by_name(notes: Collection[str], split: str) -> tuple[str, ...]:
    """Return what to say of a table whose paths were asked, and whose name says the split."""
    found = []
    for note in notes:
        start, is_there, which = note.partition(_ALL_TRAIN)
        if not is_there:
            found.append(note)
        elif which != f"; --split-map ={split} if not":
            found.append(f"{start}but all of it is {split}, as the table's name says")
    return tuple(found)
