"""The answers as the file that somebody asks for: columns by name, rows in the order of a sample.

A competition says in a sample which images are asked for, in which order, how each is spelled, and
which columns it wants. Nothing in the file is changed for spreadsheets: ids and classes must be
the very texts that are expected.
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import DataError, UsageError
from bottleneck.pipeline.learning.submission_sample import found_ids, images_by_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bottleneck.pipeline.extraction.inputs import Inputs
    from bottleneck.pipeline.learning.answers import Predictions
    from bottleneck.pipeline.learning.submission_sample import Sample

ALL = "*"  # in the place of the classes: a column for each
MOST_NAMED = 12  # classes in a message
# What the first column can hold, by what stands behind its name: `path=key`.
IDS: Mapping[str, Callable[[str], str]] = {
    "stem": lambda key: os.path.splitext(os.path.basename(key))[0],  # noqa: PTH119, PTH122 - a key
    "name": os.path.basename,
    "key": lambda key: key,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What the file will hold, known before anything is computed.

    Attributes
    ----------
    header : the names of the columns, that of the ids first
    columns : what each further column holds: the number of a class, whose probability it is; None
        for the predicted class
    ids : n texts
    at : n positions of the images among those that are predicted
    kind : what is predicted: class, labels or numbers
    place : which column of the file the ids are
    delimiter : what stands between fields
    between : what stands between the labels that pass
    counting : columns that number the rows: where each stands, and its texts, the header first
    """

    header: tuple[str, ...]
    columns: tuple[int | None, ...]
    ids: tuple[str, ...]
    at: tuple[int, ...]
    kind: str = "class"
    place: int = 0
    delimiter: str = ","
    between: str = " "
    counting: tuple[tuple[int, tuple[str, ...]], ...] = ()

    def to_csv(self, answers: Predictions) -> bytes:
        """Return the file; what has no answer has empty fields."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n", delimiter=self.delimiter)
        writer.writerow(self._line(0, self.header))
        for number, (name, at) in enumerate(zip(self.ids, self.at, strict=True), 1):
            probabilities = answers.probabilities[at]
            if np.isnan(probabilities).any():
                writer.writerow(self._line(number, [name, *[""] * len(self.columns)]))
                continue
            best = self._predicted(answers, at)
            # numpy's text of a float32 is the shortest that gives it back.
            found = [best if c is None else str(probabilities[c]) for c in self.columns]
            writer.writerow(self._line(number, [name, *found]))
        return text.getvalue().encode()

    def _line(self, number: int, fields: Sequence[str]) -> list[str]:
        """Return the fields of a line, the id first, as the file has them; line 0 is the header."""
        first, *others = fields
        found = [*others[: self.place], first, *others[self.place :]]
        for column, texts in self.counting:
            found.insert(column, texts[number])
        return found

    def _predicted(self, answers: Predictions, at: int) -> str:
        """Return the class, the labels that pass, or the number."""
        if self.kind == "labels":
            passing = np.flatnonzero(answers.passes[at])
            return self.between.join(answers.classes[i] for i in passing)
        if self.kind == "numbers":
            return str(answers.values[at, 0])
        return answers.classes[int(answers.probabilities[at].argmax())]


def plan(
    columns: Sequence[str],
    sample: Sample | None,
    inputs: Inputs,
    classes: Sequence[str],
    kind: str = "class",
) -> Submission:
    """Return what the file will hold.

    Parameters
    ----------
    columns : as the command line has them: the column of the ids, then the others; none: the
        sample's

    Raises
    ------
    UsageError
        For a column that cannot be meant.
    DataError
        For an id of the sample that is no image or several, or two images of one id.
    """
    paths = {inputs.entries[at].path: at for at in inputs.readable}
    where = "--columns" if columns else sample.path if sample else ""
    id_at, place, between = 0, 0, " "
    counting: tuple[tuple[int, tuple[str, ...]], ...] = ()
    if sample is not None:
        columns, sample, counting, id_at = _without_counting(columns, sample, paths, classes)
        between = _check_header(columns, sample, id_at, classes, kind)
        place = 0 if ALL in columns else id_at
        columns = _ids_first(columns or sample.header, place)
    first, *others = columns or ("",)
    if not others:
        raise UsageError(
            "one column alone", where, "name the ids' column and the answers', such as id,label"
        )
    header, numbers = _columns(others, classes, where)
    _check_answer(first, header, numbers, classes, kind, between, where)
    head, what = (first, "") if first in classes else _halves(first)
    if what and (what not in IDS or sample is not None):
        raise UsageError(
            f"{what!r} is no spelling of an id", where,
            f"say one of {', '.join(f'{head}={each}' for each in IDS)}, and none with a sample",
        )  # fmt: skip
    twice = [name for name, n in Counter((head, *header)).items() if n > 1]
    if twice:
        raise UsageError(f"the column {twice[0]!r} is there twice", where, "name it once")
    if sample is not None:
        ids = tuple(row[id_at] for row in sample.rows)
        at = tuple(found_ids(ids, paths, sample.path))
    else:
        at = tuple(paths.values())
        ids = tuple(IDS[what or "stem"](inputs.entries[each].key) for each in at)
        _check_unique(ids, [*paths], what or "stem", head)
    return Submission(
        header=(head, *header),
        columns=numbers,
        ids=ids,
        at=at,
        kind=kind,
        place=place,
        delimiter=sample.delimiter if sample else ",",
        between=between,
        counting=counting,
    )


def _without_counting(
    columns: Sequence[str], sample: Sample, paths: Mapping[str, int], classes: Sequence[str]
) -> tuple[Sequence[str], Sample, tuple[tuple[int, tuple[str, ...]], ...], int]:
    """Return columns and sample without those that number the rows, these, and the ids' column."""
    lines = (sample.header, *sample.rows)
    by_name = images_by_name({name for line in lines for name in line}, paths)
    names = {name for name, found in by_name.items() if found}
    id_at = sample.column_of_ids(names)
    is_said = sample.header[id_at] in [_halves(column)[0] for column in columns]
    if not is_said:
        sample.require_header(id_at, names)
    found = () if ALL in columns else sample.counting(id_at, classes)
    found = tuple(i for i in found if not columns or sample.header[i] in columns)
    counting = tuple((i, tuple(line[i] for line in lines)) for i in found)
    numbers = {sample.header[i] for i in found}
    left = sample.without(found)
    return [c for c in columns if c not in numbers], left, counting, left.column_of_ids(names)


