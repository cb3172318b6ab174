"""The one edge where Keras, TensorFlow and OpenVINO are imported, with settings that are ours."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import random
import re
import sys
import tempfile
import warnings
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO

from bottleneck.core import guest
from bottleneck.core.errors import MissingDependencyError, NoSpaceError, UsageError
from bottleneck.core.installed import is_here

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)
# Bytes of address space. With less, it is a lottery what fails, and how, inside a framework.
LEAST_ROOM = 1 << 30
INSTALL = "pip install 'bottleneck-cache[tensorflow]'"
INSTALL_OPENVINO = "pip install 'bottleneck-cache[openvino]'"
# Lines of the loggers of TensorFlow, XLA, CUDA and oneDNN, in both of their forms; fatal ones stay.
CHATTER = re.compile(
    rb"^(WARNING: All log messages before absl::|[IWE]\d{4} \d\d:\d\d:\d\d\.\d|"
    rb"[IWE]0000 \d\d:\d\d:\d|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] |"
    rb"To enable the following instructions: ).*\n?",
    re.MULTILINE,
)


@contextmanager
def native_chatter_held() -> Iterator[None]:
    """Keep what native libraries log on stderr out of sight: it goes to the debug log.

    TensorFlow's start says in several lines that a machine without a GPU has none, before any
    setting of its own could stop it. What else was written meanwhile, by other threads say, is
    written at the end.
    """
    with contextlib.ExitStack() as held:
        try:
            sys.stderr.flush()
            real = os.dup(2)
            held.callback(os.close, real)
            aside = held.enter_context(_nowhere())
        except (OSError, ValueError):  # no such stream, no folder for a file: so be it
            yield
            return
        os.dup2(aside.fileno(), 2)
        try:
            yield
        finally:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.flush()
            os.dup2(real, 2)
            aside.seek(0)
            written = aside.read()
            log.debug("%s", written.decode("utf-8", "replace"))
            rest = CHATTER.sub(b"", written)
            if rest:
                with contextlib.suppress(OSError):
                    os.write(2, rest)


def _nowhere() -> BinaryIO:
    """Return an open file without a name: in memory where the system can, else on the disk."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("stderr"), "w+b")
    return tempfile.TemporaryFile()


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


def _require_room() -> None:
    """Raise NoSpaceError where the process may have less memory than any framework needs.

    Threads of a framework that find no memory may wait for each other for ever, libraries print
    their own errors, and a part that cannot be loaded is taken for one that is not installed.
    """
    try:
        resource = import_module("resource")
    except ModuleNotFoundError:  # Windows
        return
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit != resource.RLIM_INFINITY and limit < LEAST_ROOM:
        raise NoSpaceError(
            "no space or memory left",
            f"this process may use {limit >> 20} MB of memory (ulimit -v)",
            f"allow it {LEAST_ROOM >> 20} MB or more",
        )


def import_keras() -> Any:
    """Import Keras 3 and make it compute in float32, channels last, whatever keras.json says.

    Within `guest.as_guest` the caller's settings come back at its end.

    Raises
    ------
    MissingDependencyError
        When Keras or its backend is not installed.
    """
    keras = import_callers_keras()
    guest.keep_settings(keras)
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_dtype_policy("float32")
    if keras.backend.backend() == "tensorflow":
        _set_tensorflow()
    return keras


def check_trains(what: str) -> None:
    """Raise MissingDependencyError where Keras computes with OpenVINO, which has no gradients."""
    if import_callers_keras().backend.backend() == "openvino":
        raise MissingDependencyError("Keras cannot train with its OpenVINO backend", what, INSTALL)


def import_tensorflow() -> Any:
    """Import TensorFlow by Keras' side, for what only it has.

    Raises
    ------
    MissingDependencyError
        When it is not installed.
    """
    import_callers_keras()  # with TensorFlow's chatter kept quiet
    try:
        return import_module("tensorflow")
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"{error.name} is not installed", "tensorflow", INSTALL
        ) from error


