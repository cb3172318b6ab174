"""From the bytes of a text table to its rows: separator, quotes, the line of names."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import DataError
from bottleneck.core.text import printable
from bottleneck.data.table_encoding import HEAD, find_encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bottleneck.data.how import How

    Fields = Sequence[str | None]  # None where there is no value; text tables have texts alone

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "blanks"}
_DEFAULTS = {".tsv": "\t"}
_EXCELS_LINE = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)
_LOOKED_AT = 50  # lines of them
_FEW = 3  # lines: fewer are no count and its rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table as names and rows.

    Attributes
    ----------
    header : names of the columns as they are spelled; their numbers where the table has none
    rows : gives the rows anew with each call: the number of the line, and a field a column
    encoding : in which other bytes than UTF-8 were read; empty for UTF-8
    is_typed : whether its fields are typed, so that a text such as NaN is a text
    is_named : whether the columns have names
    first : the first line, for messages
    notes : what a person should know of it
    """

    header: tuple[str, ...]
    rows: Callable[[], Iterator[tuple[int, Fields]]]
    encoding: str = ""
    is_typed: bool = False
    is_named: bool = True
    first: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """How a text table is written.

    Attributes
    ----------
    encoding, errors : as `open` takes them
    skip : bytes of its byte order mark
    delimiter : what separates its columns
    skips_blanks : whether blanks behind a separator come before a quote
    above : lines above the names of columns
    notes : what of this is unusual
    """

    encoding: str
    errors: str = "strict"
    skip: int = 0
    delimiter: str = ","
    skips_blanks: bool = False
    above: int = 0
    notes: tuple[str, ...] = ()


def read_sheet(data: bytes, suffix: str, how: How, where: str) -> Sheet:
    """Return a text table.

    Raises
    ------
    DataError
        When its encoding cannot be told.
    """
    encoding, errors, skip, note = find_encoding(data, how["encoding"], where)
    text = find_format(data, suffix, Text(encoding=encoding, errors=errors, skip=skip))
    notes = (*((note,) if note else ()), *text.notes)
    first = first_line(data, text)
    header = tuple(name.strip() for name in first)
    if text.delimiter == " " and header[-1:] == ("",):
        header = header[:-1]  # a blank at the end of the line is no separator
    is_named = how["header"]
    if is_named and _have_names(data, text, header):
        header = ("", *header)
        notes = (*notes, "its rows have a name of their own in front, which its first line has not")
    if not is_named:
        header = tuple(str(i + 1) for i in range(len(header)))
    return Sheet(
        header=header,
        rows=lambda: _rows(data, text, header, is_named=is_named, where=where),
        encoding="" if encoding.startswith("utf") else encoding,
        is_named=is_named,
        first=shown_line(first, text.delimiter),
        notes=notes,
    )


def shown_line(fields: Sequence[str], delimiter: str) -> str:
    """Return a line for a message."""
    line = delimiter.join(fields)
    return printable(line if len(line) <= 80 else line[:77] + "...")


def find_format(data: bytes, suffix: str, text: Text) -> Text:
    """Return the same with its separator and quotes, as the first lines show them."""
    head = data[text.skip : text.skip + HEAD].decode(text.encoding, "replace")
    default = _DEFAULTS.get(suffix.lower(), ",")
    told = _EXCELS_LINE.match(head)
    lines = head.splitlines(keepends=True)[: _LOOKED_AT + 1]
    if len(lines) > _LOOKED_AT or len(data) > HEAD:
        lines = lines[:-1] or lines  # which may be part of one
    notes: tuple[str, ...] = ()
    above, found = (1, told[1]) if told else (0, "")
    if not told and _is_count(lines, data, text):
        above, notes = 1, ("its first line is the number of its rows",)
    found = found or _separator(lines[above:], default, suffix)
    if found != default:
        what = SEPARATORS.get(found, repr(found))
        notes = (*notes, f"its columns are separated by {what}")
    return Text(
        encoding=text.encoding,
        errors=text.errors,
        skip=text.skip,
        delimiter=found,
        skips_blanks=found == " " or bool(re.search(re.escape(found) + ' +"', head)),
        above=above,
        notes=notes,
    )


