"""A sample of a submission: which images are asked for, in which columns, and how it is written."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bottleneck.core import files
from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.paths import local_path
from bottleneck.core.regular import NotAFileError
from bottleneck.data.table_columns import FILES
from bottleneck.data.table_words import plain_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

DELIMITERS = ",;\t"  # of fields: the first one by which all rows are as long as the header
LEAST_COUNTED = 3  # rows; a column of 0 and 1 alone may be a label
BETWEEN = " |;,"  # of labels in one field; the first one that fits, and a blank where none is there


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sample of a submission: its header, its rows, and what stands between fields."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    delimiter: str = ","

    def column_of_ids(self, names: Collection[str]) -> int:
        """Return which column holds the ids: the first one of those that hold the most names.

        Parameters
        ----------
        names : by which images may be called
        """
        counts = [sum(row[i] in names for row in self.rows) for i in range(len(self.header))]
        return counts.index(max(counts))

    def require_header(self, ids: int, names: Collection[str]) -> None:
        """Raise DataError where the first line is an image like the others: it would be lost."""
        first = self.header[ids]
        if first in names and plain_name(first) not in " ".join(FILES).split():
            raise DataError(
                f"its first line is no header: {first} is an image",
                self.path,
                "write the names of the columns above it, such as id,label",
            )

    def counting(self, ids: int, classes: Collection[str]) -> tuple[int, ...]:
        """Return the columns that number the rows, from 0 or 1; none where no answer is beside.

        Parameters
        ----------
        ids : the column that holds them
        """
        n = len(self.rows)
        counts = [[*map(str, range(first, first + n))] for first in (0, 1)]
        found = tuple(
            i
            for i, name in enumerate(self.header)
            if i != ids and name not in classes and [row[i] for row in self.rows] in counts
        )
        has_answer = len(self.header) - len(found) > 1
        return found if has_answer and n >= LEAST_COUNTED else ()

    def without(self, columns: Collection[int]) -> Sample:
        """Return the sample without these columns."""
        kept = [i for i in range(len(self.header)) if i not in columns]
        rows = tuple(tuple(row[i] for i in kept) for row in self.rows)
        return replace(self, header=tuple(self.header[i] for i in kept), rows=rows)

    def between_labels(self, column: int, labels: Collection[str]) -> str | None:
        """Return what stands between the labels in a column; None where it holds other texts."""
        fields = {row[column] for row in self.rows} - {""}
        for sign in BETWEEN:
            each = (text.split(sign) for text in fields)
            parts = {part.strip() for listed in each for part in listed} - {""}
            if parts <= {*labels} and (sign == BETWEEN[0] or any(sign in text for text in fields)):
                return sign
        return None


def read_sample(path: Path) -> Sample:
    """Return a sample of a submission; UsageError or DataError where the file is none."""
    try:
        text = files.read(local_path(path)).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise UsageError("no such file", path, "give the sample of the submission") from error
    except NotAFileError as error:
        raise UsageError(str(error.strerror), path, "give a CSV file") from error
    except UnicodeDecodeError as error:
        raise DataError("not text in UTF-8", path, "save it as CSV in UTF-8") from error
    try:
        delimiter = next((sign for sign in DELIMITERS if _fits(_split(text, sign))), DELIMITERS[0])
        header, *rows = _split(text, delimiter)
    except (ValueError, csv.Error) as error:  # ValueError: not one line
        raise DataError("no table with commas", path, "give a CSV file") from error
    odd = [i for i, row in enumerate(rows) if len(row) != len(header)]
    if odd:
        raise DataError(
            f"row {odd[0] + 1} has {len(rows[odd[0]])} fields, the header {len(header)}",
            path,
            "give a CSV file with as many fields in each row",
        )
    if not rows:
        raise DataError("no ids below its header", path, "use --columns id,label without a sample")
    return Sample(path=path, header=header, rows=tuple(rows), delimiter=delimiter)


def _split(text: str, delimiter: str) -> list[tuple[str, ...]]:
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    return [tuple(row) for row in lines if row]


def _fits(rows: Sequence[Sequence[str]]) -> bool:
    """Whether these are several columns, of which each row has one field."""
    return len({len(row) for row in rows}) == 1 and len(rows[0]) > 1


def found_ids(ids: Sequence[str], paths: Mapping[str, int], where: Path) -> list[int]:
    """Return the position of each id's image: the one whose path ends so, with its ending or not.

    Raises
    ------
    DataError
        When an id is no image, or several.
    """
    by_name = images_by_name(ids, paths)
    found = [by_name[name] for name in ids]
    none = [name for name, places in zip(ids, found, strict=True) if not places]
    if none:
        raise DataError(
            f"{len(none):,} of {len(ids):,} ids have no image, such as {none[0]}",
            where,
            "name the images of all of them",
        )
    several = [each for each in zip(ids, found, strict=True) if len(each[1]) > 1]
    if several:
        name, places = several[0]
        two = ", ".join(path for path, at in paths.items() if at in places[:2])
        raise DataError(
            f"{len(several):,} of {len(ids):,} ids are several images, such as {name}: {two}",
            where,
            "name the folder alone that is meant",
        )
    return [places[0] for places in found]


def images_by_name(names: Collection[str], paths: Mapping[str, int]) -> dict[str, list[int]]:
    """Return the positions of the images that each name may mean."""
    whole: dict[str, list[int]] = {}
    without_ending: dict[str, list[int]] = {}
    depths = {name.count("/") + 1 for name in names}
    for path, at in paths.items():
        parts = path.split("/")
        for depth in depths:
            end = "/".join(parts[-depth:])
            whole.setdefault(end, []).append(at)
            without_ending.setdefault(os.path.splitext(end)[0], []).append(at)  # noqa: PTH122
    return {name: whole.get(name) or without_ending.get(name, []) for name in names}