def import_callers_keras() -> Any:
    """Import Keras 3 and leave its settings alone: for what the caller goes on to use.

    Raises
    ------
    MissingDependencyError
        When Keras or its backend is not installed.
    NoSpaceError
        When a limit leaves it too little memory.
    """
    if sys.modules.get("keras") is not None:
        return _start(import_module("keras"))
    _require_room()
    try:
        with guest.environment_kept(), warnings.catch_warnings(), generators_kept():
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read once, while it is imported
            if "KERAS_BACKEND" not in os.environ:
                os.environ["KERAS_BACKEND"] = _backend_at_hand()
            with native_chatter_held(), collector_paused():
                return _start(import_module("keras"))
    except ModuleNotFoundError as error:
        is_openvino = os.environ.get("KERAS_BACKEND") == "openvino" or not is_here("tensorflow")
        install = INSTALL_OPENVINO if is_openvino else INSTALL
        raise MissingDependencyError(f"{error.name} is not installed", "keras", install) from error
    except ValueError as error:
        raise UsageError(
            f"Keras cannot start ({error})", "keras.json", "correct or delete that file"
        ) from error


def _backend_at_hand() -> str:
    """Return the Keras backend for who names none: OpenVINO's, which only infers, without another.

    Networks can then still be looked at, cut and exported.
    """
    only_openvino = not is_here("tensorflow") and is_here("openvino")
    return "openvino" if only_openvino else "tensorflow"


def _start(keras: Any) -> Any:
    if keras.backend.backend() == "tensorflow":
        _start_tensorflow()
    return keras


@cache
def _start_tensorflow() -> None:
    """Start TensorFlow's devices, taking no more of their memory than is needed.

    Also where the caller imported Keras first; what TensorFlow refuses to change once it has
    computed is left as it is. This cannot be undone.
    """
    with native_chatter_held():
        tf = import_module("tensorflow")
        for gpu in tf.config.list_physical_devices("GPU"):
            try:
                tf.config.experimental.set_memory_growth(gpu, True)
            except RuntimeError:  # the process used the GPU already: its settings stand
                log.debug("memory growth of %s is as it was", gpu.name)
        tf.config.list_logical_devices()  # starts the devices, and their chatter, now


def _set_tensorflow() -> None:
    """Ask for IEEE float32 and, on a GPU, for deterministic operations."""
    tf = import_module("tensorflow")
    tf.config.experimental.enable_tensor_float_32_execution(False)
    tf.get_logger().setLevel("ERROR")  # it warns of retracing while networks are built
    if tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()


@contextmanager
def generators_kept() -> Iterator[None]:
    """Leave the global generators of Python, numpy and TensorFlow as they were.

    Keras draws from them, and sets the seeds of all three at once.
    """
    import numpy as np  # noqa: PLC0415 - this module is imported where numpy is not

    python_state, numpy_state = random.getstate(), np.random.get_state()
    seed, drawn = (_tensorflow_state().get(key) for key in ("_seed", "_rng"))
    try:
        yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)
        if _tensorflow_state().get("_seed") != seed:
            # The public function would begin the sequence of that seed anew.
            _tensorflow_state().update(_seed=seed, _rng=drawn)


def _tensorflow_state() -> dict[str, Any]:
    """Return the attributes of TensorFlow's context, which has the global seed; {} without it."""
    module = sys.modules.get("tensorflow.python.eager.context")
    return {} if module is None else vars(module.context())


@contextmanager
def telemetry_kept_out() -> Iterator[None]:
    """Keep the part of OpenVINO out that reports imports and conversions to its makers.

    It reports over the network, and whoever uses us has not agreed to that. Without it OpenVINO
    goes on with an empty stand-in of its own.
    """
    with guest.module_hidden("openvino_telemetry"):
        yield


def import_openvino() -> Any:
    """Import OpenVINO, without its telemetry; see `telemetry_kept_out`.

    Raises
    ------
    MissingDependencyError
        When OpenVINO is not installed.
    NoSpaceError
        When a limit leaves it too little memory.
    """
    if sys.modules.get("openvino") is not None:
        return import_module("openvino")
    _require_room()
    try:
        with guest.environment_kept(), warnings.catch_warnings(), telemetry_kept_out():
            return import_module("openvino")
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"{error.name} is not installed", "openvino", INSTALL_OPENVINO
        ) from error
