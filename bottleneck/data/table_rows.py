"""From the rows of a table to names of files, labels and splits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.sample import NO_LABEL, SPLITS, Targets, show_key
from bottleneck.core.text import printable
from bottleneck.data.classes import joined_texts, untrained
from bottleneck.data.labels import number_labels
from bottleneck.data.source import Understood
from bottleneck.data.table_options import MISSING
from bottleneck.data.table_paths import check_address
from bottleneck.data.table_splits import (
    flag_words,
    numbers_of,
    parse_map,
    refuse_empty,
    refuse_most,
    split_of_flags,
)
from bottleneck.data.table_words import way

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.data.how import How
    from bottleneck.data.table_columns import Columns
    from bottleneck.data.table_text import Sheet

_MOST_LINES = 5  # that a message names
_MOST_NAMES = 6
# 0, 1, -1 (which some write for 0) and nothing, in columns of 0 and 1.
_CODES = {
    "0": 0, "0.0": 0, "false": 0, "1": 1, "1.0": 1, "true": 1, "-1": 2, "-1.0": 2, "": 3,
}  # fmt: skip
_MINUS, _NOTHING = 2, 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """What the rows of a table say, in their order.

    Attributes
    ----------
    keys : names of files, each once; the rows' numbers where the table holds its images
    labels : of each row, "" without one; None where the labels are columns of 0 and 1
    marks : (n, k) uint8 of those columns; None where there are none
    splits : of each row, a number of `SPLITS`
    words : how the table spells each split
    notes : what a person should know
    """

    keys: list[bytes]
    labels: list[str] | None
    marks: NDArray[np.uint8] | None
    splits: bytearray
    words: dict[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What there is to learn of some rows: classes, or targets."""

    labels: NDArray[np.int32]
    classes: tuple[str, ...]
    targets: Targets | None = None
    notes: tuple[str, ...] = ()


def read_rows(
    sheet: Sheet, columns: Columns, how: How, where: str, *, n_rows: int | None = None
) -> Rows:
    """Read a table to its end.

    Parameters
    ----------
    n_rows : how many there are, where no column need be read to know that

    Raises
    ------
    DataError
        When a row names no file, an address or a file that was named before, or a field cannot
        be understood.
    """
    missing = frozenset(() if sheet.is_typed else how["missing"] or MISSING)
    names: dict[bytes, int] = {}
    labels, splits = _Texts(missing), _Texts(missing)
    marks, of_splits = bytearray(), bytearray()
    label_at, several = columns.labels[:1], columns.labels if len(columns.labels) > 1 else ()
    for line, fields in sheet.rows():
        if columns.file is not None:
            _add_name(fields[columns.file], line, names, where)
        elif n_rows is None:
            names[b"%08d" % len(names)] = line
        if several:
            marks.extend([_mark(sheet.header[at], fields[at], line, where) for at in several])
        elif label_at:
            labels.add(fields[label_at[0]], line)
        if columns.split is not None:
            splits.add(fields[columns.split], line)
        elif columns.flags:
            of_splits.append(split_of_flags(columns.flags, sheet.header, fields, line, where))
    if n_rows is not None:
        names = {b"%08d" % i: i for i in range(n_rows)}
    n_rows = len(names)
    if columns.flags:
        words = flag_words(columns.flags, sheet.header)
        if how["split_column"] is None:
            refuse_most(of_splits, columns.flags, sheet.header, where)
    elif columns.split is None:
        of_splits, words = bytearray([_split_of_all(how, where)]) * n_rows, {}
    else:
        numbers = _numbers(splits, printable(sheet.header[columns.split]), how, where)
        of_splits = bytearray(map(numbers.__getitem__, splits.texts))
        words = {printable(text): SPLITS[number] for text, number in sorted(numbers.items())}
    return Rows(
        keys=[*names],
        labels=None if several else labels.texts or [""] * n_rows,
        marks=np.frombuffer(marks, np.uint8).reshape(n_rows, len(several)) if several else None,
        splits=of_splits,
        words=words,
        notes=tuple(
            f"{n_rows_have(n)} no label: {printable(word)!r} stands for none (--missing '' if not)"
            for word, n in labels.words.items()
        ),
    )


class _Texts:
    """A column of texts, each kept once."""

    def __init__(self, missing: frozenset[str]) -> None:
        self.missing = missing
        self.known: dict[str | None, str] = {None: ""}
        self.texts: list[str] = []
        self.words: dict[str, int] = {}  # for nothing, and how often
        self.lines: list[int] = []  # the first ones without a text
        self.n_without = 0

    def add(self, field: str | None, line: int) -> None:
        """Take in the next row's field."""
        text = self.known.get(field)
        if text is None:
            assert field is not None
            text = field.strip()
            text = self.known[field] = "" if text in self.missing else text
        if not text:
            self.n_without += 1
            if len(self.lines) < _MOST_LINES:
                self.lines.append(line)
            if field and field.strip():
                self.words[field.strip()] = self.words.get(field.strip(), 0) + 1
        self.texts.append(text)


def _split_of_all(how: How, where: str) -> int:
    """Return the split of every row of a table without a column of splits: train, or as is told."""
    told = parse_map(how["split_map"])
    if told.keys() - {""}:
        raise DataError(
            "no column says the split, so --split-map has nothing to map",
            where,
            "name the column with --split-column; --split-map =test makes all of it test",
        )
    return told.get("", 0)


