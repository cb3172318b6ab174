"""Which column of a table is what: told, or found by the usual names, and by what stands in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.text import printable
from bottleneck.data.endings import EXTENSIONS
from bottleneck.data.labels import is_numeric, multi_label_error, regression_error
from bottleneck.data.table_splits import split_of_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bottleneck.data.how import How
    from bottleneck.data.table_text import Fields, Sheet

# Names without what stands between their words and in any case. Earlier ones come before later.
_FILES = (
    "filename",
    "file filepath path imagepath imagefile imagefilename imagefilepath imagename image imgpath"
    " imgfile imgname imgfilename img picture photo pic fname relativepath relpath fullpath"
    " filelocation pathtoimage",
    "imageid imgid pictureid photoid fileid isicid",
    "id name key uuid",
    "url imageurl uri link",
)
_LABELS = (
    "label",
    "class classname classlabel classid labelname labeltext labelid category categoryname"
    " categoryid breed species diagnosis dx emotion finelabel coarselabel groundtruth annotation",
)
_SPLITS = (
    "split",
    "splits splitname datasplit usage partition subset traintest trainvaltest traintestsplit"
    " istrain istest isval isvalid isvalidation istraining",
)
# Of these only words that are splits make one.
_PERHAPS_SPLITS = {"set", "dataset", "phase", "mode", "fold", "stage", "type"}
_SEVERAL = re.compile(r"labels|tags|classes|label\d+")
_TARGETS = {"target", "targets", "value", "values", "score", "y"}
_BOXES = (
    {"xmin", "ymin", "xmax", "ymax"}, {"x1", "y1", "x2", "y2"}, {"bbox"}, {"boundingbox"},
    {"bboxx1", "bboxy1"}, {"bboxx", "bboxy"}, {"boxes"}, {"objects"}, {"encodedpixels"},
    {"segmentation"},
)  # fmt: skip
_COUNTERS = {"", "index", "unnamed0", "rownames", "row"}
_ZERO_OR_ONE = {"0", "1", "0.0", "1.0", "-1", "-1.0", "", "true", "false"}
_LOOKED_AT = 500  # rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column is what.

    Attributes
    ----------
    file : the number of the column that names files; None of a table that needs none
    labels : of none, one, or several columns with 0 and 1
    split : of the column of splits; None for none
    notes : what a person should know of it
    """

    file: int | None
    labels: tuple[int, ...] = ()
    split: int | None = None
    notes: tuple[str, ...] = ()

    def understood(self, header: Sequence[str]) -> dict[str, str]:
        """Return what each of our columns is called there."""
        found = {} if self.file is None else {"filename": header[self.file]}
        if self.labels:
            found["label"] = ", ".join(header[i] for i in self.labels)
        return found if self.split is None else {**found, "split": header[self.split]}


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
    plain = [_plain(name) for name in sheet.header]
    sample = [fields for _, fields in islice(sheet.rows(), _LOOKED_AT)]
    file = _find_file(sheet, plain, sample, how["file_column"], where) if names_files else None
    split, note = _find_split(sheet, plain, sample, how["split_column"], where)
    taken = {file, split}
    told = how["label_column"]
    if told is not None:
        labels = tuple(_named(sheet, name, "--label-column", where) for name in told if name)
        return Columns(file=file, labels=labels, split=split, notes=note)
    _refuse_boxes(sheet, plain, where)
    labels, more = _find_labels(sheet, plain, sample, taken, where)
    return Columns(file=file, labels=labels, split=split, notes=(*note, *more))


def looks_like_rows(first: Sequence[str]) -> bool:
    """Whether a first line is one of images, not of names."""
    return any(map(_is_image_name, first)) or (len(first) > 3 and is_numeric(first))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _is_image_name(text: str | None) -> bool:
    name = (text or "").strip().lower()
    return name[name.rfind(".") :].encode("utf-8", "surrogateescape") in EXTENSIONS


def _there(sheet: Sheet) -> str:
    listed = ", ".join(sheet.header)
    return printable(listed if len(listed) <= 80 else listed[:77] + "...")


def _named(sheet: Sheet, name: str, flag: str, where: str) -> int:
    """Return where a column stands that a person named."""
    for spelled in (name, name.strip().casefold()):
        found = [i for i, each in enumerate(sheet.header) if spelled in (each, each.casefold())]
        if len(found) > 1:
            raise DataError(f"two columns are called {name!r}", where, "rename one")
        if found:
            return found[0]
    raise DataError(f"no column {name!r} (there are: {_there(sheet)})", where, f"mend {flag}")


def _by_name(
    sheet: Sheet, plain: Sequence[str], tiers: Sequence[str], what: tuple[str, str], where: str
) -> int | None:
    """Return the one column with a usual name; None for none, DataError for two alike."""
    ours, flag = what
    for tier in tiers:
        found = [i for i, name in enumerate(plain) if name in tier.split()]
        if len(found) > 1:
            names = " or ".join(repr(printable(sheet.header[i])) for i in found)
            if len({plain[i] for i in found}) == 1 and plain[found[0]] == ours:
                raise DataError(f"two columns are called {ours!r}", where, "rename one")
            raise DataError(
                f"its column {ours!r} may be {names}",
                where,
                f"say which: {flag} {sheet.header[found[0]]}",
            )
        if found:
            return found[0]
    return None


