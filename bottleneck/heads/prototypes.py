"""The prototypes head: each class is the mean of its rows, and a row is of the nearest one.

Made for few labels. Of rows only the direction counts (`unit_rows`). The mean of n rows is shrunk
towards the mean of all by n / (n + shrinkage), because the mean of few rows is mostly chance (James
and Stein 1961). Probabilities are the softmax of -sharpness/2 · squared distance. Both numbers are
those of the lowest loss: on validation rows, which then join the means, or without such rows on
the training rows, each judged by the means of the other groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.frameworks import import_keras
from bottleneck.core.guest import as_guest
from bottleneck.heads import tensors
from bottleneck.heads.design_matrix import design_matrix
from bottleneck.heads.groups import groups_of, judgeable
from bottleneck.heads.metrics import log_loss
from bottleneck.heads.softmax_regression import softmax
from bottleneck.heads.split import rows_to_fit
from bottleneck.heads.unit_rows import Directions, directions, loaded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.heads.task import Task

SHRINKAGES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)  # so many rows of no class in each mean
SHARPNESSES = tuple(2.0 ** (exponent / 2) for exponent in range(17))
LEAST_ROWS = np.float32(1e-6)  # of a class that has none, which nothing is to be divided by
_SHAPES = {"weights": ("d", "k"), "bias": ("k",)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prototypes(tensors.Fitted):
    """A fitted prototypes head.

    Attributes
    ----------
    weights : (d, k) float32, bias : (k,) float32
        Of directions: logits that differ from -sharpness/2 · squared distance by what is the same
        for all classes.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    directions: Directions
    epochs: int = 1

    @property
    def parameters(self) -> int:
        """How many numbers were fitted."""
        return self.weights.size + self.bias.size

    def predict(self, features: Any) -> NDArray[np.float32]:
        """Return probabilities (n, k) float32 of features (n, …); see `heads.task.Fitted`."""
        d, k = self.weights.shape
        return tensors.predicted(
            features, d, k, lambda x: softmax(self.directions.of(x) @ self.weights + self.bias)
        )

    @as_guest()
    def append(self, rows: Any) -> Any:
        """Return probabilities (n, k) of a Keras tensor of rows; see `heads.task.Fitted`."""
        keras = import_keras()
        dense = keras.layers.Dense(len(self.bias), activation="softmax", name="probabilities")
        y = dense(self.directions.append(rows))
        dense.set_weights([self.weights, self.bias])
        return y

    def save(self, folder: Path) -> None:
        """Write head.safetensors and head.json."""
        found = {"weights": self.weights, "bias": self.bias, **self.directions.tensors}
        tensors.save(folder, "prototypes", self.options, found)


def load(folder: Path) -> Prototypes:
    """Return the head that `save` wrote; DamagedError when its files are not such."""
    dtypes = dict.fromkeys(_SHAPES, np.float32)
    how, found, options = loaded(folder, _SHAPES, dtypes, "prototypes")
    return Prototypes(weights=found["weights"], bias=found["bias"], directions=how, options=options)


