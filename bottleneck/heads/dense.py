"""Fully connected layers on flattened features, each with dropout; without any, a softmax alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bottleneck.core.frameworks import import_keras
from bottleneck.heads.network import KerasHead, dropout_layer, fit_network, glorot, load_network
from bottleneck.heads.options import spread
from bottleneck.heads.views import itself

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

KIND = "dense"


def fit(
    features: Any,
    labels: NDArray[np.int32],
    split: NDArray[np.uint8],
    *,
    seed: int,
    n_classes: int,
    options: Mapping[str, Any],
    report: Callable[[str], None],
    network: object = None,
    views: int = 1,
) -> KerasHead:
    """Fit `units` ReLU layers and a softmax; see `heads.catalog.Head.fit`."""
    units = options["units"]
    dropout = spread(options["dropout"], len(units))
    shape = tuple(itself(features, views).shape[1:])
    return fit_network(
        KIND,
        lambda: _build(shape, units, dropout, seed),
        features,
        labels,
        split,
        seed=seed,
        n_classes=n_classes,
        options={**options, "dropout": dropout},
        report=report,
        views=views,
    )


def _build(
    shape: tuple[int, ...], units: tuple[int, ...], dropout: tuple[float, ...], seed: int
) -> tuple[Any, Any]:
    keras = import_keras()
    rows = keras.Input(shape, name="features")
    x = keras.layers.Flatten(name="flatten")(rows) if len(shape) != 1 else rows
    for number, (n, rate) in enumerate(zip(units, dropout, strict=True), 1):
        dense = keras.layers.Dense(
            n, "relu", kernel_initializer=glorot(seed, number), name=f"dense_{number}"
        )
        drop = dropout_layer(rate, seed, number)
        x = drop(dense(x))
    return rows, x


def load(folder: Path) -> KerasHead:
    """Return the head that was saved there; see `heads.network.load_network`."""
    return load_network(folder, KIND)
