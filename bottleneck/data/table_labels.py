"""Which columns of a table hold the labels, where nobody said: by name, and by what they hold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.text import printable
from bottleneck.data.labels import (
    AS_LABELS,
    TO_PREDICT,
    has_fraction,
    is_numeric,
    multi_label_error,
    regression_error,
)
from bottleneck.data.table_boxes import refuse_boxes
from bottleneck.data.table_targets import CALLED, LABELS, NUMBERS, are_lists, is_mark
from bottleneck.data.table_words import by_name, otherwise, texts_in, there, way

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bottleneck.data.table_text import Fields, Sheet

_LABELS = (
    "label",
    "class classname classlabel classid labelname labeltext labelid category categoryname"
    " categoryid breed species speciesname diagnosis disease dx emotion celltype variety"
    " finelabel coarselabel groundtruth annotation findinglabel findinglabels",
)
_PLURAL = re.compile(r"labels|tags|classes")
_NUMBERED = re.compile(r"label\d+")
_SEVERAL_WORDS = re.compile(r"[\s,;|/+&\[{]")
_ALSO = {"target", "targets"}  # of these, classes alone
_COUNTERS = {"", "index", "unnamed0", "unnamed01", "rownames", "row"}
_WHOLE = re.compile(r"\d{1,6}(\.0)?")
_MOST_CLASSES = 100_000  # beyond it, a column is no class


def is_called_label(plain: str) -> bool:
    """Whether a column of this plain name holds labels by its name."""
    return plain in {_LABELS[0], *_LABELS[1].split()} or bool(_PLURAL.fullmatch(plain))


def find_labels(
    sheet: Sheet,
    plain: Sequence[str],
    sample: Sequence[Fields],
    taken: set[int | None],
    where: str,
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return the columns of labels that nobody named, and what to say of them.

    Parameters
    ----------
    plain : the columns' plain names
    sample : the first rows
    taken : columns that are something else

    Raises
    ------
    DataError
        When it cannot be told, or a column's name says what we do not do.
    """
    free = ["" if i in taken else name for i, name in enumerate(plain)]
    _refuse_numbered(sheet, free, where)
    usual = [i for i, name in enumerate(free) if name in _LABELS[1].split()]
    plural = [i for i, name in enumerate(free) if _PLURAL.fullmatch(name)]
    found: int | None = None
    notes: tuple[str, ...] = ()
    if "label" in free:
        notes = _others_than_label(sheet, free, usual)
    else:
        found, notes = _one_of(sheet, free, sample, usual + plural, where)
    if found is None:
        found = by_name(sheet, free, _LABELS, ("label", "--label-column"), where)
    if found is None and plural:
        found = by_name(sheet, free, ("labels tags classes",), ("label", "--label-column"), where)
        assert found is not None
        if any(_SEVERAL_WORDS.search((f[found] or "").strip()) for f in sample):
            name, texts = sheet.header[found], texts_in(sheet, found)
            if not are_lists(texts):
                one = AS_LABELS + otherwise("each text is one class", name, texts)
                raise multi_label_error(f"column {name!r}", where, one)
    refuse_boxes(sheet.header, plain, None if found is None else sheet.header[found], where)
    if found is not None:
        return (found,), notes
    if not sheet.is_named:
        rest = [i for i in range(len(free)) if i not in taken]
        # Of a file and one thing more, or of pixels and one thing more, that is the label.
        is_clear = len(rest) == 1 and (len(free) == 2 or None in taken)
        return (tuple(rest), ()) if is_clear else ((), _no_label(sheet, rest))
    target = [i for i, name in enumerate(free) if name in CALLED.split()]
    if target:
        return _target(sheet, target, sample, where), ()
    rest = [i for i, name in enumerate(free) if i not in taken and name not in _COUNTERS]
    if len(rest) > 1 and sample and all(is_mark(f[i]) for f in sample for i in rest):
        numbers = (
            "-1 and 1"
            if any((f[i] or "").strip()[:1] == "-" for f in sample for i in rest)
            else "0 and 1"
        )
        return tuple(rest), (f"{len(rest)} columns of {numbers} were read as labels",)
    marks = [i for i in rest if sample and all(is_mark(f[i]) for f in sample)]
    return (), (*_no_label(sheet, rest), *_marks_note(sheet, marks))


def _refuse_numbered(sheet: Sheet, free: Sequence[str], where: str) -> None:
    """Raise DataError for columns label_1, label_2, …: what is missing in some stands in others."""
    numbered = next((i for i, name in enumerate(free) if _NUMBERED.fullmatch(name)), None)
    if numbered is not None:
        raise multi_label_error(
            f"column {sheet.header[numbered]!r}",
            where,
            ", or write all labels of an image into one column, such as cat|dog",
        )


def find_targets(
    sheet: Sheet,
    plain: Sequence[str],
    sample: Sequence[Fields],
    taken: Collection[int | None],
    kind: str,
    where: str,
) -> tuple[int, ...]:
    """Return the columns of labels or numbers, where a person said that there are such.

    Parameters
    ----------
    plain : the columns' plain names
    sample : the first rows
    taken : columns that are something else

    Raises
    ------
    DataError
        When it cannot be told which.
    """
    free = ["" if i in taken else name for i, name in enumerate(plain)]
    _refuse_numbered(sheet, free, where)
    usual = (*_LABELS, "labels tags classes")
    tiers = (CALLED, *usual) if kind == NUMBERS else (*usual, CALLED)
    found = by_name(sheet, free, tiers, ("label", "--label-column"), where)
    if found is not None:
        return (found,)
    rest = [i for i in range(len(free)) if i not in taken]
    if kind == LABELS:
        marks = [i for i in rest if sample and all(is_mark(fields[i]) for fields in sample)]
        if len(marks) > 1:
            return tuple(marks)
    if len(rest) == 1:
        return (rest[0],)
    each = way("--label-column", sheet.header[rest[0]]) if rest else "--label-column NAME"
    raise DataError(
        f"which columns hold the {kind}? (there are: {there(sheet)})",
        where,
        f"say each, such as {each}",
    )


