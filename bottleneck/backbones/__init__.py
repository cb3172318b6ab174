"""Frozen networks: loaded, flattened, cut, and given an identity."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bottleneck.backbones import catalog, preprocessing

if TYPE_CHECKING:
    from bottleneck.backbones import identity
    from bottleneck.backbones.backbone import Request

__all__ = ["Request", "catalog", "identity", "preprocessing"]


def __getattr__(name: str) -> Any:
    """Import what needs numpy when it is asked for: help texts need names alone."""
    if name == "identity":
        return import_module("bottleneck.backbones.identity")
    if name == "Request":
        return import_module("bottleneck.backbones.backbone").Request
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
