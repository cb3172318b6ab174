"""Training a Keras network on features: batches from the store, early stopping, one seed.

The network ends in logits, and the loss is taken of them: of probabilities Keras cuts the loss
off where they are sure, and large features start there.

What is judged and kept after an epoch is an exponential average of the weights over the steps of
about its last half (Polyak and Juditsky 1992): the last step's own depend on which few rows it saw,
and which epoch then looks best is luck. Whoever wants it the plain way gets the same from
`keras.Model.train_on_batch` over the order of `batches`, by an optimizer with `use_ema=True`,
`ema_momentum=momentum(steps of an epoch)`, and its `finalize_variable_values`.

Every generator has a seed of its own, made from the one seed: nothing here reads or moves the
global ones, so the same seed gives the same weights whatever else the process does.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError, NoSpaceError, UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.heads.class_weights import class_weights
from bottleneck.heads.objectives import objective
from bottleneck.heads.views import drawn, itself, take_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from bottleneck.heads.objectives import Objective
    from bottleneck.heads.task import Task

LARGEST = 1e15  # of a feature, so that no sum of a network leaves float32
# Bits of a float16, whose numbers are far below LARGEST: numpy compares whole numbers much faster.
_SIGN16, _INFINITE16 = np.uint16(0x8000), np.uint16(0x7C00)
AVERAGED = 0.5  # of an epoch: the steps whose weights are averaged, about
# By default: so many epochs, or of few images as many as are so many steps, but at most the last.
EPOCHS, STEPS, MOST_EPOCHS = 50, 6000, 500
PATIENCE, PATIENT_STEPS, MOST_PATIENCE = 10, 500, 40
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


def momentum(steps: int) -> float:
    """Return how much of the average of the weights each step keeps; 0 is no average.

    Parameters
    ----------
    steps : of an epoch
    """
    return 1 - 1 / (AVERAGED * steps) if AVERAGED * steps > 1 else 0.0


def course(options: Mapping[str, Any], n: int) -> dict[str, Any]:
    """Return the options of a training on `n` rows, with the epochs and patience that it takes.

    Where they were not given there are as many as long trainings need, of few rows more.
    """
    steps = math.ceil(n / options["batch_size"])
    found = dict(options)
    if found["epochs"] is None:
        found["epochs"] = max(EPOCHS, min(MOST_EPOCHS, math.ceil(STEPS / steps)))
    if found["patience"] is None:
        found["patience"] = max(PATIENCE, min(MOST_PATIENCE, math.ceil(PATIENT_STEPS / steps)))
    return found


def gather(features: Any, at: NDArray[np.int64], doing: str) -> NDArray[Any]:
    """Return rows as float32, or as they are where they are float16.

    The network makes float32 of those itself, in a tenth of numpy's time.

    Raises
    ------
    DataError
        When a row holds a value that is not a finite number, or too large; it is named by its
        position.
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
            f"row {int(at[good.argmin()])} holds a value that is not a finite number, or too large",
            doing,
            "if it is a row of a store, run bottleneck verify; else leave it out",
        )
    return block


def probabilities(
    model: Any, features: Any, rows: NDArray[np.int64], size: int, doing: str
) -> NDArray[np.float32]:
    """Return what a network says of these rows, as (n, k).

    Raises
    ------
    UsageError
        When its answers are not numbers: a training has left weights that are too large.
    """
    out = np.empty((len(rows), model.output_shape[-1]), np.float32)
    with room_for(f"a batch of {size}", "lower --batch-size"):
        for start in range(0, len(rows), size):
            at = rows[start : start + size]
            out[start : start + len(at)] = _said(model, gather(features, at, doing))
    if not np.isfinite(out).all():
        what = "what the head says are not numbers"
        raise UsageError(what, "train --learning-rate", "try a lower one")
    return out


def _said(model: Any, batch: NDArray[Any]) -> NDArray[np.float32]:
    keras = import_keras()
    if keras.backend.backend() != "openvino":
        return np.asarray(model.predict_on_batch(batch))
    # That backend's predict computes in bfloat16 where the processor can; this asks for float32.
    said = model(keras.ops.convert_to_tensor(batch), training=False)
    return np.asarray(keras.ops.convert_to_numpy(said))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """What a training leaves beside the weights.

    Attributes
    ----------
    validation : (n, k) float32
        What is predicted of the validation rows, by the weights that were kept.
    """

    history: tuple[Mapping[str, float], ...]
    validation: NDArray[np.float32]


