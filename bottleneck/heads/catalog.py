"""The heads by name, and what a head is to the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, cast

from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.core.sealed import unseal
from bottleneck.heads import options

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

HEAD_FILE = "head.json"
ADVICE = "train again"  # where a run or its head is damaged


class Fitted(Protocol):
    """A head that was fitted."""

    history: list[dict[str, float]]
    validation: NDArray[np.float32]  # probabilities of the validation rows, by the fit without them
    epochs: int
    options: Mapping[str, Any]

    @property
    def parameters(self) -> int:
        """How many numbers were fitted."""

    @property
    def frozen(self) -> int:
        """How many numbers it holds beside them, before the cut not counted."""

    @property
    def versions(self) -> Mapping[str, str]:
        """Libraries that fitted it, beside numpy."""

    def predict(self, features: Any) -> NDArray[np.float32]:
        """Return probabilities (n, classes) of features (n, …)."""

    def append(self, rows: Any) -> Any:
        """Return the probabilities (n, classes) of a Keras tensor of rows (n, …), float32.

        Made of Keras' own layers, so that the model they become part of loads in safe mode.
        """

    def save(self, folder: Path) -> None:
        """Write the head into a folder that is not published yet."""


class Behind(Protocol):
    """A frozen network, cut: what stands before the cut, and what behind it."""

    @property
    def front(self) -> Callable[[], Any]:
        """Returns the keras.Model from uint8 images (n, height, width, 3) to the features."""

    def layers(self, seed: Callable[[int], int]) -> Any:
        """Return a keras.Model of copies of the layers that go on from the features.

        `seed(n)` is the seed of the n-th of them, from 1.
        """


class Head(Protocol):
    """A kind of head: the module of that name."""

    def fit(
        self,
        features: Any,
        labels: NDArray[np.int32],
        split: NDArray[np.uint8],
        *,
        seed: int,
        n_classes: int,
        options: Mapping[str, Any],
        report: Callable[[str], None],
        network: Callable[[], Behind] | None = None,
        views: int = 1,
    ) -> Fitted:
        """Fit on the rows whose split is 0, choose on those whose split is 1.

        Parameters
        ----------
        features : array-like (n, …)
            Needs `len`, `shape`, `take(indices)`. Rows of more than one axis are flattened.
        labels : (n,) int32, below `n_classes`
        split : (n,) uint8
            0 train, 1 validation; rows of any other are never looked at.
        options : as `complete` returns them; further ones are only kept
        network : what made the features, cut; loaded when a head that goes on from there calls it
        views : of each image. With more than one `features` are (n, views, …), the image itself
            first. Validation looks at the image itself; a training draws a view of each image an
            epoch, or takes all of them as rows that share the weight of one.

        Raises
        ------
        DataError
            Fewer than two classes among the training rows, a row without a label (-1), or
            features that are no numbers.
        ValueError
            A label of no class, or not one for each row: the caller's mistake.
        """

    def load(self, folder: Path) -> Fitted:
        """Return the head that `save` wrote."""


@dataclass(frozen=True, slots=True)
class HeadSpec:
    """What is known of a head before its module is imported."""

    module: str
    options: Mapping[str, Any] = field(default_factory=dict)  # what it can be told → the default


# One line a head.
HEADS: Mapping[str, HeadSpec] = MappingProxyType(
    {
        "linear": HeadSpec("bottleneck.heads.linear"),
        "dense": HeadSpec(
            "bottleneck.heads.dense", {"units": (256,), "dropout": (0.3,), **options.TRAINING}
        ),
        "conv": HeadSpec(
            "bottleneck.heads.conv",
            {"filters": 100, "kernel": 2, "dropout": (0.4, 0.3), **options.TRAINING},
        ),
        "tail": HeadSpec("bottleneck.heads.tail", {**options.TRAINING, **options.FINE_TUNING}),
    }
)


def spec(name: str) -> HeadSpec:
    """Return what is known of the head of this name; UsageError when there is none."""
    if name not in HEADS:
        raise UsageError(f"no head {name!r}", "--head", f"one of {', '.join(HEADS)}")
    return HEADS[name]


def complete(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option of a head, those that were not given by their defaults.

    Raises
    ------
    UsageError
        No such head, an option that it does not have, a value that it cannot take.
    """
    return options.complete(name, spec(name).options, given)


def load_kind(name: str) -> Head:
    """Return the head of this name; its libraries are imported now."""
    return cast("Head", import_module(spec(name).module))


def load_head(folder: Path) -> Fitted:
    """Return the fitted head of a run folder; needs no store.

    Raises
    ------
    UsageError
        When there is none, or a newer program wrote it.
    DamagedError
        When its files are not as they were written.
    """
    path = folder / HEAD_FILE
    try:
        kind = unseal(path, ADVICE).get("head")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError("no head in this folder", folder, "name the folder of a run") from error
    if not isinstance(kind, str):
        raise DamagedError("says no kind of head", path, ADVICE)
    if kind not in HEADS:
        raise UsageError(f"a head of an unknown kind, {kind!r}", path, "upgrade bottleneck-cache")
    return load_kind(kind).load(folder)
