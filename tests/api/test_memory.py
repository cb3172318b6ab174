"""Arrays, files and PIL images in the place of a folder, from extraction to prediction."""

import numpy as np
import pytest
from PIL import Image
from world import picture, row_of

import bottleneck
from bottleneck.core.errors import DataError, UsageError
from bottleneck.pipeline.upkeep.status import StatusOptions, status

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)
LABELS = [0, 1] * 10
NETWORK = {"backbone": "resnet50", "weights": "random:0", "size": 8}


@pytest.fixture(autouse=True)
def plain(numpy_network, monkeypatch):
    monkeypatch.setattr("bottleneck.pictures.plots.can_draw", lambda: False)  # for speed


def test_an_array_becomes_rows_in_its_order_and_later_only_what_changed(tmp_path):
    cache = tmp_path / "store"
    report = bottleneck.extract_features(PIXELS, cache=cache, labels=LABELS, **NETWORK)
    assert (report["source"], report["computed"]) == ("memory", 20)
    x, y, keys = bottleneck.open_store(cache).arrays()
    np.testing.assert_array_equal(x, [row_of(image) for image in PIXELS])
    assert y.tolist() == LABELS
    assert keys[:2] == ["00000000", "00000001"]
    changed = PIXELS.copy()
    changed[4] ^= 1
    again = bottleneck.extract_features(changed, cache=cache, labels=LABELS)
    assert (again["computed"], again["changed"], again["cached"]) == (1, 1, 19)
    x, _, _ = bottleneck.open_store(cache).arrays()
    np.testing.assert_array_equal(x[4], row_of(changed[4]))


def test_pictures_and_an_npy_file_of_the_same_pixels_share_their_rows(tmp_path):
    cache = tmp_path / "store"
    np.save(tmp_path / "x.npy", PIXELS)
    bottleneck.extract_features(tmp_path / "x.npy", cache=cache, **NETWORK)
    pictures = [Image.fromarray(pixels) for pixels in PIXELS]
    for images, name in ((pictures, "a"), (iter(pictures), "b"), (PIXELS, "c"), (pictures[0], "d")):
        report = bottleneck.extract_features(images, cache=cache, source=name)
        assert (report["computed"], report["source"]) == (0, name)
    assert bottleneck.open_store(cache).sources == ["a", "b", "c", "d", "x.npy"]


def test_files_share_the_rows_of_their_folder(tmp_path, photos):
    cache, files = tmp_path / "store", sorted(photos.rglob("*.png"))
    bottleneck.extract_features(photos, cache=cache, **NETWORK)
    labels = [path.parent.name for path in files]
    report = bottleneck.extract_features(files, cache=cache, labels=labels, source="some")
    assert (report["computed"], report["cached"]) == (0, 12)
    store = bottleneck.open_store(cache)
    assert store.arrays(source="some")[1].tolist() == store.arrays(source="photos")[1].tolist()


def test_what_was_in_memory_is_not_opened_again_but_is_known_and_trained_on(tmp_path):
    cache = tmp_path / "store"
    bottleneck.extract_features(PIXELS, cache=cache, labels=LABELS, source="pets", **NETWORK)
    with pytest.raises(UsageError, match=r"cannot be opened again.*'pets'"):
        bottleneck.extract_features(cache=cache)
    found = status(StatusOptions(cache=cache, check=True))
    assert (found["sources"][0]["cached"], found["sources"][0]["spec"]["kind"]) == (20, "memory")
    assert "cannot be opened again" in found["check"]["pets"]["reason"]
    report = bottleneck.train_head(cache)
    assert (report["samples"]["train"] + report["samples"]["val"], report["classes"]) == (20, 2)


def test_predictions_are_those_of_the_same_images_as_files(tmp_path):
    cache = tmp_path / "store"
    bottleneck.extract_features(PIXELS, cache=cache, labels=LABELS, **NETWORK)
    run = bottleneck.train_head(str(cache))["run"]
    expected = bottleneck.load_head(str(run)).predict(bottleneck.open_store(cache).arrays()[0])
    new = picture(tmp_path / "new.png", 99, 8)
    pictures = [*(Image.fromarray(pixels) for pixels in PIXELS), Image.open(new)]
    for images in (PIXELS, [*PIXELS], pictures[:20]):
        found = bottleneck.predict_images(images, run=run)
        np.testing.assert_allclose(found.probabilities, expected, rtol=1e-6)
        assert (found.cached, found.computed) == (20, 0)
    found = bottleneck.predict_images(pictures, run=run)
    alone = bottleneck.predict_images([new], run=run)
    assert (found.computed, found.keys[20]) == (1, "00000020")
    assert found.probabilities[20].tolist() == alone.probabilities[0].tolist()
    with pytest.raises(DataError, match="mixed"):
        bottleneck.predict_images([new, PIXELS[0]], run=run)


def test_columns_and_groups_of_an_array_are_learned(tmp_path):
    cache = tmp_path / "store"
    light = PIXELS.mean((1, 2, 3)).astype("f4")
    groups = [i // 4 for i in range(20)]
    report = bottleneck.extract_features(
        PIXELS, cache=cache, labels={"light": light}, groups=groups, **NETWORK
    )
    assert report["computed"] == 20
    store = bottleneck.open_store(cache)
    np.testing.assert_array_equal(store.arrays()[1][:, 0], light)
    samples = store.samples()
    assert samples.targets.names == ("light",)
    assert [samples.groups.names[i] for i in samples.groups.numbers] == [*map(str, groups)]
    report = bottleneck.train_head(cache, folds=4)
    assert (report["kind"], report["folds"]["samples"]) == ("numbers", 20)
    tags = [["dark", "small"] if i % 3 else [] for i in range(20)]
    bottleneck.extract_features(PIXELS, cache=cache, labels=tags, source="tags")
    report = bottleneck.train_head(cache, source="tags")
    assert (report["kind"], report["targets"]) == ("labels", 2)
    with pytest.raises(UsageError, match="groups are for images that are passed"):
        bottleneck.extract_features(tmp_path, cache=cache, groups=groups)
    marks = np.eye(2, dtype=int)[[0, 1] * 10]
    with pytest.raises(DataError, match="--target-kind class for classes"):
        bottleneck.extract_features(PIXELS, cache=cache, labels=marks, source="marks")
    bottleneck.extract_features(
        PIXELS, cache=cache, labels=marks, source="marks", target_kind="class"
    )
    assert bottleneck.open_store(cache).arrays(source="marks")[1].tolist() == [0, 1] * 10
