"""What there is to learn of the rows of a table, and which of them belong together.

There are classes, several labels an image, or numbers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from shlex import quote
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.sample import NO_LABEL, Targets
from bottleneck.core.text import printable
from bottleneck.data.classes import joined_texts, untrained
from bottleneck.data.labels import AS_LABELS, number_labels, refuse_lists
from bottleneck.data.table_groups import groups_of_rows
from bottleneck.data.table_rows import MINUS, NOTHING, n_rows_have
from bottleneck.data.table_targets import CLASS, LABELS, NUMBERS, are_lists, labels_of_texts
from bottleneck.data.table_words import otherwise, way

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.core.sample import Groups
    from bottleneck.data.how import How
    from bottleneck.data.table_columns import Columns
    from bottleneck.data.table_rows import Rows

_MOST_NAMES = 6  # of columns, that a message has


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What there is to learn of some rows: classes, or targets; and their groups."""

    labels: NDArray[np.int32]
    classes: tuple[str, ...]
    targets: Targets | None = None
    notes: tuple[str, ...] = ()
    groups: Groups | None = None


def answers(
    rows: Rows, columns: Columns, header: Sequence[str], at: list[int], how: How, where: str
) -> Answers:
    """Return classes or targets of the rows `at`, and their groups.

    Raises
    ------
    DataError
        When the labels are no classes, two are one for a person, or it cannot be told; or
        `--group-by` matches no name.
    """
    found = _answers(rows, columns, header, at, how, where)
    texts = None if rows.groups is None else [rows.groups[i] for i in at]
    name = "" if columns.group is None else header[columns.group]
    groups, said = groups_of_rows(texts, name, [rows.keys[i] for i in at], how, where)
    return replace(found, groups=groups, notes=(*found.notes, *said))


def _answers(
    rows: Rows, columns: Columns, header: Sequence[str], at: list[int], how: How, where: str
) -> Answers:
    """Return classes or targets of the rows `at`.

    Columns of 0 and 1 are a class each where each row has one 1, and labels of which an image has
    several where a row has more. Rows with one 1 or none may be either, until the columns are
    named: then they are classes.
    """
    told = (how["label_column"] or how["label_from"]) is not None
    if rows.numbers is not None:
        return _numbers(rows.numbers[at], [header[i] for i in columns.labels], where)
    if rows.marks is None:
        return _of_texts(rows, columns, header, at, how, where)
    marks = rows.marks[at]
    is_signed = bool((marks == MINUS).any())
    if is_signed:
        if (marks == 0).any():
            raise DataError(
                "its columns of classes hold 0, 1 and -1", where, "write 0 and 1, or 1 and -1"
            )
        marks = np.where(marks == MINUS, 0, marks)
    names = [header[i] for i in columns.labels]
    ones = (marks == 1).sum(axis=1)
    if columns.kind == CLASS and (ones > 1).any():
        raise DataError(
            f"{n_rows_have(int((ones > 1).sum()))} several 1 in the columns of classes",
            where,
            "give each row one 1, or say --target-kind labels",
        )
    if (ones > 1).any() or columns.kind == LABELS:
        return _several(marks, ones, names, where)
    if ((ones == 0).any() or is_signed) and not told and columns.kind != CLASS:
        raise _unclear(ones, names, where)
    texts = [names[i] for i in (marks == 1).argmax(axis=1).tolist()]
    labels, classes = number_labels(
        [text if n else "" for text, n in zip(texts, ones.tolist(), strict=True)], "label", where
    )
    n_without = int((ones == 0).sum())
    note = (f"{n_rows_have(n_without)} no 1 in any column, so no label",) if n_without else ()
    return Answers(labels=labels, classes=classes, notes=note)


