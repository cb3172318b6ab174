"""The first line of a table: which column is what, and what is refused by its name."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.sample import show_key
from bottleneck.data.labels import multi_label_error, regression_error
from bottleneck.data.layout import SPLIT_FOLDERS

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS_ADVICE = "the first line must be filename,label or filename,label,split"
_OURS = ("filename", "label", "split")
# What stands for a label in tables that are made for something else.
_MULTI_LABEL = re.compile(r"labels|tags|classes|label[ _.-]?\d+")
_REGRESSION = {"target", "targets", "value", "values", "score", "y"}


def delimiter_of(suffix: str) -> str:
    """Return what separates the columns, by the file's ending."""
    return "\t" if suffix.lower() == ".tsv" else ","


def read_header(line: bytes, delimiter: str, where: str) -> list[str]:
    """Return the names of the columns, in small letters and without blanks around them.

    Raises
    ------
    DataError
        When a column of ours is there twice, or one has a name that says what we do not do.
    """
    text = line.decode("utf-8-sig", "surrogateescape")
    try:
        header = [name.strip().lower() for name in next(csv.reader([text], delimiter=delimiter))]
    except (csv.Error, StopIteration) as error:
        raise DataError("no first line with the names of columns", where, COLUMNS_ADVICE) from error
    for name in _OURS:
        if header.count(name) > 1:
            raise DataError(f"two columns are called {name!r}", where, COLUMNS_ADVICE)
    several = next(filter(_MULTI_LABEL.fullmatch, header), None)
    if several is not None:
        raise multi_label_error(f"column {several!r}", where)
    target = next((name for name in header if name in _REGRESSION), None)
    if target is not None and "label" not in header:
        raise regression_error(f"no column 'label', but {target!r}", where)
    return header


def column_of(header: Sequence[str], name: str, where: str) -> int:
    """Return where a column stands that must be there."""
    if name not in header:
        there = show_key(", ".join(header)[:80].encode("utf-8", "surrogateescape"))
        raise DataError(f"no column {name!r} (there are: {there})", where, COLUMNS_ADVICE)
    return header.index(name)


def split_number(text: str, line: int, where: str) -> int:
    """Return the split that a field names."""
    number = SPLIT_FOLDERS.get(text.strip().lower().encode("utf-8", "surrogateescape"))
    if number is None:
        raise DataError(f"line {line}: {text!r} is no split", where, "say train, val or test")
    return number
