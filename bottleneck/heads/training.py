"""Training a Keras network on features: batches from the store, early stopping, one seed.

The network ends in logits, and the loss is taken of them: of probabilities Keras cuts the loss
off where they are sure, and large features start there. Whoever wants it the plain way gets the
same steps from `keras.Model.train_on_batch` over the order of `batches`.

Every generator has a seed of its own, made from the one seed: nothing here reads or moves the
global ones, so the same seed gives the same weights whatever else the process does.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError, NoSpaceError, UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.heads.metrics import log_loss
from bottleneck.heads.views import drawn, itself, take_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

LARGEST = 1e15  # of a feature, so that no sum of a network leaves float32
# Bits of a float16, whose numbers are far below LARGEST: numpy compares whole numbers much faster.
_SIGN16, _INFINITE16 = np.uint16(0x8000), np.uint16(0x7C00)
ORDER = 2**16  # the number of the generator that shuffles; lower ones are layers'
VIEWS = ORDER + 1  # and of the one that draws views


def seed_of(seed: int, number: int) -> int:
    """Return the seed of generator `number` of a training: a layer, or the order of rows."""
    sequence = np.random.SeedSequence([abs(seed), int(seed < 0), number])
    return int(sequence.generate_state(1)[0] >> 1)


def batches(rows: NDArray[np.int64], size: int, seed: int) -> Iterator[list[NDArray[np.int64]]]:
    """Yield for each epoch the batches of positions, in a new order; the last may be smaller."""
    generator = np.random.default_rng(seed_of(seed, ORDER))
    while True:
        order = generator.permutation(rows)
        yield [order[start : start + size] for start in range(0, len(order), size)]


def gather(features: Any, at: NDArray[np.int64], doing: str) -> NDArray[Any]:
    """Return rows as float32, or as they are where they are float16.

    The network makes float32 of those itself, in a tenth of numpy's time.

    Raises
    ------
    DataError
        When one of them holds what is no number or too large; the message names it by its position.
    """
    found = take_rows(features, at)
    if found.dtype == np.float16:
        block = np.ascontiguousarray(found)
        flat = block.view(np.uint16).reshape(len(block), math.prod(block.shape[1:]))
        good = ((flat & ~_SIGN16) < _INFINITE16).all(axis=1)
    else:
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            block = np.asarray(found, np.float32)
        flat = np.abs(block.reshape(len(block), math.prod(block.shape[1:])))
        good = (flat <= LARGEST).all(axis=1)
    if not good.all():
        raise DataError(
            f"row {int(at[good.argmin()])} holds what is no number, or too large",
            doing,
            "run bottleneck verify if it is a store's, or leave the row out",
        )
    return block


def probabilities(
    model: Any, features: Any, rows: NDArray[np.int64], size: int, doing: str
) -> NDArray[np.float32]:
    """Return what a network that ends in softmax says of these rows, as (n, k).

    Raises
    ------
    UsageError
        When it says no numbers: a training has left weights that are too large.
    """
    out = np.empty((len(rows), model.output_shape[-1]), np.float32)
    with room_for(f"a batch of {size}", "lower --batch-size"):
        for start in range(0, len(rows), size):
            at = rows[start : start + size]
            out[start : start + len(at)] = model.predict_on_batch(gather(features, at, doing))
    if not np.isfinite(out).all():
        what = "the head's probabilities are no numbers"
        raise UsageError(what, "train --learning-rate", "try a lower one")
    return out


@dataclass(slots=True, eq=False)
class Trained:
    """What a training leaves beside the weights."""

    history: list[dict[str, float]] = field(default_factory=list)
    validation: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))


def train(
    model: Any,
    features: Any,
    labels: NDArray[np.int32],
    train_rows: NDArray[np.int64],
    validation_rows: NDArray[np.int64],
    *,
    seed: int,
    options: Mapping[str, Any],
    report: Callable[[str], None],
    views: int = 1,
) -> Trained:
    """Train `model` in place.

    Parameters
    ----------
    model : keras.Model
        From rows to probabilities; its last layer is the softmax alone.
    views : int
        With more than one `features` are (n, views, …): one of them, drawn, an epoch.
    options : those of `options.TRAINING`, complete

    Raises
    ------
    UsageError
        When the loss is no number any more.
    DataError
        Features that are no numbers, or too large.
    NoSpaceError
        When a batch is too large for the memory.
    """
    keras = import_keras()
    learner = keras.Model(model.input, model.layers[-1].input)
    learner.compile(
        optimizer=_optimizer(options),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # compiling took longer than it saved
    )
    weights = _class_weights(labels[train_rows], model.output_shape[-1], options["class_weights"])
    done = Trained()
    size, patience = options["batch_size"], options["patience"]
    lowest, waited, best = math.inf, 0, None
    images = itself(features, views)
    for start in range(
        0, len(validation_rows), size
    ):  # a bad one is found before an epoch is spent
        gather(images, validation_rows[start : start + size], "train")
    orders = batches(train_rows, size, seed)
    generator = np.random.default_rng(seed_of(seed, VIEWS))
    for epoch in range(1, options["epochs"] + 1):
        entry: dict[str, float] = {"epoch": epoch}
        shown = drawn(features, views, generator)
        entry |= _epoch(learner, shown, labels, next(orders), weights, size)
        if not math.isfinite(entry["loss"]):
            raise UsageError(
                f"the loss of epoch {epoch} is no number", "--learning-rate", "try a lower one"
            )
        if len(validation_rows):
            said = probabilities(model, images, validation_rows, size, "train")
            truth = labels[validation_rows]
            entry["validation_loss"] = log_loss(said, truth)
            entry["validation_accuracy"] = float((said.argmax(axis=1) == truth).mean())
            done.validation = said
        done.history.append(entry)
        report(" ".join(f"{key} {value:.4g}" for key, value in entry.items()))
        if not patience or not len(validation_rows):
            continue
        if entry["validation_loss"] < lowest:
            lowest, waited = entry["validation_loss"], 0
            best = (model.get_weights(), done.validation)
        else:
            waited += 1
            if waited == patience:
                break
    if best is not None:
        model.set_weights(best[0])
        done.validation = best[1]
    if not len(validation_rows):  # the last step's harm shows in no loss
        probabilities(model, features, train_rows[:size], size, "train")
    return done


def _epoch(
    learner: Any,
    features: Any,
    labels: NDArray[np.int32],
    order: list[NDArray[np.int64]],
    weights: NDArray[np.float32] | None,
    size: int,
) -> dict[str, float]:
    """Take one step a batch; return the mean loss and accuracy over the rows as they were met."""
    loss = right = 0.0
    with room_for(f"a batch of {size}", "lower --batch-size"):
        for at in order:
            x, y = gather(features, at, "train"), labels[at]
            weight = None if weights is None else weights[y]
            found = learner.train_on_batch(x, y, sample_weight=weight, return_dict=True)
            loss += float(found["loss"]) * len(at)
            right += float(found["accuracy"]) * len(at)
    n = sum(map(len, order))
    return {"loss": loss / n, "accuracy": right / n}


def _optimizer(options: Mapping[str, Any]) -> Any:
    optimizers = import_keras().optimizers
    decay = options["weight_decay"] or None
    if options["optimizer"] == "adam":
        return optimizers.Adam(options["learning_rate"], weight_decay=decay)
    return optimizers.SGD(
        options["learning_rate"],
        momentum=options["momentum"],
        nesterov=options["nesterov"],
        weight_decay=decay,
    )


def _class_weights(
    labels: NDArray[np.int32], n_classes: int, how: str
) -> NDArray[np.float32] | None:
    """Return a weight for each class, such that all classes that are there weigh the same."""
    if how == "none":
        return None
    counts = np.bincount(labels, minlength=n_classes)
    there = counts > 0
    weights = np.ones(n_classes, np.float32)
    weights[there] = len(labels) / (there.sum() * counts[there])
    return weights


@contextmanager
def room_for(what: str, do: str) -> Iterator[None]:
    """Turn a backend's word for no memory into ours: for `what`, and what to `do`."""
    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
            raise NoSpaceError(f"no memory for {what}", "train", do) from error
        raise
