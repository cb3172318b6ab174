"""The one edge where Keras, TensorFlow and OpenVINO are imported, with settings that are ours."""

from __future__ import annotations

import gc
import logging
import os
import random
import sys
import tempfile
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import MissingDependencyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)
INSTALL = "pip install 'bottleneck-cache[tensorflow]'"
INSTALL_OPENVINO = "pip install 'bottleneck-cache[openvino]'"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what native libraries print on stderr out of sight: it goes to the debug log.

    TensorFlow's start-up says in several lines that a machine without a GPU has none.
    """
    sys.stderr.flush()
    real = os.dup(2)
    with tempfile.TemporaryFile() as aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(real, 2)
            os.close(real)
            aside.seek(0)
            log.debug("%s", aside.read().decode("utf-8", "replace"))


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect no garbage meanwhile: imports and networks make many objects and little garbage.

    TensorFlow is imported an eighth, and MobileNetV2 loaded a sixth, sooner.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def import_keras() -> Any:
    """Import Keras 3 and make it compute in float32, channels last, whatever keras.json says.

    Raises
    ------
    MissingDependencyError
        When Keras or its backend is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors are shown, chatter is not
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        with quiet(), collector_paused():
            keras = import_module("keras")
            if keras.backend.backend() == "tensorflow":
                _prepare_tensorflow()
    except ModuleNotFoundError as error:
        raise MissingDependencyError(f"{error.name} is not installed", "keras", INSTALL) from error
    except ValueError as error:
        raise UsageError(
            f"Keras cannot start ({error})", "keras.json", "mend or delete that file"
        ) from error
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
    return keras


@cache
def _prepare_tensorflow() -> None:
    """Ask for IEEE float32, deterministic kernels and no more memory than is needed.

    Also where the user's own program imported Keras first; what TensorFlow refuses to change once
    it has computed is left as it is.
    """
    tf = import_module("tensorflow")
    tf.config.experimental.enable_tensor_float_32_execution(False)
    tf.get_logger().setLevel("ERROR")  # it warns of retracing while networks are built
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        tf.config.experimental.enable_op_determinism()
    for gpu in gpus:
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except RuntimeError:  # the process used the GPU already: its settings stand
            log.debug("memory growth of %s is as it was", gpu.name)
    tf.config.list_logical_devices()  # starts the devices, and their chatter, now


@contextmanager
def generators_kept() -> Iterator[None]:
    """Leave Python's and numpy's global generators as they were: Keras draws from them."""
    import numpy as np  # noqa: PLC0415 - this module is imported where numpy is not

    python_state, numpy_state = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)


def import_openvino() -> Any:
    """Import OpenVINO.

    Its Python package reports every import and conversion to its makers over the network. Whoever
    uses ours has not agreed to that, so the part that reports is kept out; without it OpenVINO
    goes on with an empty stand-in of its own.

    Raises
    ------
    MissingDependencyError
        When OpenVINO is not installed.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # not importable
    try:
        return import_module("openvino")
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"{error.name} is not installed", "openvino", INSTALL_OPENVINO
        ) from error
