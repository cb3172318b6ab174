"""Requests that several batches share, held against numpy."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bottleneck.engines.requests import BATCHES, FOR_EACH_STREAM, Requests

openvino = pytest.importorskip("openvino")
IMAGES = 2  # of one request


@pytest.fixture(scope="module")
def compiled():
    ops = openvino.opset13
    given = ops.parameter([IMAGES, 5, 4, 3], np.uint8)
    mean = ops.reduce_mean(ops.convert(given, "f32"), np.array([1, 2]))
    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "THROUGHPUT"}
    return openvino.Core().compile_model(openvino.Model([mean], [given]), "CPU", settings)


def pictures(n, seed):
    return np.random.default_rng(seed).integers(0, 256, (n, 5, 4, 3), np.uint8)


def test_batches_of_many_threads_get_their_own_rows(compiled):
    requests = Requests(compiled)
    batches = [pictures(seed % 12, seed) for seed in range(400)]
    with ThreadPoolExecutor(4 * BATCHES) as pool:
        found = list(pool.map(requests, batches))
    for batch, rows in zip(batches, found, strict=True):
        assert rows.shape == (len(batch), 3)
        np.testing.assert_allclose(rows, batch.mean(axis=(1, 2)), rtol=1e-6)


class Failing:
    """A compiled network of one stream whose requests fail when they are told to."""

    def __init__(self, compiled):
        self.input, self.output = compiled.input, compiled.output
        self._compiled = compiled
        self.made, self.says = 0, None
        self.fails_at = ""

    def get_property(self, _):
        return 1

    def create_infer_request(self):
        self.made += 1
        return FailingRequest(self, self._compiled.create_infer_request())


class FailingRequest:
    def __init__(self, of, real):
        self._of, self._real = of, real
        self.get_input_tensor, self.get_output_tensor = (
            real.get_input_tensor,
            real.get_output_tensor,
        )

    def start_async(self, inputs):
        self._fail("start")
        self._real.start_async(inputs)

    def wait(self):
        self._real.wait()
        self._fail("wait")

    def _fail(self, step):
        if self._of.fails_at == step:
            raise RuntimeError(self._of.says)


@pytest.mark.parametrize("step", ["start", "wait"])
@pytest.mark.parametrize(
    ("says", "error"),
    [("std::bad_alloc", MemoryError), ("Failed to allocate 4 bytes", MemoryError),
     ("primitive", RuntimeError)],
)  # fmt: skip
def test_after_a_failure_all_requests_are_idle_again(compiled, step, says, error):
    network = Failing(compiled)
    requests = Requests(network)
    assert network.made == FOR_EACH_STREAM
    batch = pictures(9, 0)
    network.fails_at, network.says = step, says
    with pytest.raises(error, match=says):
        requests(batch)
    assert requests._idle.qsize() == FOR_EACH_STREAM  # else the next batch would wait for ever
    network.fails_at = ""
    np.testing.assert_allclose(requests(batch), batch.mean(axis=(1, 2)), rtol=1e-6)
