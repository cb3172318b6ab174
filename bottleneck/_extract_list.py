"""The word `list` in the place of a name: what backbones, or layers, there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.core import console

if TYPE_CHECKING:
    from collections.abc import Sequence

LIST = "list"  # in the place of a name: print the names there are


def show_list(what: str, found: Sequence[dict[str, Any]], *, as_json: bool) -> int:
    """Print the backbones, or the layers of one; return the exit code."""
    heading = list(found[0]) if found else []
    rows = [[_cell(entry[column]) for column in heading] for entry in found]
    report = {"verb": "extract", what: found}
    console.result(report, console.table([heading, *rows]), as_json=as_json)
    return 0


def _cell(value: object) -> str:
    """Return a value of a listing for people: a shape as 7 x 7 x 2048."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " x ".join(map(str, value))
    return "-" if value is None else str(value)
