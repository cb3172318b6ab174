"""The backbones by name. Imports nothing but the standard library."""

from __future__ import annotations

import difflib
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import generators_kept
from bottleneck.core.guest import as_guest
from bottleneck.core.reporter import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from bottleneck.backbones.backbone import Backbone, Request, Spec
    from bottleneck.core.reporter import Reporter

# One entry per family; the first that claims a name has it. A family is a module that imports the
# standard library alone, so that names can be listed:
#   names() -> tuple       what it lists, for people
#   claims(name) -> bool   whether a name is its own: a listed one, or of a form of its own (a path,
#                          or a prefix such as `hub:`)
#   spec(name) -> Spec     what is known of a name that it claims
#   needs_keras(Request) -> bool   whether loading it imports Keras
#   load(Request, Reporter) -> Backbone
#   listed() -> list       where the names need an import: what `PREFIX:list` prints
FAMILIES = (
    "bottleneck.backbones.applications",
    "bottleneck.backbones.mini.family",
    "bottleneck.backbones.kerashub",
    "bottleneck.backbones.onnx_file",
    "bottleneck.backbones.keras_file",
)


def names() -> tuple[str, ...]:
    """Return the names of all backbones that have one, sorted."""
    return tuple(sorted(name for family in _families() for name in family.names()))


def listed(prefix: str) -> list[dict[str, Any]]:
    """Return what a family tells of its names, where it knows them once it is imported.

    Raises
    ------
    UsageError
        When no family has such names.
    """
    family: Any = _family(prefix)
    if not hasattr(family, "listed"):
        raise UsageError(f"nothing is listed for {prefix!r}", "--backbone", "use list alone")
    found: list[dict[str, Any]] = family.listed()
    return found


def _families() -> list[Any]:
    return [import_module(name) for name in FAMILIES]


def spec(name: str) -> Spec:
    """Return what is known of a backbone before it is loaded; UsageError names the near ones.

    Listed names are found in any case: `ResNet50` is resnet50.
    """
    name = _as_listed(name)
    found: Spec = _family(name).spec(name)
    return found


def needs_keras(request: Request) -> bool:
    """Whether loading this network imports Keras."""
    return bool(_family(_as_listed(request.backbone)).needs_keras(request))


@as_guest()
def load(request: Request, reporter: Reporter = SILENT) -> Backbone:
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
    request = replace(request, backbone=_as_listed(request.backbone))
    if request.output is not None and not spec(request.backbone).is_users_file:
        raise UsageError(f"{request.backbone} has one output", "--output", "omit --output")
    with generators_kept():  # Keras draws initial weights, also those that it then replaces
        alone: Callable[[Request, Reporter], Backbone] = _family(request.backbone).load
        if not request.cuts:
            return alone(request, reporter)
        from bottleneck.backbones import joint  # noqa: PLC0415 - made of Keras

        return joint.load(request, alone, reporter)


def _as_listed(name: str) -> str:
    return name.lower() if name.lower() in names() else name


def _family(name: str) -> Any:
    for family in _families():
        if family.claims(name):
            return family
    near = difflib.get_close_matches(name.lower(), names(), 4, 0.5)
    hint = (
        f"near it: {', '.join(near)}"
        if near
        else "bottleneck extract --backbone list prints all names"
    )
    raise UsageError(f"no backbone {name!r}", "--backbone", hint)
