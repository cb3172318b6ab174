"""Position embeddings of DINOv2 for another size of images, the same on every backend of Keras.

KerasHub resizes them when a preset is loaded, with the backend that Keras has; each rounds the
cubic kernel of Keys 1981 ("Cubic convolution interpolation for digital image processing") in its
own way, by up to 1e-3, and its tensors are part of the recipe. Here it is done as TensorFlow does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_A = -0.5  # of Keys' kernel
_STEPS = 1024  # TensorFlow has the kernel in a table of so many steps


def interpolate(tower: Any) -> None:
    """Give a network's interpolated position embeddings anew, where it has some."""
    for layer in tower._flatten_layers():
        if type(layer).__name__ != "DINOV2Embedding":
            continue
        known, wanted = layer.position_embedding_shape, layer.image_shape
        if tuple(known) == tuple(wanted):
            continue
        positions = np.asarray(layer.position_embeddings.numpy(), np.float64)
        side = int((positions.shape[1] - 1) ** 0.5)
        patches = positions[0, 1:].reshape(side, side, -1)
        down, across = (
            _kernel(side, pixels // layer.patch_size, antialias=layer.antialias_in_interpolation)
            for pixels in wanted
        )
        resized = np.einsum("ij,jkd,lk->ild", down, patches, across)
        found = np.concatenate([positions[0, :1], resized.reshape(-1, resized.shape[-1])])
        layer.interpolated_position_embeddings.assign(found[None].astype(np.float32))


def _kernel(known: int, wanted: int, *, antialias: bool) -> NDArray[np.float64]:
    """Return how much each of the known places (wanted, known) is of each wanted one."""
    scale = known / wanted
    centre = (np.arange(wanted)[:, None] + 0.5) * scale - 0.5
    place = np.arange(known)[None]
    if antialias:
        share = _keys((place - centre) / max(scale, 1.0))
    else:
        first = np.floor(centre)
        share = _keys(place - first - np.rint((centre - first) * _STEPS) / _STEPS)
    found: NDArray[np.float64] = share / share.sum(1, keepdims=True)
    return found


def _keys(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.abs(x)
    near = ((_A + 2) * x - (_A + 3)) * x * x + 1
    far = ((_A * x - 5 * _A) * x + 8 * _A) * x - 4 * _A
    found: NDArray[np.float64] = np.where(x <= 1, near, np.where(x < 2, far, 0.0))
    return found
