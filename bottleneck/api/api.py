"""From Python: the same words as the commands."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bottleneck.api.calls import take_network
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.pages.feature_picture import feature_picture
from bottleneck.store.store import Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.core.recipe import Recipe
    from bottleneck.core.sample import Samples
    from bottleneck.store.features import Features


class FeatureStore:
    """A store opened for reading, at one commit and staying there.

    Made by `open_store`. Rows stay on the disk and are checked at their first touch; nothing here
    imports a network framework but `keras_dataset` and `tf_dataset`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"FeatureStore({str(self._store.path)!r}, commit {self._store.state.number})"

    @property
    def path(self) -> Path:
        """The store's folder."""
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
        """Return all samples of a source as recorded, those without a row too."""
        return self._store.snapshot(source).samples

    def classes(self, source: str | None = None) -> tuple[str, ...]:
        """Return the class names; a label is an index into them."""
        return self.samples(source).classes

    def arrays(
        self, split: str | None = None, source: str | None = None
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

    def keras_dataset(
        self,
        split: str | None = "train",
        source: str | None = None,
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
    ) -> Any:
        """Return a `keras.utils.PyDataset` of (features, labels) batches of labelled samples.

        Parameters
        ----------
        batch_size : rows a batch; the last one may be smaller
        shuffle : a new order each epoch, decided by `seed` and the epoch; where the store has
            several views of each image, also one of them drawn, else the image itself
        """
        from bottleneck.api.datasets import keras_dataset  # noqa: PLC0415 - made of Keras

        x, y, _ = self.arrays(split, source)
        return keras_dataset(
            x, y, batch_size=batch_size, shuffle=shuffle, seed=seed, views=self.recipe.views.number
        )

    def tf_dataset(
        self,
        split: str | None = "train",
        source: str | None = None,
        *,
        batch_size: int = 32,
        shuffle: bool = False,
        seed: int = 0,
    ) -> Any:
        """Return a `tf.data.Dataset` of the batches of `keras_dataset`."""
        from bottleneck.api.datasets import tf_dataset  # noqa: PLC0415 - made of TensorFlow

        x, y, _ = self.arrays(split, source)
        return tf_dataset(
            x, y, batch_size=batch_size, shuffle=shuffle, seed=seed, views=self.recipe.views.number
        )


def open_store(path: Path | str, at: int | None = None) -> FeatureStore:
    """Open a store for reading, at its newest commit or at commit `at`.

    Raises
    ------
    UsageError
        Not a store, of a newer format, or no such commit.
    DamagedError
        The commit or the recipe is damaged.
    """
    return FeatureStore(Store.open(path, at))


def extract_features(
    data: str | Path | None = None,
    *,
    cache: str | Path,
    backbone: str | Path | None = None,
    weights: str | None = None,
    layer: str | None = None,
    pooling: str | None = None,
    size: int | str | tuple[int, int] | None = None,
    resample: str | None = None,
    rows: str | None = None,
    preprocessing: str | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Bring the store at `cache` up to date with `data`; `bottleneck extract` from Python.

    Parameters
    ----------
    data : a folder or the name of a data set; None for the one that the store records
    backbone, weights, layer, pooling, size, resample, rows, preprocessing : as the command's;
        size in pixels, one number, `HxW` or (height, width). None of them: the store's own recipe
    options : further fields of `ExtractOptions`: source, format, include, exclude, limit, threads,
        batch_size, devices, budget_s, wait_s, allow_shrink, dry_run, replace, rehash, no_lock;
        and of the network's: network_version, imports, trust, views, augment (names of operations,
        or one text with commas), views_seed

    Returns
    -------
    dict
        The keys of `bottleneck extract --json`.

    Raises
    ------
    BottleneckError
        Of the class whose `exit_code` the command would have.
    """
    options |= {
        "backbone": backbone,
        "weights": weights,
        "layer": layer,
        "pooling": pooling,
        "size": size,
        "resample": resample,
        "rows": rows,
        "preprocessing": preprocessing,
    }
    network = take_network(options)
    named = None if data is None else str(data)
    return extract(ExtractOptions(cache=Path(cache), data=named, network=network, **options))


def train_head(cache: str | Path, **options: Any) -> dict[str, Any]:
    """Fit a head on the store at `cache`; `bottleneck train` from Python.

    Parameters
    ----------
    options : further fields of `TrainOptions`: source, head, seed, validation_split, on_stale, run;
        and what the head can be told: units, dropout, epochs, …, as the command's

    Returns
    -------
    dict
        The keys of `bottleneck train --json`. `run` is the folder that `load_head` of
        `bottleneck.heads.catalog` loads again.

    Raises
    ------
    BottleneckError
        Of the class whose `exit_code` the command would have.
    """
    ours = {field.name for field in fields(TrainOptions)} - {"head_options"}
    told = {name: options.pop(name) for name in [*options] if name not in ours}
    return train(TrainOptions(cache=Path(cache), head_options=told, **options))
