"""From a table's rows, and where its files are, to a listing."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.sample import key_array, show_key
from bottleneck.core.text import printable
from bottleneck.data.left_alone import in_words
from bottleneck.data.patterns import Unmatched
from bottleneck.data.reading import NOT_THERE
from bottleneck.data.reading_of_paths import found_in_keys, unmatched
from bottleneck.data.source import SKIPPED, Listing, Understood
from bottleneck.data.table_answers import answers
from bottleneck.data.table_columns import find_columns
from bottleneck.data.table_rows import read_rows, understood

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bottleneck.core.paths import Stat
    from bottleneck.data.how import How
    from bottleneck.data.table_answers import Answers
    from bottleneck.data.table_columns import Columns
    from bottleneck.data.table_paths import Located
    from bottleneck.data.table_rows import Rows
    from bottleneck.data.table_text import Sheet

MOST_MISSING = 5  # names that are said
ENOUGH = 5  # rows that have a label each: fewer may just be few


def listing_of(
    sheet: Sheet,
    how: How,
    where: str,
    device: int,
    locate: Callable[[Sequence[bytes]], Located],
) -> tuple[Listing, Located]:
    """Return the listing of a table of file names, and where the files are.

    Parameters
    ----------
    locate : from names, sorted, to where they are
    """
    patterns = how.patterns
    columns = find_columns(sheet, how, where)
    rows = read_rows(sheet, columns, how, where)
    if how["label_from"] is not None:
        rows = _labelled_by_names(rows, how["label_from"], where)
    at = sorted(range(len(rows.keys)), key=rows.keys.__getitem__)
    unmatched = Unmatched(patterns)
    if patterns:
        unmatched.see(rows.keys)
        at = [i for i in at if patterns.keeps(rows.keys[i])]
    skipped = dict.fromkeys(SKIPPED, 0) | {"excluded": len(rows.keys) - len(at)}
    if not at:
        what = "names no images" + in_words(skipped)
        raise DataError(what, where, "the first line names the columns, such as filename,label")
    found = answers(rows, columns, sheet.header, at, how, where)
    _refuse_running_number(found, columns, how, where)
    keys = [rows.keys[i] for i in at]
    located = locate(keys)
    gone = _without_files(found, located.stats) if located.missing else ()
    listing = Listing(
        keys=key_array(keys),
        labels=found.labels,
        splits=np.frombuffer(rows.splits, np.uint8)[at],
        classes=found.classes,
        stats=np.array(located.stats, np.int64),
        skipped=skipped,
        device=device,
        understood=replace(
            understood(
                sheet, columns, rows, (*found.notes, *located.notes, *gone, *unmatched.notes())
            ),
            missing=_missing(located.missing),
        ),
        targets=found.targets,
        groups=found.groups,
    )
    return listing, located


def says_splits(found: Understood, how: How) -> bool:
    """Whether a table says the splits of its rows, or a user does; else all of it is train."""
    return "split" in found.columns or bool(found.splits) or how["split_map"] is not None


def refuse_both(how: How) -> None:
    """Raise UsageError where names and a column are both told to say the classes."""
    if how["label_from"] is not None and any(how["label_column"] or ()):
        raise UsageError(
            "both say the classes", "--label-from and --label-column", "omit one of them"
        )


def _labelled_by_names(rows: Rows, pattern: str, where: str) -> Rows:
    """Return the rows with the labels that a regular expression finds in the files' names."""
    found = found_in_keys(pattern, "class", rows.keys, "--label-from", where)
    labels = ["" if name is None else os.fsdecode(name) for name in found]
    notes = unmatched(found, "--label-from", "a label")
    return replace(rows, labels=labels, marks=None, notes=(*rows.notes, *notes))


def _missing(keys: Sequence[bytes]) -> dict[str, Any]:
    """Return what is said of files that are not there; nothing where all are."""
    first = [show_key(key) for key in keys[:MOST_MISSING]]
    return {"files": len(keys), "first": first} if keys else {}


def _without_files(found: Answers, stats: Sequence[Stat]) -> tuple[str, ...]:
    """Return what to say of classes of which no file is there: a sum below the rows, mostly."""
    is_there = np.array([stat != NOT_THERE for stat in stats])
    used = np.unique(found.labels[is_there])
    gone = [name for i, name in enumerate(found.classes) if i not in used]
    if not gone:
        return ()
    some = ", ".join(map(printable, gone[:MOST_MISSING])) + (", …" * (len(gone) > MOST_MISSING))
    is_one = len(gone) == 1
    return (
        f"no file of the class{'' if is_one else 'es'} {some} is there, so none can be learned",
    )


def _refuse_running_number(found: Answers, columns: Columns, how: How, where: str) -> None:
    """Raise DataError where every row has a label of its own, unless its column was named."""
    n_labelled = int((found.labels >= 0).sum())
    if how["label_column"] or n_labelled < ENOUGH or len(found.classes) < n_labelled:
        return
    raise DataError(
        f"each of {n_labelled} rows has a label of its own ({found.classes[0]}, ...), so that is "
        "a running number or a name, and no class",
        where,
        "say which column is the class: --label-column NAME (without column names, its number), or "
        "--label-column '' for none",
    )
