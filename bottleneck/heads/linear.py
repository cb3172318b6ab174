"""The linear head: softmax regression on standardised features (see `softmax_regression`).

How strongly it is regularised, `strength` chooses, and by which temperature its logits are divided.
Then the head is fitted once more to training and validation rows together at that strength (per
row, as a prior does); the validation figures are of the fit before. Labels of which a row may have
several, and numbers: `linear_targets`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DamagedError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.guest import as_guest
from bottleneck.heads import linear_targets, tensors
from bottleneck.heads import strength as strengths
from bottleneck.heads.catalog import ADVICE
from bottleneck.heads.class_weights import class_weights
from bottleneck.heads.design_matrix import design_matrix
from bottleneck.heads.masked_regression import sigmoid
from bottleneck.heads.metrics import log_loss
from bottleneck.heads.softmax_regression import (
    TOLERANCE,
    Problem,
    minimise,
    probabilities,
    softmax,
)
from bottleneck.heads.split import rows_to_fit
from bottleneck.heads.strength import Judged

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
    mine, judged = x.between(0, n), x.between(n, n_all).first_views()
    weights = _weights(task, y[:n])
    problem = Problem(mine, np.repeat(y[:n], views), task.n_outputs, weights=_each(weights, views))
    of_all = _weights(task, y)
    theirs = None if of_all is None else of_all[n:]
    alone = Judged(problem=problem, x=judged, y=y[n:], weights=theirs)
    choice = _choose(task, train, alone)
    strength, temperature = choice.strength, np.float32(choice.temperature)
    theta, loss, steps = minimise(problem, choice.theta, strength, TOLERANCE)
    epochs = choice.epochs + steps
    entry = {"epoch": epochs, "strength": strength, "loss": loss}
    chosen = probabilities(judged, theta / temperature)
    if len(validation):
        entry["validation_loss"] = log_loss(chosen, y[n:])
        entry["validation_accuracy"] = float((chosen.argmax(axis=1) == y[n:]).mean())
        every = _each(of_all, views)
        whole = Problem(x, np.repeat(y, views), task.n_outputs, problem.basis, every)
        theta, _, steps = minimise(whole, theta, strength * n / n_all, TOLERANCE)
        epochs += steps
    return Linear(
        weights=(theta[:-1] / temperature).astype(np.float32),
        bias=(theta[-1] / temperature).astype(np.float32),
        mean=x.mean,
        scale=x.scale,
        options={
            **task.options,
            "strength": strength,
            "temperature": choice.temperature,
            "seed": task.seed,
        },
        history=(*choice.history, entry),
        validation=chosen,
        epochs=epochs,
    )


def _weights(task: Task, y: NDArray[np.int32]) -> NDArray[np.float32] | None:
    """Return how much each of these images counts in the loss; None where all count alike."""
    of_class = class_weights(y, task.n_outputs, task.options.get("class_weights", "none"))
    return None if of_class is None else of_class[y]


def _each(weights: NDArray[np.float32] | None, views: int) -> NDArray[np.float32] | None:
    return None if weights is None else np.repeat(weights, views)


def _choose(task: Task, train: NDArray[np.int64], alone: Judged) -> strengths.Choice:
    """Return the strength for the training rows; a temperature of 1 where nothing judged it.

    Parameters
    ----------
    train : positions of the training rows
    alone : the fit to all of them, and the validation rows, of which there may be none
    """
    x, y = alone.problem.x, task.targets[train]
    given = task.options.get("strength")
    nothing = np.zeros((x.width + 1, task.n_outputs), np.float32)
    if given is not None:
        return strengths.Choice(strength=float(given), temperature=1.0, theta=nothing)
    n = len(train)
    alone, drawn = strengths.subsample(alone, task.seed)
    x, y, train = alone.problem.x, y[drawn], train[drawn]
    # A strength is per row, as a prior's is: of more rows, the same prior is less for each.
    share = len(train) / n
    if strengths.is_small(x) or not len(alone.y):
        groups = None if task.groups is None else task.groups[train]
        most = strengths.FOLDS if strengths.is_small(x) else 1
        found = strengths.folds(
            x, y, task.n_outputs, task.seed, groups, _weights(task, y), most, alone.problem.basis
        )
        if found:
            choice = strengths.chosen(found, task.reporter.say)
            fitted = share * (1 - 1 / strengths.FOLDS)
            return replace(choice, strength=choice.strength * fitted)
    if len(alone.y):
        choice = strengths.chosen([alone], task.reporter.say)
        return replace(choice, strength=choice.strength * share)
    unchosen = max(strengths.UNCHOSEN, 1 / n)
    return strengths.Choice(strength=unchosen, temperature=1.0, theta=nothing)
