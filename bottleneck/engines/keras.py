"""The Keras engine: one compiled call of a fixed shape, from uint8 pixels to float32 rows.

In bfloat16 a copy of the network is run whose layers have Keras' policy for it: they keep their
tensors in float32 and compute in bfloat16. The pixels are scaled in float32 before.
"""

from __future__ import annotations

import os
import platform
import shutil
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.engines.batches import Batches
from bottleneck.engines.check import N_SPREAD, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from bottleneck.engines.engine import Frozen


class KerasEngine:
    """A Keras model behind one compiled function."""

    name = "keras"

    def __init__(
        self,
        model: Any,
        preprocess: Callable[[Any], Any],
        shape: tuple[int, int, int],
        batch_size: int,
        device: tuple[str, str],
        warning: str | None,
        compute: str = "float32",
    ) -> None:
        self.spread: Mapping[str, Any] | None = None  # of reduced precision
        self._compute = compute
        self.device = device[1]
        self.warning = warning
        self.n_traces = 0
        self._model = model
        self._preprocess = preprocess
        self._shape = shape
        self._device = device[0]
        self._batches = Batches(self._compile, batch_size, self.device)

    @property
    def batch_size(self) -> int:
        """Images that are computed at once."""
        return self._batches.size

    @property
    def provenance(self) -> dict[str, Any]:
        """Engine, device, versions, host, batch: what is recorded in each part."""
        keras = import_keras()
        backend = keras.backend.backend()
        return {
            "engine": self.name,
            "device": self.device,
            "batch": self.batch_size,
            **({} if self.spread is None else {"spread": dict(self.spread)}),
            "keras": keras.__version__,
            "backend": backend,
            backend: metadata.version(backend),
            "host": platform.node(),
            "machine": platform.machine(),
            "threads": os.cpu_count() or 1,
        }

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the rows (n, …) of n images (n, height, width, 3); see `Engine`."""
        return self._batches(images)

    def _compile(self, batch_size: int) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
        keras = import_keras()

        def computed(pixels: Any) -> Any:
            self.n_traces += 1
            return rows(self._model, self._preprocess, pixels, self._compute)

        if keras.backend.backend() == "tensorflow":
            return _compile_tensorflow(computed, (batch_size, *self._shape), self._device)

        def call(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
            with keras.device(self._device):
                return np.asarray(keras.ops.convert_to_numpy(computed(batch)))

        return call


def rows(
    model: Any, preprocess: Callable[[Any], Any], pixels: Any, compute: str = "float32"
) -> Any:
    """Return what a frozen model computes of pixels (n, …), in Keras' tensors, float32.

    Raises
    ------
    UsageError
        When what comes out is not of the precision `compute`, where that is a reduced one.
    """
    keras = import_keras()
    x = keras.ops.cast(pixels, "float32")
    y = model(preprocess(x), training=False)
    said = keras.backend.standardize_dtype(y.dtype)
    if compute not in ("float32", said):
        raise UsageError(
            f"Keras does not compute this network in {compute}: {said} comes out",
            "--compute",
            "use float32",
        )
    return keras.ops.cast(y, "float32")


def _compile_tensorflow(
    rows: Callable[[Any], Any], shape: tuple[int, ...], device: str
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """Compile for TensorFlow.

    Freezing the variables into constants would be a tenth faster, but takes 1.5 GB more memory for
    ResNet50 (each constant is copied by the optimiser), beyond what an extraction may use.
    """
    import tensorflow as tf  # noqa: PLC0415 - 3 s that only an extraction with work pays

    with tf.device(device):
        compiled = tf.function(
            rows, input_signature=[tf.TensorSpec(shape, tf.uint8)], autograph=False
        )

    def call(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            with tf.device(device):
                return np.asarray(compiled(tf.constant(batch)).numpy())
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError(str(error)[:200]) from error

    return call


def open_engine(frozen: Frozen, *, devices: str | None) -> KerasEngine:
    """Return an engine on the device asked for, or on the best there is; see `catalog`.

    Raises
    ------
    UsageError
        No such device; the Keras of this process computes with OpenVINO's backend, which is made
        for graphs and slow without; it has another backend than the rows are of.
    OtherRowsError
        When reduced precision does not serve.
    """
    if import_keras().backend.backend() == "openvino":
        raise UsageError(
            "the Keras of this process computes with its OpenVINO backend",
            "--engine keras",
            "use --engine openvino, or another KERAS_BACKEND",
        )
    compute = _precision(frozen.compute)
    device, warning = _choose(devices)

    def engine(model: Any, compute: str) -> KerasEngine:
        return KerasEngine(
            model, frozen.preprocess, frozen.shape, frozen.batch_size, device, warning, compute
        )

    exact = engine(frozen.model(), "float32")
    if compute == "float32":
        return exact
    reduced = engine(_reduced(frozen.model(), compute), compute)
    reduced.spread = frozen.spread
    if reduced.spread is None:
        images = frozen.sample[:N_SPREAD]
        reduced.spread = spread(reduced(images), exact(images))
    return reduced


def _precision(arithmetic: str) -> str:
    """Return in what to compute, of what a recipe calls `bfloat16/keras-tensorflow`."""
    compute, _, of = arithmetic.partition("/")
    backend = import_keras().backend.backend()
    if of not in ("", f"keras-{backend}"):
        raise UsageError(
            f"the rows are of {arithmetic}, and Keras computes with {backend}",
            "--engine keras",
            f"set KERAS_BACKEND={of.removeprefix('keras-')}",
        )
    return compute


def _reduced(model: Any, compute: str) -> Any:
    """Return a copy of a model whose layers compute in fewer bits, from the same tensors."""
    keras = import_keras()
    policy = f"mixed_{compute}"
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    for layer in copy._flatten_layers():
        layer.dtype_policy = policy
    return copy


def _choose(asked: str | None) -> tuple[tuple[str, str], str | None]:
    """Return the device as (framework's name, name for people), and a warning."""
    keras = import_keras()
    names = [name.lower() for name in keras.distribution.list_devices()] or ["cpu:0"]
    if not any(name.startswith("cpu") for name in names):
        names.append("cpu:0")
    if asked is None:
        chosen = next((name for name in names if name.startswith("gpu")), "cpu:0")
    else:
        chosen = asked.lower() if ":" in asked else f"{asked.lower()}:0"
    if "," in chosen:
        raise UsageError("only one device can be used", "--devices", f"one of {', '.join(names)}")
    if chosen not in names:
        raise UsageError(f"there is no device {asked!r}", "--devices", f"one of {', '.join(names)}")
    warning = None
    if chosen.startswith("cpu") and asked is None and shutil.which("nvidia-smi"):
        warning = (
            "computing on the CPU although this machine has an NVIDIA GPU: "
            "pip install 'bottleneck-cache[gpu]'"
        )
    people = f"the CPU ({os.cpu_count()} threads)" if chosen.startswith("cpu") else chosen.upper()
    return (chosen, people), warning
