"""Flattening a network and cutting it at a layer.

Nested Functional and Sequential models are replayed on one input, so that a layer inside a block
is a layer like any other. Every layer is rebuilt from its config with a float32 policy and gets
the tensors of the original (those of a network that was made for this alone are taken as they
are); `training` among call arguments is dropped, because a frozen network is called with
training=False. This copy is what is digested and what computes.
"""

from __future__ import annotations

import difflib
from bisect import bisect
from typing import TYPE_CHECKING, Any

from bottleneck.backbones.ends import choose_output, output_names
from bottleneck.backbones.flat import Flat
from bottleneck.backbones.known import check_known
from bottleneck.backbones.twin import give_weights, is_integer, twin
from bottleneck.core.choices import POOLING
from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_keras

if TYPE_CHECKING:
    from collections.abc import Iterator

# Layers that go on in floating point, whatever numbers they are given.
_FROM_NUMBERS = {"Rescaling", "Normalization"}


def is_nested(operation: Any) -> bool:
    """Whether an operation is a model made of layers that are to be replayed."""
    keras = import_keras()
    return type(operation) in (keras.Model, keras.Sequential) or (
        type(operation).__name__ == "Functional" and type(operation).__module__.startswith("keras.")
    )


def nodes_to(tensor: Any) -> Iterator[Any]:
    """Yield the graph's nodes that `tensor` needs, each after those that it needs (post-order).

    Iterative: networks are deeper than Python's recursion limit allows.
    """
    done: set[int] = set()
    stack: list[tuple[Any, bool]] = [(node_of(tensor), False)]
    while stack:
        node, ready = stack.pop()
        if id(node) in done:
            continue
        if ready:
            done.add(id(node))
            yield node
            continue
        stack.append((node, True))
        for needed in reversed(node.arguments.keras_tensors):
            child = node_of(needed)
            if id(child) not in done:
                stack.append((child, False))


def node_of(tensor: Any) -> Any:
    """Return the node whose call gave a tensor."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index]


def flatten(
    model: Any,
    size: tuple[int, int],
    *,
    ours: bool = False,
    network_version: str | None = None,
    end: str | None = None,
) -> Flat:
    """Return a flat float32 copy of a network with one image input.

    Parameters
    ----------
    ours : bool
        The network was made in float32 for this alone, so its layers need not be copied: half of
        the variables, and of the time.
    end : of several outputs the one that counts, by its name or number

    Raises
    ------
    UsageError
        No such output; for code from outside Keras, unless `network_version` says which version
        it is.
    """
    keras = import_keras()
    if not is_nested(model) or not getattr(model, "inputs", None):
        raise UsageError(
            f"{type(model).__name__} is a class of your own, whose layers cannot be seen",
            model.name,
            f"with x = keras.Input((height, width, 3)) save keras.Model(x, {type(model).__name__}()"
            "(x)), then --import MODULE --network-version 1 (docs/own-networks.md shows it)",
        )
    if len(model.inputs) != 1:
        raise UsageError("needs one input", model.name, "save a model that has one")
    channels = 1 if model.inputs[0].shape[-1] == 1 else 3
    image = keras.Input((*size, channels), dtype="float32", name="image")
    flat = Flat(image, names=output_names(model))
    replay = _Replay(flat, network_version, ours=ours)
    flat.outputs = replay.run(model, [_as_taken(model, image)], "")
    flat.chosen = choose_output(flat, end)
    return flat


def _as_taken(model: Any, image: Any) -> Any:
    """Return the image in the whole numbers that a model takes, where their arithmetic shows."""
    (taken,) = model.inputs
    nodes = [node for output in model.outputs for node in nodes_to(output)]
    first = {
        type(node.operation).__name__
        for node in nodes
        if any(tensor is taken for tensor in node.arguments.keras_tensors)
    }
    if not is_integer(taken.dtype) or first <= _FROM_NUMBERS:
        return image
    return import_keras().ops.cast(image, taken.dtype)


class _Replay:
    """One flattening: which layer became which copy."""

    def __init__(self, flat: Flat, network_version: str | None, *, ours: bool) -> None:
        self._flat = flat
        self._version = network_version
        self._ours = ours
        self._twins: dict[int, Any] = {}
        self._order: dict[str, list[tuple[int, ...]]] = {}  # path → the numbers of its calls

    def run(
        self, model: Any, inputs: list[Any], prefix: str, call: tuple[int, ...] = ()
    ) -> list[Any]:
        """Replay a model's nodes on new inputs; return the new outputs.

        `call` is the number of this call of the model, behind those of the models around it.
        """
        tensors = {id(old): new for old, new in zip(model.inputs, inputs, strict=True)}
        for output in model.outputs:
            for node in nodes_to(output):
                if all(id(tensor) in tensors for tensor in node.outputs):
                    continue  # an input, or replayed for another output
                args, kwargs = node.arguments.fill_in(tensors)
                path = prefix + node.operation.name
                number = (*call, node.operation._inbound_nodes.index(node))
                if is_nested(node.operation):
                    if isinstance(args[0], dict):
                        raise UsageError(
                            "is given its inputs by their names", path, "give them as a list"
                        )
                    outputs = self.run(node.operation, list(_as_list(args[0])), f"{path}/", number)
                else:
                    outputs = self._call(node.operation, args, kwargs)
                # Nodes come as the output needs them, calls are counted as they were made.
                numbers = self._order.setdefault(path, [])
                at = bisect(numbers, number)
                numbers.insert(at, number)
                self._flat.places.setdefault(path, []).insert(at, outputs)
                pairs = zip(node.outputs, outputs, strict=True)
                tensors.update({id(old): new for old, new in pairs})
        return [tensors[id(output)] for output in model.outputs]

    def _call(self, operation: Any, args: Any, kwargs: dict[str, Any]) -> list[Any]:
        check_known(operation, self._version)
        copy = self._twin(operation)
        kwargs = {key: value for key, value in kwargs.items() if key != "training"}
        outputs: list[Any] = import_keras().tree.flatten(copy(*args, **kwargs))
        if copy is not operation and operation.weights:
            give_weights(copy, operation)
        if type(operation).__name__ == "RandomCrop" and len(outputs) == 1:
            return list(args)  # its shape is that of training: a frozen one gives whole images
        return outputs

    def _twin(self, operation: Any) -> Any:
        """Return a layer's float32 copy, the same one at each of its calls, or itself."""
        keras = import_keras()
        if not isinstance(operation, keras.Layer):
            return operation  # a bare operation has no state: it is called once more
        if self._ours:
            operation.trainable = False
            return operation
        if id(operation) not in self._twins:
            name = f"{operation.name}_{len(self._twins)}"
            self._twins[id(operation)] = twin(operation, name)
        return self._twins[id(operation)]


