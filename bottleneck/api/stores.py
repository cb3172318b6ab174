"""Stores from Python: opened for reading, as arrays, data sets and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bottleneck.api import shown, words
from bottleneck.api.keywords import proposing
from bottleneck.pipeline.pages.feature_picture import feature_picture
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.api.report import Report
    from bottleneck.api.row_dataset import RowDataset
    from bottleneck.core.recipe import Recipe
    from bottleneck.core.sample import Samples
    from bottleneck.store.features import Features

    Split = Literal["train", "val", "test"]


class FeatureStore:
    """A store opened for reading, at one commit and staying there.

    Made by `open_store`. Rows stay on the disk and are checked at their first touch; nothing here
    imports a network framework but `keras_dataset` and `tf_dataset`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return shown.in_a_line(self._store)

    def _repr_html_(self) -> str:
        return shown.in_html(self._store)

    @property
    def path(self) -> Path:
        """The folder of the store; of one in a bucket its address, as a path."""
        return Path(self._store.storage.location)

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
        """Return the class names, of which a label is an index; none where there are no classes."""
        return self.samples(source).classes

    @proposing
    def arrays(
        self, split: Split | None = None, source: str | None = None
    ) -> tuple[Features, NDArray[Any], list[str]]:
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
        y : (n,) int32, -1 without a label. Where an image may have several labels (n, k) float32 of
            0 and 1, and of numbers (n, k) float32; NaN where one is not known. What each column is
            stands in `samples().targets.names`.
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

        Of at most some thousand images, always the same ones; written nowhere. By UMAP where
        umap-learn is installed, else by principal components: the picture says which.

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
        """Return (which, cosines) of the k nearest images to each sample of `arrays`.

        Both (n, k), the nearest first: positions in what `arrays(source=source)` returns, and the
        cosines of rows less their mean. Copies of an image are one image. Exact up to as many as
        `inspect` compares with all; beyond, MissingDependencyError without faiss. Else as `arrays`.
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
        decisions: str | PathLike[str] | None = None,
        progress: bool = False,
    ) -> Report:
        """Look into the images; return a dict with the keys of `bottleneck inspect --json`.

        `only` are some of same, labels, outliers, classes, next; `top` is how many images to
        propose for labelling; `decisions` as of `train_head`. UsageError for what is not there,
        DataError for no row.
        """
        from bottleneck.api import looking  # noqa: PLC0415 - when used

        return looking.inspect(
            self._store, source, only=only, top=top, seed=seed, decisions=decisions,
            progress=progress,
        )  # fmt: skip

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

        Features are float32 (b, …), labels int32 (b,); of several labels or numbers float32 (b, k),
        of the samples for which at least one is known.

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
    def torch_dataset(self, split: Split | None = "train", source: str | None = None) -> RowDataset:
        """Return labelled rows by position, for a `torch.utils.data.DataLoader`.

        Each is (features (…) float32, label), of which a DataLoader makes tensors; of several
        labels or numbers (k,) float32 stand in the label's place, NaN where one is not known. It
        gathers a batch at once, and each of its workers opens the store by itself. Of several views
        of an image it is the image itself. PyTorch is not imported.

        Raises
        ------
        UsageError
            No such source or split.
        """
        from bottleneck.api.row_dataset import RowDataset  # noqa: PLC0415 - for this alone

        store = self._store
        store.available(source, split)  # refuses what there is not
        name = store.source_name(source)
        return RowDataset(path=store.path.absolute(), commit=self.commit, source=name, split=split)

    @proposing
    def to_pandas(self, split: Split | None = None, source: str | None = None) -> Any:
        """Return a `pandas.DataFrame` of the samples of `arrays`: a row each, in its order.

        Columns: key, label and split (categories; the codes of label are the numbers of `arrays`),
        group where there are groups, and f0, f1, … float32, a row flattened in C order. Of several
        labels or numbers each has a column in the place of label, by its name, or by `target_` and
        its name where another column has that. Of several views of an image it is the image
        itself. All of it is in memory.
        MissingDependencyError without pandas, else as `arrays`.
        """
        from bottleneck.api.frames import to_pandas  # noqa: PLC0415 - for this alone

        return to_pandas(self._store, source, split)

    @proposing
    def to_arrow(self, split: Split | None = None, source: str | None = None) -> Any:
        """Return a `pyarrow.Table` of the columns of `to_pandas`, in chunks.

        In the place of f0, f1, … it has features, fixed-size lists of the stored dtype, whose
        shape is in the metadata. Chunks whose rows lie in one part, in its order, stay on the disk.
        MissingDependencyError without pyarrow (extra `parquet`), else as `arrays`.
        """
        from bottleneck.api.frames import to_arrow  # noqa: PLC0415 - for this alone

        return to_arrow(self._store, source, split)

    @proposing
    def to_xarray(self, split: Split | None = None, source: str | None = None) -> Any:
        """Return an `xarray.DataArray` of the rows of `arrays`, in the stored dtype.

        Dimensions are sample, and feature, (token, feature) or (height, width, channel); the other
        columns of `to_pandas` are coordinates of sample, names as text, "" where there is none.
        MissingDependencyError without xarray, else as `arrays`.
        """
        from bottleneck.api.frames import to_xarray  # noqa: PLC0415 - for this alone

        return to_xarray(self._store, source, split)


@proposing
def open_store(path: str | PathLike[str], at: int | None = None) -> FeatureStore:
    """Open a store for reading; it stays at the commit that it was opened at.

    Parameters
    ----------
    path : the store's folder, or its address in a bucket: s3://bucket/store
    at : number of a commit; None for the newest

    Raises
    ------
    UsageError
        Not a store, of a newer format, or no such commit.
    DamagedError
        The commit or the recipe is damaged.
    """
    return FeatureStore(Store.open(words.store(path), at))
