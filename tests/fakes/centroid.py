"""A head that answers by the nearest class mean of standardised features.

A head that the tests add: copied into bottleneck/heads/, with one line in its catalog.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import files
from bottleneck.core.errors import DamagedError, DataError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.sealed import read_beside, seal, unseal
from bottleneck.heads.catalog import ADVICE, HEAD_FILE
from bottleneck.heads.metrics import log_loss
from bottleneck.heads.softmax_regression import softmax
from bottleneck.heads.split import rows_to_fit
from bottleneck.heads.training import gather
from bottleneck.heads.views import itself

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.heads.task import Task

_FILE = "means.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Centroids:
    """The means of the classes, as the weights and bias of what they answer."""

    tensors: Mapping[str, NDArray[np.float32]]  # mean, scale (d,), weights (d, k), bias (k,)
    options: Mapping[str, Any]
    history: tuple[Mapping[str, float], ...] = ()
    validation: NDArray[np.float32]

    @property
    def epochs(self) -> int:
        """One look at the rows is enough."""
        return 1

    @property
    def parameters(self) -> int:
        """A mean for each class."""
        return self.tensors["weights"].size

    @property
    def frozen(self) -> int:
        """Nothing in it stays as it was."""
        return 0

    @property
    def versions(self) -> Mapping[str, str]:
        """None beside numpy."""
        return {}

    def predict(self, rows: Any) -> NDArray[np.float32]:
        """Return probabilities (n, k) of rows (n, …)."""
        x = _flat(gather(rows, np.arange(len(rows)), "predict"))
        if x.shape[1] != len(self.tensors["mean"]):
            raise DataError("rows of another length", "predict", "use rows of the run's recipe")
        z = (x - self.tensors["mean"]) / self.tensors["scale"]
        return softmax(z @ self.tensors["weights"] + self.tensors["bias"])

    def append(self, rows: Any) -> Any:
        """Return probabilities of a Keras tensor of rows."""
        keras = import_keras()
        centre = keras.layers.Normalization()
        dense = keras.layers.Dense(len(self.tensors["bias"]), activation="softmax")
        y = dense(centre(keras.layers.Flatten()(rows)))
        mean, scale = self.tensors["mean"], self.tensors["scale"]
        centre.set_weights([mean, np.ones_like(mean), np.zeros((), np.int32)])
        centre.finalize_state()
        dense.set_weights([self.tensors["weights"] / scale[:, None], self.tensors["bias"]])
        return y

    def save(self, folder: Path) -> None:
        """Write the means and head.json."""
        from safetensors.numpy import save

        files.write_synced(folder / _FILE, save(dict(self.tensors)))
        content = {"head": "centroid", "options": dict(self.options)}
        files.write_synced(folder / HEAD_FILE, seal(content, folder, [_FILE]))


def fit(task: Task) -> Centroids:
    """Take the mean of each class; see `heads.task.Head.fit`."""
    train, validation = rows_to_fit(task)
    images, k = itself(task.rows, task.views), task.n_outputs
    x, y = _flat(gather(images, train, "train")), task.targets[train]
    gather(images, validation, "train")
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale <= 1e-6 * np.abs(mean)] = 1
    z = (x - mean) / scale
    means = np.stack([z[y == i].mean(axis=0) if (y == i).any() else 0 * mean for i in range(k)])
    sharp = np.float32(task.options["sharpness"])
    bias = np.where(np.isin(np.arange(k), y), -sharp * (means**2).sum(axis=1), -1e9)
    tensors = {"mean": mean, "scale": scale, "weights": 2 * sharp * means.T, "bias": bias}
    tensors = {name: np.ascontiguousarray(value, np.float32) for name, value in tensors.items()}
    head = Centroids(tensors=tensors, options=task.options, validation=np.zeros((0, k), "f4"))
    entry = {"epoch": 1, "loss": log_loss(head.predict(x), y)}
    said = head.predict(gather(images, validation, "train"))
    if len(validation):
        truth = task.targets[validation]
        entry["validation_loss"] = log_loss(said, truth)
        entry["validation_accuracy"] = float((said.argmax(axis=1) == truth).mean())
    task.reporter.say(f"loss {entry['loss']:.4g}")
    return Centroids(tensors=tensors, options=task.options, history=(entry,), validation=said)


def load(folder: Path) -> Centroids:
    """Return the head that `save` wrote."""
    from safetensors.numpy import load as parse

    description = unseal(folder / HEAD_FILE, ADVICE)
    try:
        tensors = parse(read_beside(folder / HEAD_FILE, description, _FILE, ADVICE))
        options = dict(description["options"])
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"not a centroid head ({error})", folder / _FILE, ADVICE) from error
    none = np.zeros((0, len(tensors["bias"])), np.float32)
    return Centroids(tensors=tensors, options=options, validation=none)


def _flat(rows: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(rows, np.float32).reshape(len(rows), int(np.prod(rows.shape[1:])))
