"""What a caller passes as the labels of images: classes, labels, or numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Told = tuple[tuple[str, ...] | NDArray[Any], tuple[str, ...]]

_ADVICE = (
    "pass one label an image (a name or a number), one list of names an image, or rows of numbers, "
    "such as an array (n, k) or a dict of columns"
)


def told_labels(labels: Any) -> Told:
    """Return labels as texts, one an image, or as numbers (n,) or (n, k), and the columns' names.

    Texts and whole numbers are class names; None, and NaN, is no label. A list of texts an image
    is written as JSON. A dict of columns, or a table of pandas, has names.

    Raises
    ------
    UsageError
        When they are none of these.
    """
    if isinstance(labels, Mapping):
        columns = [_numbers(each) for each in labels.values()]
        if len({len(each) for each in columns}) != 1:
            raise UsageError("its columns are not of one length", "labels", _ADVICE)
        return np.stack(columns, axis=1), tuple(map(str, labels))
    if hasattr(labels, "columns") and hasattr(labels, "to_numpy"):
        return _numbers(labels.to_numpy()), tuple(map(str, labels.columns))
    if not isinstance(labels, np.ndarray) and hasattr(labels, "__array__"):
        labels = np.asarray(labels)  # a column of pandas, a tensor
    if isinstance(labels, np.ndarray):
        if labels.ndim == 2:
            return _numbers(labels), ()
        items = labels.tolist()
    else:
        items = [*labels]
    several = [isinstance(item, list | tuple | set | frozenset) for item in items]
    if any(several):
        return _of_lists(items), ()
    if any(isinstance(item, np.ndarray) for item in items):
        return _numbers(items), ()
    fractions = [item for item in items if isinstance(item, float | np.floating) and item == item]
    if any(not float(item).is_integer() for item in fractions):
        return _numbers([np.nan if item is None else item for item in items]), ()
    return tuple(map(label, items)), ()


def label(item: Any) -> str:
    """Return a label as a class name; None and NaN are no label."""
    is_nan = isinstance(item, float | np.floating) and item != item
    return "" if item is None or is_nan else str(item)


def _of_lists(items: list[Any]) -> tuple[str, ...] | NDArray[Any]:
    """Return lists of texts, one an image, as JSON; rows of numbers as an array."""
    if all(
        item is None
        or (
            isinstance(item, list | tuple | set | frozenset)
            and all(isinstance(each, str) for each in item)
        )
        for item in items
    ):
        return tuple("" if item is None else json.dumps(sorted({*item})) for item in items)
    return _numbers(items)


def _numbers(values: Iterable[Any]) -> NDArray[np.float64]:
    """Return numbers as float64; None is NaN."""
    try:
        found = np.array(values if isinstance(values, np.ndarray) else [*values], np.float64)
    except (ValueError, TypeError) as error:
        raise UsageError("neither class names nor numbers", "labels", _ADVICE) from error
    if found.ndim not in (1, 2) or not all(found.shape[1:]):
        raise UsageError(f"an array of {[*found.shape]}", "labels", _ADVICE)
    return found
