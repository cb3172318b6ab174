"""Features as the data sets of the frameworks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.frameworks import import_callers_keras, import_tensorflow
from bottleneck.heads.views import drawn, itself

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bottleneck.store.features import Features


class _Batches:
    """Batches of labelled rows, in order or shuffled anew each epoch."""

    def __init__(
        self,
        x: Features,
        y: NDArray[Any],
        batch_size: int,
        *,
        shuffle: bool,
        seed: int,
        views: int,
    ) -> None:
        self.rows, self.y, self.views = x, y, views
        self.batch_size = batch_size
        self.shuffle, self.seed, self.epoch = shuffle, seed, 0
        # Of several labels or numbers, NaN is not known.
        has_target = y >= 0 if y.ndim == 1 else ~np.isnan(y).all(axis=1)
        self.labelled = np.flatnonzero(has_target)
        self._begin()

    def __len__(self) -> int:
        return math.ceil(len(self.labelled) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
        at = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return np.asarray(self.x.take(at)).astype(np.float32), self.y[at]

    def next_epoch(self) -> None:
        self.epoch += 1
        self._begin()

    def _begin(self) -> None:
        """Take the labelled rows in their order, each of the image itself; or shuffle and draw."""
        if self.shuffle:
            generator = np.random.default_rng([self.seed, self.epoch])
            self.order = generator.permutation(self.labelled)
            self.x = drawn(self.rows, self.views, generator)
        else:
            self.order, self.x = self.labelled, itself(self.rows, self.views)


def keras_dataset(
    x: Features, y: NDArray[Any], *, batch_size: int, shuffle: bool, seed: int, views: int = 1
) -> Any:
    """Return a `keras.utils.PyDataset`: features (b, …) float32, y (b,) int32 or (b, k) float32."""
    batches = _Batches(x, y, batch_size, shuffle=shuffle, seed=seed, views=views)

    class FeatureBatches(import_callers_keras().utils.PyDataset):  # type: ignore[misc] # no types in Keras
        def __len__(self) -> int:
            return len(batches)

        def __getitem__(self, index: int) -> tuple[NDArray[np.float32], NDArray[Any]]:
            return batches[index]

        def on_epoch_end(self) -> None:
            batches.next_epoch()

    return FeatureBatches()


def tf_dataset(
    x: Features, y: NDArray[Any], *, batch_size: int, shuffle: bool, seed: int, views: int = 1
) -> Any:
    """Return a `tf.data.Dataset` of the batches of `keras_dataset`."""
    tf = import_tensorflow()
    batches = _Batches(x, y, batch_size, shuffle=shuffle, seed=seed, views=views)

    def epoch() -> Iterator[tuple[NDArray[np.float32], NDArray[Any]]]:
        for index in range(len(batches)):
            yield batches[index]
        batches.next_epoch()

    shapes = (
        tf.TensorSpec((None, *batches.x.shape[1:]), tf.float32),
        tf.TensorSpec((None, *y.shape[1:]), tf.int32 if y.ndim == 1 else tf.float32),
    )
    found = tf.data.Dataset.from_generator(epoch, output_signature=shapes)
    return found.apply(tf.data.experimental.assert_cardinality(len(batches)))
