"""A convolution on feature maps, averaged over space: small, and it sees neighbourhoods."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.heads.network import KerasHead, dropout_layer, fit_network, glorot, load_network
from bottleneck.heads.options import spread
from bottleneck.heads.views import itself

if TYPE_CHECKING:
    from pathlib import Path

    from bottleneck.heads.task import Task

KIND = "conv"


def fit(task: Task) -> KerasHead:
    """Fit Conv2D, dropout, global average pooling, dropout, softmax; see `heads.task.Head.fit`.

    Raises
    ------
    UsageError
        Also for features that are not maps (height, width, channels), or smaller than the kernel.
    """
    options = task.options
    shape, kernel = tuple(itself(task.rows, task.views).shape[1:]), options["kernel"]
    if len(shape) != 3:
        raise UsageError(
            f"rows of shape {'x'.join(map(str, shape))} are not maps",
            "--head conv",
            "extract with --pooling none into another --cache, or use --head dense",
        )
    if kernel > min(shape[:2]):
        raise UsageError(
            f"{kernel} is larger than the maps, {shape[0]}x{shape[1]}",
            "--kernel",
            "give a smaller one",
        )
    dropout = spread(options["dropout"], 2)
    return fit_network(
        KIND,
        lambda: _build(shape, options["filters"], kernel, dropout, task.seed),
        replace(task, options={**options, "dropout": dropout}),
    )


def _build(
    shape: tuple[int, ...], filters: int, kernel: int, dropout: tuple[float, ...], seed: int
) -> tuple[Any, Any]:
    keras = import_keras()
    maps = keras.Input(shape, name="features")
    conv = keras.layers.Conv2D(
        filters, kernel, activation="relu", kernel_initializer=glorot(seed, 1), name="conv"
    )
    pooled = keras.layers.GlobalAveragePooling2D(name="average")
    x = pooled(dropout_layer(dropout[0], seed, 1)(conv(maps)))
    return maps, dropout_layer(dropout[1], seed, 2)(x)


def load(folder: Path) -> KerasHead:
    """Return the head that was saved there; see `heads.network.load_network`."""
    return load_network(folder, KIND)
