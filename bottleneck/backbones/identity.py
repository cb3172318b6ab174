"""The identity of a network: what it computes, not what it is called.

The graph is walked from the cut to the input, its nodes numbered in post-order. A node is its
class, the part of its config that decides the result, its call arguments with every tensor
replaced by (node number, output index), in canonical JSON; the digest is the SHA-256 of the list
of nodes and of the cut. The weights' digest is over the tensors in the same order.

What counts of a config. For the classes in `COUNTED` the keys listed there count, spelled when
they differ from the default that is pinned here, so that no Keras can change their meaning by a
new default; any other key counts when it is not the constructor's default, so that a Keras that
adds a key changes nothing until somebody sets it. For the other classes of Keras every key
counts. Never counted of a layer: names, `trainable`, dtypes (the copy is float32), initialisers,
regularisers, constraints, seeds: they decide nothing in a trained, frozen network. That holds for
Keras' own layers alone: of a bare operation (a cast to some dtype, say) and of what is somebody's
own everything counts but names and `trainable`.
"""

from __future__ import annotations

import hashlib
import inspect
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.backbones.cut import node_of, nodes_to
from bottleneck.backbones.known import (
    check_known,
    config_of,
    foreign_config,
    foreign_object,
    is_lambda,
    is_of_keras,
)
from bottleneck.core.canonical import canonical, canonical_digest
from bottleneck.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

# Raise it when anything here changes the digest of some network: the request map starts anew.
IDENTITY_VERSION = 2

_REQUIRED = object()  # a key without a default: always spelled
_CHANNELS = {"data_format": "channels_last"}
_CONV: Mapping[str, Any] = {
    "kernel_size": _REQUIRED,
    "strides": (1, 1),
    "padding": "valid",
    "dilation_rate": (1, 1),
    "activation": "linear",
    "use_bias": True,
    **_CHANNELS,
}
_POOL = {"pool_size": (2, 2), "strides": None, "padding": "valid", **_CHANNELS}
_NORM = {"axis": -1, "epsilon": 1e-3, "center": True, "scale": True}
_MERGE: Mapping[str, Any] = {}

COUNTED: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "Conv2D": {"filters": _REQUIRED, "groups": 1, **_CONV},
        "DepthwiseConv2D": {"depth_multiplier": 1, **_CONV},
        "SeparableConv2D": {"filters": _REQUIRED, "depth_multiplier": 1, **_CONV},
        "Dense": {"units": _REQUIRED, "activation": "linear", "use_bias": True},
        "BatchNormalization": _NORM,
        "LayerNormalization": {**_NORM, "rms_scaling": False},
        "Normalization": {"axis": -1, "mean": None, "variance": None, "invert": False},
        "Rescaling": {"scale": _REQUIRED, "offset": 0.0},
        "LayerScale": {"projection_dim": _REQUIRED},
        "Activation": {"activation": _REQUIRED},
        "ReLU": {"max_value": None, "negative_slope": 0.0, "threshold": 0.0},
        "LeakyReLU": {"negative_slope": 0.3},
        "Softmax": {"axis": -1},
        "MaxPooling2D": _POOL,
        "AveragePooling2D": _POOL,
        "GlobalAveragePooling2D": {"keepdims": False, **_CHANNELS},
        "GlobalMaxPooling2D": {"keepdims": False, **_CHANNELS},
        "ZeroPadding2D": {"padding": ((1, 1), (1, 1)), **_CHANNELS},
        "Cropping2D": {"cropping": ((0, 0), (0, 0)), **_CHANNELS},
        "UpSampling2D": {"size": (2, 2), "interpolation": "nearest", **_CHANNELS},
        "Flatten": _CHANNELS,
        "Reshape": {"target_shape": _REQUIRED},
        "Permute": {"dims": _REQUIRED},
        "Concatenate": {"axis": -1},
        "Add": _MERGE,
        "Multiply": _MERGE,
        "Subtract": _MERGE,
        "Average": _MERGE,
        "Maximum": _MERGE,
        "Minimum": _MERGE,
    }
)
_NAMES = {"name", "trainable"}  # decide nothing in anything
# Decide nothing in a layer of Keras': momentum is of training; the rest is how it came to be.
_NEVER = {
    *_NAMES,
    "dtype",
    "seed",
    "momentum",
    "renorm_momentum",
    "synchronized",
    "init_values",
    "batch_shape",
    "batch_input_shape",
    "build_config",
}
_NEVER_SUFFIXES = ("_initializer", "_regularizer", "_constraint")
# Nothing happens in them when a network is frozen.
PASSED_OVER = {
    "Dropout",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "GaussianNoise",
    "GaussianDropout",
    "AlphaDropout",
    "StochasticDepth",
    "ActivityRegularization",
    "Identity",
}
_TENSORS = {"Normalization": ("mean", "variance")}  # of these layers only; of the others, all


