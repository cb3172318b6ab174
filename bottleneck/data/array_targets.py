"""What there is to learn of images whose answers are arrays: classes, labels, or numbers.

`--target-kind` says which. Without it, whole numbers and texts are classes, an image each; lists of
labels (`cat|dog`, `["cat", "dog"]`) and rows of 0 and 1 of which some have several are labels, and
numbers with fractions are numbers: neither could be classes. What may be either is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.sample import NO_LABEL, Targets
from bottleneck.core.text import count, printable
from bottleneck.data.labels import multi_label_error, number_labels, regression_error
from bottleneck.data.table_answers import Answers
from bottleneck.data.table_targets import CLASS, LABELS, NUMBERS, are_lists, labels_of_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_LARGEST = float(np.finfo(np.float32).max)
_SAY = "; say --target-kind "


def answers_of_arrays(
    parts: Sequence[tuple[NDArray[Any] | None, int]],
    names: Sequence[str],
    kind: str | None,
    what: str,
    where: str,
) -> Answers:
    """Return classes or targets of images that come in several parts.

    Parameters
    ----------
    parts : of each its answers, None where they are not known, and how many images it has. Answers
        are (n,) or (n, k), texts, whole numbers or floats; NaN and "" are not known
    names : of the k columns; empty where nobody said
    kind : class, labels or numbers; None where nobody said
    what : the answers are called: y, or labels

    Raises
    ------
    DataError
        When they are none, may be of two kinds, or are not of that kind.
    """
    arrays = [values.reshape(n, -1) for values, n in parts if values is not None]
    widths = {values.shape[1] for values in arrays}
    is_text = any(values.dtype.kind in "US" for values in arrays)
    if len(widths) > 1 or (is_text and (widths != {1} or not _are_texts(arrays))):
        raise DataError(
            f"{what} of one split is not like that of another"
            if len(arrays) > 1
            else f"{what} has several texts an image",
            where,
            "give the same columns to all, numbers or one text an image",
        )
    if is_text or not arrays:
        return _of_texts([text for part in parts for text in texts_of(*part)], kind, what, where)
    width = widths.pop()
    if width == 1 and kind in (None, CLASS) and all(a.dtype.kind in "biu" for a in arrays):
        return _of_texts([text for part in parts for text in texts_of(*part)], kind, what, where)
    values = np.concatenate(
        [np.full((n, width), np.nan) if v is None else _floats(v.reshape(n, width), what, where)
         for v, n in parts]
    )  # fmt: skip
    named = tuple(printable(name) for name in names)
    if named and (len(named) != width or len({*named}) < width):
        raise DataError(
            f"{len({*named})} different names of targets for {width} columns of {what}",
            where,
            "give each column one name",
        )
    return _of_values(values, named, kind, what, where)


def _are_texts(arrays: Sequence[NDArray[Any]]) -> bool:
    return all(values.dtype.kind in "US" for values in arrays)


def texts_of(values: NDArray[Any] | None, n: int) -> list[str]:
    """Return answers as texts, one an image; "" where they are not known."""
    if values is None:
        return [""] * n
    flat = values.reshape(-1)
    if flat.dtype.kind == "b":
        flat = flat.astype(np.uint8)
    if flat.dtype.kind == "S":
        return [text.decode("utf-8", "surrogateescape") for text in flat.tolist()]
    return [str(value) for value in flat.tolist()]


def _of_texts(texts: list[str], kind: str | None, what: str, where: str) -> Answers:
    """Return classes, the labels that texts list, or the numbers that they are."""
    said = {*texts} - {""}
    if kind == LABELS or (kind is None and are_lists(said)):
        targets, notes = labels_of_texts(texts, what, where)
        return _with(targets, *notes)
    if kind == NUMBERS:
        try:
            values = np.array([[float(text) if text else np.nan] for text in texts])
        except ValueError as error:
            raise DataError(f"{what} holds texts", where, "give numbers to predict") from error
        return _of_values(values, (), kind, what, where)
    labels, classes = number_labels(texts, what, where, in_table=True, told=kind == CLASS)
    return Answers(labels=labels, classes=classes)


def _floats(values: NDArray[Any], what: str, where: str) -> NDArray[np.float64]:
    """Return numbers as float64 that float32 can hold."""
    found = values.astype(np.float64)
    if (np.abs(found[~np.isnan(found)]) > _LARGEST).any():
        raise DataError(
            f"{what} holds a number that no float32 can hold", where, "give NaN where none is known"
        )
    return found


def _of_values(
    values: NDArray[np.float64], names: tuple[str, ...], kind: str | None, what: str, where: str
) -> Answers:
    """Return classes, labels or numbers of numbers (n, k)."""
    known = values[~np.isnan(values)]
    k = values.shape[1]
    are_marks = bool(len(known)) and bool(np.isin(known, (0, 1)).all())
    have_fractions = bool((known != np.round(known)).any())
    spelled = [*values.shape] if k > 1 else [len(values)]
    ones = (values == 1).sum(axis=1)
    if not len(known):
        raise DataError(f"{what} holds no number", where, "give what there is to learn")
    notes: tuple[str, ...] = ()
    if kind is None and k > 1 and are_marks and (ones > 1).any():
        kind = LABELS
    elif kind is None and have_fractions:
        kind, notes = NUMBERS, (f"{what} holds numbers with fractions, so it is to be predicted",)
    elif kind is None:
        raise _unclear(f"{what} is {spelled}", k, where, are_marks=are_marks)
    if kind == NUMBERS:
        n = int(np.isnan(values).any(axis=1).sum())
        missing = (f"{_images_have(n)} no number in some column",) if n else ()
        found = Targets(
            values=values.astype(np.float32), kind=NUMBERS, names=names or _named(what, k)
        )
        return _with(found, *notes, *missing)
    if kind == LABELS:
        if not are_marks:
            raise multi_label_error(f"{what} holds other numbers than 0 and 1", where)
        found = Targets(
            values=values.astype(np.float32), kind=LABELS, names=names or _named(what, k)
        )
        return _with(found, f"{_images_have(int((ones > 1).sum()))} several labels, of {k}")
    return _classes(
        values, names, what, where, one_hot=are_marks and k > 1, fraction=have_fractions
    )


def _classes(
    values: NDArray[np.float64],
    names: tuple[str, ...],
    what: str,
    where: str,
    *,
    one_hot: bool,
    fraction: bool,
) -> Answers:
    """Return classes that a person said these numbers (n, k) are."""
    if fraction:
        raise regression_error(f"{what} holds numbers with fractions", where)
    if values.shape[1] == 1:
        texts = ["" if np.isnan(v) else str(int(v)) for v in values[:, 0].tolist()]
        return _of_texts(texts, CLASS, what, where)
    ones = (values == 1).sum(axis=1)
    if not one_hot or (ones > 1).any():
        raise multi_label_error(f"{what} is no row of one 1 for each image", where, _SAY + LABELS)
    shown = names or tuple(map(str, range(values.shape[1])))
    best = (values == 1).argmax(axis=1).tolist()
    texts = [shown[i] if n else "" for i, n in zip(best, ones.tolist(), strict=True)]
    return _of_texts(texts, CLASS, what, where)


def _unclear(said: str, k: int, where: str, *, are_marks: bool) -> DataError:
    """Return the error for numbers (n, k) that may be of several kinds."""
    if are_marks and k > 1:
        return DataError(
            f"{said} of 0 and 1, at most one 1 a row: classes (one-hot), or labels of which an "
            "image may have several",
            where,
            "say --target-kind class for classes, labels for labels",
        )
    if k > 1:
        return multi_label_error(said, where, f"{_SAY}numbers to predict them all")
    return regression_error(
        f"{said} of whole numbers as floats", where, f"{_SAY}numbers to predict them, or class"
    )


def _named(what: str, k: int) -> tuple[str, ...]:
    """Return names for columns that have none: y, or y0, y1, …."""
    return (what,) if k == 1 else tuple(f"{what}{i}" for i in range(k))


def _images_have(n: int) -> str:
    """Return the beginning of a sentence about n images."""
    return f"{count(n, 'image') if n else 'no image'} {'have' if n > 1 else 'has'}"


def _with(targets: Targets, *notes: str) -> Answers:
    none = np.full(len(targets.values), NO_LABEL, np.int32)
    return Answers(labels=none, classes=(), targets=targets, notes=notes)
