"""Copies of layers: the same arithmetic in float32, frozen, with the same tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.backbones.known import foreign_code, is_of_keras_hub
from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


def twin(layer: Any, name: str) -> Any:
    """Return a layer's frozen copy in float32, not built yet; one that must stay as it is, itself.

    Raises
    ------
    UsageError
        For a layer that computes in few bits, or whose row for an image depends on others.
    """
    _check(layer)
    if foreign_code(layer) or is_of_keras_hub(type(layer)):
        if layer.compute_dtype != "float32":
            raise UsageError(f"computes in {layer.compute_dtype}", layer.name, "make it float32")
        return layer  # only its author can copy it: not all of KerasHub's say how they were made
    return rebuilt(layer, {**in_float32(layer.get_config()), "name": name}, trainable=False)


def rebuilt(layer: Any, config: Mapping[str, Any], *, trainable: bool) -> Any:
    """Return a layer made anew from a config of its own; not every constructor takes trainable."""
    made = type(layer).from_config({k: v for k, v in config.items() if k != "trainable"})
    made.trainable = trainable
    return made


def _check(layer: Any) -> None:
    for part in layer._flatten_layers():
        if getattr(part, "quantization_mode", None):
            raise UsageError("quantised layers are not supported", part.name, "use float32")
        if getattr(part, "stateful", False):
            raise UsageError(
                "remembers the images before, so an image has no row of its own",
                part.name,
                "build it with stateful=False",
            )


def in_float32(config: dict[str, Any]) -> dict[str, Any]:
    """Return a layer's config with it, and the layers inside it, computing in float32.

    Whole numbers stay: a layer that counts or looks up does so in them.
    """
    found: dict[str, Any] = {key: _inner(value) for key, value in config.items()}
    if "dtype" in found and not is_integer(found["dtype"]):
        found["dtype"] = "float32"
    return found


def _inner(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_inner(item) for item in value)
    if not isinstance(value, dict):
        return value
    if "class_name" in value and isinstance(value.get("config"), dict):
        return {**value, "config": in_float32(value["config"])}
    return {key: _inner(item) for key, item in value.items()}


def is_integer(dtype: Any) -> bool:
    """Whether a dtype, as configs write it, is one of whole numbers; a quantised policy is not."""
    if isinstance(dtype, dict):
        dtype = dtype.get("config", {}).get("name")
    return str(dtype).removeprefix("u").rstrip("0123456789") in ("int", "bool")


def give_weights(copy: Any, layer: Any) -> None:
    """Give a built copy of a layer the layer's tensors, and what is made of them.

    Normalization computes with constants that it made when it was built; other layers may too.
    """
    copy.set_weights([weight.numpy() for weight in layer.weights])
    for part in copy._flatten_layers():
        if hasattr(part, "finalize_state"):
            part.finalize_state()
