"""Fully connected layers on flattened features, each with dropout; without any, a softmax alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bottleneck.core.frameworks import import_keras
from bottleneck.heads.network import KerasHead, dropout_layer, fit_network, glorot, load_network
from bottleneck.heads.options import spread
from bottleneck.heads.views import itself

if TYPE_CHECKING:
    from pathlib import Path

    from bottleneck.heads.task import Task

KIND = "dense"


def fit(task: Task) -> KerasHead:
    """Fit `units` ReLU layers and a softmax; see `heads.task.Head.fit`."""
    options, seed = task.options, task.seed
    units = options["units"]
    dropout = spread(options["dropout"], len(units))
    shape = tuple(itself(task.rows, task.views).shape[1:])
    return fit_network(
        KIND,
        lambda: _build(shape, units, dropout, seed),
        replace(task, options={**options, "dropout": dropout}),
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
