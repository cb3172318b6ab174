"""From a frozen network to OpenVINO's own form, with or without Keras.

Keras does it where it computes with its OpenVINO backend: called on a symbolic input, a network is
OpenVINO's graph. The graph takes uint8 pixels (n, height, width, channels) and gives float32 rows;
cast, preprocessing and pooling are inside.
"""

from __future__ import annotations

import contextlib
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.frameworks import import_openvino
from bottleneck.engines import keras

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.portable import Portable
    from bottleneck.engines.engine import Frozen

XML = "network.xml"  # beside it the tensors, network.bin


def trace(model: Any, preprocess: Callable[[Any], Any], shape: tuple[int, int, int]) -> Any:
    """Return a keras.Model as an openvino.Model with a free batch axis, its channels last.

    Keras must compute with its OpenVINO backend. What a layer raises that this backend cannot
    express is its own.
    """
    from keras.src.backend.openvino.core import OpenVINOKerasTensor  # noqa: PLC0415

    ov = import_openvino()
    pixels = ov.opset13.parameter([-1, *shape], np.uint8, name="pixels")
    with _tiles_of_any_number():
        rows = keras.rows(
            lambda x: model(x, training=False),
            OpenVINOKerasTensor(pixels.output(0)),
            preprocess=preprocess,
        )
    return ov.Model([ov.opset13.result(rows.output)], [pixels], "network")


@contextlib.contextmanager
def _tiles_of_any_number() -> Iterator[None]:
    """Let Keras' `tile` repeat as often as there are images: class tokens are put before each.

    Its OpenVINO backend takes such a number wherever a shape is meant, but for this.
    """
    backend: Any = import_module("keras.src.backend.openvino.numpy")
    core: Any = import_module("keras.src.backend.openvino.core")
    ov, plain = import_openvino(), backend.tile

    def tile(x: Any, repeats: Any) -> Any:
        if isinstance(repeats, list | tuple):
            numbers = ov.opset13.convert(core.shape_to_ov_output(repeats), np.int64)
            repeats = core.OpenVINOKerasTensor(numbers.output(0))
        return plain(x, repeats)

    backend.tile = tile
    try:
        yield
    finally:
        backend.tile = plain


def save(network: Any, folder: Path) -> None:
    """Write a network into a folder, every number as it is."""
    import_openvino().save_model(network, folder / XML, compress_to_fp16=False)


class OpenVinoBuilder:
    """Builds a portable network of OpenVINO's operations; tensors are (n, channels, h, w)."""

    def __init__(self, tensors: Mapping[str, NDArray[np.float32]]) -> None:
        self.ops = import_openvino().opset13
        self.tensors = tensors

    def conv(self, x: Any, name: str, channels: int, kernel: int, stride: int) -> Any:
        """Convolve and add the bias; see `core.portable`."""
        weights = self.tensors[f"{name}.kernel"].transpose(3, 2, 0, 1)  # out, in, h, w
        assert weights.shape[0] == channels
        assert weights.shape[2:] == (kernel, kernel)
        y = self.ops.convolution(
            x,
            self.ops.constant(np.ascontiguousarray(weights)),
            strides=[stride, stride],
            pads_begin=[0, 0],
            pads_end=[0, 0],
            dilations=[1, 1],
            auto_pad="same_upper",
        )
        return self.ops.add(y, self.ops.constant(self.tensors[f"{name}.bias"].reshape(1, -1, 1, 1)))

    def relu(self, x: Any, name: str) -> Any:
        """Return max(x, 0)."""
        return self.ops.relu(x, name=name)

    def add(self, x: Any, y: Any, name: str) -> Any:
        """Return x + y."""
        return self.ops.add(x, y, name=name)

    def average(self, x: Any, name: str) -> Any:
        """Return the mean over height and width, (n, channels)."""
        axes = self.ops.constant(np.array([2, 3], np.int64))
        return self.ops.reduce_mean(x, axes, keep_dims=False, name=name)


def build(frozen: Frozen, portable: Portable) -> Any:
    """Return a portable network as an openvino.Model with a free batch axis."""
    ov = import_openvino()
    ops = ov.opset13
    pixels = ops.parameter([-1, *frozen.size, 3], np.uint8, name="pixels")
    x = frozen.preprocess(ops.convert(pixels, "f32"))
    x = ops.transpose(x, ops.constant(np.array([0, 3, 1, 2], np.int64)))
    rows = portable.build(OpenVinoBuilder(portable.tensors), x)
    return ov.Model([ops.result(rows)], [pixels], "network")
