"""The knn head: the nearest training rows vote, the nearer the more.

Near is the cosine of directions (`unit_rows`); a neighbour's vote is exp(cosine / temperature), as
Wu et al. 2018 have it, and one neighbour more has votes for all classes alike, so that nothing is
impossible. The number of neighbours and the temperature are those of the lowest loss: on validation
rows, which then become neighbours too, or without such rows on the training rows, none a neighbour
of its own group. Of several views of an image the image itself is kept. Several labels, and
numbers: `knn_targets`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DamagedError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.guest import as_guest
from bottleneck.core.sealed import unseal
from bottleneck.heads import knn_targets, tensors
from bottleneck.heads.catalog import ADVICE, HEAD_FILE
from bottleneck.heads.design_matrix import design_matrix
from bottleneck.heads.groups import groups_of, judgeable
from bottleneck.heads.metrics import log_loss
from bottleneck.heads.split import rows_to_fit
from bottleneck.heads.unit_rows import Directions, directions, loaded

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.heads.task import Task

NEIGHBOURS = (1, 3, 5, 10, 20, 50, 100, 200)
TEMPERATURES = (0.02, 0.05, 0.07, 0.1, 0.2, 0.5)
BLOCK = 512  # rows whose cosines with all neighbours are held at once
_SHAPES = {"rows": ("n", "d"), "labels": ("n",)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Knn(tensors.Fitted):
    """A fitted knn head.

    Attributes
    ----------
    rows : (n, d) float16, directions of the neighbours; labels : (n,) int32
    n_classes : k
    """

    rows: NDArray[np.float16]
    labels: NDArray[np.int32]
    n_classes: int
    directions: Directions
    epochs: int = 1

    @property
    def parameters(self) -> int:
        """How many numbers were kept."""
        return self.rows.size

    def predict(self, features: Any) -> NDArray[np.float32]:
        """Return probabilities (n, k) float32 of features (n, …); see `heads.task.Fitted`."""
        neighbours = self.rows.astype(np.float32)
        most, temperature = int(self.options["neighbours"]), float(self.options["temperature"])

        def block_of(block: NDArray[np.float32]) -> NDArray[np.float32]:
            cosines, which = nearest(self.directions.of(block), neighbours, most)
            return votes(cosines, which, self.labels, self.n_classes, temperature)

        return tensors.predicted(features, self.rows.shape[1], self.n_classes, block_of)

    @as_guest()
    def append(self, rows: Any) -> Any:
        """Return probabilities (n, k) of a Keras tensor of rows; see `heads.task.Fitted`."""
        keras = import_keras()
        most = int(self.options["neighbours"])
        cosines = keras.layers.Dense(len(self.rows), use_bias=False, name="neighbours")
        answers = keras.layers.Embedding(len(self.rows), self.n_classes, name="votes")
        near, which = keras.ops.top_k(cosines(self.directions.append(rows)), most)
        weights = keras.ops.softmax(near / self.options["temperature"], axis=-1)
        shares = keras.ops.sum(keras.ops.expand_dims(weights, -1) * answers(which), axis=1)
        cosines.set_weights([self.rows.T.astype(np.float32)])
        answers.set_weights([np.eye(self.n_classes, dtype=np.float32)[self.labels]])
        return (most * shares + 1 / self.n_classes) / (most + 1)

    def save(self, folder: Path) -> None:
        """Write head.safetensors and head.json."""
        options = {**self.options, "classes": self.n_classes}
        found: dict[str, NDArray[Any]] = {"rows": self.rows, "labels": self.labels}
        found |= self.directions.tensors
        tensors.save(folder, "knn", options, found)


def load(folder: Path) -> Knn | knn_targets.KnnTargets:
    """Return the head that `save` wrote; DamagedError when its files are not such."""
    said = unseal(folder / HEAD_FILE, ADVICE).get("options")
    if isinstance(said, dict) and "kind" in said:
        return knn_targets.load(folder, nearest)
    dtypes = {"rows": np.float16, "labels": np.int32}
    how, found, options = loaded(folder, _SHAPES, dtypes, "knn")
    n_classes = options.pop("classes", None)
    labels = found["labels"]
    if not isinstance(n_classes, int) or not np.isin(labels, range(n_classes)).all():
        raise DamagedError("not a knn head (labels of no class)", folder, ADVICE)
    return Knn(
        rows=found["rows"], labels=labels, n_classes=n_classes, directions=how, options=options
    )


def fit(task: Task) -> Knn | knn_targets.KnnTargets:
    """Keep the rows, and choose how many vote; see `heads.task.Head.fit`."""
    if task.kind != "class":
        return knn_targets.fit(task, nearest, NEIGHBOURS, TEMPERATURES)
    train, validation = rows_to_fit(task)
    images = np.concatenate([train, validation])
    n, k = len(train), task.n_outputs
    x = design_matrix(task.rows, images, task.views, n)
    y = np.asarray(task.targets[images], np.int32)
    how = directions(x.between(0, n))
    rows = how.of_matrix(x.first_views()).astype(np.float16)
    judged, answers = (rows[n:], y[n:]) if len(validation) else (rows, y)
    near = nearest(
        judged.astype(np.float32),
        rows[:n].astype(np.float32),
        min(max(NEIGHBOURS), n),
        None if len(validation) else groups_of(task, train),
    )
    if not len(validation):
        some = judgeable(groups_of(task, train), y)
        near, answers = (near[0][some], near[1][some]), answers[some]
    neighbours, temperature, loss = chosen(near, y[:n], answers, k)
    said = {"epoch": 1, "loss": loss}
    probabilities = np.zeros((0, k), np.float32)
    if len(validation):
        cosines, which = near[0][:, :neighbours], near[1][:, :neighbours]
        probabilities = votes(cosines, which, y[:n], k, temperature)
        accuracy = float((probabilities.argmax(axis=1) == answers).mean())
        said |= {"validation_loss": loss, "validation_accuracy": accuracy}
    task.reporter.say(" ".join(f"{key} {value:.4g}" for key, value in said.items()))
    return Knn(
        rows=rows,
        labels=y,
        n_classes=k,
        directions=how,
        options={
            **task.options,
            "neighbours": neighbours,
            "temperature": temperature,
            "seed": task.seed,
        },
        history=(said,),
        validation=probabilities,
    )


def nearest(
    rows: NDArray[np.float32],
    neighbours: NDArray[np.float32],
    most: int,
    groups: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the cosines (m, most) of the nearest neighbours of rows (m, d), and which they are.

    The nearest first.

    Parameters
    ----------
    neighbours : (n, d)
    groups : (n,), from zero
        Where row i is neighbour i: what group it is of, in which it has no neighbour. There are
        only as many neighbours then as every row has.
    """
    largest = 0 if groups is None else int(np.bincount(groups).max())
    most = min(most, len(neighbours) - largest)
    cosines = np.empty((len(rows), most), np.float32)
    which = np.empty((len(rows), most), np.int64)
    for start in range(0, len(rows), BLOCK):
        found = rows[start : start + BLOCK] @ neighbours.T
        if groups is not None:
            found[groups[start : start + len(found), None] == groups] = -np.inf
        near = np.argpartition(-found, most - 1, axis=1)[:, :most]
        near.sort(axis=1)
        order = np.argsort(-np.take_along_axis(found, near, 1), axis=1, kind="stable")
        near = np.take_along_axis(near, order, 1)
        which[start : start + len(found)] = near
        cosines[start : start + len(found)] = np.take_along_axis(found, near, 1)
    return cosines, which


