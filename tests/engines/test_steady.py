"""A compiled network that gives the same images other rows each time is not believed."""

import numpy as np
import pytest

ov = pytest.importorskip("openvino")

from bottleneck.core.errors import UsageError  # noqa: E402
from bottleneck.engines import compiled as made  # noqa: E402

SHAPE = (4, 5, 3)


def network(*, drifts):
    """Return the mean of each channel; `drifts`: and one more for each request before."""
    ops = ov.opset13
    pixels = ops.parameter([-1, *SHAPE], np.uint8)
    rows = ops.reduce_mean(ops.convert(pixels, "f32"), np.array([1, 2], np.int64))
    if not drifts:
        return ov.Model([ops.result(rows)], [pixels], "means")
    start = ops.constant(np.zeros((1, 1), np.float32))
    count = ops.add(ops.read_value(start, "count", np.float32, [1, 1]), np.float32(1))
    kept = ops.assign(count, "count")
    return ov.Model([ops.result(ops.add(rows, count))], [kept], [pixels], "means")


def compiled(core, *, drifts):
    found = network(drifts=drifts)
    return found, made.compile_for_cpu(core, found, SHAPE)


def test_a_steady_network_stays_as_it_was_compiled():
    core = ov.Core()
    found, first = compiled(core, drifts=False)
    assert made.steady(first, core, found, SHAPE) is first


def test_an_unsteady_network_is_compiled_again_without_fused_operations(monkeypatch):
    core = ov.Core()
    _, first = compiled(core, drifts=True)
    found, other = compiled(core, drifts=False)
    asked = []

    def compile_for_cpu(*given):
        asked.append(given)
        return other

    monkeypatch.setattr(made, "compile_for_cpu", compile_for_cpu)
    assert made.steady(first, core, found, SHAPE) is other
    assert asked == [(core, found, SHAPE, "f32", {"SNIPPETS_MODE": "DISABLE"}, None)]


def test_a_network_that_is_never_steady_is_refused():
    core = ov.Core()
    found, first = compiled(core, drifts=True)
    with pytest.raises(UsageError, match="other rows each time"):
        made.steady(first, core, found, SHAPE)
