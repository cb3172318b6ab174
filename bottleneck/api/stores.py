"""Stores from Python: opened for reading, as arrays, data sets and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bottleneck.api import words
from bottleneck.api.keywords import proposing
from bottleneck.core import notebook
from bottleneck.core.sample import SPLITS
from bottleneck.pipeline.network.recipe_words import recipe_line
from bottleneck.pipeline.pages.feature_picture import feature_picture
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.api.report import Report
    from bottleneck.core.recipe import Recipe
    from bottleneck.core.sample import Samples
    from bottleneck.store.features import Features

    Split = Literal["train", "val", "test"]

MOST_SOURCES = 5  # named in one line


class FeatureStore:
    """A store opened for reading, at one commit and staying there.

    Made by `open_store`. Rows stay on the disk and are checked at their first touch; nothing here
    imports a network framework but `keras_dataset` and `tf_dataset`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        sources = [
            f"{found['source']} ({notebook.plain(found['images'])} images, "
            f"{notebook.plain(found['classes'])} classes, {notebook.plain(found['splits'])})"
            for found in map(self._source_facts, self.sources[:MOST_SOURCES])
        ]
        n_more = len(self.sources) - len(sources)
        listed = ", ".join([*sources, *([f"and {n_more} more"] if n_more else [])])
        return (
            f"FeatureStore({str(self.path)!r}, commit {self.commit}: "
            f"{recipe_line(self.recipe, self._store.about)}; {self._n_rows:,} rows; "
            f"{listed or 'no source'})"
        )

    def _repr_html_(self) -> str:
        facts = {
            "folder": self.path,
            "commit": f"{self.commit} of {self._store.state.time}",
            "network": recipe_line(self.recipe, self._store.about),
            "layer": self._store.about.get("layer"),
            "rows": self._n_rows,
        }
        sources = [self._source_facts(name) for name in self.sources[: notebook.MOST_ROWS]]
        grid = notebook.grid("sources", sources, len(self.sources)) if sources else ""
        return notebook.facts("FeatureStore", facts) + grid

    @property
    def _n_rows(self) -> int:
        return sum(part.rows for part in self._store.state.parts)

    def _source_facts(self, name: str) -> dict[str, object]:
        samples = self.samples(name)
        counts = np.bincount(samples.splits, minlength=len(SPLITS)).tolist()
        return {
            "source": name,
            "images": len(samples),
            "classes": len(samples.classes),
            "splits": {split: n for split, n in zip(SPLITS, counts, strict=True) if n},
        }

    @property
    def path(self) -> Path:
        """The folder of the store."""
        return self._store.path

    @property
    def commit(self) -> int:
        """The number of the commit that is open."""
        return self._store.state.number

    @property
    def recipe(self) -> Recipe:
        """Everything that decides a row's value."""
        return self._store.recipe

    @property
    def sources(self) -> list[str]:
        """The names of the sources."""
        return self._store.source_names

    def samples(self, source: str | None = None) -> Samples:
        """Return all samples of a source as recorded, those without a row too.

        Its columns are aligned, in the order of the keys: `keys` (n,) bytes, `digests` (n, 32)
        uint8, `known` (n,) bool, `labels` (n,) int32, `splits` (n,) uint8; and `classes`.

        Raises
        ------
        UsageError
            No such source, or several and none named.
        """
        return self._store.snapshot(source).samples

    def classes(self, source: str | None = None) -> tuple[str, ...]:
        """Return the class names; a label is an index into them."""
        return self.samples(source).classes

    @proposing
    def arrays(
        self, split: Split | None = None, source: str | None = None
    ) -> tuple[Features, NDArray[np.int32], list[str]]:
        """Return (X, y, keys) of the samples that have a row, aligned, in the order of their keys.

        Parameters
        ----------
        split : train, val or test; None for all
        source : needed where there are several

        Returns
        -------
        X : Features (n, …), float16 or float32
            An array-like; `numpy.asarray(X)` gives the whole, for scikit-learn as it is. Of a store
            with several views (n, views, …): `X[:, 0]` are the images themselves.
        y : (n,) int32, -1 without a label
        keys : n paths, with backslash escapes where they are not UTF-8

        Raises
        ------
        UsageError
            No such source or split.
        DamagedError
            When bytes are not those that were written (also later, when rows are touched).
        """
        x, y, keys = self._store.arrays(source, split)
        return x, y, [bytes(key).decode("utf-8", "backslashreplace") for key in keys]

    def handles(self) -> list[Any]:
        """Return the parts of the store as h5py.File or zarr.Group, read-only, for dask and xarray.

        Their rows are in the order in which they were written, and are not checked as they
        are read (`bottleneck verify` checks them).

        Raises
        ------
        DamagedError
            When a part is missing or has another size than was written.
        """
        return self._store.part_handles()

    def picture(self, source: str | None = None) -> bytes:
        """Return a PNG of a source's features in two dimensions, coloured by class.

        Of at most some thousand images, always the same ones; written nowhere.

        Raises
        ------
        MissingDependencyError
            Without matplotlib (extra `plots`).
        DataError
            When no sample has a row.
        """
        return feature_picture(self._store, source)

    @proposing
    def neighbours(
        self, k: int = 10, source: str | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return (which, cosines) of the k nearest images to each sample of `arrays`, exactly.

        Both (n, k), the nearest first: positions in what `arrays(source=source)` returns, and the
        cosines of rows less their mean. Copies of an image are one image. Raises as `arrays` does.
        """
        from bottleneck.api import looking  # noqa: PLC0415 - when used

        return looking.neighbours(self._store, k, source)

    @proposing
    def inspect(
        self,
        source: str | None = None,
        *,
        only: str | Sequence[str] | None = None,
        top: int = 10,
        seed: int = 0,
        progress: bool = False,
    ) -> Report:
        """Look into the images; return a dict with the keys of `bottleneck inspect --json`.

        `only` are some of same, labels, outliers, classes, next; `top` is how many images to
        propose for labelling. UsageError for what is not there, DataError for no row.
        """
        from bottleneck.api import looking  # noqa: PLC0415 - when used

        return looking.inspect(
            self._store, source, only=only, top=top, seed=seed, progress=progress
        )

    @proposing
    def keras_dataset(
        self,
        split: Split | None = "train",
        source: str | None = None,
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
    ) -> Any:
        """Return a `keras.utils.PyDataset` of (features, labels) batches of labelled samples.

        Features are float32 (b, …), labels int32 (b,).

        Parameters
        ----------
        split : train, val or test; None for all
        source : needed where there are several
        batch_size : rows in a batch; the last one may be smaller
        shuffle : a new order each epoch, decided by `seed` and the epoch; where the store has
            several views of each image, also one of them drawn, else the image itself
        seed : of the orders and of the views

        Raises
        ------
        MissingDependencyError
            Without Keras.
        UsageError
            No such source or split.
        """
        from bottleneck.api.datasets import keras_dataset  # noqa: PLC0415 - made of Keras

        x, y, _ = self.arrays(split, source)
        return keras_dataset(
            x, y, batch_size=batch_size, shuffle=shuffle, seed=seed, views=self.recipe.views.number
        )

    @proposing
    def tf_dataset(
        self,
        split: Split | None = "train",
        source: str | None = None,
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
    ) -> Any:
        """Return a `tf.data.Dataset` of the batches of `keras_dataset`; its keywords are the same.

        Raises
        ------
        MissingDependencyError
            Without Keras or TensorFlow.
        UsageError
            No such source or split.
        """
        from bottleneck.api.datasets import tf_dataset  # noqa: PLC0415 - made of TensorFlow

        x, y, _ = self.arrays(split, source)
        return tf_dataset(
            x, y, batch_size=batch_size, shuffle=shuffle, seed=seed, views=self.recipe.views.number
        )


@proposing
def open_store(path: str | PathLike[str], at: int | None = None) -> FeatureStore:
    """Open a store for reading; it stays at the commit that it was opened at.

    Parameters
    ----------
    path : the store's folder
    at : number of a commit; None for the newest

    Raises
    ------
    UsageError
        Not a store, of a newer format, or no such commit.
    DamagedError
        The commit or the recipe is damaged.
    """
    return FeatureStore(Store.open(words.path(path), at))
