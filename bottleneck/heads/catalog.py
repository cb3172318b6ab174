"""The heads by name, and what a head is to the rest."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, cast

from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.heads.sealed import ADVICE, unseal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

HEAD_FILE = "head.json"


class Fitted(Protocol):
    """A head that was fitted."""

    history: list[dict[str, float]]
    validation: NDArray[np.float32]  # probabilities of the validation rows, by the fit without them
    parameters: int
    epochs: int
    options: Mapping[str, Any]

    def predict(self, features: Any) -> NDArray[np.float32]:
        """Return probabilities (n, classes) of features (n, …)."""

    def append(self, rows: Any) -> Any:
        """Return the probabilities (n, classes) of a Keras tensor of rows (n, …), float32.

        Made of Keras' own layers, so that the model they become part of loads in safe mode.
        """

    def save(self, folder: Path) -> None:
        """Write the head into a folder that is not published yet."""


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
    ) -> Fitted:
        """Fit on the rows whose split is 0, choose on those whose split is 1.

        Parameters
        ----------
        features : array-like (n, …)
            Needs `len`, `shape`, `take(indices)`. Rows of more than one axis are flattened.
        labels : (n,) int32, below `n_classes`
        split : (n,) uint8
            0 train, 1 validation; rows of any other are never looked at.

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


# One line a head: name → its module.
HEADS: Mapping[str, str] = MappingProxyType({"linear": "bottleneck.heads.linear"})


def load_kind(name: str) -> Head:
    """Return the head of this name; its libraries are imported now."""
    if name not in HEADS:
        raise UsageError(f"no head {name!r}", "--head", f"one of {', '.join(HEADS)}")
    return cast("Head", import_module(HEADS[name]))


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
        kind = unseal(path).get("head")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError("no head in this folder", folder, "name the folder of a run") from error
    if not isinstance(kind, str):
        raise DamagedError("says no kind of head", path, ADVICE)
    if kind not in HEADS:
        raise UsageError(f"a head of an unknown kind, {kind!r}", path, "upgrade bottleneck-cache")
    return load_kind(kind).load(folder)
