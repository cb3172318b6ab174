"""A Keras model compiled for one batch shape on one device, by each of Keras' backends.

All compute IEEE float32 (no TF32), and on a GPU by operations that are deterministic, where the
backend has them: `core.frameworks` asks TensorFlow for both, here the other two are asked.
"""

from __future__ import annotations

from contextlib import nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.frameworks import import_keras

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Call = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
    Rows = Callable[[Callable[[Any], Any], Any], Any]


def compiled(model: Any, rows: Rows, shape: tuple[int, ...], device: str) -> Call:
    """Return the call from uint8 pixels (n, height, width, channels) to float32 rows (n, …).

    Parameters
    ----------
    model : keras.Model, its tensors on `device`, where the backend keeps them on one
    rows : callable
        Returns the rows, given what calls the network, and pixels; in tensors of the backend.
    shape : of the pixels
    device : as Keras names it, such as gpu:0

    The call raises MemoryError when the device has no memory left.
    """
    backend = import_keras().backend.backend()
    return {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend](
        model, rows, shape, device
    )


def _tensorflow(model: Any, rows: Rows, shape: tuple[int, ...], device: str) -> Call:
    """Compile for TensorFlow.

    Freezing the variables into constants would be a tenth faster, but takes 1.5 GB more memory for
    ResNet50 (each constant is copied by the optimiser), beyond what an extraction may use.
    """
    import tensorflow as tf  # noqa: PLC0415 - 3 s that only an extraction with work pays

    with tf.device(device):
        function = tf.function(
            lambda pixels: rows(lambda x: model(x, training=False), pixels),
            input_signature=[tf.TensorSpec(shape, tf.uint8)],
            autograph=False,
        )

    def call(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            with tf.device(device):
                return np.asarray(function(tf.constant(batch)).numpy())
        except tf.errors.ResourceExhaustedError as error:
            raise MemoryError(str(error)[:200]) from error

    return call


def _jax(model: Any, rows: Rows, shape: tuple[int, ...], device: str) -> Call:
    """Compile for JAX, the network's tensors copied to the device once."""
    jax: Any = import_module("jax")
    del shape  # the first batch says it
    kind, _, number = device.partition(":")
    place = jax.devices(kind)[int(number)]
    tensors = jax.device_put(
        (
            [variable.value for variable in model.trainable_variables],
            [variable.value for variable in model.non_trainable_variables],
        ),
        place,
    )

    def computed(tensors: Any, pixels: Any) -> Any:
        return rows(lambda x: model.stateless_call(*tensors, x, training=False)[0], pixels)

    function = jax.jit(computed)

    def call(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        try:
            # Its default on a GPU is TF32.
            with jax.default_matmul_precision("highest"):
                return np.asarray(function(tensors, jax.device_put(batch, place)))
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            raise MemoryError(str(error)[:200]) from error

    return call


def _torch(model: Any, rows: Rows, shape: tuple[int, ...], device: str) -> Call:
    """Return the call of PyTorch, which compiles nothing."""
    torch: Any = import_module("torch")
    del shape
    keras = import_keras()
    is_cpu = device.startswith("cpu")

    def call(batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        exact = (
            nullcontext()
            if is_cpu
            else torch.backends.cudnn.flags(
                enabled=True, benchmark=False, deterministic=True, allow_tf32=False
            )
        )
        try:
            with exact, torch.inference_mode(), keras.device(device):
                y = rows(lambda x: model(x, training=False), keras.ops.convert_to_tensor(batch))
                return np.asarray(keras.ops.convert_to_numpy(y))
        except torch.OutOfMemoryError as error:
            raise MemoryError(str(error)[:200]) from error

    return call
