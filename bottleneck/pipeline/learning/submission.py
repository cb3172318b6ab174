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

from bottleneck.core import files
from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.paths import local_path
from bottleneck.core.regular import NotAFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bottleneck.pipeline.extraction.inputs import Inputs
    from bottleneck.pipeline.learning.answers import Predictions

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
    """

    header: tuple[str, ...]
    columns: tuple[int | None, ...]
    ids: tuple[str, ...]
    at: tuple[int, ...]
    kind: str = "class"

    def to_csv(self, answers: Predictions) -> bytes:
        """Return the file; what has no answer has empty fields."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.header)
        for name, at in zip(self.ids, self.at, strict=True):
            probabilities = answers.probabilities[at]
            if np.isnan(probabilities).any():
                writer.writerow([name, *[""] * len(self.columns)])
                continue
            best = self._predicted(answers, at)
            # numpy's text of a float32 is the shortest that gives it back.
            found = [best if c is None else str(probabilities[c]) for c in self.columns]
            writer.writerow([name, *found])
        return text.getvalue().encode()

    def _predicted(self, answers: Predictions, at: int) -> str:
        """Return the class, the labels that pass with blanks between, or the number."""
        if self.kind == "labels":
            passing = np.flatnonzero(answers.passes[at])
            return " ".join(answers.classes[i] for i in passing)
        if self.kind == "numbers":
            return str(answers.values[at, 0])
        return answers.classes[int(answers.probabilities[at].argmax())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A sample of a submission: its header, and its rows, the ids first."""

    path: Path
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


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
    if sample is not None:
        _check_header(columns, sample, classes, kind)
    first, *others = columns or (sample.header if sample else ())
    where = "--columns" if columns else sample.path if sample else ""
    if not others:
        raise UsageError(
            "one column alone", where, "name the ids' column and the answers', such as id,label"
        )
    header, numbers = _columns(others, classes, where)
    if kind == "numbers" and None in numbers and len(classes) > 1:
        raise UsageError(
            f"{header[numbers.index(None)]!r} is none of the numbers",
            where,
            f"those are {_some(classes)}",
        )
    broken = [name for name in classes if len(name.split()) != 1]
    if kind == "labels" and None in numbers and broken:
        raise UsageError(
            f"labels that pass stand with blanks between, and {broken[0]!r} has one itself",
            where,
            f"name a column for each label: --columns {first},*",
        )
    head, what = (first, "") if first in classes else _halves(first)
    if what and (what not in IDS or sample is not None):
        raise UsageError(
            f"{what!r} is no spelling of an id", where,
            f"say one of {', '.join(f'{head}={each}' for each in IDS)}, and none with a sample",
        )  # fmt: skip
    twice = [name for name, n in Counter((head, *header)).items() if n > 1]
    if twice:
        raise UsageError(f"the column {twice[0]!r} is there twice", where, "name it once")
    paths = {inputs.entries[at].path: at for at in inputs.readable}
    if sample is not None:
        ids = tuple(row[0] for row in sample.rows)
        at = tuple(_found(ids, paths, sample.path))
    else:
        at = tuple(paths.values())
        ids = tuple(IDS[what or "stem"](inputs.entries[each].key) for each in at)
        _check_unique(ids, [*paths], what or "stem", head)
    return Submission(header=(head, *header), columns=numbers, ids=ids, at=at, kind=kind)


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
        header, *rows = [tuple(row) for row in csv.reader(io.StringIO(text, newline="")) if row]
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
    return Sample(path=path, header=header, rows=tuple(rows))


def _check_header(
    columns: Sequence[str], sample: Sample, classes: Sequence[str], kind: str
) -> None:
    """Raise an error where the sample's columns are others than those that are asked for.

    Also where nobody says what a column is whose values are not classes: a probability, perhaps.
    """
    if columns:
        named = [name if name in classes else _halves(name)[0] for name in columns]
        if ALL not in named and tuple(named) != sample.header:
            raise UsageError(
                f"{','.join(named)} are not the columns of the sample",
                sample.path,
                f"it has {_some(sample.header, ',')}",
            )
        return
    for number, name in enumerate(sample.header[1:], 1):
        if name in classes:
            continue
        values = {row[number] for row in sample.rows} - {"", *classes}
        if kind == "labels":  # several in a field
            values = {text for text in values if not set(text.split()) <= set(classes)}
        if kind == "numbers":
            values = set()
        if values:
            first, header = min(values), ",".join(sample.header[:-1])
            raise DataError(
                f"{name!r} is no class, and holds {first!r}, which is none",
                sample.path,
                f"say --columns {header},{sample.header[-1]} for the names of the classes "
                f"({_some(classes)}), or {name}=CLASS for the probability of one",
            )


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


def _found(ids: Sequence[str], paths: Mapping[str, int], where: Path) -> list[int]:
    """Return the position of each id's image: the one whose path ends so, with its ending or not.

    Raises
    ------
    DataError
        When an id is no image, or several.
    """
    whole: dict[str, list[int]] = {}
    without_ending: dict[str, list[int]] = {}
    depths = {name.count("/") + 1 for name in ids}
    for path, at in paths.items():
        parts = path.split("/")
        for depth in depths:
            end = "/".join(parts[-depth:])
            whole.setdefault(end, []).append(at)
            without_ending.setdefault(os.path.splitext(end)[0], []).append(at)  # noqa: PTH122
    found = [whole.get(name) or without_ending.get(name, []) for name in ids]
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
