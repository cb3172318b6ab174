"""From what a data set calls its classes to class numbers; what is no class is refused by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.sample import NO_LABEL, show_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?")
_BETWEEN_LABELS = re.compile(r"\s*[\s/+&]\s*")
# How a table's column is read otherwise, for the end of a message.
TO_PREDICT = "; to predict the numbers: --target-kind numbers"
AS_LABELS = "; to learn each label: --target-kind labels"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def number_labels(
    names: Sequence[str], column: str, where: str, *, in_table: bool = False, told: bool = False
) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Return each sample's class number and the class names, sorted; "" has no label.

    Parameters
    ----------
    in_table : whether `--target-kind` may say what they are
    told : whether a person said that they are classes, whatever they look like

    Raises
    ------
    DataError
        When the names are no classes: numbers with fractions, or several in one.
    """
    found = set(names) - {""}
    _refuse_two_spellings(found, column, where)
    if not told:
        numbers = TO_PREDICT if in_table else ""
        _refuse_fractions(found, column, where, numbers)
        _refuse_several(found, column, where, AS_LABELS if in_table else "")
        if not is_numeric(found) and all(map(_DECIMAL_COMMA.fullmatch, found)):
            what = f"column {column!r} holds numbers such as {min(found)}"
            raise regression_error(what, where, numbers)
    shown = {name: show_key(name.encode("utf-8", "surrogateescape")) for name in found}
    classes = tuple(sorted(set(shown.values())))
    if len(classes) < len(found):
        raise DataError("two classes are spelled alike", where, "rename one")
    at = {name: i for i, name in enumerate(classes)}
    number = {"": NO_LABEL} | {name: at[spelled] for name, spelled in shown.items()}
    return np.fromiter((number[name] for name in names), np.int32, len(names)), classes


def regression_error(what: str, where: str, more: str = "") -> DataError:
    """Return the error for a column (`what`) of numbers to predict; `more` is another way on."""
    return DataError(
        f"{what}: regression targets, and no classes",
        where,
        f"give each image the name or the whole number of its class{more}",
    )


def multi_label_error(what: str, where: str, more: str = "") -> DataError:
    """Return the error for a column (`what`) with several labels an image; `more` is a way on."""
    return DataError(
        f"{what}: several labels an image (multi-label)",
        where,
        f"give each image one class (of one-hot rows, the argmax){more}",
    )


def refuse_lists(names: Iterable[str], column: str, where: str, more: Callable[[], str]) -> None:
    """Raise DataError for texts that are lists of classes: `0 2` beside `0` and `2`, or `cat dog`.

    Each of their words is another label, or a whole number. `more` gives a way on.
    """
    known = {*names}
    for name in sorted(known):
        words = _BETWEEN_LABELS.split(name)
        numbers = name.split()
        is_list = len(words) > 1 and all(word in known for word in words)
        is_numbers = len(numbers) > 1 and all(w in known or w.isdecimal() for w in numbers)
        if is_list or is_numbers:
            raise multi_label_error(f"column {column!r} holds {name!r}", where, more())


def is_numeric(names: Iterable[str]) -> bool:
    """Whether each of them is a number."""
    return all(map(_NUMBER.fullmatch, names))


def has_fraction(name: str) -> bool:
    """Whether a number has a fraction; many digits are no float, and have none."""
    return not name.lstrip("+-").isdigit() and not float(name).is_integer()


def _refuse_fractions(names: Iterable[str], column: str, where: str, more: str) -> None:
    if is_numeric(names):
        broken = next((name for name in sorted(names) if has_fraction(name)), None)
        if broken is not None:
            what = f"column {column!r} holds numbers such as {broken}"
            raise regression_error(what, where, more)


def _refuse_two_spellings(names: set[str], column: str, where: str) -> None:
    """Refuse 1 beside 1.0, as a program writes a column of numbers that had gaps.

    Other texts of equal value are other classes: 007 and 7, 0e12 and 0e77.
    """
    if not is_numeric(names):
        return
    for name in sorted(names):
        whole, point, rest = name.partition(".")
        if point and not rest.strip("0") and whole in names:
            raise DataError(
                f"column {column!r} holds {whole!r} and {name!r}, which are one number",
                where,
                "spell each class in one way",
            )


def _refuse_several(names: set[str], column: str, where: str, more: str) -> None:
    seen: set[frozenset[str]] = set()
    is_decimal = all(map(_DECIMAL_COMMA.fullmatch, names))  # 0,25 is a number to predict
    for name in sorted(names):
        parts = [part.strip() for part in name.split(",")]
        if len(parts) > 1 and frozenset(parts) in seen:  # in another order
            raise multi_label_error(f"column {column!r} holds {name!r}", where, more)
        seen.add(frozenset(parts))
        several = (
            "|" in name
            or ";" in name
            or (name[0], name[-1]) in {("[", "]"), ("{", "}")}
            # A comma may stand in a name; not between names that are classes by themselves.
            or (len(parts) > 1 and all(part in names for part in parts))
            or (len(parts) > 1 and all(map(str.isdecimal, parts)) and not is_decimal)
        )
        if several:
            raise multi_label_error(f"column {column!r} holds {name!r}", where, more)
