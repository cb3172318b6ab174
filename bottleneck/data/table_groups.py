"""Which images belong together: by a column of their table, or by what stands in their names.

A column called `group` is taken by itself, where it says anything: not where it is one and the same
in all rows, and not where it holds the words of splits. Any other column has to be named.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import UsageError
from bottleneck.core.sample import Groups
from bottleneck.core.text import printable
from bottleneck.data.reading_of_paths import found_in_keys, unmatched
from bottleneck.data.split_words import split_of_word
from bottleneck.data.table_words import by_name, named, way

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bottleneck.data.how import How
    from bottleneck.data.table_text import Fields, Sheet

CALLED = "group"
_WHOLE = re.compile(r"(-?\d+)\.0+")  # how programs write whole numbers that have gaps


def find_group(
    sheet: Sheet,
    plain: Sequence[str],
    sample: Sequence[Fields],
    taken: Collection[int | None],
    how: How,
    where: str,
) -> tuple[int | None, tuple[str, ...]]:
    """Return the column of groups, None for none, and what to say of it.

    Parameters
    ----------
    plain : the columns' plain names
    sample : the first rows
    taken : columns that are something else

    Raises
    ------
    UsageError
        When the groups are said in two ways.
    DataError
        When there is no such column, or two are called so.
    """
    told = how["group_column"]
    if told and how["group_by"] is not None:
        raise UsageError("both say the groups", "--group-by and --group-column", "omit one of them")
    if told is not None:
        return (named(sheet, told, "--group-column", where) if told else None), ()
    if how["group_by"] is not None:
        return None, ()
    free = ["" if i in taken else name for i, name in enumerate(plain)]
    found = by_name(sheet, free, (CALLED,), (CALLED, "--group-column"), where)
    texts = set() if found is None else {(fields[found] or "").strip() for fields in sample} - {""}
    if found is not None and texts and all(split_of_word(text) is not None for text in texts):
        name = sheet.header[found]
        return None, (
            f"column {printable(name)!r} holds words for splits, so it is none of groups "
            f"({way('--split-column', name)} reads them)",
        )
    return found, ()


def groups_of_rows(
    texts: Sequence[str] | None, name: str, keys: Sequence[bytes], how: How, where: str
) -> tuple[Groups | None, tuple[str, ...]]:
    """Return the groups of rows, None where nothing says any, and what to say of them.

    Parameters
    ----------
    texts : of the column of groups, "" of none; None where there is no such column
    name : of that column
    keys : the rows' names of files

    Raises
    ------
    DataError
        When `--group-by` matches no name.
    """
    if texts is None:
        return _of_names(keys, how, where)
    names, is_told = {*texts}, how["group_column"] is not None
    if len(names) == 1 and (not is_told or names == {""}):
        what = "is empty" if names == {""} else "says the same of all rows"
        return None, (f"column {printable(name)!r} {what}, so nothing is grouped by it",)
    return make_groups(texts)


def _of_names(keys: Sequence[bytes], how: How, where: str) -> tuple[Groups | None, tuple[str, ...]]:
    """Return the groups that `--group-by` finds in names, None without it, and what to say."""
    if how["group_by"] is None:
        return None, ()
    found = found_in_keys(how["group_by"], "group", keys, "--group-by", where)
    groups, notes = make_groups(["" if name is None else os.fsdecode(name) for name in found])
    return groups, (*notes[:1], *unmatched(found, "--group-by", "a group"))


def make_groups(texts: Sequence[str]) -> tuple[Groups, tuple[str, ...]]:
    """Return the groups of images by their names, "" for none of them, and what to say.

    7 and 7.0 are one group, as two tables may write one patient; so are names that look alike.
    """
    shown = {text: printable(_WHOLE.sub(r"\1", text)) for text in {*texts} - {""}}
    names = tuple(sorted({*shown.values()}))
    at = {name: i for i, name in enumerate(names)}
    number = {"": -1} | {text: at[name] for text, name in shown.items()}
    numbers = np.fromiter((number[text] for text in texts), np.int32, len(texts))
    said = [f"{len(names):,} group{'' if len(names) == 1 else 's'} of images"]
    n = int((numbers < 0).sum())
    if n:
        said.append(f"{n:,} image{'' if n == 1 else 's'} in no group")
    return Groups(numbers=numbers, names=names), tuple(said)


def joined_groups(each: Sequence[tuple[Groups | None, int]]) -> Groups | None:
    """Return the groups of several tables, one after the other; of one name they are one group.

    Parameters
    ----------
    each : of every table its groups, and its number of rows
    """
    if all(groups is None for groups, _ in each):
        return None
    texts: list[str] = []
    for groups, n_rows in each:
        names = [*groups.names, ""] if groups is not None else [""]
        numbers = [-1] * n_rows if groups is None else groups.numbers.tolist()
        texts += [names[i] for i in numbers]
    return make_groups(texts)[0]


def refuse_names(how: How) -> None:
    """Raise UsageError for options that look at paths, of images that have none."""
    for name, instead in (("label_from", "--label-column"), ("group_by", "--group-column")):
        if how[name] is not None:
            raise UsageError(
                "its images have no paths",
                f"--{name.replace('_', '-')}",
                f"omit it, or say {instead}",
            )
