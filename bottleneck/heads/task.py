"""What a head is given, what it gives back, and what every kind of head can do."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bottleneck.core.reporter import SILENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter

TargetKind = Literal["class", "labels", "numbers"]
TRAIN, VALIDATION = 0, 1  # in `Task.split`; a head never looks at rows of any other number


class Behind(Protocol):
    """A frozen network that was cut: the layers before the cut, and those behind it."""

    @property
    def front(self) -> Callable[[], Any]:
        """Returns the keras.Model from uint8 images (n, height, width, 3) to the features."""

    def layers(self, seed: Callable[[int], int]) -> Any:
        """Return a keras.Model of copies of the layers that go on from the features.

        `seed(n)` is the seed of the n-th of them, from 1.
        """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """Everything that a head is fitted on. A head changes none of it.

    Attributes
    ----------
    rows : array-like (n, …)
        The features: an array, or the rows of a store. Gather some of them by
        `heads.views.take_rows(rows, indices)`; `heads.split.rows_to_fit` says which.
    targets : (n,) int32, or (n, n_outputs) float32
        The class of each row, below `n_outputs`. Of the other kinds a column for each label (0 or
        1) or number; NaN where it is not known.
    split : (n,) uint8
        0 to train on, 1 to validate with; rows of any other number are never looked at.
    n_outputs : int
        How many numbers a prediction has: as many as there are classes, labels or numbers.
    kind : what the targets are: one class for each row ("class"), "labels" of which a row may
        have several, or "numbers"
    groups : (n,) or None
        Rows of one group (such as the pictures of one patient) belong together. Whoever makes the
        split keeps them on one side; a head that divides its training rows further must too.
    seed : the same seed and the same rows give the same head
    options : what the head is told, complete, as `heads.catalog.complete` returns it
    views : of each image. With more than one, `rows` are (n, views, …), the image itself first.
        Validation looks at the image itself. Training draws one view of each image an epoch, or
        takes all of them as rows that share the weight of one.
    network : returns what made the rows, cut; called only by a head that trains those layers
    reporter : is told how the fit goes
    """

    rows: Any
    targets: NDArray[Any]
    split: NDArray[np.uint8]
    n_outputs: int
    kind: TargetKind = "class"
    groups: NDArray[Any] | None = None
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    views: int = 1
    network: Callable[[], Behind] | None = None
    reporter: Reporter = SILENT


class Fitted(Protocol):
    """A head that was fitted."""

    @property
    def history(self) -> Sequence[Mapping[str, float]]:
        """What the fit reported, in order.

        The last entry has at least `epoch` and `loss`, and with validation rows also
        `validation_loss` (of classes `validation_accuracy` too), of the fit before validation rows
        joined.
        """

    @property
    def validation(self) -> NDArray[np.float32]:
        """What is predicted of the validation rows, by a fit that had not seen them."""

    @property
    def epochs(self) -> int:
        """How often the training rows were gone through."""

    @property
    def options(self) -> Mapping[str, Any]:
        """What the head was fitted with, what it chose by itself included."""

    @property
    def parameters(self) -> int:
        """How many numbers were fitted."""

    @property
    def frozen(self) -> int:
        """How many numbers it holds beside them; those before the cut are not counted."""

    @property
    def versions(self) -> Mapping[str, str]:
        """The libraries that fitted it, beside numpy."""

    def predict(self, rows: Any) -> NDArray[np.float32]:
        """Return what is predicted of rows (n, …), as (n, n_outputs).

        Of classes a probability each, which sum to 1; of labels a probability each; of numbers
        the numbers.

        Raises
        ------
        DataError
            When rows have another shape than the head was fitted on, or one holds a value that is
            not a finite number, or too large; the message names the first such row.
        """

    def append(self, rows: Any) -> Any:
        """Return what `predict` does, as (n, n_outputs), of a Keras tensor of rows (n, …), float32.

        Made of Keras' own layers and `keras.ops`, so that the model they become part of loads in
        safe mode. `bottleneck export` calls it; nothing else does.
        """

    def save(self, folder: Path) -> None:
        """Write the head into a folder that is not published yet."""


class Head(Protocol):
    """A kind of head: the module that its line in the catalog names."""

    def fit(self, task: Task) -> Fitted:
        """Fit on the training rows, choose by the validation rows.

        Raises
        ------
        DataError
            Fewer than two classes among the training rows, a row without a label (-1) or with
            nothing known, nothing that differs between training rows, or features that are not
            finite numbers or too large (the message says "too large"): `heads.split.rows_to_fit`
            and `heads.training.gather` check this.
        ValueError
            A label of no class, or not one for each row: the caller's mistake.
        """

    def load(self, folder: Path) -> Fitted:
        """Return the head that `save` wrote."""
