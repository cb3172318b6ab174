"""The linear head: softmax regression on standardised features (see `softmax_regression`).

The strength of the lowest validation loss is taken. Then the head is fitted once more to training
and validation rows together at that strength (per row, as a prior does); the validation figures
are of the fit before. Labels of which a row may have several, and numbers: `linear_targets`.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DamagedError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.guest import as_guest
from bottleneck.heads import linear_targets, tensors
from bottleneck.heads.catalog import ADVICE
from bottleneck.heads.design_matrix import design_matrix
from bottleneck.heads.masked_regression import sigmoid
from bottleneck.heads.softmax_regression import (
    TOLERANCE,
    Problem,
    minimise,
    path,
    probabilities,
    softmax,
)
from bottleneck.heads.split import rows_to_fit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.heads.task import Task

LINKS: Mapping[str, Callable[[NDArray[Any]], NDArray[np.float32]]] = MappingProxyType(
    {"class": softmax, "labels": sigmoid, "numbers": np.asarray}
)
ACTIVATIONS = MappingProxyType({"class": "softmax", "labels": "sigmoid", "numbers": "linear"})
_SHAPES = {"weights": ("d", "k"), "bias": ("k",), "mean": ("d",), "scale": ("d",)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear(tensors.Fitted):
    """A fitted linear head.

    Attributes
    ----------
    weights : (d, k) float32, bias : (k,) float32
        Of standardised features.
    mean, scale : (d,) float32
        What standardises: (x - mean) / scale.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]

    @property
    def kind(self) -> str:
        """What it predicts: see `heads.task.Task`."""
        return str(self.options.get("kind", "class"))

    @property
    def parameters(self) -> int:
        """How many numbers were fitted."""
        return self.weights.size + self.bias.size

    def predict(self, features: Any) -> NDArray[np.float32]:
        """Return probabilities or numbers (n, k) float32 of features (n, …).

        Raises
        ------
        DataError
            When a row is of another length, or holds a value that is too large or no finite number.
        """
        (d, k), activate = self.weights.shape, LINKS[self.kind]

        def block_of(block: NDArray[np.float32]) -> NDArray[np.float32]:
            logits = np.asarray((block - self.mean) / self.scale @ self.weights + self.bias)
            is_finite = np.isfinite(logits).all(axis=1, keepdims=True)
            return np.where(is_finite, activate(logits), np.float32(np.nan))

        return tensors.predicted(features, d, k, block_of)

    @as_guest()
    def append(self, rows: Any) -> Any:
        """Return probabilities (n, k) of a Keras tensor of rows; see `heads.task.Fitted`."""
        keras = import_keras()
        centre = keras.layers.Normalization(name="centre")
        activation = ACTIVATIONS[self.kind]
        dense = keras.layers.Dense(len(self.bias), activation=activation, name="probabilities")
        x = keras.layers.Flatten(name="features")(rows)
        y = dense(centre(x))
        # Subtracted first, as in `predict`: folded into the bias, a large mean would cost digits.
        centre.set_weights([self.mean, np.ones_like(self.mean), np.zeros((), np.int32)])
        centre.finalize_state()
        dense.set_weights([self.weights / self.scale[:, None], self.bias])
        return y

    def save(self, folder: Path) -> None:
        """Write head.safetensors and head.json."""
        tensors.save(
            folder,
            "linear",
            self.options,
            {name: getattr(self, name) for name in _SHAPES},
        )


def load(folder: Path) -> Linear:
    """Return the head that `save` wrote; DamagedError when its files are not such."""
    found, options = tensors.load(folder, _SHAPES, dict.fromkeys(_SHAPES, np.float32))
    if not (found["scale"] > 0).all():
        raise DamagedError("not a linear head (a scale that is not above zero)", folder, ADVICE)
    if options.get("kind", "class") not in LINKS:
        raise DamagedError("not a linear head (predictions of no kind)", folder, ADVICE)
    return Linear(
        weights=found["weights"],
        bias=found["bias"],
        mean=found["mean"],
        scale=found["scale"],
        options=options,
    )


def fit(task: Task) -> Linear:
    """Fit a linear head; see `heads.task.Head.fit`."""
    if task.kind != "class":
        return Linear(**linear_targets.fit(task))
    train, validation = rows_to_fit(task)
    # Training rows first, so that some rows are either; validation rows join for the last fit.
    # Every view is a row, and in a mean of as many of each image they weigh as much as one of it.
    views, images = task.views, np.concatenate([train, validation])
    n, n_all = len(train), len(images)
    y = task.targets[images]
    x = design_matrix(task.rows, images, views, n)
    problem = Problem(x.between(0, n), np.repeat(y[:n], views), task.n_outputs)
    judged = x.between(n, n_all).first_views()
    best, history, epochs = path(problem, judged, y[n:], task.reporter.say)
    theta, strength = best
    chosen = probabilities(judged, theta)
    if len(validation):
        whole = Problem(x, np.repeat(y, views), task.n_outputs, problem.basis)
        theta, _, steps = minimise(whole, theta, strength * n / n_all, TOLERANCE)
        epochs += steps
    return Linear(
        weights=theta[:-1].astype(np.float32),
        bias=theta[-1].astype(np.float32),
        mean=x.mean,
        scale=x.scale,
        options={**task.options, "strength": strength, "seed": task.seed},
        history=tuple(history),
        validation=chosen,
        epochs=epochs,
    )
