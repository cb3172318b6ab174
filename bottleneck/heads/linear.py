"""The linear head: softmax regression on standardised features (see `softmax_regression`).

The strength of the lowest validation loss is taken. Then the head is fitted once more to training
and validation rows together at that strength (per row, as a prior does); the validation figures
are of the fit before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import files
from bottleneck.core.errors import DamagedError, DataError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.guest import as_guest
from bottleneck.core.sealed import read_beside, seal, unseal
from bottleneck.heads.catalog import ADVICE, HEAD_FILE
from bottleneck.heads.design_matrix import BLOCK_ROWS, design_matrix
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
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.heads.task import Task

_FILE = "head.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear:
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
    options: Mapping[str, Any]
    history: Sequence[Mapping[str, float]] = ()
    validation: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    epochs: int = 0

    @property
    def parameters(self) -> int:
        """How many numbers were fitted."""
        return self.weights.size + self.bias.size

    @property
    def frozen(self) -> int:
        """Nothing in it stays as it was."""
        return 0

    @property
    def versions(self) -> Mapping[str, str]:
        """Libraries that fitted it, beside numpy: none."""
        return {}

    def predict(self, features: Any) -> NDArray[np.float32]:
        """Return probabilities (n, k) float32 of features (n, …).

        Raises
        ------
        DataError
            When a row is of another length, or holds a value that is too large or no finite number.
        """
        d, k = self.weights.shape
        n = len(features)
        out = np.empty((n, k), np.float32)
        for start in range(0, n, BLOCK_ROWS):
            with np.errstate(over="ignore", invalid="ignore"):  # refused below, by its row
                block = np.asarray(features[start : start + BLOCK_ROWS], np.float32)
                block = block.reshape(len(block), int(np.prod(block.shape[1:])))
                if block.shape[1] != d:
                    raise DataError(
                        f"features of {block.shape[1]} numbers, the head was fitted on {d}",
                        "predict",
                        "use rows of the recipe in the run's receipt",
                    )
                logits = np.asarray((block - self.mean) / self.scale @ self.weights + self.bias)
                good = np.isfinite(logits).all(axis=1)
                if not good.all():
                    row = start + int(good.argmin())
                    raise DataError(
                        f"row {row} holds a value that is not a finite number, or too large",
                        "predict",
                        "if it is a row of a store, run bottleneck verify; else leave it out",
                    )
                out[start : start + len(block)] = softmax(logits)
        return out

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
        from safetensors.numpy import save as to_bytes  # noqa: PLC0415

        tensors = {
            "weights": self.weights,
            "bias": self.bias,
            "mean": self.mean,
            "scale": self.scale,
        }
        data = to_bytes({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
        files.write_synced(folder / _FILE, data)
        content = {"head": "linear", "options": dict(self.options)}
        files.write_synced(folder / HEAD_FILE, seal(content, folder, [_FILE]))


def load(folder: Path) -> Linear:
    """Return the head that `save` wrote; DamagedError when its files are not such."""
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.numpy import load as parse_tensors  # noqa: PLC0415

    description = unseal(folder / HEAD_FILE, ADVICE)
    data = read_beside(folder / HEAD_FILE, description, _FILE, ADVICE)
    try:
        tensors = parse_tensors(data)
        head = Linear(
            weights=tensors["weights"],
            bias=tensors["bias"],
            mean=tensors["mean"],
            scale=tensors["scale"],
            options=dict(description["options"]),
        )
        d, k = head.weights.shape
        if head.bias.shape != (k,) or head.mean.shape != (d,) or head.scale.shape != (d,):
            raise ValueError("tensors of other shapes")
        if any(tensor.dtype != np.float32 for tensor in tensors.values()):
            raise ValueError("tensors that are not float32")
        if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
            raise ValueError("tensors that hold a value that is not a finite number")
        if not (head.scale > 0).all():
            raise ValueError("a scale that is not above zero")
    except (SafetensorError, TypeError, ValueError, KeyError) as error:
        raise DamagedError(f"not a linear head ({error})", folder / _FILE, ADVICE) from error
    return head


def fit(task: Task) -> Linear:
    """Fit a linear head; see `heads.task.Head.fit`."""
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
