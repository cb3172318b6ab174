"""Samples that lie in one container as an array of pixels."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.data.source import SKIPPED, Listing, Read, Stat, stat_row

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.data.patterns import Patterns


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrays:
    """An opened container; a row of each column is a sample, in the order of the keys.

    Attributes
    ----------
    keys : (n,) bytes (`S`), sorted
    images : (n, height, width) or (n, height, width, 3) uint8
    labels : (n,) int32
    splits : (n,) uint8
    classes : tuple of str
    path : Path
        The file whose stat stands for every sample.
    stat : Stat
        That file's, when it was opened.
    clock_ns : int
        The clock before that.
    """

    keys: NDArray[np.bytes_]
    images: NDArray[np.uint8]
    labels: NDArray[np.int32]
    splits: NDArray[np.uint8]
    classes: tuple[str, ...]
    path: Path
    stat: Stat
    clock_ns: int


class ArraySource:
    """A data set known by its name: `load` opens it, fetching it if it must."""

    def __init__(
        self,
        name: str,
        patterns: Patterns,
        *,
        load: Callable[[], Arrays],
        exists: Callable[[], bool],
    ) -> None:
        self._name = name
        self._patterns = patterns
        self._load = load
        self._exists = exists
        self._opened: tuple[Arrays, NDArray[np.int64]] | None = None

    @property
    def name(self) -> str:
        """The data set's name."""
        return self._name

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`; `where` is the name, wherever the data set lies on this machine."""
        return {"kind": self._name, "where": self._name, **self._patterns.to_json()}

    def exists(self) -> bool:
        """Whether it is on this machine."""
        return self._exists()

    def list(self) -> Listing:
        """See `Source.list`."""
        arrays = self._load()
        if self._patterns:
            kept = np.flatnonzero([self._patterns.keeps(key) for key in arrays.keys.tolist()])
        else:
            kept = np.arange(len(arrays.keys))
        if not len(kept):
            raise DataError("no images are left", self._name, "check --include and --exclude")
        self._opened = (arrays, kept)
        labels = arrays.labels[kept]
        used = np.unique(labels)
        return Listing(
            keys=arrays.keys[kept],
            labels=np.searchsorted(used, labels).astype(np.int32),
            splits=arrays.splits[kept],
            classes=tuple(arrays.classes[i] for i in used),
            stats=np.repeat(np.array([arrays.stat], np.int64), len(kept), axis=0),
            skipped=dict.fromkeys(SKIPPED, 0) | {"excluded": len(arrays.keys) - len(kept)},
            device=0,
        )

    def read(self, index: int) -> Read:
        """See `Source.read`; the container must be the one that was listed."""
        if self._opened is None:
            raise ValueError("read() before list()")
        arrays, kept = self._opened
        content = np.array(arrays.images[kept[index]])  # a copy: what is hashed is what is decoded
        if stat_row(os.stat(arrays.path)) != arrays.stat:  # noqa: PTH116 - `os` as in stat_row
            raise OSError(errno.EAGAIN, "changed after it was listed", str(arrays.path))
        return Read(content=content, stat=arrays.stat, clock_ns=arrays.clock_ns)
