"""The knn head for several labels and for numbers: the mean of the nearest training rows.

A neighbour weighs exp(cosine / temperature), as its vote does in `knn`. What is not known of it
counts nothing; one neighbour more has the mean of all training rows, so that no label is impossible
and no number far out. How many neighbours, and the temperature, are those of the lowest loss, on
validation rows or without them on the training rows, none a neighbour of its own group: the binary
cross-entropy of labels, the squared error of standardised numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.frameworks import import_keras
from bottleneck.core.guest import as_guest
from bottleneck.heads import tensors
from bottleneck.heads.design_matrix import design_matrix
from bottleneck.heads.groups import groups_of
from bottleneck.heads.metrics import SMALLEST
from bottleneck.heads.objectives import standards
from bottleneck.heads.split import rows_to_fit
from bottleneck.heads.unit_rows import Directions, directions, loaded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.heads.task import Task

    Near = tuple[NDArray[np.float32], NDArray[np.int64]]

BLOCK = 256  # rows whose neighbours' values are held at once
_SHAPES = {"rows": ("n", "d"), "values": ("n", "k"), "known": ("n", "k"), "prior": ("k",)}
_DTYPES = {"rows": np.float16, "values": np.float32, "known": np.uint8, "prior": np.float32}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Means:
    """What neighbours have: labels or numbers.

    Attributes
    ----------
    values : (n, k) float32, zero where it is not known; known : (n, k) uint8
    prior : (k,) float32
        The mean of the training rows.
    """

    values: NDArray[np.float32]
    known: NDArray[np.uint8]
    prior: NDArray[np.float32]

    def of(
        self, cosines: NDArray[np.float32], which: NDArray[np.int64], temperature: float
    ) -> NDArray[np.float32]:
        """Return the means (m, k) by the neighbours (m, j) of m rows."""
        weights = np.exp((cosines - cosines[:, :1]) / np.float32(temperature))
        weights /= weights.sum(axis=1, keepdims=True)
        total = np.einsum("mj,mjk->mk", weights, self.values[which])
        share = np.einsum("mj,mjk->mk", weights, self.known[which].astype(np.float32))
        j = np.float32(which.shape[1])
        return np.asarray((j * total + self.prior) / (j * share + 1), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KnnTargets(tensors.Fitted):
    """A fitted knn head of labels or numbers.

    Attributes
    ----------
    rows : (n, d) float16, directions of the neighbours
    """

    rows: NDArray[np.float16]
    means: Means
    directions: Directions
    nearest: Callable[..., Near]
    epochs: int = 1

    @property
    def parameters(self) -> int:
        """How many numbers were kept."""
        return self.rows.size

    def predict(self, features: Any) -> NDArray[np.float32]:
        """Return predictions (n, k) float32 of features (n, …); see `heads.task.Fitted`."""
        neighbours = self.rows.astype(np.float32)
        most, temperature = int(self.options["neighbours"]), float(self.options["temperature"])

        def block_of(block: NDArray[np.float32]) -> NDArray[np.float32]:
            rows = self.directions.of(block)
            found = np.empty((len(rows), len(self.means.prior)), np.float32)
            for start in range(0, len(rows), BLOCK):
                some = rows[start : start + BLOCK]
                near = self.nearest(some, neighbours, most)
                is_finite = np.isfinite(some).all(axis=1, keepdims=True)
                said = self.means.of(*near, temperature)
                found[start : start + BLOCK] = np.where(is_finite, said, np.float32(np.nan))
            return found

        return tensors.predicted(features, self.rows.shape[1], len(self.means.prior), block_of)

    @as_guest()
    def append(self, rows: Any) -> Any:
        """Return predictions (n, k) of a Keras tensor of rows; see `heads.task.Fitted`."""
        keras = import_keras()
        (n, k), most = self.means.values.shape, int(self.options["neighbours"])
        cosines = keras.layers.Dense(n, use_bias=False, name="neighbours")
        values = keras.layers.Embedding(n, k, name="values")
        known = keras.layers.Embedding(n, k, name="known")
        prior = keras.layers.Dense(k, use_bias=False, name="prior")
        near, which = keras.ops.top_k(cosines(self.directions.append(rows)), most)
        weights = keras.ops.softmax(near / self.options["temperature"], axis=-1)
        weights = keras.ops.expand_dims(weights, -1)
        total = keras.ops.sum(weights * values(which), axis=1)
        share = keras.ops.sum(weights * known(which), axis=1)
        one = prior(keras.ops.ones_like(near[:, :1]))
        cosines.set_weights([self.rows.T.astype(np.float32)])
        values.set_weights([self.means.values])
        known.set_weights([self.means.known.astype(np.float32)])
        prior.set_weights([self.means.prior[None]])
        return (most * total + one) / (most * share + 1)

    def save(self, folder: Path) -> None:
        """Write head.safetensors and head.json."""
        means = self.means
        found: dict[str, NDArray[Any]] = {
            "rows": self.rows, "values": means.values, "known": means.known, "prior": means.prior,
        }  # fmt: skip
        tensors.save(folder, "knn", self.options, found | self.directions.tensors)


def load(folder: Path, nearest: Callable[..., Near]) -> KnnTargets:
    """Return the head that `save` wrote; DamagedError when its files are not such."""
    how, found, options = loaded(folder, _SHAPES, _DTYPES, "knn")
    means = Means(values=found["values"], known=found["known"], prior=found["prior"])
    return KnnTargets(
        rows=found["rows"], means=means, directions=how, options=options, nearest=nearest
    )


def fit(
    task: Task,
    nearest: Callable[..., Near],
    neighbours: tuple[int, ...],
    temperatures: tuple[float, ...],
) -> KnnTargets:
    """Keep the rows, and choose how many count; see `heads.task.Head.fit`.

    Parameters
    ----------
    nearest, neighbours, temperatures : `knn.nearest`, and what it chooses among
    """
    train, validation = rows_to_fit(task)
    images, n = np.concatenate([train, validation]), len(train)
    x = design_matrix(task.rows, images, task.views, n)
    y = np.asarray(task.targets[images], np.float32)
    how = directions(x.between(0, n))
    rows = how.of_matrix(x.first_views()).astype(np.float16)
    judged, answers = (rows[n:], y[n:]) if len(validation) else (rows, y)
    near = nearest(
        judged.astype(np.float32),
        rows[:n].astype(np.float32),
        min(max(neighbours), n),
        None if len(validation) else groups_of(task, train),
    )
    mean, scale = standards(y[:n])
    means = _means(y[:n], mean)
    error = _errors(task.kind, scale)
    most, temperature, loss = _chosen(near, means, answers, error, neighbours, temperatures)
    said = {"epoch": 1.0, "loss": loss}
    validated = np.zeros((0, task.n_outputs), np.float32)
    if len(validation):
        said["validation_loss"] = loss
        validated = np.concatenate(
            [means.of(c[:, :most], w[:, :most], temperature) for c, w in _blocks(near)]
        )
    task.reporter.say(" ".join(f"{key} {value:.4g}" for key, value in said.items()))
    return KnnTargets(
        rows=rows,
        means=_means(y, mean),
        directions=how,
        nearest=nearest,
        options={
            **task.options,
            "neighbours": most,
            "temperature": temperature,
            "seed": task.seed,
            "kind": task.kind,
        },
        history=(said,),
        validation=validated,
    )


def _blocks(near: Near) -> Iterator[Near]:
    """Yield the neighbours of some rows at a time, so that their values fit the memory."""
    cosines, which = near
    for start in range(0, len(which), BLOCK):
        yield cosines[start : start + BLOCK], which[start : start + BLOCK]


def _chosen(
    near: Near,
    means: Means,
    answers: NDArray[np.float32],
    error: Callable[[NDArray[np.float32], NDArray[np.float32]], float],
    neighbours: tuple[int, ...],
    temperatures: tuple[float, ...],
) -> tuple[int, float, float]:
    """Return the number of neighbours and the temperature of the lowest loss, and that loss."""
    there = [j for j in neighbours if j <= near[0].shape[1]] or [1]
    losses = np.zeros((len(there), len(temperatures)))
    for block, (cosines, which) in enumerate(_blocks(near)):
        truth = answers[block * BLOCK : block * BLOCK + len(which)]
        for i, most in enumerate(there):
            for j, temperature in enumerate(temperatures):
                losses[i, j] += error(
                    means.of(cosines[:, :most], which[:, :most], temperature), truth
                )
    losses /= max(1, int((~np.isnan(answers)).sum()))
    at, of = np.unravel_index(int(losses.argmin()), losses.shape)
    return there[at], temperatures[of], float(losses[at, of])


def _means(y: NDArray[np.float32], mean: NDArray[np.float64]) -> Means:
    known = ~np.isnan(y)
    return Means(
        values=np.where(known, y, np.float32(0)),
        known=known.astype(np.uint8),
        prior=mean.astype(np.float32),
    )


def _errors(
    kind: str, scale: NDArray[np.float64]
) -> Callable[[NDArray[np.float32], NDArray[np.float32]], float]:
    """Return the sum over what is known of the loss of predictions (m, k) against truth."""

    def of_labels(said: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
        right = np.where(truth == 1, said, 1 - said)[~np.isnan(truth)].astype(np.float64)
        return float(-np.log(np.maximum(right, SMALLEST)).sum())

    def of_numbers(said: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
        error = (said - truth) / scale
        return float(np.nansum(error * error))

    return of_labels if kind == "labels" else of_numbers
