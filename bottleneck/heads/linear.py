"""The linear head: softmax regression on standardised features (see `softmax_regression`).

How strongly it is regularised, `strength` chooses. Then the head is fitted once more to training
and validation rows together at that strength (per row, as a prior does); the validation figures are
of the fit before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DamagedError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.guest import as_guest
from bottleneck.heads import strength as strengths
from bottleneck.heads import tensors
from bottleneck.heads.catalog import ADVICE
from bottleneck.heads.design_matrix import design_matrix
from bottleneck.heads.metrics import log_loss
from bottleneck.heads.softmax_regression import (
    TOLERANCE,
    Problem,
    minimise,
    probabilities,
    softmax,
)
from bottleneck.heads.split import rows_to_fit

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.heads.design_matrix import DesignMatrix
    from bottleneck.heads.task import Task

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
    def parameters(self) -> int:
        """How many numbers were fitted."""
        return self.weights.size + self.bias.size

    def predict(self, features: Any) -> NDArray[np.float32]:
        """Return probabilities (n, k) float32 of features (n, …).

        Raises
        ------
        DataError
            When a row is of another length, or holds a value that is too large or no finite number.
        """
        d, k = self.weights.shape

        def block_of(block: NDArray[np.float32]) -> NDArray[np.float32]:
            logits = np.asarray((block - self.mean) / self.scale @ self.weights + self.bias)
            is_finite = np.isfinite(logits).all(axis=1, keepdims=True)
            return np.where(is_finite, softmax(logits), np.float32(np.nan))

        return tensors.predicted(features, d, k, block_of)

    @as_guest()
    def append(self, rows: Any) -> Any:
        """Return probabilities (n, k) of a Keras tensor of rows; see `heads.task.Fitted`."""
        keras = import_keras()
        centre = keras.layers.Normalization(name="centre")
        dense = keras.layers.Dense(len(self.bias), activation="softmax", name="probabilities")
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
    return Linear(
        weights=found["weights"],
        bias=found["bias"],
        mean=found["mean"],
        scale=found["scale"],
        options=options,
    )


def fit(task: Task) -> Linear:
    """Fit a linear head; see `heads.task.Head.fit`."""
    train, validation = rows_to_fit(task)
    # Training rows first, so that some rows are either; validation rows join for the last fit.
    # Every view is a row, and in a mean of as many of each image they weigh as much as one of it.
    views, images = task.views, np.concatenate([train, validation])
    n, n_all = len(train), len(images)
    y = task.targets[images]
    x = design_matrix(task.rows, images, views, n)
    mine, judged = x.between(0, n), x.between(n, n_all).first_views()
    problem = Problem(mine, np.repeat(y[:n], views), task.n_outputs)
    strength, theta, history, epochs = _choose(task, mine, y[:n], problem, judged, y[n:])
    theta, loss, steps = minimise(problem, theta, strength, TOLERANCE)
    epochs += steps
    entry = {"epoch": epochs, "strength": strength, "loss": loss}
    chosen = probabilities(judged, theta)
    if len(validation):
        entry["validation_loss"] = log_loss(chosen, y[n:])
        entry["validation_accuracy"] = float((chosen.argmax(axis=1) == y[n:]).mean())
        whole = Problem(x, np.repeat(y, views), task.n_outputs, problem.basis)
        theta, _, steps = minimise(whole, theta, strength * n / n_all, TOLERANCE)
        epochs += steps
    return Linear(
        weights=theta[:-1].astype(np.float32),
        bias=theta[-1].astype(np.float32),
        mean=x.mean,
        scale=x.scale,
        options={**task.options, "strength": strength, "seed": task.seed},
        history=(*history, entry),
        validation=chosen,
        epochs=epochs,
    )


def _choose(
    task: Task,
    x: DesignMatrix,
    y: NDArray[np.int32],
    problem: Problem,
    judged: DesignMatrix,
    answers: NDArray[np.int32],
) -> tuple[float, NDArray[np.float32], list[dict[str, float]], int]:
    """Return the strength for the training rows, weights near its fit, how it was found, steps."""
    if strengths.can_be_folded(x, y):
        found = strengths.folds(x, y, task.n_outputs, task.seed)
        best, theta, history, epochs = strengths.chosen(found, task.reporter.say)
        # A strength is per row, as a prior's is: of more rows, the same prior is less for each.
        return best * (1 - 1 / strengths.FOLDS), theta, history, epochs
    if len(answers):
        alone = strengths.Judged(problem=problem, x=judged, y=answers)
        return strengths.chosen([alone], task.reporter.say)
    nothing = np.zeros((x.width + 1, task.n_outputs), np.float32)
    return max(strengths.UNCHOSEN, 1 / len(y)), nothing, [], 0
