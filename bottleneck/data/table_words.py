"""Columns by their names: as they are compared, found, and pasted into a command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.text import printable
from bottleneck.data.classes import joined_texts
from bottleneck.data.labels import number_labels

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bottleneck.data.table_text import Sheet


def plain_name(name: str) -> str:
    """Return a column's name without what stands between its words, in small letters."""
    return re.sub(r"[\W_]+", "", name.casefold())


def way(flag: str, name: str) -> str:
    """Return an option with a column's name, so that it can be pasted."""
    import shlex  # noqa: PLC0415 - for messages alone

    return f"{flag} {shlex.quote(printable(name))}"


def otherwise(what: str, name: str, texts: Collection[str]) -> str:
    """Return that a column can be named as the labels, for the end of a message, where it can.

    Parameters
    ----------
    what : when it is to be named: `each text is one class`
    texts : what stands in it
    """
    try:
        number_labels([*texts], name, "")
    except DataError:
        return ""
    try:
        joined_texts([*texts], join=False, where="")
    except DataError:
        return f"; if {what}: {way('--label-column', name)} --join-classes"
    return f"; if {what}: {way('--label-column', name)}"


def texts_in(sheet: Sheet, at: int) -> set[str]:
    """Return what stands in a column."""
    return {(fields[at] or "").strip() for _, fields in sheet.rows()}


def there(sheet: Sheet) -> str:
    """Return the names that there are, for a message."""
    listed = ", ".join(sheet.header)
    return printable(listed if len(listed) <= 80 else listed[:77] + "...")


def named(sheet: Sheet, name: str, flag: str, where: str) -> int:
    """Return where a column stands that a person named."""
    for spelled in (name, name.strip().casefold()):
        found = [i for i, each in enumerate(sheet.header) if spelled in (each, each.casefold())]
        if len(found) > 1:
            raise DataError(f"two columns are called {name!r}", where, "rename one")
        if found:
            return found[0]
    raise DataError(
        f"no column {name!r} (there are: {there(sheet)})", where, f"give one of them: {flag} NAME"
    )


def by_name(
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
                f"say which: {way(flag, sheet.header[found[0]])}",
            )
        if found:
            return found[0]
    return None