def _numbers(splits: _Texts, name: str, how: How, where: str) -> dict[str, int]:
    """Return which split each text means."""
    told = parse_map(how["split_map"])
    if "" not in told:
        refuse_empty(splits.lines, splits.n_without, name, where)
    return numbers_of(Counter(splits.texts), name, told, where)


def n_rows_have(n: int) -> str:
    """Return the beginning of a sentence about n rows."""
    return "1 row has" if n == 1 else f"{n} rows have"


def _mark(name: str, field: str | None, line: int, where: str) -> int:
    """Return what stands in a column of 0 and 1."""
    code = _CODES.get((field or "").strip().lower())
    if code is None:
        raise DataError(
            f"line {line}: column {name!r} holds {printable(str(field))[:40]!r}, not 0 or 1",
            where,
            "columns of classes hold 0 and 1; --label-column NAME says which are",
        )
    return code


def _add_name(field: str | None, line: int, names: dict[bytes, int], where: str) -> None:
    key = field.encode("utf-8", "surrogateescape") if field else b""
    if not key or key.isspace():
        raise DataError(f"line {line} names no file", where, "fill the column of file names")
    if b":" in key or b"\0" in key:
        if key[:2] == b'{"':
            raise DataError(
                f"line {line} has an object of JSON in the place of a file's name",
                where,
                'write the name alone, such as {"file_name": "a.jpg"}',
            )
        check_address(key, line, where)
        if b"\0" in key:
            raise DataError(f"line {line} names no file", where, "no name can hold a NUL")
    if names.setdefault(key, line) != line:
        raise DataError(
            f"{show_key(key)} stands in lines {names[key]} and {line}",
            where,
            "leave one of them; each image has one row",
        )


def answers(
    rows: Rows, columns: Columns, header: Sequence[str], at: list[int], how: How, where: str
) -> Answers:
    """Return classes or targets of the rows `at`.

    Columns of 0 and 1 are a class each where each row has one 1, and labels of which an image has
    several where a row has more. Rows with one 1 or none may be either, until the columns are
    named: then they are classes.

    Raises
    ------
    DataError
        When the labels are no classes, two are one for a person, or it cannot be told.
    """
    join, told = bool(how["join_classes"]), how["label_column"] is not None
    if rows.marks is None:
        assert rows.labels is not None
        name = header[columns.labels[0]] if columns.labels else "label"
        texts, notes = joined_texts([rows.labels[i] for i in at], join=join, where=where)
        labels, classes = number_labels(texts, name, where)
        splits = np.frombuffer(rows.splits, np.uint8)[at]
        notes = (*notes, *_fraction_note(classes), *untrained(labels, splits, classes))
        return Answers(labels=labels, classes=classes, notes=notes)
    marks = rows.marks[at]
    is_signed = bool((marks == _MINUS).any())
    if is_signed:
        if (marks == 0).any():
            raise DataError(
                "its columns of classes hold 0, 1 and -1", where, "write 0 and 1, or 1 and -1"
            )
        marks = np.where(marks == _MINUS, 0, marks)
    names = [header[i] for i in columns.labels]
    ones = (marks == 1).sum(axis=1)
    if (ones > 1).any() or (marks == _NOTHING).any():
        return _several(marks, ones, names, where)
    if ((ones == 0).any() or is_signed) and not told:
        raise _unclear(ones, names, where)
    texts = [names[i] for i in marks.argmax(axis=1).tolist()]
    labels, classes = number_labels(
        [text if n else "" for text, n in zip(texts, ones.tolist(), strict=True)], "label", where
    )
    n_without = int((ones == 0).sum())
    note = (f"{n_rows_have(n_without)} no 1 in any column, so no label",) if n_without else ()
    return Answers(labels=labels, classes=classes, notes=note)


def _fraction_note(classes: Sequence[str]) -> tuple[str, ...]:
    """Return what to say of 1.0, 2.0, …: how programs write whole numbers that have gaps."""
    if not classes or not all(name.endswith(".0") and name[:-2].isdigit() for name in classes):
        return ()
    return (f"its classes are called as the table has them, with a fraction: {classes[0]}",)


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
        f"say {each} for classes, {way('--label-column', names[0])} to learn that one alone (0 or "
        "1), or --label-column '' for none",
    )


def _several(
    marks: NDArray[np.uint8], ones: NDArray[np.int64], names: Sequence[str], where: str
) -> Answers:
    """Return labels of which an image may have several."""
    shown = tuple(map(printable, names))
    if len(set(shown)) < len(shown):
        raise DataError("two columns of classes are spelled alike", where, "rename one")
    values = np.where(marks == _NOTHING, np.nan, marks).astype(np.float32)
    notes = [f"{n_rows_have(int((ones > 1).sum()))} several labels, of {len(names)}"]
    n_none = int((ones == 0).sum())
    if n_none:
        notes.append(f"{n_rows_have(n_none)} none of them")
    return Answers(
        labels=np.full(len(marks), NO_LABEL, np.int32),
        classes=(),
        targets=Targets(values=values, kind="labels", names=shown),
        notes=tuple(notes),
    )


def understood(sheet: Sheet, columns: Columns, rows: Rows, notes: Sequence[str]) -> Understood:
    """Return how a table was understood."""
    named = columns.understood([printable(name) for name in sheet.header])
    return Understood(
        columns=named, splits=rows.words, notes=(*sheet.notes, *columns.notes, *rows.notes, *notes)
    )
