"""What a table can be told: which column is what, where its files lie, how its text is written."""

from __future__ import annotations

import codecs
from typing import Any

from bottleneck.core.option import Option
from bottleneck.data.options import GROUP_BY, JOIN_CLASSES, LABEL_FROM, SPLIT_MAP, TARGET_KIND

# What pandas reads as missing; `none` in small letters is left a class, as there.
MISSING = (
    "NaN", "nan", "-NaN", "-nan", "NA", "<NA>", "#NA", "#N/A", "#N/A N/A", "N/A", "n/a",
    "NULL", "null", "None",
)  # fmt: skip
ORDERS = ("interleaved", "planar")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, tuple) and all(map(_is_text, value)) and bool(value)
    )


def _is_encoding(value: Any) -> bool:
    try:
        return _is_text(value) and bool(codecs.lookup(value).encode("a"))
    except (LookupError, ValueError):
        return False


OPTIONS = (
    Option(
        name="file_column",
        help="Column of a table that names the image files; without column names, its number. "
        "Default: filename, else the one that has another usual name of it.",
        check=_is_text,
        example="the name of a column",
        metavar="NAME",
    ),
    Option(
        name="label_column",
        help="Column of a table that holds the classes. Given several times, columns of 0 and 1, "
        "one for each class, or columns of numbers to predict; '' is none. Default: label, else "
        "the one that has another usual name of it.",
        check=_are_texts,
        example="the name of a column",
        metavar="NAME",
        is_repeated=True,
    ),
    LABEL_FROM,
    TARGET_KIND,
    Option(
        name="split_column",
        help="Column of a table that says train, val or test; '' is none. Default: split, else "
        "the one that has another usual name of it.",
        check=_is_text,
        example="the name of a column",
        metavar="NAME",
    ),
    SPLIT_MAP,
    Option(
        name="group_column",
        help="Column of a table that says what belongs together (one patient, one scene); '' is "
        "none. Default: group, where there is such a column.",
        check=_is_text,
        example="the name of a column",
        metavar="NAME",
    ),
    GROUP_BY,
    Option(
        name="root",
        help="Folder below which a table's files lie, as seen from where the command is run. May "
        "be given several times. Default: the table's own folder, else a folder such as images "
        "beside it.",
        check=_are_texts,
        example="a folder",
        metavar="FOLDER",
        is_repeated=True,
    ),
    Option(
        name="header",
        help="Whether a table's first line names its columns. Default: --header.",
        check=lambda value: isinstance(value, bool),
        example="True or False",
        default=True,
        is_switch=True,
    ),
    Option(
        name="missing",
        help="Word in a table that stands for no label; '' is an empty field alone. May be given "
        f"several times. Default: {', '.join(MISSING)}.",
        check=_are_texts,
        example="a word",
        metavar="WORD",
        is_repeated=True,
    ),
    Option(
        name="encoding",
        help="Encoding of a table, such as utf-8, cp1252 or shift_jis. Default: found in the file.",
        check=_is_encoding,
        example="the name of an encoding that Python knows",
        metavar="NAME",
    ),
    Option(
        name="pixel_order",
        help="How the pixels of a color image follow each other in a line of a table: red, green "
        "and blue of each pixel (interleaved), or all red ones first (planar). Default: "
        "interleaved.",
        check=lambda value: value in ORDERS,
        example="interleaved or planar",
        choices=ORDERS,
    ),
    JOIN_CLASSES,
)
# Of a table in a bucket: it holds no pixels, and its images are there as well.
IN_BUCKETS = tuple(each for each in OPTIONS if each.name not in {"root", "pixel_order"})
