"""Which column of a table is what: told, or found by the usual names, and by what stands in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.text import printable
from bottleneck.data.endings import EXTENSIONS
from bottleneck.data.labels import is_numeric
from bottleneck.data.split_words import split_of_word
from bottleneck.data.table_boxes import are_boxes, boxes_error
from bottleneck.data.table_groups import find_group
from bottleneck.data.table_labels import find_labels, find_targets
from bottleneck.data.table_options import MISSING
from bottleneck.data.table_split_words import refuse_unnamed_splits, unnamed_splits_error
from bottleneck.data.table_splits import find_flags, flags_note, flags_of, is_flag
from bottleneck.data.table_targets import CALLED, LABELS, NUMBERS, are_numbers
from bottleneck.data.table_words import by_name, named, plain_name, there, way

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bottleneck.data.how import How
    from bottleneck.data.table_splits import Flag
    from bottleneck.data.table_text import Fields, Sheet

# Names without what stands between their words and in any case. Earlier ones come before later.
FILES = (
    "filename",
    "file filepath path imagepath imagefile imagefilename imagefilepath imagename image imgpath"
    " imgfile imgname imgfilename img picture photo pic fname relativepath relpath fullpath"
    " filelocation pathtoimage imageindex",
    "filenames filepaths files paths imagenames imagepaths imagefiles images imgpaths imgs",
    "imageid imgid pictureid photoid fileid isicid idcode",
    "id name key uuid",
    "url imageurl uri link",
)
_SPLITS = (
    "split",
    "splits splitname datasplit usage partition subset traintest trainvaltest traintestsplit",
)
# Of these only words that are splits make one.
_PERHAPS_SPLITS = {"set", "dataset", "phase", "mode", "fold", "stage", "type"}
_RUN = re.compile(r"\d+")
_LOOKED_AT = 500  # rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column is what.

    Attributes
    ----------
    file : the number of the column that names files; None of a table that needs none
    labels : of none, one, or several columns with 0 and 1
    split : of the column of splits; None for none
    flags : columns of 0 and 1 that say it instead, one for each split
    group : of the column that says what belongs together; None for none
    notes : what a person should know of it
    kind : of what stands in the columns of labels: class, labels or numbers; None where nobody
        said, and it is to be seen
    """

    file: int | None
    labels: tuple[int, ...] = ()
    split: int | None = None
    flags: tuple[Flag, ...] = ()
    group: int | None = None
    notes: tuple[str, ...] = ()
    kind: str | None = None

    def understood(self, header: Sequence[str]) -> dict[str, str]:
        """Return what each of our columns is called there."""
        found = {} if self.file is None else {"filename": header[self.file]}
        if self.labels:
            found["label"] = ", ".join(header[i] for i in self.labels)
        splits = [header[self.split]] if self.split is not None else []
        splits += [header[flag.column] for flag in self.flags]
        found |= {"split": ", ".join(splits)} if splits else {}
        return found if self.group is None else {**found, "group": header[self.group]}


def find_columns(sheet: Sheet, how: How, where: str, *, names_files: bool = True) -> Columns:
    """Return which column is what.

    Parameters
    ----------
    names_files : whether one must name files; a table that holds its images has none

    Raises
    ------
    DataError
        When it cannot be told, or a column's name says what we do not do.
    """
    plain = [plain_name(name) for name in sheet.header]
    sample = [fields for _, fields in islice(sheet.rows(), _LOOKED_AT)]
    file = _find_file(sheet, plain, sample, how["file_column"], where) if names_files else None
    split, flags, note = _find_split(sheet, plain, sample, how, where)
    is_open = split is None and not flags and how["split_column"] is None
    named_labels = {named(sheet, name, "--label-column", where)
                    for name in how["label_column"] or () if name}  # fmt: skip
    taken = {file, split, *(flag.column for flag in flags)}
    group, of_group = find_group(sheet, plain, sample, taken | named_labels, how, where)
    taken.add(group)
    if is_open and how["split_map"] is None:
        refuse_unnamed_splits(sheet, plain, sample, taken | named_labels, where)
    told = how["label_column"] if how["label_from"] is None else ("",)
    kind: str | None = how["target_kind"]
    more: tuple[str, ...] = ()
    is_clear = False
    if told is not None:
        labels = tuple(named(sheet, name, "--label-column", where) for name in told if name)
        is_clear = True
    elif kind in (LABELS, NUMBERS):
        labels = find_targets(sheet, plain, sample, taken, kind, where)
    else:
        labels, more = find_labels(sheet, plain, sample, taken, where)
        is_clear = len(labels) == 1 and plain[labels[0]] in CALLED.split()
    if kind is None and is_clear:
        missing = () if sheet.is_typed else how["missing"] or MISSING
        if are_numbers(sheet, labels, sample, missing):
            names = ", ".join(printable(sheet.header[i]) for i in labels)
            kind = NUMBERS
            more = (*more, f"{names}: numbers with fractions, so these are numbers to predict")
    return Columns(
        file=file,
        labels=labels,
        split=split,
        flags=flags,
        group=group,
        notes=(*note, *of_group, *more),
        kind=kind,
    )


