"""Every engine against its contract, on a real, small network."""

import subprocess
import sys

import numpy as np
import pytest
from world import frozen

from bottleneck.core.errors import MissingDependencyError, NoSpaceError, UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.engines.batches import Batches
from bottleneck.engines.catalog import ENGINES, open_engine

# Real engines with a real network: what `make fast` leaves out.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model():
    keras = import_keras()
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3, activation="relu")(image)
    x = keras.layers.BatchNormalization()(x)
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))


@pytest.fixture(params=sorted(ENGINES))
def engine(request, model):
    return make(request.param, model)


def make(name, model, **options):
    devices = options.pop("devices", None)
    return open_engine(name, frozen(model, (16, 16), **options), devices=devices)


def images(n):
    return np.random.default_rng(0).integers(0, 256, (n, 16, 16, 3), np.uint8)


def test_rows_are_those_of_plain_keras(engine, model):
    x = images(10)
    rows = engine(x)
    assert (rows.shape, rows.dtype) == ((10, 8), np.float32)
    expected = model.predict(x.astype("f4") / 127.5 - 1, verbose=0)
    np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-6)


def test_a_row_is_bit_identical_alone_and_in_any_position(engine):
    x = images(9)
    rows = engine(x)
    np.testing.assert_array_equal(engine(x[::-1])[::-1], rows)
    np.testing.assert_array_equal(np.concatenate([engine(x[i : i + 1]) for i in range(9)]), rows)


def test_provenance_says_what_computes(engine):
    assert {"engine", "device", "batch", "host"} <= engine.provenance.keys()
    assert engine.provenance["batch"] == 4


def test_a_device_that_is_not_there_names_those_that_are(model):
    with pytest.raises(UsageError, match="cpu:0"):
        make("keras", model, devices="gpu:7")
    assert make("keras", model, devices="cpu").device.startswith("the CPU")


def test_an_unknown_engine_names_those_that_are(model):
    with pytest.raises(UsageError, match="keras"):
        make("abacus", model)


def test_out_of_memory_halves_the_batch_and_gives_the_same_rows(model, monkeypatch):
    engine = make("keras", model, batch_size=8)
    whole = make("keras", model, batch_size=2)(images(9))
    real = Batches._padded

    def small_memory(self, batch, size):
        if size > 2:
            raise MemoryError
        return real(self, batch, size)

    monkeypatch.setattr(Batches, "_padded", small_memory)
    np.testing.assert_array_equal(engine(images(9)), whole)
    assert engine.batch_size == engine.provenance["batch"] == 2


def test_no_memory_for_one_image_is_an_error(model, monkeypatch):
    engine = make("keras", model)

    def no_memory(*_):
        raise MemoryError

    monkeypatch.setattr(Batches, "_padded", no_memory)
    with pytest.raises(NoSpaceError, match="a single image"):
        engine(images(1))


def test_without_keras_the_install_command_is_named(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setattr("bottleneck.core.frameworks.import_module", missing)
    with pytest.raises(
        MissingDependencyError, match=r"pip install 'bottleneck-cache\[tensorflow\]'"
    ):
        import_keras()


@pytest.mark.slow
def test_ieee_float32_is_asked_for_also_where_keras_was_imported_first():
    code = (
        "import keras, tensorflow as tf\n"
        "assert tf.config.experimental.tensor_float_32_execution_enabled()\n"
        "from bottleneck.core.frameworks import import_keras\n"
        "import_keras()\n"
        "assert not tf.config.experimental.tensor_float_32_execution_enabled()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_gpu_finds_its_batch_size_where_none_is_given(model, monkeypatch):
    monkeypatch.setattr("bottleneck.engines.keras._devices", lambda: ["gpu:0", "cpu:0"])
    monkeypatch.setattr("bottleneck.engines.keras.grown", lambda compile_for, size, shape: 2 * size)
    assert make("keras", model, may_grow=True).batch_size == 8
    assert make("keras", model).batch_size == 4


def test_a_processor_keeps_the_batch_size_of_the_network(model):
    assert make("keras", model, may_grow=True).batch_size == 4
