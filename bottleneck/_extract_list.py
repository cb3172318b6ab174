"""The word `list` in the place of a name: what backbones, or layers, there are."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from bottleneck.core import console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

LIST = "list"  # in the place of a name: print the names there are


def listed(args: argparse.Namespace, cut: Mapping[str, str | None]) -> int:
    """Print the backbones, or the layers of one; return the exit code."""
    from bottleneck.core.errors import UsageError  # noqa: PLC0415 - --help stays light

    options = import_module("bottleneck.pipeline.network.options")

    listing = import_module("bottleneck.pipeline.network.listing")
    if str(args.backbone).lower() == LIST:
        what, found = "backbones", listing.backbones()
    elif args.backbone is None:
        raise UsageError("no network named", "--layer list", "name it with --backbone")
    else:
        told = {**vars(args), **cut, "layer": None}
        what, found = "layers", listing.layers(options.NetworkOptions.of(told))
    heading = list(found[0]) if found else []
    rows = [[_cell(entry[column]) for column in heading] for entry in found]
    report = {"verb": "extract", what: found}
    console.result(report, console.table([heading, *rows]), as_json=args.json)
    return 0


def _cell(value: object) -> str:
    """Return a value of a listing for people: a shape as 7 x 7 x 2048."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " x ".join(map(str, value))
    return "-" if value is None else str(value)
