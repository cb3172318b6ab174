"""The formats of tables, one line each. Imports the standard library alone: doors list them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatSpec:
    """A format: how its files end, the module whose `FORMAT` reads and writes it, and for whom."""

    suffix: str
    module: str
    about: str


DEFAULT_FORMAT = "hdf5"
FORMATS: Mapping[str, FormatSpec] = MappingProxyType(
    {
        "hdf5": FormatSpec(suffix=".h5", module="bottleneck.store.hdf5", about="one file per part"),
        "zarr": FormatSpec(
            suffix=".zarr", module="bottleneck.store.zarr", about="one folder per part"
        ),
    }
)


def described() -> str:
    """Return the formats and what they are, for a help text."""
    listed = ", ".join(f"{name} ({spec.about})" for name, spec in FORMATS.items())
    return f"{listed}. Default: {DEFAULT_FORMAT}"
