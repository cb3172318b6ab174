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

    Pair = tuple[NDArray[np.float32], int]


@dataclass(slots=True, eq=False)
class _Opened:
    """A store as one process has it open; another process opens its own."""

    pid: int = -1
    rows: Any = None
    labels: NDArray[np.int32] | None = None

    def __reduce__(self) -> tuple[type[_Opened], tuple[()]]:
        return _Opened, ()  # what is open stays in its process


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowDataset:
    """Labelled rows of a store as a map-style data set: (features, label) by position.

    Made by `FeatureStore.torch_dataset`. Needs no PyTorch: a DataLoader makes tensors of what it
    is given, features (b, …) float32 and labels (b,) int64. A worker of a DataLoader, forked or
    spawned, opens the store by itself, at the commit of the one that made this.
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
        rows, labels = self._here()
        at = np.asarray(indices, np.int64)
        features = np.asarray(take_rows(rows, at)).astype(np.float32)
        return list(zip(features, labels[at].tolist(), strict=True))

    def _here(self) -> tuple[Any, NDArray[np.int32]]:
        """Return rows and labels as this process has them."""
        opened = self._opened
        if opened.pid != os.getpid():
            store = Store.open(self.path, self.commit)
            samples, at = (
                store.snapshot(self.source).samples,
                store.available(self.source, self.split),
            )
            at = at[samples.labels[at] >= 0]
            rows = store.features_of(samples.digests[at])
            opened.rows = itself(rows, store.recipe.views.number)
            opened.labels = samples.labels[at]
            opened.pid = os.getpid()
        assert opened.labels is not None
        return opened.rows, opened.labels
