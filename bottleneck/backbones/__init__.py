"""Frozen networks: loaded, flattened, cut, and given an identity."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bottleneck.backbones import catalog, preprocessing
    from bottleneck.backbones.backbone import Request

__all__ = ["IDENTITY_VERSION", "Request", "catalog", "preprocessing"]

# Raise it when anything in `identity` changes the digest of some network: the request map, which
# reads it here so as not to import all that, starts anew.
IDENTITY_VERSION = 5


def __getattr__(name: str) -> Any:
    """Import what is asked for: help texts need the names of `preprocessing` alone."""
    if name == "Request":
        return import_module("bottleneck.backbones.backbone").Request
    if name in __all__:
        return import_module(f"bottleneck.backbones.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