def _one_of(
    sheet: Sheet,
    free: Sequence[str],
    sample: Sequence[Fields],
    named: list[int],
    where: str,
) -> tuple[int | None, tuple[str, ...]]:
    """Return one of the columns that may be the labels, by their names, where all say the same.

    Raises
    ------
    DataError
        When they do not.
    """
    for i, name in enumerate(free):
        texts = [(fields[i] or "").strip() for fields in sample]
        if name in _ALSO and any(texts) and (_are_class_numbers(texts) or not is_numeric({*texts})):
            named = [*named, i]
    if len(named) < 2:
        return None, ()
    found, notes = _one_of_equals(sheet, sorted(named))
    if found is None:
        listed = " or ".join(repr(printable(sheet.header[i])) for i in sorted(named))
        able = [sheet.header[i] for i in sorted(named)
                if otherwise("", "", texts_in(sheet, i))]  # fmt: skip
        raise DataError(
            f"its column 'label' may be {listed}, and these do not say the same",
            where,
            f"say which: {' or '.join(way('--label-column', name) for name in able)}"
            if able
            else "give each image one class, in one of them",
        )
    return found, notes


def _others_than_label(sheet: Sheet, free: Sequence[str], usual: Sequence[int]) -> tuple[str, ...]:
    """Return what to say of columns that could be the labels, were there no `label`."""
    at = free.index("label")
    others = [i for i in usual if _one_of_equals(sheet, [at, i])[0] is None]
    if not others:
        return ()
    names = ", ".join(printable(sheet.header[i]) for i in others)
    return (
        f"its labels are those of {printable(sheet.header[at])}; of {names} they would be others "
        f"({way('--label-column', sheet.header[others[0]])})",
    )


def _one_of_equals(sheet: Sheet, found: list[int]) -> tuple[int | None, tuple[str, ...]]:
    """Return one of several columns of labels that say the same of all rows; names before numbers.

    So are class_id and class_name: each value of one stands beside one value of the other.
    """
    pairs: set[tuple[str, ...]] = set()
    for _, fields in sheet.rows():
        pairs.add(tuple((fields[i] or "").strip() for i in found))
        if len(pairs) > _MOST_CLASSES:
            return None, ()
    if any(len(set(column)) < len(pairs) for column in zip(*pairs, strict=True)) or len(pairs) < 2:
        return None, ()
    words = [i for i, values in zip(found, zip(*pairs, strict=True), strict=True)
             if not is_numeric({*values} - {""})]  # fmt: skip
    best = (words or found)[0]
    others = ", ".join(printable(sheet.header[i]) for i in found if i != best)
    return best, (f"{others} says the same as {printable(sheet.header[best])} in other words",)


def _no_label(sheet: Sheet, rest: Sequence[int]) -> tuple[str, ...]:
    """Return the note about a table without a label."""
    if not rest:
        return ("no column holds labels, so no image has one",)
    names = ", ".join(printable(sheet.header[i]) for i in rest[:6])
    more = ", ..." if len(rest) > 6 else ""
    return (
        f"no column is one of labels by its name (there are: {names}{more}), so no image has one; "
        "--label-column NAME says which",
    )


def _marks_note(sheet: Sheet, marks: Sequence[int]) -> tuple[str, ...]:
    """Return how columns of 0 and 1 among others can be read."""
    if len(marks) < 2:
        return ()
    ways = " ".join(way("--label-column", sheet.header[i]) for i in marks[:6])
    return (f"columns of 0 and 1 are read as a class each when all are named, such as {ways}",)


def _target(
    sheet: Sheet, found: Sequence[int], sample: Sequence[Fields], where: str
) -> tuple[int, ...]:
    """Return a column called target or so, when it holds classes: words, or their numbers."""
    name = sheet.header[found[0]]
    texts = [(fields[found[0]] or "").strip() for fields in sample]
    is_number = is_numeric({*texts} - {""}) and not _are_class_numbers(texts)
    is_clear = is_number and any(map(has_fraction, filter(None, texts)))
    if len(found) > 1 or (is_number and not is_clear):
        raise regression_error(
            f"no column 'label', but {printable(name)!r}",
            where,
            TO_PREDICT + otherwise("its numbers are classes", name, texts_in(sheet, found[0])),
        )
    return (found[0],)


def _are_class_numbers(texts: Sequence[str]) -> bool:
    """Whether these are whole numbers from 0 or 1 on without gaps, each of several images."""
    found = [text for text in texts if text]
    numbers = {int(float(text)) for text in found if _WHOLE.fullmatch(text)}
    is_whole = all(map(_WHOLE.fullmatch, found))
    return (
        is_whole
        and min(numbers, default=2) <= 1
        and max(numbers, default=0) - min(numbers, default=0) == len(numbers) - 1
        and (len(found) >= 2 * len(numbers) or numbers <= {0, 1})
    )
