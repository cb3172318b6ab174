"""Weights drawn by numpy from a seed: the same on every backend of Keras and every machine.

Keras' own initialisers draw otherwise on each backend. Each tensor has a stream of its own, of the
raw numbers of PCG64, which numpy promises never to change.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A kernel's variance is 2 / fan-in, by He et al. 2015, "Delving Deep into Rectifiers": what a layer
# gives is about as large as what it was given. What multiplies is near 1, what is added near 0.
GAIN = 2.0
AROUND = {
    "moving_variance": (1.0, 0.1),
    "beta": (0.0, 0.05),
    "moving_mean": (0.0, 0.05),
    "bias": (0.0, 0.05),
}
# What ends a branch of a residual network is a quarter of that: a hundred branches must not add up
# to what no float16 holds. What goes into a smooth gate, which takes some away, is a little more.
BRANCH, GATE = 0.25, 1.15
OPEN = (2.0, 0.05)  # the bias of a gate between 0 and 1: it lets nine tenths through
GATES = {"silu", "swish", "hard_silu", "hard_swish"}


def give_drawn(model: Any, seed: int) -> None:
    """Give a keras.Model weights that are drawn from a seed, layer by layer in its order."""
    number = 0
    for layer in model.layers:
        if type(layer).__name__ == "Normalization":  # of pixels: it computes what it was told
            continue
        for weight in layer.weights:
            around = _around(layer, weight.name, tuple(weight.shape))
            weight.assign(drawn(seed, number, tuple(weight.shape), *around))
            number += 1


def drawn(
    seed: int, number: int, shape: tuple[int, ...], middle: float, reach: float
) -> NDArray[np.float32]:
    """Return a tensor uniform on middle ± reach; `number` says which of this seed's it is."""
    count = math.prod(shape)
    raw = np.random.PCG64(np.random.SeedSequence([seed, number])).random_raw(-(-count // 2))
    halves = np.asarray(raw, "<u8").view("<u4")[:count]
    unit = (halves >> np.uint32(8)).astype(np.float32)  # 24 bits: each is a float32
    unit *= np.float32(2 * reach / 2**24)
    unit += np.float32(middle - reach)
    return unit.reshape(shape)


def _around(layer: Any, name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """Return the middle of a weight's values, and how far from it they reach."""
    scale = _scale(layer)
    if name == "gamma":
        return scale, 0.1 * scale
    if name == "bias" and getattr(getattr(layer, "activation", None), "__name__", "") == "sigmoid":
        return OPEN
    if name in AROUND:
        return AROUND[name]
    one_channel_each = name == "depthwise_kernel" or "Depthwise" in type(layer).__name__
    fan_in = math.prod(shape[: -2 if one_channel_each else -1])  # numbers that each sum is of
    reach = math.sqrt(3 * GAIN / max(1, fan_in))
    return 0.0, reach * scale


def _scale(layer: Any) -> float:
    """Return how large what a layer gives should be, by what it goes into."""
    into = [node.operation for node in layer._outbound_nodes]
    if any(type(operation).__name__ == "Add" for operation in into):
        return BRANCH
    gated = [getattr(getattr(one, "activation", None), "__name__", "") for one in [layer, *into]]
    return GATE if GATES & set(gated) else 1.0
