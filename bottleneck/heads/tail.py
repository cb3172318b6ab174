"""Fine-tuning from a cached cut: the layers behind it, with a new softmax in the end.

They start from their own weights and are trained on the cached maps, so an epoch costs what the
top of the network costs. It is what training the whole network is with everything before the cut
frozen and no augmentation. What is saved is the whole: one model from pixels to probabilities.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from bottleneck.core.frameworks import generators_kept, import_keras
from bottleneck.heads.network import KerasHead, fit_network, load_network, whole_model
from bottleneck.heads.training import seed_of

if TYPE_CHECKING:
    from pathlib import Path

    from bottleneck.heads.task import Behind, Task

KIND = "tail"


def fit(task: Task) -> KerasHead:
    """Train the layers behind the cut and a new softmax; see `heads.task.Head.fit`.

    Raises
    ------
    UsageError
        Also when the network cannot go on from these features.
    """
    if task.network is None:
        raise ValueError("a tail needs the network that made the features")
    load_behind = cache(task.network)
    # Not averaged: small steps from good weights, of few epochs, need none and would lag behind.
    head = fit_network(KIND, lambda: _build(load_behind(), task.seed), task, is_averaged=False)
    with generators_kept():
        whole = whole_model(load_behind().front(), str(task.rows.dtype), head.append)
    return replace(head, whole=whole)


def _build(behind: Behind, seed: int) -> tuple[Any, Any]:
    keras = import_keras()
    layers = behind.layers(lambda number: seed_of(seed, number))
    is_maps = len(layers.output_shape) == 4
    pool = keras.layers.GlobalAveragePooling2D if is_maps else keras.layers.Flatten
    return layers.input, pool(name="pooled")(layers.output)


def load(folder: Path) -> KerasHead:
    """Return the head that was saved there; see `heads.network.load_network`."""
    return load_network(folder, KIND, inside=True)
