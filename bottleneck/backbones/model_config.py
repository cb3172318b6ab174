"""The config of somebody's network, read before anything in it is built.

Keras builds whatever object a config names, and some of them run code, read files or fetch from
elsewhere while they are built. What is refused here never gets that far: code inside the file,
objects of Keras that are no part of a network, and classes that are not Keras' own unless the user
imports them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bottleneck.backbones.known import FOREIGN, PLAIN
from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Below `keras.` or `keras.src.`: what networks, and the losses of compiled ones, are made of.
_ROOMS = {
    "activations",
    "applications",
    "constraints",
    "dtype_policies",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "regularizers",
}
_READS_FILES = {"StringLookup", "IntegerLookup", "TextVectorization"}  # their vocabulary
_FUNCTIONS = {"keras.activations", "keras.losses", "keras.metrics", "keras.ops"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a config that is not plainly Keras' own: what, in which layer, of which kind."""

    what: str
    layer: str
    kind: str  # code (inside the file), foreign (a class or function that is not of Keras), never


def check(config: Any, where: object, *, imported: bool, trusted: bool) -> None:
    """Refuse a network whose config is not made of Keras' own parts.

    Parameters
    ----------
    imported : the user imports the modules of custom classes
    trusted : code inside the file may run

    Raises
    ------
    UsageError
        Naming the layer, and what would have to be said.
    """
    for found in findings(config):
        at = f"{where}, layer {found.layer}" if found.layer else where
        if found.kind == "never" and "Quanti" in found.what:
            raise UsageError(
                "quantised layers are not supported", at, "save the network as it was before"
            )
        if found.kind == "never":
            raise UsageError(
                f"{found.what} cannot be part of a network for images",
                at,
                "remove it from the model",
            )
        if found.kind == "code" and not trusted:
            raise UsageError(
                f"{found.what} is code inside the file, and is not run",
                at,
                "if you trust who made it: --trust --network-version TEXT",
            )
        if found.kind == "foreign" and not imported:
            raise UsageError(
                f"{found.what} is not Keras' own",
                at,
                "name the module that has it: --import MODULE --network-version TEXT",
            )


def check_made_of_layers(config: dict[str, Any], where: object) -> None:
    """Refuse a class of the user's own as the whole network, and say how to save it.

    Raises
    ------
    UsageError
        With an example.
    """
    kind = str(config.get("class_name"))
    if config.get("registered_name") is not None and _kind(config) == "foreign":
        raise UsageError(
            f"{kind} is a class of your own, whose layers cannot be seen",
            where,
            f"with x = keras.Input((height, width, 3)) save keras.Model(x, {kind}()(x)), then "
            "--import MODULE --network-version 1 (docs/own-networks.md shows it)",
        )


def findings(value: Any, layer: str = "") -> Iterator[Finding]:
    """Yield what is not plainly Keras' own, in the order of the config."""
    if isinstance(value, list):
        for item in value:
            yield from findings(item, layer)
    elif isinstance(value, dict):
        if "class_name" in value:
            layer = _name(value) or layer
            kind = _kind(value)
            if kind:
                yield Finding(_what(value), layer, kind)
        for key, item in value.items():
            if key == "compile_config":  # its functions Keras finds by name, or not at all
                yield from (f for f in findings(item, layer) if f.kind != "foreign")
                continue
            if key.endswith("activation"):
                yield from _activation(item, layer)
            yield from findings(item, layer)


def _activation(value: Any, layer: str) -> Iterator[Finding]:
    """Yield what Keras writes of an activation that is not its own, where it is no object."""
    if isinstance(value, str) and ">" in value:
        yield Finding(value, layer, "foreign")  # a registered function: package>name
    if isinstance(value, dict) and "class_name" not in value:
        yield Finding("a lambda", layer, "code")


def _name(value: dict[str, Any]) -> str:
    """Return the name of a layer; other objects have none that people know."""
    inner = value.get("config")
    named = inner.get("name") if isinstance(inner, dict) and "trainable" in inner else None
    name = value.get("name", named)
    return name if isinstance(name, str) else ""


def _what(value: dict[str, Any]) -> str:
    if value["class_name"] == "function":
        return f"the function {value.get('config')}"
    return "a lambda" if value["class_name"] == "__lambda__" else str(value["class_name"])


def _kind(value: dict[str, Any]) -> str | None:
    """Return of which kind an object is, None for Keras' own."""
    name, module = value["class_name"], value.get("module")
    if name == "__lambda__" or name in FOREIGN:
        return "code"
    if name in PLAIN:
        return None
    first, *rest = str(module or "").split(".")
    if first != "keras":
        return "foreign"
    if name in _READS_FILES:
        return "never"
    if name == "function":
        return None if module in _FUNCTIONS else "never"
    room = next((part for part in rest if part != "src"), None)
    return None if room is None or room in _ROOMS else "never"
