"""Samples that lie in one container as an array of pixels."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.paths import Stat, stat_row, to_json_text
from bottleneck.core.sample import NO_LABEL, show_key
from bottleneck.data.source import SKIPPED, Listing, Read, Understood

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.sample import Targets
    from bottleneck.data.how import How


class Images(Protocol):
    """Images by number; an array is one, and so is what reads them where they lie."""

    def __getitem__(self, index: int, /) -> NDArray[np.uint8] | bytes:
        """Return (height, width) or (height, width, 3), or an encoded file.

        Raises
        ------
        OSError
            When it cannot be read, or its container changed.
        """


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrays:
    """An opened container; a row of each column is a sample, in the order of the keys.

    Attributes
    ----------
    keys : (n,) bytes (`S`), sorted
    images : Images
    labels : (n,) int32; -1 without a label
    splits : (n,) uint8
    classes : tuple of str
        Sorted.
    path : Path
        The file whose stat stands for every sample.
    stat : Stat
        That file's, when it was opened.
    clock_ns : int
        The clock before that.
    understood : Understood
    targets : None where there are none
    """

    keys: NDArray[np.bytes_]
    images: Images
    labels: NDArray[np.int32]
    splits: NDArray[np.uint8]
    classes: tuple[str, ...]
    path: Path
    stat: Stat
    clock_ns: int
    understood: Understood = field(default_factory=Understood)
    targets: Targets | None = None


class ArraySource:
    """Arrays of pixels, known by a name or in a file: `load` opens them, fetching if it must."""

    def __init__(
        self,
        name: str,
        how: How,
        *,
        load: Callable[[], Arrays],
        exists: Callable[[], bool],
    ) -> None:
        self._name = name
        self._spec = {"kind": name, "where": name}  # wherever it lies on this machine
        self._how = how
        self._load = load
        self._exists = exists
        self._opened: tuple[Arrays, NDArray[np.int64]] | None = None

    @classmethod
    def of_file(cls, kind: str, path: Path, how: How, *, load: Callable[[], Arrays]) -> ArraySource:
        """Return the source of a file, which has its name and is known by its absolute path."""
        source = cls(show_key(os.fsencode(path.name)), how, load=load, exists=path.is_file)
        source._spec = {"kind": kind, "where": to_json_text(str(path))}
        return source

    @property
    def name(self) -> str:
        """The data set's or file's name."""
        return self._name

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`."""
        return {**self._spec, **self._how.to_json()}

    def exists(self) -> bool:
        """Whether it is on this machine."""
        return self._exists()

    def list(self) -> Listing:
        """See `Source.list`."""
        arrays = self._load()
        if self._how.patterns:
            kept = np.flatnonzero([self._how.patterns.keeps(key) for key in arrays.keys.tolist()])
        else:
            kept = np.arange(len(arrays.keys))
        if not len(kept):
            raise DataError("no images are left", self._name, "check --include and --exclude")
        self._opened = (arrays, kept)
        labels = arrays.labels[kept]
        used = np.unique(labels[labels != NO_LABEL])
        return Listing(
            keys=arrays.keys[kept],
            labels=np.where(labels < 0, NO_LABEL, np.searchsorted(used, labels)).astype(np.int32),
            splits=arrays.splits[kept],
            classes=tuple(arrays.classes[i] for i in used),
            stats=np.repeat(np.array([arrays.stat], np.int64), len(kept), axis=0),
            skipped=dict.fromkeys(SKIPPED, 0) | {"excluded": len(arrays.keys) - len(kept)},
            device=0,
            understood=arrays.understood,
            targets=arrays.targets and arrays.targets.taken(kept),
        )

    def read(self, index: int) -> Read:
        """See `Source.read`; the container must be the one that was listed."""
        if self._opened is None:
            raise ValueError("read() before list()")
        arrays, kept = self._opened
        content = arrays.images[int(kept[index])]
        if not isinstance(content, bytes):
            content = np.array(content)  # a copy: what is hashed is what is decoded
        if stat_row(os.stat(arrays.path)) != arrays.stat:  # noqa: PTH116 - `os` as in stat_row
            raise OSError(errno.EAGAIN, "changed after it was listed", str(arrays.path))
        return Read(content=content, stat=arrays.stat, clock_ns=arrays.clock_ns)
