"""What is behind a cut: the layers that go on from cached features, to be trained further.

They can stand alone only where every path from the image to the output goes through the cut: it
dominates the output (Prosser 1959, "Applications of Boolean matrices to the analysis of flow
diagrams"). In the graph's post-order that is easy to see: a node dominates where no node before it
is used by one behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.backbones.cut import node_of, nodes_to
from bottleneck.backbones.ends import find_end
from bottleneck.backbones.flat import Flat
from bottleneck.backbones.known import config_of, foreign_code
from bottleneck.backbones.layer import Layer
from bottleneck.backbones.twin import give_weights, rebuilt
from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_keras

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bottleneck.backbones.flat import Flat

WHERE = "--head tail"
# What may stand behind a network's own classifier without being more than it.
_AFTER_CLASSIFIER = {"Softmax", "Activation", "Dropout", "Identity"}


class Behind:
    """A network, cut: what stands before the cut, and what behind it.

    Parameters
    ----------
    flat : the flattened network
    cut : KerasTensor
        Where it is cut, of `flat`.
    rows : KerasTensor
        What is cached: `cut`, unless it was pooled.
    front : callable
        Returns the keras.Model from pixels to the cut; see `Backbone.front`.

    Raises
    ------
    UsageError
        When nothing can go on from the cached rows; the nearest layers where it can are named.
    """

    def __init__(self, flat: Flat, cut: Any, rows: Any, front: Callable[[], Any]) -> None:
        if rows is not cut:
            raise pooled()
        find_end(flat)  # says so where nobody said which of several it is
        self.front = front
        self._cut = cut
        self._end = _before_classifier(flat.output)
        nodes = list(nodes_to(flat.output))
        names = _names(flat)
        last = nodes.index(node_of(self._end))
        learning = _last_that_learns(nodes[: last + 1])
        places = _places(nodes, names, learning)
        at = next((i for i, node in enumerate(nodes) if node is node_of(cut)), len(nodes))
        if at not in places:
            before = [i for i in places if i < at][-1:]
            after = [i for i in places if i > at][:1]
            near = [names[id(nodes[i].outputs[0])] for i in before + after]
            if at >= last:
                what = "nothing is behind the cut"
            elif at >= learning:
                what = "no layer with weights to train is behind the cut"
            else:
                what = f"other paths lead past {names.get(id(cut), 'the cut')} to the output"
            advice = (
                f"extract with --layer {' or '.join(near)} and --pooling none into another --cache"
                if near
                else "use another head: linear, dense or conv"
            )
            raise UsageError(what, WHERE, advice)

    def layers(self, seed: Callable[[int], int]) -> Any:
        """Return a keras.Model of copies of the layers behind the cut, with their weights.

        A layer that stands before the cut too is another one here. Everything is trainable but
        batch normalisation, which stays as it was, in inference mode: a small data set's
        statistics would undo what the layers behind it learned.

        Parameters
        ----------
        seed : gives the seed of the n-th layer, for layers that draw
        """
        keras = import_keras()
        start = keras.Input(self._cut.shape[1:], name="features")
        tensors = {id(self._cut): start}
        done = {id(node) for node in nodes_to(self._cut)}
        twins: dict[int, Any] = {}
        for node in nodes_to(self._end):
            if id(node) in done:
                continue
            operation = node.operation
            if id(operation) not in twins:
                twins[id(operation)] = _twin(operation, seed(len(twins) + 1))
            args, kwargs = node.arguments.fill_in(tensors)
            outputs = keras.tree.flatten(twins[id(operation)](*args, **kwargs))
            if twins[id(operation)] is not operation and operation.weights:
                give_weights(twins[id(operation)], operation)
            pairs = zip(node.outputs, outputs, strict=True)
            tensors.update({id(old): new for old, new in pairs})
        return keras.Model(start, tensors[id(self._end)])


def layers(flat: Flat) -> tuple[Layer, ...]:
    """Return the layers of a network: their classes, shapes, and where a tail can start."""
    nodes, names = list(nodes_to(flat.output)), _names(flat)
    last = nodes.index(node_of(_before_classifier(flat.output)))
    learning = _last_that_learns(nodes[: last + 1])
    starts = {id(nodes[i].outputs[0]) for i in _places(nodes, names, learning)}
    models = {path.rpartition("/")[0] for path in flat.places}
    return tuple(
        Layer(
            name=path if len(calls) == 1 else f"{path}:{number}",
            kind="Model" if path in models else type(node_of(outputs[0]).operation).__name__,
            shape=tuple(outputs[0].shape[1:]),
            tail=id(outputs[0]) in starts,
        )
        for path, calls in flat.places.items()
        for number, outputs in enumerate(calls)
    )


def _places(nodes: list[Any], names: Mapping[int, str], learning: int) -> list[int]:
    """Return the places where a tail can start; `learning` is the place of the last to train."""
    found = [i for i, node in _dominators(nodes) if id(node.outputs[0]) in names]
    return [i for i in found if 0 < i < learning]  # behind the others nothing is trained


def _last_that_learns(nodes: list[Any]) -> int:
    """Return the place of the last node with weights that a tail trains; 0 where there is none."""
    return max((i for i, node in enumerate(nodes) if _learns(node)), default=0)


def pooled() -> UsageError:
    """Return the error for rows that no layer of the network goes on from."""
    return UsageError(
        "the rows are pooled: the network does not go on from them",
        WHERE,
        "extract with --pooling none into another --cache",
    )


def _twin(operation: Any, seed: int) -> Any:
    """Return a trainable copy of a layer; a bare operation has no state: it is called once more."""
    keras = import_keras()
    if not isinstance(operation, keras.Layer):
        return operation
    if foreign_code(operation):  # code that only its author can copy
        operation.trainable = True
        return operation
    config = operation.get_config()
    if "seed" in config:
        config["seed"] = seed
    learns = not isinstance(operation, keras.layers.BatchNormalization)
    return rebuilt(operation, config, trainable=learns)


def _learns(node: Any) -> bool:
    """Whether a layer has weights that a tail trains; batch normalisation's stay as they were."""
    keras = import_keras()
    operation = node.operation
    frozen = isinstance(operation, keras.layers.BatchNormalization | keras.layers.Normalization)
    return isinstance(operation, keras.Layer) and bool(operation.weights) and not frozen