def _check_answer(
    first: str,
    header: Sequence[str],
    numbers: Sequence[int | None],
    classes: Sequence[str],
    kind: str,
    between: str,
    where: object,
) -> None:
    """Raise UsageError for a column of the answer that cannot hold it."""
    if None not in numbers:
        return
    if kind == "numbers" and len(classes) > 1:
        raise UsageError(
            f"{header[numbers.index(None)]!r} is none of the numbers",
            where,
            f"those are {_some(classes)}",
        )
    sign = None if between == " " else between
    broken = [name for name in classes if len(name.split(sign)) != 1]
    if kind == "labels" and broken:
        raise UsageError(
            f"labels that pass stand with {sign or 'blanks'} between, and {broken[0]!r} has one "
            "itself",
            where,
            f"name a column for each label: --columns {first},*",
        )


def _ids_first(fields: Sequence[str], place: int) -> list[str]:
    """Return a row of the file with its id first."""
    return (
        [fields[place], *fields[:place], *fields[place + 1 :]] if place < len(fields) else [*fields]
    )


def _check_header(
    columns: Sequence[str], sample: Sample, place: int, classes: Sequence[str], kind: str
) -> str:
    """Return what stands between labels; an error where the sample's columns are not those asked.

    Also where nobody says what a column is whose values are not classes: a probability, perhaps.

    Parameters
    ----------
    place : which column the ids are
    """
    others = [i for i in range(len(sample.header)) if i != place]
    between = [sample.between_labels(i, classes) for i in others if sample.header[i] not in classes]
    sign = next(filter(None, between), " ") if kind == "labels" else " "
    if columns:
        named = [name if name in classes else _halves(name)[0] for name in columns]
        if ALL not in named and tuple(named) != sample.header:
            raise UsageError(
                f"{','.join(named)} are not the columns of the sample",
                sample.path,
                f"it has {_some(sample.header, ',')}",
            )
        return sign
    for number in others:
        name = sample.header[number]
        if name in classes or kind == "numbers":
            continue
        values = {row[number] for row in sample.rows} - {"", *classes}
        if kind == "labels" and sample.between_labels(number, classes) is not None:
            continue  # several in a field
        if values:
            names_them = f"say --columns {','.join(sample.header)} for the names of the classes"
            if len([i for i in others if sample.header[i] not in classes]) > 1:
                names_them = "leave columns out that are neither ids nor answers, for those names"
            raise DataError(
                f"{name!r} is no class, and holds {min(values)!r}, which is none",
                sample.path,
                f"{names_them} ({_some(classes)}), or {name}=CLASS for the probability of one",
            )
    return sign


def _columns(
    names: Sequence[str], classes: Sequence[str], where: object
) -> tuple[list[str], tuple[int | None, ...]]:
    """Return the headers of the columns behind the ids, and what each holds."""
    numbers = {name: i for i, name in enumerate(classes)}
    are_named = any(name in numbers or "=" in name for name in names)
    header: list[str] = []
    found: list[int | None] = []
    for name in names:
        head, what = (name, name) if name in numbers else _halves(name)
        if name == ALL and ALL not in numbers:
            header += classes
            found += range(len(classes))
            continue
        if what and what not in numbers:
            raise _no_class(what, classes, where)
        # Among columns of classes such a name is a class that was misspelled.
        is_misspelled = are_named or name.casefold() in map(str.casefold, classes)
        if not what and (None in found or is_misspelled):
            raise _no_class(name, classes, where)
        header.append(head)
        found.append(numbers[what] if what else None)
    return header, tuple(found)


def _halves(name: str) -> tuple[str, str]:
    head, _, what = name.partition("=")
    return head, what


def _no_class(name: str, classes: Sequence[str], where: object) -> UsageError:
    return UsageError(
        f"{name!r} is no class", where, f"the classes are {_some(classes)}; the predicted class is "
        "one column of another name, alone or beside *",
    )  # fmt: skip


def _some(names: Sequence[str], between: str = ", ") -> str:
    return between.join(names[:MOST_NAMED]) + (between + "…" if len(names) > MOST_NAMED else "")


def _check_unique(ids: Sequence[str], paths: Sequence[str], what: str, head: str) -> None:
    """Raise DataError where two images would have one id."""
    first: dict[str, str] = {}
    for name, path in zip(ids, paths, strict=True):
        if name in first:
            longer = [each for each in IDS if each not in ("stem", what)]
            raise DataError(
                f"two images of the id {name!r}", f"{first[name]}, {path}",
                f"say --columns {' or '.join(f'{head}={each},…' for each in longer)}",
            )  # fmt: skip
        first[name] = path
