"""The identity of a network: what it computes, not what it is called.

The graph is walked from the cut to the input, its nodes numbered in post-order. A node is its
class, the part of its config that decides the result, its call arguments with every tensor
replaced by (node number, output index), in canonical JSON; the digest is the SHA-256 of the list
of nodes and of the cut. The weights' digest is over the tensors in the same order.

What counts of a config, `counted` says. Whoever changes what some network digests to raises
`backbones.IDENTITY_VERSION`.
"""

from __future__ import annotations

import hashlib
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.backbones.counted import (
    PASSED_OVER,
    PASSED_OVER_BEFORE,
    counted_config,
    does_nothing,
)
from bottleneck.backbones.cut import node_of, nodes_to
from bottleneck.backbones.known import check_known, config_of, is_of_keras_hub, only_keras
from bottleneck.core.canonical import canonical, canonical_digest
from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_keras

if TYPE_CHECKING:
    from collections.abc import Collection

_TENSORS = {"Normalization": ("mean", "variance")}  # of these layers only; of the others, all


class _Walk:
    """The nodes that a tensor needs, numbered, with those that do nothing passed over."""

    def __init__(
        self, output: Any, network_version: str | None, passed_over: Collection[str] = PASSED_OVER
    ) -> None:
        self.nodes: list[list[Any]] = []
        self.layers: list[Any] = []  # the operation of each node
        self._version = network_version
        self._passed_over = passed_over
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
        if does_nothing(node, passed_over=self._passed_over):
            (tensor,) = node.arguments.keras_tensors
            self._places[id(node.outputs[0])] = self._places[id(tensor)]
            return
        check_known(operation, self._version)
        rank = len(node.arguments.keras_tensors[0].shape)
        kind = "layer" if hasattr(operation, "weights") else "operation"
        config = counted_config(operation, rank)
        arguments = self._arguments(operation, node)
        entry = [kind, _class(type(operation)), config, arguments]
        # Of whole numbers x * 2 and x * 2.0 are spelled alike and are not one: the first may wrap.
        if any(not _is_floating(tensor) for tensor in node.arguments.keras_tensors):
            entry.append([str(tensor.dtype) for tensor in node.outputs])
        self._number(node, entry)

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
        constant = _constant(value)
        if constant is not None:
            return {"array": _tensor_digest(constant)}
        try:
            canonical(value)
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"a call argument of type {type(value).__name__} has no canonical spelling",
                operation.name,
                "make it a number, or a layer of Keras",
            ) from error
        return value


def _class(kind: type) -> str:
    return f"keras_hub.{kind.__name__}" if is_of_keras_hub(kind) else kind.__name__


def _constant(value: Any) -> np.ndarray[Any, Any] | None:
    """Return an array or a framework's tensor as an array; None for anything else.

    A constant counts by its values, whatever holds it: Keras loads what it saved of it.
    """
    if isinstance(value, np.ndarray):
        return value if value.dtype != object and value.ndim else None
    if isinstance(value, np.generic) or not hasattr(value, "dtype"):
        return None
    keras = import_keras()
    if not keras.ops.is_tensor(value) or keras.backend.is_keras_tensor(value):
        return None
    return np.asarray(keras.ops.convert_to_numpy(value))


def _tensor_digest(array: np.ndarray[Any, Any]) -> str:
    """Return the digest of dtype, shape and little-endian bytes, in hex."""
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    # Of types that numpy does not have (bfloat16, say) it knows the size alone.
    dtype = array.dtype.name if array.dtype.kind == "V" else array.dtype.str
    head = f"{dtype} {list(array.shape)} ".encode()
    return hashlib.sha256(head + array.tobytes()).hexdigest()


def network_digest(output: Any, network_version: str | None = None) -> str:
    """Return the digest of the graph from the input to the tensor `output`, in hex.

    Raises
    ------
    UsageError
        For code from outside Keras, unless `network_version` says which version it is.
    """
    return _network_digest(_Walk(output, network_version))


def weights_digest(output: Any, network_version: str | None = None) -> str:
    """Return the digest of the tensors that count, in graph order, in hex."""
    return _weights_digest(_Walk(output, network_version))


def digests_before(output: Any, network_version: str | None = None) -> tuple[str, str]:
    """Return what earlier versions had as the two digests.

    Version 2 counted augmentation layers; to version 4 KerasHub's layers were somebody's own. Rows
    are the same, so a store that was made then is continued.
    """
    walk = _Walk(output, network_version)
    if network_version is not None and any(is_of_keras_hub(type(one)) for one in walk.layers):
        with only_keras():
            walk = _Walk(output, network_version)
        return _network_digest(walk), _weights_digest(walk)
    walk = _Walk(output, network_version, PASSED_OVER_BEFORE)
    return _network_digest(walk), _weights_digest(walk)


def _network_digest(walk: _Walk) -> str:
    return canonical_digest({"nodes": walk.nodes, "cut": walk.cut})


def _weights_digest(walk: _Walk) -> str:
    whole = hashlib.sha256()
    for number, layer in enumerate(walk.layers):
        chosen = _TENSORS.get(type(layer).__name__)
        for weight in getattr(layer, "weights", ()):
            if chosen is None or weight.name in chosen:
                tensor = np.asarray(weight.numpy())
                if tensor.dtype.kind in "iu" and is_of_keras_hub(type(layer)):
                    tensor = tensor.astype(np.int64)  # of positions: each backend has another
                whole.update(f"{number} {_tensor_digest(tensor)}\n".encode())
    return whole.hexdigest()


def last_operation(output: Any) -> str:
    """Return in a word what the cut's last operation is: its activation or class."""
    node = node_of(output)
    while does_nothing(node):
        (tensor,) = node.arguments.keras_tensors
        node = node_of(tensor)
    activation = config_of(node.operation).get("activation")
    return str(activation or type(node.operation).__name__).lower()


def _is_floating(tensor: Any) -> bool:
    return "float" in str(tensor.dtype)
