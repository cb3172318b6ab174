"""Samples that lie in one container as an array of pixels."""

from __future__ import annotations

import errno
import hashlib
import math
import os
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.paths import Stat, stat_row, to_json_text
from bottleneck.core.sample import NO_LABEL, show_key
from bottleneck.data.source import SKIPPED, Listing, Read, Understood

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.sample import Groups, Targets
    from bottleneck.data.how import How
    from bottleneck.data.reading import Container


_LEAST_SIDE = 8, 16  # of a color picture, with its colors behind and in front


class Images(Protocol):
    """Images by number; an array is one, and so is what reads them where they lie."""

    def __getitem__(self, index: int, /) -> NDArray[np.uint8] | bytes:
        """Return (height, width) or (height, width, 3), or an encoded file.

        Raises
        ------
        OSError
            When it cannot be read, or its container changed.
        """


class Stored:
    """Images where they lie in a file, one after the other."""

    def __init__(self, container: Container, offset: int, shape: tuple[int, ...]) -> None:
        self.container, self.offset, self.shape = container, offset, shape

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """See `Images`."""
        n_bytes = math.prod(self.shape)
        read = self.container.piece(self.offset + index * n_bytes, n_bytes)
        return np.frombuffer(bytes(read.content), np.uint8).reshape(self.shape)


class Joined:
    """Images of several arrays, one array after the other."""

    def __init__(self, parts: list[Images], counts: list[int]) -> None:
        self.parts = parts
        self.starts = [sum(counts[:i]) for i in range(len(counts))]

    def __getitem__(self, index: int) -> NDArray[np.uint8] | bytes:
        """See `Images`."""
        at = bisect_right(self.starts, index) - 1
        return self.parts[at][index - self.starts[at]]


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
    paths : tuple of Path
        The files whose stat stands for every sample.
    stat : Stat
        `stat_of_all` of them, when they were opened.
    clock_ns : int
        The clock before that.
    understood : Understood
    targets, groups : None where there are none
    """

    keys: NDArray[np.bytes_]
    images: Images
    labels: NDArray[np.int32]
    splits: NDArray[np.uint8]
    classes: tuple[str, ...]
    paths: tuple[Path, ...]
    stat: Stat
    clock_ns: int
    understood: Understood = field(default_factory=Understood)
    targets: Targets | None = None
    groups: Groups | None = None


def refuse_one_picture(shape: Sequence[int], what: str, where: str) -> None:
    """Raise DataError for the shape of one color picture, which would be read as many gray ones.

    (height, width, 3 or 4), or (3, height, width); those of a few pixels are gray images.
    """
    if len(shape) != 3:
        return
    is_last = shape[2] in (3, 4) and min(shape[:2]) >= _LEAST_SIDE[0]
    if not is_last and not (shape[0] == 3 and min(shape[1:]) >= _LEAST_SIDE[1]):
        return
    one = "x.transpose(1, 2, 0)[None]"
    if is_last:
        one = "x[None]" if shape[2] == 3 else "x[None, ..., :3]"
    raise DataError(
        f"{what} may be one color picture, or {shape[0]} gray ones",
        where,
        f"give {one} for one picture, such as np.save('x.npy', {one}), or x[..., None] for gray "
        "ones",
    )


def stat_of_all(paths: Sequence[Path]) -> Stat:
    """Return the stat of a file, or one that stands for several and differs when any of them does.

    Raises
    ------
    OSError
        When one is not there.
    """
    rows = [stat_row(os.stat(path)) for path in paths]  # noqa: PTH116 - `os` as in stat_row
    if len(rows) == 1:
        return rows[0]
    sizes, mtimes, ctimes, _ = zip(*rows, strict=True)
    mixed = hashlib.sha256(repr(rows).encode()).digest()[:8]
    return sum(sizes), max(mtimes), max(ctimes), int.from_bytes(mixed, "little") >> 1


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
    def of_file(
        cls,
        kind: str,
        path: Path,
        how: How,
        *,
        load: Callable[[], Arrays],
        exists: Callable[[], bool] | None = None,
    ) -> ArraySource:
        """Return the source of a file, which has its name and is known by its absolute path."""
        name = show_key(os.fsencode(path.name))
        source = cls(name, how, load=load, exists=exists or path.exists)
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
            groups=arrays.groups and arrays.groups.taken(kept),
        )

    def read(self, index: int) -> Read:
        """See `Source.read`; the container must be the one that was listed."""
        if self._opened is None:
            raise ValueError("read() before list()")
        arrays, kept = self._opened
        content = arrays.images[int(kept[index])]
        if not isinstance(content, bytes):
            content = np.array(content)  # a copy: what is hashed is what is decoded
        if stat_of_all(arrays.paths) != arrays.stat:
            raise OSError(errno.EAGAIN, "changed after it was listed", str(arrays.paths[0]))
        return Read(content=content, stat=arrays.stat, clock_ns=arrays.clock_ns)
