"""Samples in columns: a million of them are a few arrays, not a million objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

SPLITS = ("train", "val", "test")
NO_LABEL = -1
TARGET_KINDS = ("labels", "numbers")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Groups:
    """Which samples belong together (one patient, one scene) and must be on one side of a split.

    Attributes
    ----------
    numbers : (n,) int32
        Index into `names`; -1 without a group.
    names : tuple of str
        The groups' names in sorted order.
    """

    numbers: NDArray[np.int32]
    names: tuple[str, ...]

    def taken(self, rows: NDArray[np.int64]) -> Groups:
        """Return those of these samples, in this order, without the groups that have none."""
        numbers = self.numbers[rows]
        used = np.unique(numbers[numbers >= 0])
        names = tuple(self.names[i] for i in used)
        found = np.where(numbers < 0, -1, np.searchsorted(used, numbers)).astype(np.int32)
        return Groups(numbers=found, names=names)

    def same_as(self, other: Groups) -> bool:
        """Whether both say the same of every sample."""
        return self.names == other.names and np.array_equal(self.numbers, other.numbers)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Targets:
    """What there is to learn of samples besides one class.

    Attributes
    ----------
    values : (n, k) float32
        NaN where it is missing.
    kind : str
        One of `TARGET_KINDS`: labels of which a sample may have several (0 or 1 each), or numbers.
    names : tuple of k str
        What each column is.
    """

    values: NDArray[np.float32]
    kind: str
    names: tuple[str, ...]

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which samples have something that is known, (n,)."""
        return np.asarray(~np.isnan(self.values).all(axis=1))

    def taken(self, rows: NDArray[np.int64]) -> Targets:
        """Return those of these samples, in this order."""
        return Targets(values=self.values[rows], kind=self.kind, names=self.names)

    def same_as(self, other: Targets) -> bool:
        """Whether both say the same of every sample."""
        mine = (self.kind, self.names)
        return mine == (other.kind, other.names) and np.array_equal(
            self.values, other.values, equal_nan=True
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """The samples of a source in the order of their keys.

    Attributes
    ----------
    keys : (n,) bytes (`S`)
        Paths relative to the source's root with `/`, not normalised, unique, sorted as bytes.
    digests : (n, 32) uint8
        SHA-256 of each image; zeros where `known` is False.
    known : (n,) bool
        Whether the digest is known.
    labels : (n,) int32
        Index into `classes`; -1 without a label.
    splits : (n,) uint8
        Index into `SPLITS`.
    classes : tuple of str
        Class names in sorted order.
    groups, targets : None where the source says nothing of them
    """

    keys: NDArray[np.bytes_]
    digests: NDArray[np.uint8]
    known: NDArray[np.bool_]
    labels: NDArray[np.int32]
    splits: NDArray[np.uint8]
    classes: tuple[str, ...]
    groups: Groups | None = None
    targets: Targets | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def kind(self) -> str:
        """What there is to learn: one "class" each, several "labels", or "numbers"."""
        return "class" if self.targets is None else self.targets.kind

    @property
    def has_target(self) -> NDArray[np.bool_]:
        """Which samples have something to learn, (n,)."""
        return self.labels != NO_LABEL if self.targets is None else self.targets.known

    def same_as(self, other: Samples) -> bool:
        """Whether both say the same of every sample."""
        return (
            self.classes == other.classes
            and len(self) == len(other)
            and bool((self.keys == other.keys).all())
            and np.array_equal(self.known, other.known)
            and np.array_equal(self.digests, other.digests)
            and np.array_equal(self.labels, other.labels)
            and np.array_equal(self.splits, other.splits)
            and _same(self.groups, other.groups)
            and _same(self.targets, other.targets)
        )


def _same(one: Any, other: Any) -> bool:
    """Whether two of `Groups` or `Targets`, or their absence, say the same."""
    return one is other or (one is not None and other is not None and bool(one.same_as(other)))


def key_array(keys: Sequence[bytes] | Iterable[bytes]) -> NDArray[np.bytes_]:
    """Return keys as an `S` array. No key may hold a NUL byte (no path can)."""
    listed = list(keys)
    width = max((len(key) for key in listed), default=1) or 1
    return np.array(listed, dtype=f"S{width}")


def show_key(key: bytes) -> str:
    """Return a key for people: UTF-8, what is not spelled with backslashes, one line."""
    return printable(key.decode("utf-8", "backslashreplace"))


def find(haystack: NDArray[np.bytes_], needles: NDArray[np.bytes_]) -> NDArray[np.int64]:
    """Return where each needle stands in the sorted `haystack`, or -1.

    `S` arrays compare as bytes, and byte order is the order of keys everywhere.
    """
    if not len(haystack):
        return np.full(len(needles), -1, np.int64)
    if np.array_equal(haystack, needles):  # as it is on most runs, and ten times faster
        return np.arange(len(needles))
    at = np.searchsorted(haystack, needles)
    at = np.minimum(at, len(haystack) - 1)
    return np.where(haystack[at] == needles, at, -1).astype(np.int64)