def looks_like_rows(first: Sequence[str]) -> bool:
    """Whether a first line is one of images, not of names."""
    return any(map(_is_image_name, first)) or (len(first) > 3 and is_numeric(first))


def _is_image_name(text: str | None) -> bool:
    name = (text or "").strip().lower()
    return name[name.rfind(".") :].encode("utf-8", "surrogateescape") in EXTENSIONS


def _find_file(
    sheet: Sheet, plain: Sequence[str], sample: Sequence[Fields], told: str | None, where: str
) -> int:
    if told:
        return named(sheet, told, "--file-column", where)
    found = by_name(sheet, plain, FILES, ("filename", "--file-column"), where)
    if found is not None:
        return found
    # A name that nobody thought of, or none: a column of names that end like an image's.
    by_ending = [
        i for i in range(len(plain)) if sample and all(_is_image_name(f[i]) for f in sample)
    ]
    if is_numeric(sheet.header) and are_boxes([sheet.header, *sample]):
        raise boxes_error("lines of YOLO's kind", where)
    if sheet.is_named and looks_like_rows(sheet.header):
        raise DataError(
            f"its first line names no columns but is {sheet.first}",
            where,
            "say --no-header, or write filename,label above it",
        )
    if len(by_ending) == 1:
        return by_ending[0]
    if not sheet.is_named and len(plain) <= 2:
        return 0
    no_header = "--no-header"
    if len(plain) > 2:  # a column with another text in each row may be that of the files
        unlike = (i for i in range(len(plain)) if len({f[i] for f in sample}) == len(sample))
        no_header += f" --file-column {next(unlike, 0) + 1}"
    which = way("--file-column", sheet.header[0]) if sheet.header else "--file-column NAME"
    do = f"say which, such as {which}"
    if sheet.is_named and _is_like_the_rows(sheet.header, sample):
        do = f"say {no_header} if its first line is one of images too, else --file-column NAME"
    elif sheet.is_named:
        do += f"; the first line names the columns, such as filename,label, or say {no_header}"
    raise DataError(
        f"no column 'filename', or with another usual name of it (there are: {there(sheet)})",
        where,
        do,
    )


def _is_like_the_rows(header: Sequence[str], sample: Sequence[Fields]) -> bool:
    """Whether the first line looks like those below: the same texts, numbers, or numbered names."""
    for name, *below in zip(header, *sample, strict=True):
        texts = [(text or "").strip() for text in below]
        shape = _RUN.sub("9", name)
        is_numbered = shape != name and any(_RUN.sub("9", text) == shape for text in texts)
        is_short = len(name) == 1 and all(len(text) == 1 for text in texts)
        if name and (is_numeric([name]) or name in texts or is_numbered or is_short):
            return True
    return False


def _find_split(
    sheet: Sheet, plain: Sequence[str], sample: Sequence[Fields], how: How, where: str
) -> tuple[int | None, tuple[Flag, ...], tuple[str, ...]]:
    """Return the column of splits, or columns of 0 and 1 that say them, and what to say of it."""
    told, is_mapped = how["split_column"], how["split_map"] is not None
    if told is not None:
        at = named(sheet, told, "--split-column", where) if told else None
        flags = () if at is None or is_mapped else flags_of(plain, sample, [at])
        return (None, flags, flags_note(flags, sheet.header)) if flags else (at, (), ())
    found = by_name(sheet, plain, _SPLITS, ("split", "--split-column"), where)
    if found is not None:
        return found, (), ()
    flagged = [i for i, name in enumerate(plain) if is_flag(name)]
    flags = () if is_mapped else find_flags(sheet.header, plain, sample, where)
    if flags:
        return None, flags, flags_note(flags, sheet.header)
    if len(flagged) == 1:  # other words than 0 and 1, or told what they mean
        return flagged[0], (), ()
    unused, perhaps = [], []
    for i, name in enumerate(plain):
        texts = {(fields[i] or "").strip() for fields in sample}
        if name not in _PERHAPS_SPLITS or not texts:
            continue
        if all(split_of_word(text) is not None for text in texts):
            perhaps.append(i)
        else:
            unused.append(repr(printable(sheet.header[i])))
    if len(perhaps) > 1:
        raise unnamed_splits_error(sheet, perhaps, where)
    if perhaps:
        return perhaps[0], (), ()
    notes = (
        (f"column {', '.join(unused)} holds no words for splits, and is not used",)
        if unused
        else ()
    )
    return None, (), notes


def is_file_column(name: str) -> bool:
    """Whether this is what files are usually called in a table."""
    return plain_name(name) in {*FILES[0].split(), *FILES[1].split()}