def votes(
    cosines: NDArray[np.float32],
    which: NDArray[np.int64],
    labels: NDArray[np.int32],
    n_classes: int,
    temperature: float,
) -> NDArray[np.float32]:
    """Return probabilities (m, k) by the neighbours (m, j) of m rows."""
    weights = np.exp((cosines - cosines[:, :1]) / np.float32(temperature))
    weights /= weights.sum(axis=1, keepdims=True)
    m, j = which.shape
    cells = np.arange(m)[:, None] * n_classes + labels[which]
    shares = np.bincount(cells.ravel(), weights.ravel(), m * n_classes).reshape(m, n_classes)
    return np.asarray((j * shares + 1 / n_classes) / (j + 1), np.float32)


def chosen(
    near: tuple[NDArray[np.float32], NDArray[np.int64]],
    labels: NDArray[np.int32],
    answers: NDArray[np.int32],
    n_classes: int,
) -> tuple[int, float, float]:
    """Return the number of neighbours and the temperature of the lowest loss, and that loss."""
    cosines, which = near
    there = cosines.shape[1]
    best = (min(there, 1), TEMPERATURES[0], np.inf)
    for most in [n for n in NEIGHBOURS if n <= there]:
        for temperature in TEMPERATURES:
            p = votes(cosines[:, :most], which[:, :most], labels, n_classes, temperature)
            loss = log_loss(p, answers)
            if loss < best[2]:
                best = (most, temperature, loss)
    return best