def _dominators(nodes: list[Any]) -> list[tuple[int, Any]]:
    """Return the nodes of one output, with their places, that every path to the last one passes."""
    place = {id(node): i for i, node in enumerate(nodes)}
    last_use = [len(nodes)] * len(nodes)
    for i, node in enumerate(nodes):
        for tensor in node.arguments.keras_tensors:
            last_use[place[id(node_of(tensor))]] = i
    found, farthest = [], 0
    for i, node in enumerate(nodes):
        if farthest <= i and len(node.outputs) == 1:
            found.append((i, node))
        farthest = max(farthest, last_use[i])
    return found


def _names(flat: Flat) -> dict[int, str]:
    """Return id of a tensor → the layer that gives it, as --layer spells it."""
    return {
        id(outputs[0]): path if len(calls) == 1 else f"{path}:{number}"
        for path, calls in flat.places.items()
        for number, outputs in enumerate(calls)
        if len(outputs) == 1
    }


def _before_classifier(output: Any) -> Any:
    """Return what a network's own classifier, if it ends in one, is given; else its output."""
    tensor = output
    while type(node_of(tensor).operation).__name__ in _AFTER_CLASSIFIER:
        (tensor,) = node_of(tensor).arguments.keras_tensors
    node = node_of(tensor)
    inputs = node.arguments.keras_tensors
    is_dense = type(node.operation).__name__ == "Dense" and len(inputs[0].shape) == 2
    if is_dense and config_of(node.operation)["activation"] in ("softmax", "sigmoid", "linear"):
        return inputs[0]
    return output