class _Walk:
    """The nodes that a tensor needs, numbered, with those that do nothing passed over."""

    def __init__(self, output: Any, network_version: str | None) -> None:
        self.nodes: list[list[Any]] = []
        self.layers: list[Any] = []  # the operation of each node
        self._version = network_version
        self._places: dict[int, list[Any]] = {}  # id of a tensor → [node number, output index]
        self._kept: list[Any] = []  # keeps tensors alive, so that their ids stay theirs
        for node in nodes_to(output):
            self._enter(node)
        self.cut = self._places[id(output)]

    def _enter(self, node: Any) -> None:
        self._kept += node.outputs
        operation = node.operation
        if not node.arguments.keras_tensors:  # the input
            shape = node.outputs[0].shape
            self._number(node, ["InputLayer", len(shape), shape[-1]])
            return
        if _does_nothing(operation):
            (tensor,) = node.arguments.keras_tensors
            self._places[id(node.outputs[0])] = self._places[id(tensor)]
            return
        check_known(operation, self._version)
        rank = len(node.arguments.keras_tensors[0].shape)
        kind = "layer" if hasattr(operation, "weights") else "operation"
        config = _config(operation, rank)
        arguments = self._arguments(operation, node)
        self._number(node, [kind, type(operation).__name__, config, arguments])

    def _number(self, node: Any, entry: list[Any]) -> None:
        for i, tensor in enumerate(node.outputs):
            self._places[id(tensor)] = [len(self.nodes), i]
        self.nodes.append(entry)
        self.layers.append(node.operation)

    def _arguments(self, operation: Any, node: Any) -> dict[str, Any]:
        signature = inspect.signature(operation.call)
        bound = signature.bind(*node.arguments.args, **node.arguments.kwargs).arguments
        spelled = {}
        for name, value in bound.items():
            default = signature.parameters[name].default
            same = type(value) is type(default) and np.array_equal(value, default)
            if name != "training" and value is not None and not same:
                spelled[name] = self._argument(value, operation)
        return spelled

    def _argument(self, value: Any, operation: Any) -> Any:
        if id(value) in self._places:
            return {"tensor": self._places[id(value)]}
        if isinstance(value, list | tuple):
            return [self._argument(item, operation) for item in value]
        if isinstance(value, dict):
            return {str(key): self._argument(item, operation) for key, item in value.items()}
        if isinstance(value, slice):
            parts = (value.start, value.stop, value.step)
            return {"slice": [self._argument(part, operation) for part in parts]}
        if value is Ellipsis:
            return {"ellipsis": True}
        if isinstance(value, np.ndarray) and value.dtype != object and value.ndim:
            return {"array": _tensor_digest(value)}
        try:
            canonical(value)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"a call argument of type {type(value).__name__} has no canonical spelling",
                operation.name,
                "make it a number, or a layer of Keras",
            ) from error
        return value


def _does_nothing(operation: Any) -> bool:
    name = type(operation).__name__
    if not is_of_keras(type(operation)):
        return False
    if name in PASSED_OVER:
        return True
    return name == "Activation" and config_of(operation).get("activation") == "linear"


