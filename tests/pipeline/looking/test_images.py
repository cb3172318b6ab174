"""The images of a source: each content once, its row as a direction."""

from dataclasses import replace

import numpy as np
import pytest
from store_world import RECIPE, rows_and_digests, snapshot_of

from bottleneck.core.errors import DataError
from bottleneck.core.recipe import RowSpec, ViewSpec
from bottleneck.core.sample import Samples, key_array
from bottleneck.pipeline.looking.images import how_pooled, images_of, pooled
from bottleneck.store.log import SetSource
from bottleneck.store.store import Store


def stored(path, digests, rows, samples, recipe=RECIPE):
    store = Store.create(path, recipe, {})
    part = store.add_part(store.write_part(digests, rows, {}))
    snapshot = replace(snapshot_of(digests), samples=samples)
    entry = store.write_snapshot(snapshot)
    return store.commit([part, SetSource("s", None, entry)], "test")


def samples_of(digests, labels, splits, known=None):
    n = len(digests)
    return Samples(
        keys=key_array([b"k%03d" % i for i in range(n)]),
        digests=digests,
        known=np.ones(n, bool) if known is None else known,
        labels=np.array(labels, np.int32),
        splits=np.array(splits, np.uint8),
        classes=("a", "b"),
    )


def test_copies_are_one_image_and_labels_that_contradict_are_none(tmp_path):
    rows, digests = rows_and_digests(4)
    which = [3, 0, 1, 0, 3, 2]
    known = np.array([True] * 5 + [False])
    samples = samples_of(digests[which], [0, 1, -1, 1, 1, 0], [0, 0, 2, 2, 1, 0], known)
    images = images_of(stored(tmp_path / "s", digests, rows, samples), None)
    assert len(images) == 3  # the last sample is not known to have a row
    assert images.number.tolist() == [0, 1, 2, 1, 0]
    assert images.first.tolist() == [0, 1, 2]
    assert images.labels.tolist() == [-1, 1, -1]
    assert images.conflicting.tolist() == [True, False, False]
    assert images.splits.tolist() == [0b11, 0b101, 0b100]
    assert images.shown(1) == {"key": "k001", "split": "train", "class": "b"}
    x = rows[[3, 0, 1]].astype("f8")
    centred = x - x.mean(axis=0)
    wanted = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(images.units, wanted, atol=1e-5)


def test_maps_are_averaged_and_of_several_views_the_first_is_taken(tmp_path):
    rng = np.random.default_rng(0)
    _, digests = rows_and_digests(5)
    rows = rng.normal(size=(5, 3, 2, 2, 7)).astype("f2")
    views = ViewSpec(number=3, operations=("flip",), seed=0)
    recipe = replace(RECIPE, rows=RowSpec(dtype="float16", shape=(3, 2, 2, 7)), views=views)
    samples = samples_of(digests, [0, 1, 0, 1, 0], [0] * 5)
    images = images_of(stored(tmp_path / "s", digests, rows, samples, recipe), "s")
    x = rows[:, 0].astype("f8").mean(axis=(1, 2))
    np.testing.assert_allclose(images.mean, x.mean(axis=0), atol=1e-3)
    centred = x - x.mean(axis=0)
    wanted = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    np.testing.assert_allclose(images.units, wanted, atol=2e-3)
    assert how_pooled(images.store) == [
        "of 3 views of each image, the image itself is looked at",
        "rows of 2 x 2 x 7 are averaged over all positions",
    ]


def test_vectors_are_what_they_are():
    x = np.arange(12, dtype="f2").reshape(4, 3)
    np.testing.assert_array_equal(pooled(x), x)
    assert pooled(np.zeros((4, 5, 3))).shape == (4, 3)


def test_rows_that_are_no_numbers_and_no_rows_at_all_are_refused(tmp_path):
    rows, digests = rows_and_digests(3)
    samples = samples_of(digests, [0, 1, 0], [0] * 3)
    rows[1, 2] = np.inf
    with pytest.raises(DataError, match="no numbers"):
        images_of(stored(tmp_path / "s", digests, rows, samples), None)
    none = samples_of(digests, [0, 1, 0], [0] * 3, np.zeros(3, bool))
    with pytest.raises(DataError, match="no image has features"):
        images_of(stored(tmp_path / "t", digests, rows, none), None)
