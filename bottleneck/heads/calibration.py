"""How far probabilities can be believed, and how they are made as sure as they are right.

Temperature scaling (Guo et al. 2017): the logarithms of all probabilities are divided by one
number, the temperature, which is that of the lowest loss on rows that the fit had not seen. The
likeliest class stays the likeliest, so that no answer changes.

A label of which an image may have several is a choice of two, yes or no, and so is treated as two
classes: one temperature serves for all labels, and keeps their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import files
from bottleneck.core.frameworks import import_keras
from bottleneck.core.guest import as_guest
from bottleneck.core.sealed import seal, unseal
from bottleneck.heads.catalog import ADVICE, HEAD_FILE, KEY_OF_LABELS, KEY_OF_TEMPERATURE
from bottleneck.heads.metrics import log_loss

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.heads.task import Fitted

BINS = 15
LEAST = 1e-30  # of a probability whose logarithm is taken
COLDEST, HOTTEST = 0.02, 50.0
MOST_ROWS = 10_000  # that a temperature is found by: it is one number
MOST_STEPS = 50
BLOCK_ROWS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """The rows whose probability of the likeliest class lies in one of `BINS` equal ranges.

    Attributes
    ----------
    confidence : the mean of those probabilities; None where there is no row
    accuracy : the share of them whose likeliest class is the true one; None likewise
    """

    samples: int
    confidence: float | None
    accuracy: float | None


def reliability(probabilities: NDArray[np.float32], labels: NDArray[np.int32]) -> list[Bin]:
    """Return the bins of n rows, the least sure first.

    Parameters
    ----------
    probabilities : (n, k) float32
    labels : (n,) int32
    """
    sure = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    place = np.clip(np.ceil(sure * BINS).astype(int) - 1, 0, BINS - 1)
    found = []
    for i in range(BINS):
        inside = place == i
        n = int(inside.sum())
        found.append(
            Bin(
                samples=n,
                confidence=float(sure[inside].mean()) if n else None,
                accuracy=float(right[inside].mean()) if n else None,
            )
        )
    return found


def expected_calibration_error(bins: Sequence[Bin]) -> float | None:
    """Return the mean distance of confidence and accuracy over all rows; None of no row."""
    n = sum(each.samples for each in bins)
    apart = sum(
        each.samples * abs(each.confidence - each.accuracy)
        for each in bins
        if each.confidence is not None and each.accuracy is not None
    )
    return apart / n if n else None


def brier(probabilities: NDArray[np.float32], labels: NDArray[np.int32]) -> float | None:
    """Return the mean squared distance of probabilities (n, k) from the truth, from 0 to 2."""
    if not len(labels):
        return None
    apart = probabilities.astype(np.float64)
    apart[np.arange(len(labels)), labels] -= 1
    return float((apart**2).sum(axis=1).mean())


def honesty(probabilities: NDArray[np.float32], labels: NDArray[np.int32]) -> dict[str, Any]:
    """Return how far probabilities (n, k) can be believed: the loss, the ECE, the Brier score."""
    bins = reliability(probabilities, labels)
    return {
        "loss": log_loss(probabilities, labels) if len(labels) else None,
        "ece": expected_calibration_error(bins),
        "brier": brier(probabilities, labels),
    }


def temperature(probabilities: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    """Return the temperature of the lowest loss on these rows; 1 changes nothing.

    Where all are right the loss falls with the temperature for ever, and a few that are right do
    not say that every one is: then it is 1.

    Parameters
    ----------
    probabilities : (n, k) float32
        Of a fit that had not seen these rows.
    labels : (n,) int32
    """
    step = -(-len(probabilities) // MOST_ROWS) or 1
    probabilities, labels = probabilities[::step], labels[::step]
    n, k = probabilities.shape
    if not n or k < 2:
        return 1.0
    if (probabilities.argmax(axis=1) == labels).all():
        return 1.0
    logs = _logarithms(probabilities)
    wanted = float(logs[np.arange(n), labels].mean())
    low, high, at = 1 / HOTTEST, 1 / COLDEST, 1.0  # of 1 / temperature, in which the loss is convex
    for _ in range(MOST_STEPS):
        p = _softmax(logs * at)
        mean = (p * logs).sum(axis=1)
        slope = float(mean.mean()) - wanted
        low, high = (low, at) if slope > 0 else (at, high)
        bend = float(((p * logs**2).sum(axis=1) - mean**2).mean())
        newton = at - slope / bend if bend > 0 else at
        before, at = at, newton if low < newton < high else (low * high) ** 0.5
        if abs(at / before - 1) < 1e-5:
            break
    return 1 / at


def tempered(probabilities: NDArray[np.float32], at: float) -> NDArray[np.float32]:
    """Return probabilities (n, k) at another temperature."""
    found = np.empty_like(probabilities)
    for start in range(0, len(found), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        found[block] = _softmax(_logarithms(probabilities[block]) / at)
    return found


def as_choices(
    probabilities: NDArray[np.float32], truth: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return labels that are known as choices of no and yes: probabilities (m, 2), truth (m,).

    Parameters
    ----------
    probabilities, truth : (n, k), truth 0 or 1, NaN where it is not known
    """
    known = ~np.isnan(truth)
    p = probabilities[known]
    return np.stack([1 - p, p], axis=1), truth[known].astype(np.int32)


