"""Transpositions around convolutions are moved until they cancel; what is computed stays."""

import numpy as np
import pytest

ov = pytest.importorskip("openvino")
ops = ov.opset13

from bottleneck.engines import layout  # noqa: E402 - OpenVINO is optional
from bottleneck.engines.layout import channels_first  # noqa: E402 - OpenVINO is optional

LAST, FIRST, SWAPPED = [0, 2, 3, 1], [0, 3, 1, 2], [0, 3, 2, 1]
SHAPE = (2, 9, 8, 4)


def turned(x, order):
    return ops.transpose(x, ops.constant(np.array(order, np.int32)))


def numbers(*shape, seed=0):
    return ops.constant(np.random.default_rng(seed).normal(size=shape).astype("f4"))


def conv(x, channels=4, seed=0):
    """Convolve with channels last, as Keras writes it."""
    kernel = numbers(channels, x.get_output_partial_shape(0)[3].get_length(), 3, 3, seed=seed)
    y = ops.convolution(turned(x, FIRST), kernel, [1, 1], [1, 1], [1, 1], [1, 1])
    return turned(y, LAST)


def normalized(x):
    parts = [numbers(4, seed=i) for i in range(3)]
    variance = ops.constant(np.array([1, 2, 0.5, 3], "f4"))
    y = ops.batch_norm_inference(turned(x, SWAPPED), parts[0], parts[1], parts[2], variance, 1e-3)
    return turned(y, SWAPPED)


def axes(*numbers):
    return ops.constant(np.array(numbers, np.int64))


BLOCKS = {
    "nothing": lambda x: x,
    "one for one": lambda x: ops.swish(ops.clamp(x, -1.0, 1.0)),
    "a cast to what it is": lambda x: ops.convert(x, "f32"),
    "a bias": lambda x: ops.add(x, numbers(1, 1, 1, 4)),
    "a bias of one axis": lambda x: ops.add(x, numbers(4)),
    "a number": lambda x: ops.multiply(x, ops.constant(np.float32(3))),
    "a map of weights": lambda x: ops.multiply(numbers(9, 8, 1), x),
    "a branch": lambda x: ops.add(x, conv(ops.relu(x), seed=1)),
    "a gate": lambda x: ops.multiply(x, ops.reduce_mean(x, axes(1, 2), keep_dims=True)),
    "a gate from outside": lambda x: ops.multiply(
        x, ops.reshape(ops.reduce_max(x, axes(1, 2)), axes(2, 1, 1, 4), False)
    ),
    "a normalisation": normalized,
    "one of channels": lambda x: ops.subtract(x, ops.reduce_mean(x, axes(3), keep_dims=True)),
    "side by side": lambda x: ops.concat([x, ops.relu(x)], -1),
    "one above the other": lambda x: ops.concat([x, ops.relu(x)], 1),
    "a border": lambda x: ops.pad(x, axes(0, 1, 2, 0), axes(0, 3, 0, 0), "constant"),
    "a part": lambda x: ops.slice(x, axes(1, 2), axes(8, 7), axes(1, 1), axes(1, 2)),
    "a part of the channels": lambda x: ops.slice(x, axes(-3), axes(99), axes(1), axes(-1)),
}
STAY = {"a map of weights": 0, "one of channels": 4, "a gate from outside": 2}


def rows(network, pixels):
    config = {"INFERENCE_PRECISION_HINT": "f32"}
    return ov.Core().compile_model(network, "CPU", config)([pixels])[0]


def network(block, end):
    image = ops.parameter(SHAPE, np.float32)
    return ov.Model([end(conv(block(conv(image)), seed=2))], [image])


@pytest.mark.parametrize("name", BLOCKS)
@pytest.mark.parametrize("end", [lambda x: x, lambda x: ops.reduce_mean(x, axes(1, 2))])
def test_what_is_computed_stays_and_transpositions_go(name, end):
    found = network(BLOCKS[name], end)
    pixels = np.random.default_rng(9).normal(size=SHAPE).astype("f4")
    expected = rows(found, pixels)
    channels_first(found)
    np.testing.assert_allclose(rows(found, pixels), expected, rtol=1e-4, atol=1e-4)
    left = sum(node.get_type_name() == "Transpose" for node in found.get_ordered_ops())
    assert left <= 2 + STAY.get(name, 0)  # of the image, and of maps that are the rows


def test_a_copy_that_computes_the_same_is_taken_and_the_network_stays_as_it_is():
    found = network(BLOCKS[next(iter(BLOCKS))], lambda x: x)
    n_nodes = len(found.get_ordered_ops())
    pixels = np.random.default_rng(9).normal(size=SHAPE).astype("f4")
    copy, off = layout.faster(found, lambda one: rows(one, pixels))
    assert copy is not found
    assert off is None
    assert len(found.get_ordered_ops()) == n_nodes
    assert len(copy.get_ordered_ops()) < n_nodes


def test_a_mistake_of_ours_makes_a_network_slow_and_never_wrong(monkeypatch):
    def mistaken(copy):
        channels_first(copy)
        result = copy.get_results()[0]
        doubled = ops.multiply(result.input_value(0), np.float32(1.001))
        result.input(0).replace_source_output(doubled.output(0))

    found = network(BLOCKS[next(iter(BLOCKS))], lambda x: x)
    pixels = np.random.default_rng(9).normal(size=SHAPE).astype("f4")
    monkeypatch.setattr(layout, "channels_first", mistaken)
    kept, off = layout.faster(found, lambda one: rows(one, pixels))
    assert kept is found
    assert off.worst == pytest.approx(1e-3, rel=0.01)
    taken, off = layout.faster(found, None)  # golden rows would say so
    assert taken is not found
    assert off is None
