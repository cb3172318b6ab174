"""A head that is a Keras network: what it predicts, and how it is kept.

It is saved as one `.keras` file, whose digest head.json holds, and loaded in Keras' safe mode: no
code comes out of a file.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import files
from bottleneck.core.errors import DamagedError, DataError
from bottleneck.core.frameworks import (
    check_trains,
    generators_kept,
    import_callers_keras,
    import_keras,
)
from bottleneck.core.guest import as_guest
from bottleneck.core.sealed import read_beside, seal, unseal
from bottleneck.heads.catalog import ADVICE, HEAD_FILE
from bottleneck.heads.objectives import objective
from bottleneck.heads.split import rows_to_fit
from bottleneck.heads.training import course, probabilities, room_for, seed_of, train

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.heads.objectives import Objective
    from bottleneck.heads.task import Task

FILE = "head.keras"
DROPOUT = 2**15  # the numbers of generators from here on are those of dropouts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KerasHead:
    """A fitted head.

    Attributes
    ----------
    kind : str
        Its name in the catalog.
    model : keras.Model
        From rows (n, …) float32 to predictions (n, k).
    whole : keras.Model or None
        What is saved in its place: a model that holds `model` as the layer of that name.
    """

    kind: str
    model: Any
    options: Mapping[str, Any]
    whole: Any = None
    history: Sequence[Mapping[str, float]] = ()
    validation: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))

    @property
    def epochs(self) -> int:
        """How often the training rows were gone through, those that did no good as well."""
        return len(self.history)

    @property
    def parameters(self) -> int:
        """How many numbers were fitted."""
        return _count(self.model.trainable_weights)

    @property
    def frozen(self) -> int:
        """How many numbers it holds beside them."""
        return _count(self.model.non_trainable_weights)

    @property
    def versions(self) -> dict[str, str]:
        """Keras and its backend."""
        keras = import_callers_keras()
        backend = keras.backend.backend()
        return {"keras": keras.__version__, backend: metadata.version(backend)}

    @as_guest()
    def predict(self, features: Any) -> NDArray[np.float32]:
        """Return predictions (n, k) float32 of features (n, …).

        Raises
        ------
        DataError
            When rows are of another shape, or hold a value that is too large or no finite number.
        """
        wanted, found = self.model.input_shape[1:], tuple(np.shape(features)[1:])
        if found != wanted:
            raise DataError(
                f"features of shape {_by(found)}, the head was fitted on {_by(wanted)}",
                "predict",
                "use rows of the recipe in the run's receipt",
            )
        rows = np.arange(len(features))
        return probabilities(self.model, features, rows, self.options["batch_size"], "predict")

    @as_guest()
    def append(self, rows: Any) -> Any:
        """Return predictions (n, k) of a Keras tensor of rows (n, …), float32."""
        return self.model(rows, training=False)

    def save(self, folder: Path) -> None:
        """Write head.keras and head.json."""
        (self.model if self.whole is None else self.whole).save(folder / FILE)
        content = {"head": self.kind, "options": dict(self.options)}
        files.write_synced(folder / HEAD_FILE, seal(content, folder, [FILE]))


@as_guest()
def load_network(folder: Path, kind: str, *, inside: bool = False) -> KerasHead:
    """Return the head that `save` wrote; with `inside`, the one in the model that was saved.

    Raises
    ------
    DamagedError
        When its files are not as they were written, or hold no such head.
    """
    description = unseal(folder / HEAD_FILE, ADVICE)
    read_beside(folder / HEAD_FILE, description, FILE, ADVICE)
    keras = import_keras()
    try:
        with generators_kept():
            found = keras.saving.load_model(folder / FILE, compile=False, safe_mode=True)
        model = found.get_layer(kind) if inside else found
        if (len(model.inputs), len(model.outputs), len(model.outputs[0].shape)) != (1, 1, 2):
            raise ValueError("other inputs or outputs than a head's")
        options = dict(description["options"])
        if type(options["batch_size"]) is not int:
            raise ValueError("no size of batches")
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise DamagedError(f"not a {kind} head ({reason})", folder / FILE, ADVICE) from error
    return KerasHead(kind=kind, model=model, whole=found if inside else None, options=options)


def whole_model(front: Any, dtype: str, append: Callable[[Any], Any]) -> Any:
    """Return the keras.Model from uint8 pixels (n, height, width, c) to probabilities (n, k).

    Parameters
    ----------
    front : keras.Model
        From pixels to rows, float32.
    dtype : as rows are stored; they are rounded to it between
    append : see `Fitted.append`
    """
    keras = import_keras()
    pixels = keras.Input(front.input_shape[1:], dtype="uint8", name="pixels")
    rows = keras.ops.cast(keras.ops.cast(front(pixels), dtype), "float32")
    return keras.Model(pixels, append(rows), name="classifier")


@as_guest()
def fit_network(
    kind: str, build: Callable[[], tuple[Any, Any]], task: Task, *, is_averaged: bool = True
) -> KerasHead:
    """Train the network that `build` returns; see `heads.task.Head.fit`.

    Parameters
    ----------
    build : callable
        Returns the input of the network and its last features (n, d), KerasTensors; what predicts
        the targets is put behind them.
    is_averaged : see `training.train`
    """
    check_trains(f"--head {kind}")
    train_rows, validation_rows = rows_to_fit(task)
    task = replace(task, options=course(task.options, len(train_rows)))
    with generators_kept(), room_for("this head", "make it smaller"):
        goal = objective(task, train_rows)
        model = _with_outputs(*build(), goal, task, kind)
    done = train(model, task, train_rows, validation_rows, is_averaged=is_averaged)
    if task.options.get("refit") and len(validation_rows):
        model = _refitted(kind, build, task, done.history, is_averaged=is_averaged)
    return KerasHead(
        kind=kind,
        model=model,
        options={
            **task.options,
            "seed": task.seed,
            **({} if task.kind == "class" else {"kind": task.kind}),
        },
        history=done.history,
        validation=done.validation,
    )


def _refitted(
    kind: str,
    build: Callable[[], tuple[Any, Any]],
    task: Task,
    history: Sequence[Mapping[str, float]],
    *,
    is_averaged: bool,
) -> Any:
    """Return the network fitted anew to training and validation rows, which then judge no more.

    It takes as many epochs as were best by the validation rows; all of them where none stopped it.
    """
    losses = [entry["validation_loss"] for entry in history]
    best = int(np.argmin(losses)) + 1 if task.options["patience"] else len(losses)
    rows = np.sort(np.concatenate(rows_to_fit(task)))
    with generators_kept(), room_for("this head", "make it smaller"):
        model = _with_outputs(*build(), objective(task, rows), task, kind)
    anew = replace(task, options={**task.options, "epochs": best, "patience": 0})
    train(model, anew, rows, rows[:0], is_averaged=is_averaged)
    return model


def _with_outputs(inputs: Any, last: Any, goal: Objective, task: Task, name: str) -> Any:
    keras = import_keras()
    initial = glorot(task.seed, 0)
    dense = keras.layers.Dense(task.n_outputs, kernel_initializer=initial, name="classifier")
    return keras.Model(inputs, goal.last()(dense(last)), name=name)


def glorot(seed: int, number: int) -> Any:
    """Return the initialiser of layer `number`; 0 is the classifier."""
    return import_keras().initializers.GlorotUniform(seed_of(seed, number))


def dropout_layer(rate: float, seed: int, number: int) -> Any:
    """Return dropout `number`, whose generator has a seed of its own."""
    return import_keras().layers.Dropout(
        rate, seed=seed_of(seed, DROPOUT + number), name=f"dropout_{number}"
    )


def _count(weights: list[Any]) -> int:
    return sum(int(np.prod(weight.shape)) for weight in weights)


def _by(shape: tuple[int | None, ...]) -> str:
    return "x".join(map(str, shape)) or "one number"
