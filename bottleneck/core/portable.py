"""A network without a framework: what a backbone hands over and any engine can build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Portable:
    """A network that any framework can build, and what it must then compute.

    Attributes
    ----------
    build : callable
        `build(builder, x)` walks the network; a builder offers `conv(x, name, channels, kernel,
        stride)`, `relu(x, name)`, `add(x, y, name)` and `average(x, name)`. Zero
        padding is such that a convolution's output is ceil(input / stride) large.
    tensors : `{name.kernel: (h, w, in, out), name.bias: (out,)}`, float32
    images, rows : uint8 (k, height, width, 3) and the float32 rows (k, …) of plain Keras
    """

    build: Callable[[Any, Any], Any]
    tensors: Mapping[str, NDArray[np.float32]]
    images: NDArray[np.uint8]
    rows: NDArray[np.float32]