def _of_texts(
    rows: Rows, columns: Columns, header: Sequence[str], at: list[int], how: How, where: str
) -> Answers:
    """Return classes, or the labels that texts list."""
    assert rows.labels is not None
    name = header[columns.labels[0]] if columns.labels else "label"
    told = (how["label_column"] or how["label_from"]) is not None
    texts = [rows.labels[i] for i in at]
    said = {*texts} - {""}
    if columns.kind == LABELS or (columns.kind is None and are_lists(said)):
        targets, notes = labels_of_texts(texts, name, where)
        return _with_targets(targets, notes)
    if not told and columns.kind is None:
        refuse_lists(
            said, name, where, lambda: AS_LABELS + otherwise("each text is one class", name, said)
        )
    texts, notes = joined_texts(texts, join=bool(how["join_classes"]), where=where)
    labels, classes = number_labels(texts, name, where, in_table=True, told=columns.kind == CLASS)
    splits = np.frombuffer(rows.splits, np.uint8)[at]
    notes = (
        *notes,
        *_fraction_note(classes),
        *_sign_note(texts),
        *untrained(labels, splits, classes),
    )
    return Answers(labels=labels, classes=classes, notes=notes)


def _with_targets(targets: Targets, notes: Sequence[str]) -> Answers:
    """Return what there is to learn where it is no class."""
    none = np.full(len(targets.values), NO_LABEL, np.int32)
    return Answers(labels=none, classes=(), targets=targets, notes=tuple(notes))


def _numbers(values: NDArray[np.float32], names: Sequence[str], where: str) -> Answers:
    """Return numbers to predict."""
    shown = tuple(map(printable, names))
    if len(set(shown)) < len(shown):
        raise DataError("two columns of numbers are spelled alike", where, "rename one")
    n_unknown = int(np.isnan(values).any(axis=1).sum())
    notes = (f"{n_rows_have(n_unknown)} no number in some column",) if n_unknown else ()
    return _with_targets(Targets(values=values, kind=NUMBERS, names=shown), notes)


def _fraction_note(classes: Sequence[str]) -> tuple[str, ...]:
    """Return what to say of 1.0, 2.0, …: how programs write whole numbers that have gaps."""
    if not classes or not all(name.endswith(".0") and name[:-2].isdigit() for name in classes):
        return ()
    return (f"its classes are called as the table has them, with a fraction: {classes[0]}",)


def _sign_note(texts: Sequence[str]) -> tuple[str, ...]:
    """Return what to say of a class without letter or digit, which may stand for none: `?`, `-`."""
    signs = Counter(text for text in texts if text and not any(map(str.isalnum, text)))
    return tuple(
        f"{n_rows_have(n)} the class {printable(text)!r}; if it stands for none: "
        f"--missing={quote(printable(text))}"
        for text, n in sorted(signs.items())[:_MOST_NAMES]
    )


def _unclear(ones: NDArray[np.int64], names: Sequence[str], where: str) -> DataError:
    """Return the error for columns of which rows have one 1 or none."""
    n_none = int((ones == 0).sum())
    what = f"{n_rows_have(n_none)} no 1" if n_none else "1 and -1 stand"
    shown = ", ".join(map(printable, names[:_MOST_NAMES])) + (", …" * (len(names) > _MOST_NAMES))
    each = " ".join(way("--label-column", name) for name in names[:_MOST_NAMES])
    if len(names) > _MOST_NAMES:
        each = f"--label-column NAME for each of the {len(names)}"
    return DataError(
        f"{what} in columns {shown}, and no row has two 1: these may be classes of which an image "
        "has one at most, or properties of which it may have several",
        where,
        f"say {each} for classes, --target-kind labels for properties, "
        f"{way('--label-column', names[0])} to learn that one alone (0 or 1), or --label-column '' "
        "for none",
    )


def _several(
    marks: NDArray[np.uint8], ones: NDArray[np.int64], names: Sequence[str], where: str
) -> Answers:
    """Return labels of which an image may have several."""
    shown = tuple(map(printable, names))
    if len(set(shown)) < len(shown):
        raise DataError("two columns of classes are spelled alike", where, "rename one")
    values = np.where(marks == NOTHING, np.nan, marks).astype(np.float32)
    notes = [f"{n_rows_have(int((ones > 1).sum()))} several labels, of {len(names)}"]
    is_known = marks != NOTHING
    n_none = int(((ones == 0) & is_known.all(axis=1)).sum())
    if n_none:
        notes.append(f"{n_rows_have(n_none)} none of them")
    n_unknown = int((~is_known.any(axis=1)).sum())
    if n_unknown:
        notes.append(f"{n_rows_have(n_unknown)} no label written, so they are not known")
    return _with_targets(Targets(values=values, kind=LABELS, names=shown), notes)