def honesty_of_labels(
    probabilities: NDArray[np.float32], truth: NDArray[np.float32]
) -> dict[str, Any]:
    """Return how far probabilities of labels can be believed; the Brier score is that of a yes."""
    found = honesty(*as_choices(probabilities, truth))
    return {**found, "brier": None if found["brier"] is None else found["brier"] / 2}


def tempered_labels(probabilities: NDArray[np.float32], at: float) -> NDArray[np.float32]:
    """Return probabilities (n, k) of labels at another temperature; their order stays."""
    flat = probabilities.reshape(-1)
    return tempered(np.stack([1 - flat, flat], axis=1), at)[:, 1].reshape(probabilities.shape)


def _logarithms(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(probabilities.astype(np.float64), LEAST)))


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calibrated:
    """A fitted head whose probabilities have another temperature; see `heads.task.Fitted`.

    They are of classes, or, where `of_labels`, of labels of which an image may have several.
    """

    head: Fitted
    temperature: float
    of_labels: bool = False

    @property
    def history(self) -> Sequence[Mapping[str, float]]:
        """What the fit reported, before the temperature was found."""
        return self.head.history

    @property
    def validation(self) -> NDArray[np.float32]:
        """The probabilities of the validation rows, before the temperature was found by them."""
        return self.head.validation

    @property
    def epochs(self) -> int:
        """How often the training rows were gone through."""
        return self.head.epochs

    @property
    def options(self) -> Mapping[str, Any]:
        """What the head was fitted with, and the temperature that it has since.

        Another name than the head's own: `temperature` is what a linear head chose by itself.
        """
        return {**self.head.options, "calibration_temperature": self.temperature}

    @property
    def parameters(self) -> int:
        """How many numbers were fitted."""
        return self.head.parameters

    @property
    def frozen(self) -> int:
        """How many numbers it holds beside them."""
        return self.head.frozen

    @property
    def versions(self) -> Mapping[str, str]:
        """The libraries that fitted it, beside numpy."""
        return self.head.versions

    def predict(self, rows: Any) -> NDArray[np.float32]:
        """Return probabilities (n, k) float32 of rows (n, …)."""
        again = tempered_labels if self.of_labels else tempered
        return again(self.head.predict(rows), self.temperature)

    @as_guest()
    def append(self, rows: Any) -> Any:
        """Return probabilities (n, k) of a Keras tensor of rows (n, …), float32."""
        ops = import_keras().ops
        said = self.head.append(rows)
        logs = ops.log(ops.maximum(said, LEAST))
        if self.of_labels:
            logs = logs - ops.log(ops.maximum(1 - said, LEAST))
            return ops.sigmoid(logs / self.temperature)
        return ops.softmax(logs / self.temperature, axis=-1)

    def save(self, folder: Path) -> None:
        """Write the head, and its temperature into head.json."""
        self.head.save(folder)
        path = folder / HEAD_FILE
        content = unseal(path, ADVICE)
        beside = content.pop("files")
        files.delete(path)
        whole = {**content, KEY_OF_TEMPERATURE: self.temperature}
        if self.of_labels:
            whole[KEY_OF_LABELS] = True
        files.write_synced(path, seal(whole, folder, beside))
