"""From the rows of a table to names of files, labels and splits."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.sample import SPLITS, show_key
from bottleneck.core.text import printable
from bottleneck.data.source import Understood
from bottleneck.data.split_words import parse_map
from bottleneck.data.table_options import MISSING
from bottleneck.data.table_path_splits import splits_of_paths
from bottleneck.data.table_paths import check_address
from bottleneck.data.table_splits import (
    flag_words,
    numbers_of,
    refuse_empty,
    refuse_most,
    split_of_flags,
)
from bottleneck.data.table_targets import NUMBERS, number_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from bottleneck.data.how import How
    from bottleneck.data.table_columns import Columns
    from bottleneck.data.table_text import Fields, Sheet

_MOST_NAMED = 5  # files that a message names
_MOST_LINES = 5  # that a message names
# 0, 1, -1 (which some write for 0) and nothing, in columns of 0 and 1.
_CODES = {
    "0": 0, "0.0": 0, "false": 0, "1": 1, "1.0": 1, "true": 1, "-1": 2, "-1.0": 2, "": 3,
}  # fmt: skip
MINUS, NOTHING = 2, 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """What the rows of a table say, in their order.

    Attributes
    ----------
    keys : names of files, each once; the rows' numbers where the table holds its images
    labels : of each row, "" without one; None where the labels are columns of 0 and 1
    marks : (n, k) uint8 of those columns; None where there are none
    numbers : (n, k) float32 of columns of numbers to predict; None where there are none
    splits : of each row, a number of `SPLITS`
    words : how the table spells each split
    notes : what a person should know
    groups : of each row, "" of none; None where no column says them
    """

    keys: list[bytes]
    labels: list[str] | None
    marks: NDArray[np.uint8] | None
    splits: bytearray
    words: dict[str, str]
    notes: tuple[str, ...]
    numbers: NDArray[np.float32] | None = None
    groups: list[str] | None = None


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
    again: dict[bytes, list[int]] = {}  # further lines of a name
    labels, splits, groups = _Texts(missing), _Texts(missing), _Texts(missing)
    marks, of_splits, predicted = bytearray(), bytearray(), array("f")
    label_at, several, are_numbers = columns.labels[:1], len(columns.labels) > 1, False
    if columns.kind == NUMBERS:
        several, are_numbers = False, True
    for line, fields in sheet.rows():
        if columns.file is not None:
            _add_name(fields[columns.file], line, names, again, where)
        elif n_rows is None:
            names[b"%08d" % len(names)] = line
        if are_numbers:
            predicted.extend(_numbers_of(sheet, columns, fields, line, missing, where))
        elif several:
            marks.extend(
                [_mark(sheet.header[at], fields[at], line, where) for at in columns.labels]
            )
        elif label_at:
            labels.add(fields[label_at[0]], line)
        if columns.group is not None:
            groups.add(fields[columns.group], line)
        if columns.split is not None:
            splits.add(fields[columns.split], line)
        elif columns.flags:
            of_splits.append(split_of_flags(columns.flags, sheet.header, fields, line, where))
    _refuse_twice(again, names, where)
    if n_rows is not None:
        names = {b"%08d" % i: i for i in range(n_rows)}
    n_rows, shape = len(names), (len(names), len(columns.labels))
    said: tuple[str, ...] = ()
    _refuse_names_of_columns(sheet, columns, names, where)
    if columns.flags:
        words = flag_words(columns.flags, sheet.header)
        if how["split_column"] is None:
            refuse_most(of_splits, columns.flags, sheet.header, where)
    elif columns.split is None:
        of_splits, words, said = _without_column(sheet, columns, names, how, where)
    else:
        numbers = _numbers(splits, printable(sheet.header[columns.split]), how, where)
        of_splits = bytearray(map(numbers.__getitem__, splits.texts))
        words = {printable(text): SPLITS[number] for text, number in sorted(numbers.items())}
    return Rows(
        keys=[*names],
        labels=None if several or are_numbers else labels.texts or [""] * n_rows,
        marks=np.frombuffer(marks, np.uint8).reshape(shape) if several else None,
        numbers=np.array(predicted, np.float32).reshape(shape) if are_numbers else None,
        splits=of_splits,
        words=words,
        groups=None if columns.group is None else groups.texts,
        notes=(*said, *_none_notes(labels.words)),
    )


def _none_notes(words: Mapping[str, int]) -> list[str]:
    """Return what to say of words that stand for no label, of which there are so many."""
    return [
        f"{n_rows_have(n)} no label: {printable(word)!r} stands for none (--missing '' if not)"
        for word, n in words.items()
    ]


def _numbers_of(
    sheet: Sheet,
    columns: Columns,
    fields: Fields,
    line: int,
    missing: Collection[str],
    where: str,
) -> list[float]:
    """Return the numbers to predict of a row."""
    return [number_of(fields[at], sheet.header[at], line, missing, where) for at in columns.labels]


def _refuse_names_of_columns(
    sheet: Sheet, columns: Columns, names: Mapping[bytes, int], where: str
) -> None:
    """Raise DataError for a second line of names, as files that were put together have."""
    if columns.file is not None and sheet.is_named and not sheet.is_typed:
        line = names.get(sheet.header[columns.file].encode("utf-8", "surrogateescape"))
        if line is not None:
            raise DataError(f"line {line} repeats the names of columns", where, "delete it")


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


def _without_column(
    sheet: Sheet, columns: Columns, names: Mapping[bytes, int], how: How, where: str
) -> tuple[bytearray, dict[str, str], tuple[str, ...]]:
    """Return the split of each row where no column says it, how it is spelled, what to say."""
    all_of_one = bytearray([_split_of_all(how, where)]) * len(names)
    is_told = how["split_map"] is not None or how["split_column"] is not None
    if is_told or columns.file is None:
        return all_of_one, {}, ()
    found, words, said = splits_of_paths([*names], sheet.header[columns.file], where)
    return found or all_of_one, words, said


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
    return f"{n} rows have" if n > 1 else "1 row has" if n else "no row has"


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


def _add_name(
    field: str | None,
    line: int,
    names: dict[bytes, int],
    again: dict[bytes, list[int]],
    where: str,
) -> None:
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
        again.setdefault(key, []).append(line)


def _refuse_twice(
    again: Mapping[bytes, Sequence[int]], names: Mapping[bytes, int], where: str
) -> None:
    """Raise DataError for files that stand in several rows: all of them at once."""
    if not again:
        return
    said: list[str] = []
    for key, lines in [*again.items()][:_MOST_NAMED]:
        each = [names[key], *lines[:_MOST_LINES]]
        more = ", ..." if len(lines) > _MOST_LINES else ""
        listed = f"{', '.join(map(str, each[:-1]))} and {each[-1]}"
        said.append(f"{show_key(key)} {'in' if said else 'stands in'} lines {listed}{more}")
    n_rows = sum(map(len, again.values()))
    more = f"; {len(again):,} files in all, {n_rows:,} rows too many" if len(again) > 1 else ""
    raise DataError(f"{', '.join(said)}{more}", where, "leave one of them; each image has one row")


def understood(sheet: Sheet, columns: Columns, rows: Rows, notes: Sequence[str]) -> Understood:
    """Return how a table was understood."""
    named = columns.understood([printable(name) for name in sheet.header])
    return Understood(
        columns=named,
        splits=rows.words,
        notes=(*sheet.notes, *columns.notes, *rows.notes, *notes),
        header=tuple(sheet.header),
    )
