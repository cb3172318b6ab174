"""What a table's columns hold besides one class an image: several labels, or numbers to predict.

`--target-kind` says which. Without it, lists of labels (`cat|dog`, `["cat", "dog"]`) are labels,
and numbers with fractions are numbers where a person named their column, or its name says what they
are: neither could be classes. Whole numbers and words with blanks may be classes, and stay that.
"""

from __future__ import annotations

import ast
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.sample import Targets
from bottleneck.core.text import printable
from bottleneck.data.labels import has_fraction, is_numeric

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bottleneck.data.table_text import Fields, Sheet

CLASS, LABELS, NUMBERS = "class", "labels", "numbers"
# What columns of numbers to predict are called; of these, `label` and its like are classes.
CALLED = "target targets value values score y"
_ZERO_OR_ONE = {"0", "1", "0.0", "1.0", "-1", "-1.0", "", "true", "false"}
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_BRACKETS = {("[", "]"), ("{", "}")}
_MOST_BYTES = 2 << 30
_LARGEST = float(np.finfo(np.float32).max)


def is_mark(text: str | None) -> bool:
    """Whether this is 0, 1, -1 (which some write for 0) or nothing."""
    return (text or "").strip().lower() in _ZERO_OR_ONE


def are_numbers(
    sheet: Sheet, at: Sequence[int], sample: Sequence[Fields], missing: Collection[str]
) -> bool:
    """Whether these columns hold numbers, and fractions among them, to the end of the table."""

    def texts(rows: Any) -> set[str]:
        return {(fields[i] or "").strip() for fields in rows for i in at} - {"", *missing}

    def are(found: set[str]) -> bool:
        return bool(found) and is_numeric(found) and any(map(has_fraction, found))

    return bool(at) and are(texts(sample)) and are(texts(fields for _, fields in sheet.rows()))


def number_of(
    field: str | None, name: str, line: int, missing: Collection[str], where: str
) -> float:
    """Return the number in a field, NaN where there is none; DataError for another text."""
    text = (field or "").strip()
    if not text or text in missing:
        return float("nan")
    spelled = text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text
    if not is_numeric([spelled]) or abs(float(spelled)) > _LARGEST:
        raise DataError(
            f"line {line}: column {printable(name)!r} holds {printable(text)[:40]!r}, not a number",
            where,
            "write a number, or leave the field empty where it is not known; --label-column NAME "
            "says which columns are numbers",
        )
    return float(spelled)


def are_lists(texts: Collection[str]) -> bool:
    """Whether some of these are lists of labels, which no class is called like."""
    return any("|" in text or ";" in text or (text[:1], text[-1:]) in _BRACKETS for text in texts)


def labels_of_texts(texts: Sequence[str], name: str, where: str) -> tuple[Targets, tuple[str, ...]]:
    """Return the labels that texts list, a column each, and what to say of them.

    A text without anything is not known; `[]` is none of them.

    Parameters
    ----------
    name : of the column

    Raises
    ------
    DataError
        When there is no label, or more than memory has room for.
    """
    known = {*texts} - {""}
    if known and all(map(is_mark, known)):  # one column of 0 and 1: the label is what it is called
        marks = [np.nan if not t else float(t.lower() in {"1", "1.0", "true"}) for t in texts]
        one = np.array(marks, np.float32)[:, None]
        return Targets(values=one, kind=LABELS, names=(printable(name),)), ()
    between = _between(known)
    lists = {text: _listed(text, between) for text in known}
    names = tuple(sorted({each for found in lists.values() for each in found}))
    if not names:
        raise DataError(f"column {printable(name)!r} lists no label", where, "name another column")
    if 4 * len(texts) * len(names) > _MOST_BYTES:
        raise DataError(
            f"{len(names):,} labels of {len(texts):,} rows are too many",
            where,
            "check the column: texts that differ everywhere are no labels",
        )
    at = {each: i for i, each in enumerate(names)}
    values = np.full((len(texts), len(names)), np.nan, np.float32)
    for row, text in enumerate(texts):
        if text:
            values[row] = 0
            values[row, [at[each] for each in lists[text]]] = 1
    n_several = sum(len(lists[text]) > 1 for text in texts if text)
    notes = [f"{_rows_have(n_several)} several labels, of {len(names)}"]
    n_empty = sum(not text for text in texts)
    if n_empty:
        notes.append(
            f"{_rows_have(n_empty)} no labels written, so they are not known; [] is none of them"
        )
    return Targets(values=values, kind=LABELS, names=names), tuple(notes)


def _between(texts: Collection[str]) -> str:
    """Return the sign that stands between labels; "" for blanks."""
    for sign in "|;,":
        if any(sign in text for text in texts if (text[0], text[-1]) not in _BRACKETS):
            return sign
    return ""


def _listed(text: str, between: str) -> tuple[str, ...]:
    """Return the labels in a text, each once."""
    if (text[0], text[-1]) in _BRACKETS:
        parts = _of_brackets(text)
    else:
        parts = text.split(between) if between else text.split()
    return tuple(dict.fromkeys(printable(part.strip()) for part in parts if part.strip()))


def _of_brackets(text: str) -> list[str]:
    """Return the items of a list as JSON or Python writes one, or of words between brackets."""
    for parse in (json.loads, ast.literal_eval):
        try:
            found = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, list | tuple | set):
            return [str(each) for each in found]
    return [part.strip(" '\"") for part in text[1:-1].split(",")]


def _rows_have(n: int) -> str:
    return f"{n} rows have" if n > 1 else "1 row has" if n else "no row has"
