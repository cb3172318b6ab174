"""Softmax regression, in numpy alone.

The loss is the mean cross-entropy plus strength/2 · ||W||² on standardised features; the bias is
free. It is convex, so the result depends on the data alone; the seed plays no part. Minimised by
L-BFGS (Liu and Nocedal 1989) from strong to weak regularisation, each fit starting from the one
before, and the strength of the lowest validation loss is taken: the path ends when two weaker
strengths in a row were worse. Then the head is fitted once more to training and validation rows
together at that strength (per row, as a prior does); the validation figures are of the fit before.

What makes it quick: the Hessian is at most ½ XᵀX/n per class (Böhning 1992), so the inverse of
that plus the strength, from one eigendecomposition, is where L-BFGS starts from.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DamagedError, DataError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.sealed import read_beside, seal, unseal
from bottleneck.heads.catalog import ADVICE, HEAD_FILE
from bottleneck.heads.metrics import log_loss
from bottleneck.heads.split import rows_to_fit
from bottleneck.heads.views import take_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

STRENGTHS = tuple(10.0 ** (exponent / 2) for exponent in range(0, -13, -1))
PATIENCE = 2
MEMORY = 10
MAX_ITERATIONS = 200
# The gradient's norm, against its norm at zero weights: on the path, where only the order of
# validation losses matters, and of the head that is kept.
PATH_TOLERANCE = 3e-3
TOLERANCE = 1e-4
# An eigendecomposition costs nothing for few features and too much for many; between these, it
# pays where there is a row for each 1,024 of d².
FEW, MANY = 512, 4096
WHITEN_ROWS = 8192
BLOCK_ROWS = 4096
LARGEST = 1e15  # of a standardised feature, so that no sum of a fit leaves float32
_FILE = "head.safetensors"


@dataclass(slots=True, eq=False)
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
    history: list[dict[str, float]] = field(default_factory=list)
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
            When a row is of another length, or holds what is no number or too large.
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
                    raise DataError(
                        f"row {start + int(good.argmin())} holds what is no number, or too large",
                        "predict",
                        "run bottleneck verify if it is a store's, or leave the row out",
                    )
                out[start : start + len(block)] = _softmax(logits)
        return out

    def append(self, rows: Any) -> Any:
        """Return probabilities (n, k) of a Keras tensor of rows; see `heads.catalog.Fitted`."""
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
        from safetensors.numpy import save_file  # noqa: PLC0415

        tensors = {
            "weights": self.weights,
            "bias": self.bias,
            "mean": self.mean,
            "scale": self.scale,
        }
        save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, folder / _FILE)
        with (folder / HEAD_FILE).open("xb") as file:
            file.write(seal({"head": "linear", "options": dict(self.options)}, folder, [_FILE]))


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
            raise ValueError("tensors that hold what is no number")
        if not (head.scale > 0).all():
            raise ValueError("a scale that is not above zero")
    except (SafetensorError, TypeError, ValueError, KeyError) as error:
        raise DamagedError(f"not a linear head ({error})", folder / _FILE, ADVICE) from error
    return head


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
) -> Linear:
    """Fit a linear head; see `heads.catalog.Head.fit`."""
    train, validation = rows_to_fit(len(features), labels, split, n_classes)
    # Training rows first, so that a slice is either; validation rows join for the last fit. Every
    # view is a row, and in a mean of as many of each image they weigh as much as one of it.
    x = _matrix(features, np.concatenate([train, validation]), views)
    y = np.repeat(labels[np.concatenate([train, validation])], views)
    n = len(train) * views
    mean, scale = _standardise(x, n)
    problem = _Problem(x[:n], y[:n], n_classes)
    best, history, epochs = _path(problem, x[n::views], y[n::views], report)
    theta, strength = best
    chosen = _softmax(x[n::views] @ theta[:-1] + theta[-1])
    if len(validation):
        whole = _Problem(x, y, n_classes, problem.basis)
        theta, _, steps = _minimise(whole, theta, strength * n / len(x), TOLERANCE)
        epochs += steps
    return Linear(
        weights=theta[:-1].astype(np.float32),
        bias=theta[-1].astype(np.float32),
        mean=mean,
        scale=scale,
        options={**options, "strength": strength, "seed": seed},
        history=history,
        validation=chosen,
        epochs=epochs,
    )


def _path(
    problem: _Problem,
    x: NDArray[np.float32],
    y: NDArray[np.int32],
    report: Callable[[str], None],
) -> tuple[tuple[NDArray[np.float32], float], list[dict[str, float]], int]:
    """Fit from strong to weak; return (weights, strength) of the lowest validation loss."""
    theta = np.zeros((problem.x.shape[1] + 1, problem.n_classes), np.float32)
    history: list[dict[str, float]] = []
    best = (theta, STRENGTHS[0])
    lowest, worse, epochs = np.inf, 0, 0
    # Without validation rows nothing can be chosen: a middling strength, at which few overfit.
    strengths, tolerance = (STRENGTHS, PATH_TOLERANCE) if len(y) else ((1e-3,), TOLERANCE)
    for strength in strengths:
        theta, loss, steps = _minimise(problem, theta, strength, tolerance)
        epochs += steps
        entry = {"epoch": epochs, "strength": strength, "loss": loss}
        if len(y):
            probabilities = _softmax(x @ theta[:-1] + theta[-1])
            entry["validation_loss"] = log_loss(probabilities, y)
            entry["validation_accuracy"] = float((probabilities.argmax(axis=1) == y).mean())
        history.append(entry)
        report(" ".join(f"{key} {value:.4g}" for key, value in entry.items()))
        found = entry.get("validation_loss", loss)
        if found < lowest:
            lowest, worse, best = found, 0, (theta, strength)
        else:
            worse += 1
            if worse == PATIENCE:
                break
    return best, history, epochs


class _Problem:
    """Mean cross-entropy of (n, d) standardised rows, its gradient, and where to start from."""

    def __init__(
        self,
        x: NDArray[np.float32],
        y: NDArray[np.int32],
        n_classes: int,
        basis: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
    ) -> None:
        self.x, self.y, self.n_classes = x, y, n_classes
        self.basis = basis
        n, d = x.shape
        if basis is None and (d <= FEW or (d <= MANY and d * d <= 1024 * n)):
            rows = x[:: max(1, n // WHITEN_ROWS)]
            values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
            self.basis = (
                np.asarray(np.maximum(values, 0), np.float32),
                np.asarray(vectors, np.float32),
            )

    def value(
        self, theta: NDArray[np.float32], strength: float
    ) -> tuple[float, NDArray[np.float32]]:
        """Return the loss at `theta` (d + 1, k), whose last row is the bias, and its gradient."""
        p = _softmax(self.x @ theta[:-1] + theta[-1])
        loss = log_loss(p, self.y) + strength / 2 * float((theta[:-1].astype(float) ** 2).sum())
        p[np.arange(len(p)), self.y] -= 1
        gradient = np.empty_like(theta)
        gradient[:-1] = self.x.T @ p / np.float32(len(p)) + np.float32(strength) * theta[:-1]
        gradient[-1] = p.mean(axis=0)
        return loss, gradient

    def precondition(self, gradient: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
        """Return the gradient times the inverse of a bound of the Hessian."""
        out = gradient * np.float32(2.0)
        if self.basis is None:
            out[:-1] = gradient[:-1] / np.float32(0.5 + strength)
        else:
            values, vectors = self.basis
            inner = (vectors.T @ gradient[:-1]) / (values / 2 + strength)[:, None]
            out[:-1] = vectors @ inner.astype(np.float32)
        return out


def _minimise(
    problem: _Problem, theta: NDArray[np.float32], strength: float, tolerance: float
) -> tuple[NDArray[np.float32], float, int]:
    """Return the minimum near `theta`, its loss and how many steps it took."""
    zero = np.zeros_like(theta)
    enough = tolerance * float(np.linalg.norm(problem.value(zero, strength)[1]))
    loss, gradient = problem.value(theta, strength)
    pairs: deque[tuple[NDArray[np.float32], NDArray[np.float32], float]] = deque(maxlen=MEMORY)
    for steps in range(MAX_ITERATIONS):
        if float(np.linalg.norm(gradient)) <= enough:
            break
        step = -_two_loop(problem, pairs, gradient, strength)
        slope = float(np.vdot(step, gradient))
        length = 1.0
        while True:
            new = theta + np.float32(length) * step
            new_loss, new_gradient = problem.value(new, strength)
            if new_loss <= loss + 1e-4 * length * slope:
                break
            length /= 2
            if length < 1e-4:  # float32 can tell no better
                return theta, loss, steps
        s, g = new - theta, new_gradient - gradient
        curvature = float(np.vdot(s, g))
        if curvature > 1e-12:
            pairs.append((s, g, curvature))
        theta, loss, gradient = new, new_loss, new_gradient
    return theta, loss, steps


def _two_loop(
    problem: _Problem,
    pairs: deque[tuple[NDArray[np.float32], NDArray[np.float32], float]],
    gradient: NDArray[np.float32],
    strength: float,
) -> NDArray[np.float32]:
    """Return the inverse Hessian, as L-BFGS knows it, times the gradient."""
    q = gradient.copy()
    alphas = []
    for s, g, curvature in reversed(pairs):
        alpha = float(np.vdot(s, q)) / curvature
        q -= np.float32(alpha) * g
        alphas.append(alpha)
    q = problem.precondition(q, strength)
    if pairs:
        # The bound is far too large where predictions are sure: scale it as the last step says.
        _, g, curvature = pairs[-1]
        q *= np.float32(curvature / float(np.vdot(g, problem.precondition(g, strength))))
    for (s, g, curvature), alpha in zip(pairs, reversed(alphas), strict=True):
        beta = float(np.vdot(g, q)) / curvature
        q += np.float32(alpha - beta) * s
    return q


def _matrix(features: Any, indices: NDArray[np.int64], views: int) -> NDArray[np.float32]:
    """Return these rows as one (n · views, d) float32 matrix, read in blocks."""
    d = int(np.prod(features.shape[1:])) // views
    out = np.empty((len(indices), views * d), np.float32)
    for start in range(0, len(indices), BLOCK_ROWS):
        at = indices[start : start + BLOCK_ROWS]
        with np.errstate(over="ignore"):  # refused below
            out[start : start + len(at)] = take_rows(features, at).reshape(len(at), -1)
    out = out.reshape(len(indices) * views, d)
    if not np.isfinite(out).all():
        raise DataError(
            "features that are no numbers, or too large for float32",
            "train",
            "run bottleneck verify",
        )
    return out


def _standardise(
    x: NDArray[np.float32], n_train: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Standardise `x` in place by its first `n_train` rows; return mean and scale."""
    mean = np.asarray(x[:n_train].mean(axis=0, dtype=np.float64), np.float64)
    variance = np.zeros_like(mean)
    for start in range(0, n_train, BLOCK_ROWS):
        centred = x[start : min(start + BLOCK_ROWS, n_train)] - mean
        variance += (centred * centred).sum(axis=0)
    scale = np.asarray(np.sqrt(variance / n_train), np.float64)
    # A feature that never varies tells nothing, also where rounding makes it seem to vary, or
    # where it varies by less than float32 can divide by.
    scale[scale <= np.maximum(1e-6 * np.abs(mean), np.finfo(np.float32).tiny)] = 1.0
    mean32, scale32 = mean.astype(np.float32), scale.astype(np.float32)
    for start in range(0, len(x), BLOCK_ROWS):
        block = x[start : start + BLOCK_ROWS]
        with np.errstate(over="ignore"):  # refused below
            block -= mean32
            block /= scale32
        # Training rows are within the root of their number; others may be anywhere.
        if block.max(initial=0) > LARGEST or block.min(initial=0) < -LARGEST:
            raise DataError(
                "features too large beside those that are trained on",
                "train",
                "look at the validation images, or extract another layer",
            )
    return mean32, scale32


def _softmax(logits: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float32)