def fit(task: Task) -> Prototypes:
    """Average the rows of each class; see `heads.task.Head.fit`."""
    train, validation = rows_to_fit(task)
    views, images = task.views, np.concatenate([train, validation])
    n, n_all, k = len(train), len(images), task.n_outputs
    x = design_matrix(task.rows, images, views, n)
    y = task.targets[images]
    how = directions(x.between(0, n))
    rows = how.of_matrix(x.between(0, n)).reshape(n, views, -1).mean(axis=1)
    means = Means(rows, y[:n], k)
    groups = groups_of(task, train)
    some = judgeable(groups, y[:n])
    judged, answers = rows, y[some]
    if len(validation):
        judged, answers = how.of_matrix(x.between(n, n_all).first_views()), y[n:]

    def logits(shrinkage: float) -> NDArray[np.float32]:
        if len(validation):
            return _logits(judged, means.shrunk(shrinkage))
        return means.by_the_others(rows, y, groups, shrinkage)[some]

    shrinkage, sharpness, loss = chosen(logits, answers)
    said = {"epoch": 1, "loss": loss}
    probabilities = np.zeros((0, k), np.float32)
    if len(validation):
        probabilities = softmax(np.float32(sharpness) * logits(shrinkage))
        accuracy = float((probabilities.argmax(axis=1) == answers).mean())
        said |= {"validation_loss": loss, "validation_accuracy": accuracy}
        fitted = softmax(sharpness * _logits(rows, means.shrunk(shrinkage)))
        said["loss"] = log_loss(fitted, y[:n])
        more = how.of_matrix(x.between(n, n_all)).reshape(n_all - n, views, -1).mean(axis=1)
        means = Means(np.concatenate([rows, more]), y, k)
    task.reporter.say(" ".join(f"{key} {value:.4g}" for key, value in said.items()))
    prototypes = means.shrunk(shrinkage)
    return Prototypes(
        weights=np.asarray(sharpness * prototypes.T, np.float32),
        bias=np.asarray(-sharpness / 2 * (prototypes**2).sum(axis=1), np.float32),
        directions=how,
        options={
            **task.options,
            "shrinkage": shrinkage,
            "sharpness": sharpness,
            "seed": task.seed,
        },
        history=(said,),
        validation=probabilities,
    )


class Means:
    """The mean of the rows (n, d) of each of k classes."""

    def __init__(self, rows: NDArray[np.float32], y: NDArray[np.int32], k: int) -> None:
        self._counts = np.bincount(y, minlength=k).astype(np.float32)
        self._sums = np.zeros((k, rows.shape[1]), np.float32)
        for c in np.unique(y):
            self._sums[c] = rows[y == c].sum(axis=0, dtype=np.float64)

    def shrunk(self, shrinkage: float) -> NDArray[np.float32]:
        """Return the means (k, d), each with so many rows of the mean of all, which is zero.

        A class without a row is that mean.
        """
        n = self._counts + np.float32(shrinkage)
        return np.asarray(self._sums / np.maximum(n, LEAST_ROWS)[:, None], np.float32)

    def by_the_others(
        self,
        rows: NDArray[np.float32],
        y: NDArray[np.int32],
        groups: NDArray[np.int64],
        shrinkage: float,
    ) -> NDArray[np.float32]:
        """Return logits (n, k) of the rows that the means are of, each without its group.

        Parameters
        ----------
        groups : (n,), of each row, from zero
        """
        logits = _logits(rows, self.shrunk(shrinkage))
        for c in np.unique(y):
            mine = y == c
            there, which, counts = np.unique(groups[mine], return_inverse=True, return_counts=True)
            of = np.full(groups.max() + 1, -1)
            of[there] = np.arange(len(there))
            at = np.flatnonzero(of[groups] >= 0)
            sums = np.zeros((len(there), rows.shape[1]), np.float32)
            np.add.at(sums, which, rows[mine])
            n = self._counts[c] - counts.astype(np.float32)
            others = self._sums[c] - sums
            others[n == 0] = 0  # of no row, which rounding may miss
            others /= np.maximum(n + np.float32(shrinkage), LEAST_ROWS)[:, None]
            lengths = (others**2).sum(axis=1)
            which = of[groups[at]]
            logits[at, c] = (rows[at] * others[which]).sum(axis=1) - lengths[which] / 2
        return logits


def _logits(rows: NDArray[np.float32], means: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows @ means.T - (means**2).sum(axis=1) / 2, np.float32)


def chosen(
    logits: Callable[[float], NDArray[np.float32]], y: NDArray[np.int32]
) -> tuple[float, float, float]:
    """Return the shrinkage and the sharpness of the lowest loss, and that loss."""
    best = (SHRINKAGES[0], SHARPNESSES[0], np.inf)
    for shrinkage in SHRINKAGES:
        found = logits(shrinkage)
        for sharpness in SHARPNESSES:
            loss = log_loss(softmax(sharpness * found), y)
            if loss < best[2]:
                best = (shrinkage, sharpness, loss)
    return best
