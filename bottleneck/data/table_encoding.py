"""In which encoding a text table is written.

A byte order mark says it. Bytes that are UTF-8 are UTF-8. Else it is Windows' cp1252 as long as it
looks like it (single letters beyond ASCII, as in western languages, and no character that is
UTF-8), which is said; what looks like neither is refused, because its classes and names would be
others.
"""

from __future__ import annotations

import codecs
import re

from bottleneck.core.errors import DataError

HEAD = 1 << 20  # characters by which a table is judged
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_SIGN = rb"[\x80\x83\x86-\x89\x98\xa2-\xa9\xac-\xaf\xb0-\xb9\xbc-\xbe\xd7\xf7]"
_SAY = "save it in UTF-8, or say in which encoding it was saved: --encoding NAME"
# Not in text of western languages in cp1252: what is no character there; three letters beyond ASCII
# in a row; what is UTF-8; signs within or before a word, and capitals behind small letters, as
# texts of other encodings look.
_NO_CP1252 = (
    re.compile(rb"[\x81\x8d\x8f\x90\x9d]|[\x80-\xff]{3}"),
    re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}"),
    re.compile(
        rb"[A-Za-z][\x82\x84\x91\x93\x94\xa1-\xa9\xac\xaf\xb1\xb3\xb6\xb8\xb9\xbc-\xbf][a-z]"
    ),
    re.compile(rb"(?<![\w\x80-\xff])[\xa2-\xa6\xb1\xb3\xb8\xb9\xbc-\xbf][a-z\xe0-\xff]"),
    re.compile(rb"[A-Za-z][\x8a\x8c\x8e\x9f\xc0-\xd6\xd8-\xde][a-z]"),
    # Words of nothing else than two such letters, signs beside letters, and a capital behind a
    # small one, as GBK and Shift-JIS look; a quote that closes before a word.
    re.compile(rb"(?<![A-Za-z\x80-\xff])[\x80-\xff]{2}(?![A-Za-z\x80-\xff])"),
    re.compile(rb"%(sign)s[\x80-\xff]|[\x80-\xff]%(sign)s" % {b"sign": _SIGN}),
    re.compile(rb"[\xdf-\xf6\xf8-\xff][\xc0-\xd6\xd8-\xde]"),
    re.compile(rb"(?<![\w\x80-\xff])\x94[A-Za-z]"),
)
_ODD_WORD = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_PACKED = {
    b"\x1f\x8b": "compressed (gzip), and no text",
    b"PK": "a spreadsheet or a zip, and no text",
}


def find_encoding(data: bytes, told: str | None, where: str) -> tuple[str, str, int, str]:
    """Return the encoding, what becomes of wrong bytes, the length of a mark, and a note."""
    marks = ((len(mark), name) for mark, name in _MARKS if data.startswith(mark))
    skip, marked = next(marks, (0, ""))
    if told is not None:
        name = codecs.lookup(told).name
        _check(data[skip:], name, where)
        return name, "strict", skip if name == marked else 0, ""
    if marked and marked != "utf-8":
        _check(data[skip:], marked, where)
        return marked, "strict", skip, f"its encoding is {marked.upper()}"
    if b"\0" in data:
        wide = _unmarked_utf16(data)
        if not wide:
            packed = next((what for mark, what in _PACKED.items() if data.startswith(mark)), "")
            raise DataError(packed or "not text in UTF-8", where, "save it as CSV in UTF-8")
        _check(data, wide, where)
        return wide, "strict", 0, f"its encoding is {wide.upper()}"
    try:
        if not data.isascii():
            data.decode("utf-8")
    except UnicodeDecodeError as error:
        rest = data[skip:]
        if skip or any(each.search(rest) for each in _NO_CP1252):
            raise DataError(
                f"line {_line_at(data, error, 'utf-8')} holds bytes that are not UTF-8",
                where,
                _SAY,
            ) from error
        words = dict.fromkeys(word.decode("cp1252") for word in _ODD_WORD.findall(rest[:HEAD]))
        some = f" ({', '.join([*words][:3])})" if words else ""
        return (
            "cp1252",
            "strict",
            0,
            f"it is not UTF-8, and was read as cp1252, that of Windows{some}; --encoding if not",
        )
    return "utf-8", "surrogateescape", skip, ""


def _unmarked_utf16(data: bytes) -> str:
    even, odd = data[:4096:2].count(0), data[1:4096:2].count(0)
    if min(even, odd) or len(data) % 2:
        return ""
    return "utf-16-le" if odd else "utf-16-be"


def _check(data: bytes, encoding: str, where: str) -> None:
    try:
        text = data.decode(encoding)
    except UnicodeError as error:
        at = (
            f"line {_line_at(data, error, encoding)}: "
            if isinstance(error, UnicodeDecodeError)
            else ""
        )
        raise DataError(
            f"{at}not text in {encoding}",
            where,
            what_to_do(data),
        ) from error
    if "\0" in text:
        raise DataError(f"not text in {encoding}", where, "save it as CSV in UTF-8")


def what_to_do(data: bytes) -> str:
    """Return what to do about text in another encoding; with cp1252 where it looks like that."""
    if b"\0" in data or data.isascii() or any(each.search(data) for each in _NO_CP1252):
        return _SAY
    return f"{_SAY}, such as --encoding cp1252"


def _line_at(data: bytes, error: UnicodeDecodeError, encoding: str) -> int:
    """Return the number of the line of the first wrong byte."""
    above = data[: error.start].decode(encoding, "replace")
    return len(re.findall(r"\r\n|\r|\n", above)) + 1
