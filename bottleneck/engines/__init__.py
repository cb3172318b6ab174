"""What turns pixels into rows, and how its rows are checked."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bottleneck.engines import catalog

if TYPE_CHECKING:
    from bottleneck.engines import check
    from bottleneck.engines.engine import Frozen

__all__ = ["Frozen", "catalog", "check"]


def __getattr__(name: str) -> Any:
    """Import what needs numpy when it is asked for: help texts need the catalog alone."""
    if name == "check":
        return import_module("bottleneck.engines.check")
    if name == "Frozen":
        return import_module("bottleneck.engines.engine").Frozen
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