def train(
    model: Any,
    task: Task,
    train_rows: NDArray[np.int64],
    validation_rows: NDArray[np.int64],
    *,
    is_averaged: bool = True,
) -> Trained:
    """Train `model` in place.

    Parameters
    ----------
    model : keras.Model
        From rows to predictions; its last layer is that of `objectives.objective`.
    task : its options are those of `heads.options.TRAINING`, complete
    is_averaged : whether the weights are averaged; else those of the last step are judged and kept

    Raises
    ------
    UsageError
        When the loss is not a number any more.
    DataError
        Features that are not finite numbers, or too large.
    NoSpaceError
        When a batch is too large for the memory.
    """
    options, size = task.options, task.options["batch_size"]
    images = itself(task.rows, task.views)
    goal = objective(task, train_rows)
    for start in range(0, len(validation_rows), size):  # a bad one is found before any epoch
        gather(images, validation_rows[start : start + size], "train")
    history: list[Mapping[str, float]] = []
    validation = np.zeros((0, 0), np.float32)
    lowest, waited, best = math.inf, 0, None
    n_steps = math.ceil(len(train_rows) / size) if is_averaged else 0
    for entry in _epochs(model, task, goal, train_rows, momentum(n_steps)):
        if len(validation_rows):
            validation = probabilities(model, images, validation_rows, size, "train")
            entry |= goal.judge(validation, validation_rows)
        history.append(entry)
        task.reporter.say(" ".join(f"{key} {value:.4g}" for key, value in entry.items()))
        if not options["patience"] or not len(validation_rows):
            continue
        if entry["validation_loss"] < lowest:
            lowest, waited = entry["validation_loss"], 0
            best = (model.get_weights(), validation)
        else:
            waited += 1
            if waited == options["patience"]:
                break
    if best is not None:
        model.set_weights(best[0])
        validation = best[1]
    if not len(validation_rows):  # the last step's harm shows in no loss
        probabilities(model, images, train_rows[:size], size, "train")
    return Trained(history=tuple(history), validation=validation)


def _epochs(
    model: Any, task: Task, goal: Objective, train_rows: NDArray[np.int64], averaged: float
) -> Iterator[dict[str, float]]:
    """Take the steps of one epoch after another; yield the loss and accuracy of each.

    Meanwhile the network has the averaged weights.
    """
    keras = import_keras()
    options, size = task.options, task.options["batch_size"]
    learner = keras.Model(model.input, model.layers[-1].input)
    optimizer = _optimizer(options, averaged)
    learner.compile(
        optimizer=optimizer,
        loss=goal.loss(),
        metrics=["accuracy"] if goal.has_accuracy else None,
        jit_compile=False,  # compiling took longer than it saved
    )
    weights = None
    if task.kind == "class":
        how = options["class_weights"]
        weights = class_weights(task.targets[train_rows], task.n_outputs, how)
    orders = batches(train_rows, size, task.seed)
    generator = np.random.default_rng(seed_of(task.seed, VIEWS))
    for epoch in range(1, options["epochs"] + 1):
        shown = drawn(task.rows, task.views, generator)
        found = _epoch(learner, shown, goal.targets, next(orders), weights, size)
        if not math.isfinite(found["loss"]):
            raise UsageError(
                f"the loss of epoch {epoch} is not a number", "--learning-rate", "try a lower one"
            )
        last = model.get_weights()
        optimizer.finalize_variable_values(learner.trainable_variables)
        yield {"epoch": epoch, **found}
        if epoch < options["epochs"]:
            model.set_weights(last)


def _epoch(
    learner: Any,
    features: Any,
    targets: NDArray[Any],
    order: list[NDArray[np.int64]],
    weights: NDArray[np.float32] | None,
    size: int,
) -> dict[str, float]:
    """Take one step a batch; return the mean loss and accuracy over the rows as they were met."""
    total: dict[str, float] = {}
    with room_for(f"a batch of {size}", "lower --batch-size"):
        for at in order:
            x, y = gather(features, at, "train"), targets[at]
            weight = None if weights is None else weights[y]
            found = learner.train_on_batch(x, y, sample_weight=weight, return_dict=True)
            for name, figure in found.items():
                total[name] = total.get(name, 0.0) + float(figure) * len(at)
    n = sum(map(len, order))
    return {name: total[name] / n for name in ("loss", "accuracy") if name in total}


def _optimizer(options: Mapping[str, Any], averaged: float) -> Any:
    optimizers = import_keras().optimizers
    every = {
        "weight_decay": options["weight_decay"] or None, "use_ema": averaged > 0,
        "ema_momentum": averaged,
    }  # fmt: skip
    if options["optimizer"] == "adam":
        return optimizers.Adam(options["learning_rate"], **every)
    return optimizers.SGD(
        options["learning_rate"],
        momentum=options["momentum"],
        nesterov=options["nesterov"],
        **every,
    )


@contextmanager
def room_for(what: str, do: str) -> Iterator[None]:
    """Turn a backend's word for no memory into ours: for `what`, and what to `do`."""
    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
            raise NoSpaceError(f"no memory for {what}", "train", do) from error
        raise
