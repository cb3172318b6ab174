"""Text for people: nothing in it that a terminal would obey, or a spreadsheet would run."""

from __future__ import annotations

import os
import re

# Said of damage that a repair undoes; where all of it is that, there is nothing to compute again.
PUTS_BACK = "which puts the copy back"

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # wide ones too
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def printable(text: str) -> str:
    """Return text on one line; characters that do not print (half ones too) with backslashes.

    Names come from file systems, archives, tables and models, so from strangers. An escape
    sequence in one could move the cursor, change the window's title or hide a line.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def count(n: int, what: str) -> str:
    """Return how many there are: 1 image, 1,200 images."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def cell(text: str) -> str:
    """Return text for a cell of a CSV file that a spreadsheet will not take for a formula.

    What begins like one gets an apostrophe before it (OWASP, "CSV Injection"); a plain number is
    left alone. Whoever takes one apostrophe away again, where what follows it begins like a
    formula, has the text back: a text that began with apostrophes itself has one more.
    """
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def from_cell(text: str) -> str:
    """Return the text that `cell` was given."""
    return text[1:] if text[:1] == "'" and _FORMULA.match(text, 1) else text


_known_as: dict[str, tuple[str, str]] = {}


def known_as(path: str, name: str, but: str = "") -> None:
    """Let people see `name` where `path` would stand: a copy's folder is its bucket's address.

    Parameters
    ----------
    but : a folder in it that the other place does not have
    """
    _known_as[path] = name, but and f"{os.sep}{but}{os.sep}"


def kept_below(path: str) -> str:
    """Return the folder that copies are kept in, for a path among them; else nothing."""
    for root, (_, but) in _known_as.items():
        if but and f"{path}{os.sep}".startswith(f"{root}{os.sep}"):
            return root.rpartition(os.sep)[0]
    return ""


def as_known(text: str) -> str:
    """Return text with the names that are known in the place of paths."""
    for path, (name, but) in _known_as.items():
        if not but:
            text = text.replace(path, name)
            continue
        first, *others = text.split(path)
        text = first + "".join(
            f"{path if other.startswith(but) else name}{other}" for other in others
        )
    return text