def _separator(lines: list[str], default: str, suffix: str) -> str:
    """Return what separates the columns: it stands in each of the first lines equally often."""
    others = [each for each in SEPARATORS if each != default and (each != " " or suffix == ".txt")]
    widths: dict[str, int] = {}
    for each in (default, *others):
        try:
            rows = [*csv.reader(lines, delimiter=each, skipinitialspace=True)]
        except csv.Error:
            continue
        rows = [row for row in rows if any(row)]
        width = len(rows[0]) if rows else 0
        is_even = all(len(row) == width or _fits(row, rows[0]) for row in rows)
        if width > 1 and (is_even or _are_named(rows)):
            widths[each] = width
    if default in widths or not widths:
        return default
    return max(widths, key=widths.__getitem__)


def _is_count(lines: list[str], data: bytes, text: Text) -> bool:
    """Whether the first line says how many rows follow, with a line of names or without."""
    if not lines or not lines[0].strip().isdigit() or text.skip or text.encoding[:3] != "utf":
        return False
    n_lines = sum(1 for line in data.splitlines() if line.strip())
    return int(lines[0]) in (n_lines - 1, n_lines - 2) and n_lines > _FEW


def _are_named(rows: Sequence[Sequence[str]]) -> bool:
    """Whether each row has one field more than the first: a name of its own, as R writes them."""
    width, names = len(rows[0]), [row[0] for row in rows[1:] if row]
    return (
        len(names) > 1
        and len({*names}) == len(names)
        and all(len(row) == width + 1 and row[-1].strip() for row in rows[1:])
    )


def _have_names(data: bytes, text: Text, header: Sequence[str]) -> bool:
    """Whether the first rows have names that the line of names does not speak of."""
    try:
        found = [fields for fields in islice(_lines(data, text), _LOOKED_AT) if fields]
    except csv.Error:
        return False
    return len(header) > 1 and len(found) > 1 and _are_named([header, *found[1:]])


def _fits(fields: list[str], header: list[str]) -> bool:
    return _fitted(fields, header) is not None


def _fitted(fields: list[str], header: Sequence[str]) -> list[str] | None:
    """Return a row that differs by separators at its end alone; None for any other."""
    width = len(header)
    if len(fields) == width - 1 and width > 1 and not header[-1]:
        return [*fields, ""]
    if len(fields) > width and not any(field.strip() for field in fields[width:]):
        return fields[:width]
    return None


def first_line(data: bytes, text: Text) -> list[str]:
    """Return the fields of the first line that is not empty."""
    try:
        lines = (fields for fields in _lines(data, text) if fields)
        return next(lines, [])
    except csv.Error:
        return []


def _lines(data: bytes, text: Text) -> Any:  # csv has no name for its readers
    file = io.BytesIO(data)
    file.seek(text.skip)
    stream = io.TextIOWrapper(file, text.encoding, text.errors, newline="")
    for _ in range(text.above):
        stream.readline()
    return csv.reader(
        stream, delimiter=text.delimiter, strict=True, skipinitialspace=text.skips_blanks
    )


def _rows(
    data: bytes, text: Text, header: tuple[str, ...], *, is_named: bool, where: str
) -> Iterator[tuple[int, Fields]]:
    """Yield the rows with the numbers of their (last) lines."""
    reader = _lines(data, text)
    width = len(header)
    is_below = not is_named  # whether the line of names is behind
    try:
        for fields in reader:
            if not fields:
                continue
            if not is_below:
                is_below = True
                continue
            if len(fields) != width or not fields[0]:
                if width > 1 and not any(map(str.strip, fields)):
                    continue  # what a spreadsheet leaves below a table
                if len(fields) != width:
                    fitted = _fitted(fields, header)
                    if fitted is None:
                        raise _ragged(reader.line_num + text.above, fields, header, where)
                    fields = fitted
            yield reader.line_num + text.above, fields
    except csv.Error as error:
        line = reader.line_num + text.above
        raise DataError(f"line {line}: {error}", where, "mend the table") from error


def _ragged(line: int, fields: Sequence[str], header: Sequence[str], where: str) -> DataError:
    do = "put quotes around a name that holds the separator"
    if len(fields) < len(header):
        do = "give each row a field for each column, if need be an empty one"
    elif len(header) == 1:
        do = f"delete the lines above that of names: the first one is {printable(header[0])[:60]!r}"
    return DataError(
        f"line {line} has {len(fields)} columns, the first line {len(header)}", where, do
    )