def _find_file(
    sheet: Sheet, plain: Sequence[str], sample: Sequence[Fields], told: str | None, where: str
) -> int:
    if told:
        return _named(sheet, told, "--file-column", where)
    found = _by_name(sheet, plain, _FILES, ("filename", "--file-column"), where)
    if found is not None:
        return found
    # A name that nobody thought of, or none: a column of names that end like an image's.
    by_ending = [
        i for i in range(len(plain)) if sample and all(_is_image_name(f[i]) for f in sample)
    ]
    if is_numeric(sheet.header) and all(map(_is_box, [sheet.header, *sample])):
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
    raise DataError(
        f"no column 'filename', or with another usual name of it (there are: {_there(sheet)})",
        where,
        "say --file-column NAME; the first line names the columns, such as filename,label, or "
        "say --no-header",
    )


def _find_split(
    sheet: Sheet, plain: Sequence[str], sample: Sequence[Fields], told: str | None, where: str
) -> tuple[int | None, tuple[str, ...]]:
    if told is not None:
        return (_named(sheet, told, "--split-column", where) if told else None), ()
    found = _by_name(sheet, plain, _SPLITS, ("split", "--split-column"), where)
    if found is not None:
        return found, ()
    unused = []
    for i, name in enumerate(plain):
        texts = {(fields[i] or "").strip() for fields in sample}
        if name not in _PERHAPS_SPLITS or not texts:
            continue
        if all(split_of_word(text) is not None for text in texts):
            return i, ()
        unused.append(repr(printable(sheet.header[i])))
    notes = (
        (f"column {', '.join(unused)} holds no words for splits, and is not used",)
        if unused
        else ()
    )
    return None, notes


def _find_labels(
    sheet: Sheet,
    plain: Sequence[str],
    sample: Sequence[Fields],
    taken: set[int | None],
    where: str,
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    free = ["" if i in taken else name for i, name in enumerate(plain)]
    several = next((i for i, name in enumerate(free) if _SEVERAL.fullmatch(name)), None)
    found = _by_name(sheet, free, _LABELS, ("label", "--label-column"), where)
    if several is not None and (found is None or re.search(r"\d", free[several])):
        raise multi_label_error(f"column {sheet.header[several]!r}", where)
    if found is not None:
        return (found,), ()
    if not sheet.is_named:
        rest = [i for i in range(len(free)) if i not in taken]
        # Of a file and one thing more, or of pixels and one thing more, that is the label.
        is_clear = len(rest) == 1 and (len(free) == 2 or None in taken)
        return (tuple(rest), ()) if is_clear else ((), _no_label(sheet, rest))
    target = [i for i, name in enumerate(free) if name in _TARGETS]
    if target:
        return _target(sheet, target, sample, where), ()
    rest = [i for i, name in enumerate(free) if i not in taken and name not in _COUNTERS]
    if len(rest) > 1 and sample and all(_zero_or_one(f[i]) for f in sample for i in rest):
        return tuple(rest), (f"{len(rest)} columns of 0 and 1 were read as a class each",)
    return (), _no_label(sheet, rest)


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


def _target(
    sheet: Sheet, found: Sequence[int], sample: Sequence[Fields], where: str
) -> tuple[int, ...]:
    """Return a column called target or so, when it holds classes: words, or 0 and 1."""
    name = sheet.header[found[0]]
    texts = {(fields[found[0]] or "").strip() for fields in sample} - {""}
    if len(found) > 1 or (is_numeric(texts) and not texts <= {"0", "1"}):
        raise regression_error(f"no column 'label', but {name!r}", where)
    return (found[0],)


def _zero_or_one(text: str | None) -> bool:
    return (text or "").strip().lower() in _ZERO_OR_ONE


def _is_box(fields: Fields) -> bool:
    """Whether a line is a class, and a place in parts of an image."""
    texts = [field or "" for field in fields]
    return (
        len(texts) == 5
        and texts[0].isdigit()
        and is_numeric(texts)
        and all(0 <= float(text) <= 1 for text in texts[1:])
    )


def _refuse_boxes(sheet: Sheet, plain: Sequence[str], where: str) -> None:
    """Refuse boxes by their name, but in a table that is ours by its names."""
    found = next((box for box in _BOXES if box <= {*plain}), None)
    if found and not {"filename", "label"} <= {*plain}:
        there = ", ".join(n for n, p in zip(sheet.header, plain, strict=True) if p in found)
        raise boxes_error(f"columns {there}", where, has_columns=True)


def boxes_error(what: str, where: str, *, has_columns: bool = False) -> DataError:
    """Return the error for a table (`what`) of places in images."""
    otherwise = "give a table with one class an image"
    if has_columns:
        otherwise = "name the column that holds each image's class with --label-column"
    return DataError(
        f"{what}: boxes of objects are not supported",
        where,
        f"heads learn one class an image: cut the objects out into images, or {otherwise}",
    )


def is_file_column(name: str) -> bool:
    """Whether this is what files are usually called in a table."""
    return _plain(name) in {*_FILES[0].split(), *_FILES[1].split()}
