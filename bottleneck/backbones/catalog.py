"""The backbones by name."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from bottleneck.backbones.backbone import Backbone, Request, Spec

# One line a family: a module with `specs() -> {name: Spec}`, light, and `load(Request)`.
FAMILIES = ("bottleneck.backbones.applications", "bottleneck.backbones.mini.load")


def _families() -> dict[str, Any]:
    """Return the family's module of every name."""
    modules = [import_module(name) for name in FAMILIES]
    return {name: module for module in modules for name in module.specs()}


def names() -> tuple[str, ...]:
    """Return the names of all backbones, sorted."""
    return tuple(sorted(_families()))


def spec(name: str) -> Spec:
    """Return what is known of a backbone before it is loaded; UsageError names the near ones."""
    found: Spec = _family(name).specs()[name]
    return found


def load(request: Request) -> Backbone:
    """Return the frozen network, cut, with its identity.

    Raises
    ------
    UsageError
        Unknown backbone or layer, a size that the network cannot take, weights that do not fit.
    UnavailableError
        Weights that are not here and cannot be downloaded.
    MissingDependencyError
        Without Keras and its backend, where the network needs them.
    """
    found: Backbone = _family(request.backbone).load(request)
    return found


def _family(name: str) -> Any:
    families = _families()
    if name not in families:
        near = difflib.get_close_matches(name.lower(), families, 4, 0.5)
        hint = f"near it: {', '.join(near)}" if near else "see bottleneck extract --help"
        raise UsageError(f"no backbone {name!r}", "--backbone", hint)
    return families[name]