def _config(operation: Any, rank: int) -> dict[str, Any]:
    """Return the part of a config that decides the result."""
    config = config_of(operation)
    name = type(operation).__name__
    is_layer = hasattr(operation, "weights")
    is_foreign = not is_of_keras(type(operation))
    pinned = COUNTED.get(name) if is_layer and not is_foreign else None
    defaults = _constructor_defaults(type(operation))
    counted: dict[str, Any] = {}
    for key, value in config.items():
        if _never_counts(key, of_keras=is_layer and not is_foreign):
            continue
        # Operations that add an axis count it in their output, so their -1 must stay as it is.
        spelled = _spell(value, key, rank if pinned is not None else None)
        if pinned is None:
            counts = True
        elif key in pinned:
            counts = spelled != _spell(pinned[key], key, rank)
        else:
            counts = spelled != _spell(defaults.get(key, _REQUIRED), key, rank)
        if counts:
            counted[key] = spelled
    return counted


def _never_counts(key: str, *, of_keras: bool) -> bool:
    return key in _NAMES or (of_keras and (key in _NEVER or key.endswith(_NEVER_SUFFIXES)))


def _constructor_defaults(kind: type) -> dict[str, Any]:
    parameters = inspect.signature(kind).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _spell(value: Any, key: str, rank: int | None) -> Any:
    """Return a config's value in one spelling: lists, positive axes, no names of objects.

    Of code that is not Keras' the name alone is in it (the user says which version), never the
    byte code; of objects of such a class also the config.
    """
    if value is _REQUIRED:
        return {"required": True}
    if key in ("axis", "axes") and isinstance(value, int) and rank is not None:
        return value % rank
    if isinstance(value, list | tuple):
        items = [_spell(item, key, rank) for item in value]
        # LayerNormalization writes its one axis as a list.
        return items[0] if key == "axis" and len(items) == 1 else items
    if isinstance(value, dict):
        if is_lambda(value, key):
            return {"foreign": "a lambda"}
        if "class_name" in value and "config" in value:  # a layer inside a layer
            inner, foreign = value["config"], foreign_object(value)
            if isinstance(inner, dict):
                inner = {
                    k: _spell(v, k, rank)
                    for k, v in inner.items()
                    if not _never_counts(k, of_keras=foreign is None)
                }
            return {"class": foreign or value["class_name"], "config": inner}
        return {str(k): _spell(v, k, rank) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if callable(value):  # somebody's own by its whole name
        if not is_of_keras(value):
            return {"foreign": foreign_config(value)}
        return getattr(value, "__name__", type(value).__name__)
    return value


def _tensor_digest(array: np.ndarray[Any, Any]) -> str:
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    head = f"{array.dtype.str} {list(array.shape)} ".encode()
    return hashlib.sha256(head + array.tobytes()).hexdigest()


def network_digest(output: Any, network_version: str | None = None) -> str:
    """Return the digest of the graph from the input to the tensor `output`, in hex.

    Raises
    ------
    UsageError
        For code from outside Keras, unless `network_version` says which version it is.
    """
    walk = _Walk(output, network_version)
    return canonical_digest({"nodes": walk.nodes, "cut": walk.cut})


def weights_digest(output: Any, network_version: str | None = None) -> str:
    """Return the digest of the tensors that count, in graph order, in hex."""
    walk = _Walk(output, network_version)
    whole = hashlib.sha256()
    for number, layer in enumerate(walk.layers):
        chosen = _TENSORS.get(type(layer).__name__)
        for weight in getattr(layer, "weights", ()):
            if chosen is None or weight.name in chosen:
                whole.update(f"{number} {_tensor_digest(np.asarray(weight.numpy()))}\n".encode())
    return whole.hexdigest()


def last_operation(output: Any) -> str:
    """Return in a word what the cut's last operation is: its activation or class."""
    node = node_of(output)
    while _does_nothing(node.operation):
        (tensor,) = node.arguments.keras_tensors
        node = node_of(tensor)
    activation = config_of(node.operation).get("activation")
    return str(activation or type(node.operation).__name__).lower()
