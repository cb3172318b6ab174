"""Networks that keep channels last, as Keras writes them, made to compute with channels first.

OpenVINO's convolutions take channels first, so Keras turns the axes around each of them: two
transpositions a layer, which take most of the time on a CPU. A transposition back to channels last
is moved behind the operations that follow it, until it meets the next one to channels first, and
both are gone. What is computed stays the same, number by number.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.frameworks import import_openvino
from bottleneck.engines.check import compare

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from bottleneck.engines.check import Agreement

log = logging.getLogger(__name__)

TO_LAST, TO_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]
SWAPPED = [0, 3, 2, 1]  # how Keras brings channels to the front, and back, for a normalisation
FIRST_OF_LAST = (0, 2, 3, 1)  # where an axis of channels last is with channels first
ONE_FOR_ONE = {
    "Abs", "Ceiling", "Clamp", "Convert", "Elu", "Erf", "Exp", "Floor", "Gelu", "HSigmoid",
    "HSwish", "Log", "Mish", "Negative", "Relu", "Sigmoid", "SoftPlus", "SoftSign", "Sqrt",
    "Swish", "Tanh",
}  # fmt: skip
PAIRS = {
    "Add", "Divide", "Maximum", "Minimum", "Multiply", "Power", "SquaredDifference", "Subtract",
}  # fmt: skip
REDUCTIONS = {"ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"}


def faster(
    network: Any,
    rows_of: Callable[[Any], NDArray[np.float32]] | None,
    compare: Callable[[NDArray[Any], NDArray[Any]], Agreement] = compare,
) -> tuple[Any, Agreement | None]:
    """Return a copy of a network that computes with channels first, or the network itself.

    Parameters
    ----------
    rows_of : computes rows of some images by a network
        The copy is taken only where its rows are the network's, so that a mistake here can make
        a network slow, and never wrong. None: whoever calls compares rows himself.
    compare : how far rows are from others; of several cuts in one, each by itself

    Returns
    -------
    The network, and how far its copy was off where that was not taken
    """
    copy = network.clone()
    try:
        channels_first(copy)
        if rows_of is None:
            return copy, None
        rows = rows_of(copy)
    except Exception as error:  # noqa: BLE001 - OpenVINO's own, of a graph that was not foreseen
        log.info("channels stay last: %s", " ".join(str(error).split())[:160])
        return network, None
    agreement = compare(rows, rows_of(network))
    return (copy, None) if agreement.ok else (network, agreement)


def channels_first(network: Any) -> None:
    """Move transpositions to channels last down the graph, in place, until they cancel."""
    import_openvino()
    passes = import_module("openvino.passes")
    manager = passes.Manager()
    manager.register_pass(passes.ConstantFolding())  # constants that Keras reshapes and casts
    manager.run_passes(network)
    for node in network.get_ordered_ops():
        _visit(node)
    network.validate_nodes_and_infer_types()


def _visit(node: Any) -> None:
    kind = node.get_type_name()
    if kind == "Convert" and node.get_element_type() == node.input(0).get_element_type():
        _replace(node, node.input_value(0))
    elif _is_transpose(node, TO_FIRST):
        first = _first(node.input_value(0))
        if first is not None:
            _replace(node, first)
    elif kind in ONE_FOR_ONE:
        _give(node, {0: _first(node.input_value(0))})
    elif kind in PAIRS:
        pair = [node.input_value(0), node.input_value(1)]
        if any(_first(one) is not None for one in pair):
            _give(node, dict(enumerate(map(_turned, pair))))
    elif kind in OTHERS:
        OTHERS[kind](node)


def _give(node: Any, inputs: dict[int, Any | None]) -> None:
    """Give a node inputs with channels first, and what follows it channels last, as before.

    Not where there is none for one of them.
    """
    if None in inputs.values():
        return
    takers = node.output(0).get_target_inputs()
    for number, output in inputs.items():
        node.input(number).replace_source_output(output)
    node.validate_and_infer_types()
    last = _transposed(node.output(0), TO_LAST)
    for taker in takers:
        taker.replace_source_output(last)


def _normalize(node: Any) -> None:
    before, takers = node.input_value(0).get_node(), node.output(0).get_target_inputs()
    behind = [taker.get_node() for taker in takers]
    if not all(_is_transpose(one, SWAPPED) for one in (before, *behind)):
        return
    last = before.input_value(0)
    node.input(0).replace_source_output(_first(last) or _transposed(last, TO_FIRST))
    node.validate_and_infer_types()
    for one in behind:
        _replace(one, _transposed(node.output(0), TO_LAST))


def _concat(node: Any) -> None:
    parts = [_first(node.input_value(i)) for i in range(node.get_input_size())]
    if None not in parts:
        axis = FIRST_OF_LAST[node.get_attributes()["axis"] % 4]
        _replace(node, _transposed(_ops().concat(parts, axis).output(0), TO_LAST))


def _pad(node: Any) -> None:
    begin, end = _numbers(node.input_value(1)), _numbers(node.input_value(2))
    if begin is not None and end is not None and len(begin) == 4:
        _give(
            node,
            {
                0: _first(node.input_value(0)),
                1: _ops().constant(begin[TO_FIRST]).output(0),
                2: _ops().constant(end[TO_FIRST]).output(0),
            },
        )


def _reduce(node: Any) -> None:
    first, axes = _first(node.input_value(0)), _numbers(node.input_value(1))
    if first is None or axes is None or 3 in axes.reshape(-1) % 4:
        return  # over channels it is faster where they are last
    turned = np.array([FIRST_OF_LAST[axis] for axis in axes.reshape(-1) % 4], np.int64)
    inputs = {0: first, 1: _ops().constant(turned).output(0)}
    if node.get_attributes()["keep_dims"]:
        _give(node, inputs)
    elif set(turned) == {2, 3}:  # images and channels are left, in this order
        for number, output in inputs.items():
            node.input(number).replace_source_output(output)


def _slice(node: Any) -> None:
    axes = _numbers(node.input_value(4)) if node.get_input_size() == 5 else None
    if axes is not None:
        turned = np.array([FIRST_OF_LAST[axis % 4] for axis in axes], np.int64)
        _give(node, {0: _first(node.input_value(0)), 4: _ops().constant(turned).output(0)})


OTHERS: dict[str, Callable[[Any], None]] = {
    "BatchNormInference": _normalize,
    "Concat": _concat,
    "Pad": _pad,
    "Slice": _slice,
    **dict.fromkeys(REDUCTIONS, _reduce),
}


def _ops() -> Any:
    return import_openvino().opset13


def _numbers(output: Any) -> NDArray[Any] | None:
    """Return the numbers of a constant, None of anything else."""
    node = output.get_node()
    return node.get_data() if node.get_type_name() == "Constant" else None


def _is_transpose(node: Any, order: list[int]) -> bool:
    if node.get_type_name() != "Transpose":
        return False
    numbers = _numbers(node.input_value(1))
    return numbers is not None and numbers.reshape(-1).tolist() == order


def _first(output: Any) -> Any | None:
    """Return what was turned to channels last to give this output, None where nothing was."""
    node = output.get_node()
    return node.input_value(0) if _is_transpose(node, TO_LAST) else None


def _turned(output: Any) -> Any | None:
    """Return the same with channels first where that costs nothing, else None."""
    first = _first(output)
    if first is not None:
        return first
    numbers = _numbers(output)
    if numbers is not None:
        if numbers.size == 1:
            return output
        if numbers.ndim > 4:
            return None
        as_four = numbers.reshape((1,) * (4 - numbers.ndim) + numbers.shape)
        return _ops().constant(np.ascontiguousarray(as_four.transpose(TO_FIRST))).output(0)
    shape = output.get_partial_shape()
    if len(shape) == 4 and all(shape[i].is_static and shape[i].get_length() == 1 for i in (1, 2)):
        return _transposed(output, TO_FIRST)
    return None


def _transposed(output: Any, order: list[int]) -> Any:
    ops = _ops()
    return ops.transpose(output, ops.constant(np.array(order, np.int64))).output(0)


def _replace(node: Any, output: Any) -> None:
    for taker in node.output(0).get_target_inputs():
        taker.replace_source_output(output)
