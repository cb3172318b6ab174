"""The images of a source that have a row: each content once, its row as a direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.digest import as_void
from bottleneck.core.errors import DataError
from bottleneck.core.reporter import SILENT
from bottleneck.core.sample import NO_LABEL, SPLITS, show_key
from bottleneck.heads.split import conflicting
from bottleneck.pipeline.looking.neighbours import unit_rows
from bottleneck.pipeline.pages.decided import decided

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.core.sample import Samples
    from bottleneck.data.decisions import Decided
    from bottleneck.store.store import Store

BLOCK_ROWS = 2048  # read at once
BLOCK_NUMBERS = 1 << 24  # and so many numbers at most, before they are averaged


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """The u different images among a source's samples that have a row.

    Attributes
    ----------
    at : (n,) int64
        Positions among `samples` of those with a row.
    number : (n,) int64
        Which image each of `at` is.
    first : (u,) int64
        Position among `samples` of the first sample of each image.
    units : (u, d) float32
        Rows less `mean`, of length one. Of several views the image itself; of maps and tokens the
        average over all positions.
    mean : (d,) float32
    labels : (u,) int32
        The class; -1 without one, or where an image stands under two. All are where the source
        has several labels or numbers.
    conflicting : (u,) bool
        Whether it stands under two labels.
    splits : (u,) uint8
        Bit i is set where a sample of it is of split i.
    settled : (u,) bool
        Whether a person has decided what its label is.
    decided : what a person decided; its samples are these
    """

    store: Store
    source: str
    samples: Samples
    at: NDArray[np.int64]
    number: NDArray[np.int64]
    first: NDArray[np.int64]
    units: NDArray[np.float32]
    mean: NDArray[np.float32]
    labels: NDArray[np.int32]
    conflicting: NDArray[np.bool_]
    splits: NDArray[np.uint8]
    settled: NDArray[np.bool_]
    decided: Decided

    def __len__(self) -> int:
        return len(self.first)

    @property
    def digests(self) -> NDArray[np.uint8]:
        """The digest of each image, (u, 32)."""
        return self.samples.digests[self.first]

    @property
    def has_target(self) -> NDArray[np.bool_]:
        """Whether a sample of each image has a class, labels or numbers, (u,)."""
        found = np.zeros(len(self), bool)
        found[self.number[self.samples.has_target[self.at]]] = True
        return found

    @property
    def no_classes(self) -> str | None:
        """Why parts that look at classes are skipped; None where there may be classes."""
        kind = self.samples.kind
        return None if kind == "class" else f"these are {kind}, and this looks at classes"

    def key(self, image: int) -> str:
        """Return the key of an image's first sample, for people."""
        return show_key(bytes(self.samples.keys[self.first[image]]))

    def class_of(self, image: int) -> str | None:
        """Return the name of an image's class; None without one."""
        label = int(self.samples.labels[self.first[image]])
        return self.samples.classes[label] if label >= 0 else None

    def split_of(self, image: int) -> str:
        """Return the split of an image's first sample."""
        return SPLITS[int(self.samples.splits[self.first[image]])]

    def shown(self, image: int) -> dict[str, Any]:
        """Return what a report says of an image."""
        return {
            "key": self.key(image),
            "split": self.split_of(image),
            "class": self.class_of(image),
        }


def images_of(
    store: Store,
    source: str | None,
    decisions: Path | None = None,
    reporter: Reporter = SILENT,
) -> Images:
    """Return the images of a source, as the decisions of a file make them.

    Raises
    ------
    DataError
        When no sample has a row, or a row holds what is no finite number; for decisions that
        cannot be used.
    """
    name = store.source_name(source)
    told = decided(store.snapshot(name).samples, decisions, name, reporter)
    samples = told.samples
    at = store.available(name)
    if not len(at):
        raise DataError("no image has features", store.path, "run bottleneck extract first")
    at = at[~told.dropped[at]]
    if not len(at):
        raise DataError("every image is dropped", str(decisions), "keep some of them")
    found, first, number = np.unique(
        as_void(samples.digests[at]), return_index=True, return_inverse=True
    )
    order = np.argsort(first)  # images in the order of their first keys
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    number, first = rank[number.reshape(-1)], first[order]
    splits = np.zeros(len(found), np.uint8)
    np.bitwise_or.at(splits, number, np.left_shift(1, samples.splits[at]).astype(np.uint8))
    labels = np.full(len(found), NO_LABEL, np.int32)
    np.maximum.at(labels, number, samples.labels[at])
    clash = np.zeros(len(found), bool)
    clash[number[conflicting(samples.digests[at], samples.labels[at])]] = True
    labels[clash] = NO_LABEL
    settled = np.zeros(len(found), bool)
    settled[number[told.settled[at]]] = True
    rows = _pooled(store, samples.digests[at[first]])
    mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    for start in range(0, len(rows), BLOCK_ROWS):  # in place: there may be a gigabyte of them
        rows[start : start + BLOCK_ROWS] = unit_rows(rows[start : start + BLOCK_ROWS], mean)
    return Images(
        store=store,
        source=name,
        samples=samples,
        at=at,
        number=number,
        first=at[first],
        units=rows,
        mean=mean,
        labels=labels,
        conflicting=clash,
        splits=splits,
        settled=settled,
        decided=told,
    )


def pooled(rows: NDArray[Any]) -> NDArray[np.float32]:
    """Return rows (n, …, d) as (n, d) float32: the average over all positions between."""
    flat = np.asarray(rows, np.float32)
    if flat.ndim > 2:
        flat = flat.reshape(len(flat), -1, flat.shape[-1]).mean(axis=1)
    return flat.reshape(len(flat), -1)


def how_pooled(store: Store) -> list[str]:
    """Return what is done to rows that are no plain vectors, in words; nothing for those."""
    views, shape = store.recipe.views.number, store.recipe.rows.shape
    rest = shape[1:] if views > 1 else shape
    said = []
    if views > 1:
        said.append(f"of {views} views of each image, the image itself is looked at")
    if len(rest) > 1:
        words = " x ".join(map(str, rest))
        said.append(f"rows of {words} are averaged over all positions")
    return said


def _pooled(store: Store, digests: NDArray[np.uint8]) -> NDArray[np.float32]:
    features, views = store.features_of(digests), store.recipe.views
    width = int(features.shape[-1])
    out = np.empty((len(digests), width), np.float32)
    each = max(1, int(np.prod(features.shape[1:], dtype=np.int64)))
    step = max(1, min(BLOCK_ROWS, BLOCK_NUMBERS // each))
    for start in range(0, len(out), step):
        block = pooled(views.first(features[start : start + step]))
        if not np.isfinite(block).all():
            raise DataError("features that are no numbers", store.path, "run bottleneck verify")
        out[start : start + step] = block
    return out
