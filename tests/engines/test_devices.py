"""Several devices, as logical ones of this processor: what a machine with several GPUs does.

Each test is a process of its own: a framework's devices cannot be changed once they were used.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[1]
JAX = Path(sys.prefix) / "jax"  # where the Makefile puts it: inside the environment
TWO = {
    "tensorflow": (
        "import tensorflow as tf\n"
        "cpu = tf.config.list_physical_devices('CPU')[0]\n"
        "tf.config.set_logical_device_configuration(\n"
        "    cpu, [tf.config.LogicalDeviceConfiguration()] * 2)\n"
    ),
    "jax": "import os\nos.environ['XLA_FLAGS'] = '--xla_force_host_platform_device_count=2'\n",
}
NETWORK = """
import numpy as np
from bottleneck.core.frameworks import import_keras
from bottleneck.engines.catalog import open_engine
from world import frozen
keras = import_keras()
keras.utils.set_random_seed(0)
image = keras.Input((16, 16, 3))
x = keras.layers.Conv2D(8, 3, activation="relu")(image)
x = keras.layers.BatchNormalization()(x)
model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
images = np.random.default_rng(0).integers(0, 256, (50, 16, 16, 3), np.uint8)
expected = model.predict(images.astype("f4") / 127.5 - 1, verbose=0)
def opened(devices):
    return open_engine("keras", frozen(model, (16, 16)), devices=devices)
"""
ENGINES = """
from concurrent.futures import ThreadPoolExecutor
from bottleneck.core.errors import UsageError
engine = opened("cpu:0,cpu:1")
assert engine.lanes == 2, engine.lanes
assert engine.device.endswith("and CPU:1"), engine.device
with ThreadPoolExecutor(2) as pool:
    rows = np.concatenate(list(pool.map(engine, np.split(images, 10))))
one = opened("cpu:0")(images)
np.testing.assert_array_equal(rows, one)
np.testing.assert_allclose(one, expected, rtol=1e-5, atol=1e-6)
np.testing.assert_array_equal(opened("cpu:1")(images), one)
for asked, said in (("cpu:0,cpu:7", "no device 'cpu:7'"), ("cpu:1,cpu:1", "names a device twice")):
    try:
        opened(asked)
    except UsageError as error:
        assert said in str(error), error
    else:
        raise AssertionError(asked)
"""
EXTRACTION = """
from bottleneck import open_store
from bottleneck.extract import main
from bottleneck.store.store import Store
words = ["--data", "digits", "--backbone", "mini", "--engine", "keras", "--batch-size", "16"]
words += ["--rows", "float32", "--quiet"]
assert main([*words, "--cache", "two", "--devices", "cpu:0,cpu:1"]) == 0
assert main([*words, "--cache", "one", "--devices", "cpu:0"]) == 0
two, one = Store.open("two"), Store.open("one")
assert two.parts[0].provenance["device"].endswith("and CPU:1"), two.parts[0].provenance
rows = [np.asarray(open_store(name).arrays()[0]) for name in ("two", "one")]
np.testing.assert_array_equal(*rows)
assert len(rows[0]) == 1797
"""


@pytest.mark.parametrize("backend", sorted(TWO))
@pytest.mark.parametrize("code", [ENGINES, EXTRACTION], ids=["engine", "extraction"])
def test_two_devices_give_the_rows_of_one(backend, code, tmp_path):
    path = [str(TESTS), os.environ.get("PYTHONPATH", "")]
    if backend == "jax":
        if not JAX.is_dir():
            pytest.skip("make test installs JAX")
        path.append(str(JAX))
    done = subprocess.run(
        [sys.executable, "-c", TWO[backend] + NETWORK + code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(path)},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