def _as_list(value: Any) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, list | tuple) else [value]


def find_layer(flat: Flat, wanted: str) -> Any:
    """Return the output of the layer that `wanted` names.

    A path (`block/conv`), or what only one path ends with; `name:1` is the second call of a layer
    that is called twice.

    Raises
    ------
    UsageError
        For an unknown layer (the near ones are listed), an ambiguous one, one with many outputs.
    """
    name, _, call = wanted.partition(":")
    found = [name] if name in flat.places else suffix_matches(flat, name)
    if not found:
        near = difflib.get_close_matches(name, [p.split("/")[-1] for p in flat.places], 5, 0.4)
        last = list(flat.places)[-3:]
        hint = f"near it: {', '.join(near)}" if near else f"the last ones: {', '.join(last)}"
        raise UsageError(f"no layer {wanted!r}", "--layer", hint)
    if len(found) > 1:
        some = " or ".join(found[:5]) + (" …" if len(found) > 5 else "")
        raise UsageError(f"{len(found)} layers are named {wanted!r}", "--layer", some)
    calls = flat.places[found[0]]
    if call:
        if not call.isdigit() or int(call) >= len(calls):
            raise UsageError(
                f"{found[0]} is called {len(calls)} times", "--layer", f"{name}:0 is the first"
            )
        outputs = calls[int(call)]
    elif len(calls) > 1:
        raise UsageError(
            f"{found[0]} is called {len(calls)} times", "--layer", f"say which: {name}:0 …"
        )
    else:
        outputs = calls[0]
    if len(outputs) != 1:
        raise UsageError(
            f"{found[0]} has {len(outputs)} outputs", "--layer", "cut at a layer behind it"
        )
    return outputs[0]


def suffix_matches(flat: Flat, name: str) -> list[str]:
    """Return the paths that end with `/name`."""
    return [path for path in flat.places if path.endswith(f"/{name}")]


def pool(tensor: Any, pooling: str, name: str | None = None) -> Any:
    """Append pooling over space, as the Keras layer that it is; flat features stay as they are."""
    keras = import_keras()
    if pooling not in POOLING:
        raise UsageError(f"no pooling {pooling!r}", "--pooling", f"one of {', '.join(POOLING)}")
    if pooling.startswith("cls"):
        raise UsageError(
            "this network gives no tokens whose first is known to be of the class",
            f"--pooling {pooling}",
            "use avg, max or none",
        )
    if pooling == "none" or len(tensor.shape) != 4:
        return tensor
    layer = {"avg": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D}
    return layer[pooling](name=name)(tensor)
