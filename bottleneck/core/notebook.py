"""How values look in a notebook: small HTML tables, with every text escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_ROWS = 20
_LEFT = ' style="text-align:left"'


def facts(title: str, pairs: Mapping[str, object]) -> str:
    """Return a table of names and values; values of None are left out."""
    rows = "".join(
        f"<tr><th{_LEFT}>{_escaped(name)}</th><td{_LEFT}>{_escaped(plain(value))}</td></tr>"
        for name, value in pairs.items()
        if value is not None
    )
    return f"<table><caption{_LEFT}>{_escaped(title)}</caption>{rows}</table>"


def grid(title: str, rows: Sequence[Mapping[str, object]], n_rows: int | None = None) -> str:
    """Return a table with a column for each key of the rows.

    Parameters
    ----------
    n_rows : how many rows there are, where `rows` are only the first of them
    """
    shown = rows[:MOST_ROWS]
    columns = [*dict.fromkeys(key for row in shown for key in row)]
    head = "".join(f"<th{_LEFT}>{_escaped(column)}</th>" for column in columns)
    body = "".join(
        "<tr>"
        + "".join(f"<td{_LEFT}>{_escaped(plain(row.get(column)))}</td>" for column in columns)
        + "</tr>"
        for row in shown
    )
    n_more = (len(rows) if n_rows is None else n_rows) - len(shown)
    more = f"<p>… and {n_more:,} more</p>" if n_more > 0 else ""
    return f"<table><caption{_LEFT}>{_escaped(title)}</caption><tr>{head}</tr>{body}</table>{more}"


def plain(value: Any) -> str:
    """Return a value as a few words."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


def _escaped(text: object) -> str:
    return escape(str(text), quote=True)
