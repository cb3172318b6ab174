"""A store's rows as PyTorch's DataLoader wants them: by position, in several processes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.heads.views import itself, take_rows
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Pair = tuple[NDArray[np.float32], int | NDArray[np.float32]]


@dataclass(slots=True, eq=False)
class _Opened:
    """A store as one process has it open; another process opens its own."""

    pid: int = -1
    rows: Any = None
    targets: NDArray[Any] | None = None

    def __reduce__(self) -> tuple[type[_Opened], tuple[()]]:
        return _Opened, ()  # what is open stays in its process


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowDataset:
    """Labelled rows of a store as a map-style data set: (features, label) by position.

    Made by `FeatureStore.torch_dataset`. Needs no PyTorch: a DataLoader makes tensors of what it
    is given, features (b, …) float32 and labels (b,) int64, or targets (b, k) float32. A worker of
    a DataLoader, forked or spawned, opens the store by itself, at the commit of the one that made
    this.
    """

    path: Path
    commit: int
    source: str
    split: str | None
    _opened: _Opened = field(default_factory=_Opened, repr=False)

    def __len__(self) -> int:
        return len(self._here()[1])

    def __getitem__(self, index: int) -> Pair:
        position = range(len(self))[index]
        return self.__getitems__([position])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Pair]:
        """Return (features (…) float32, label) of several positions, gathered at once."""
        rows, targets = self._here()
        at = np.asarray(indices, np.int64)
        features = np.asarray(take_rows(rows, at)).astype(np.float32)
        found = targets[at].tolist() if targets.ndim == 1 else targets[at]
        return list(zip(features, found, strict=True))

    def _here(self) -> tuple[Any, NDArray[Any]]:
        """Return rows and labels, or targets, as this process has them."""
        opened = self._opened
        if opened.pid != os.getpid():
            store = Store.open(self.path, self.commit)
            samples = store.snapshot(self.source).samples
            at = store.available(self.source, self.split)
            said: NDArray[Any] = samples.labels
            if samples.targets is not None:
                said = samples.targets.values
            targets = said[at]
            is_known = _is_known(targets)
            rows = store.features_of(samples.digests[at[is_known]])
            opened.rows = itself(rows, store.recipe.views.number)
            opened.targets = targets[is_known]
            opened.pid = os.getpid()
        assert opened.targets is not None
        return opened.rows, opened.targets


def _is_known(targets: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which of classes (n,) are one, or which of targets (n, k) have one that is known."""
    return np.asarray(targets >= 0 if targets.ndim == 1 else ~np.isnan(targets).all(axis=1))
