"""A transformer that computes each image once: in folds, in processes, in other years."""

import hashlib
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from joblib import Parallel, delayed
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator
from world import picture, row_of, tree

import bottleneck
from bottleneck.core import console
from bottleneck.core.digest import array_digest
from bottleneck.core.errors import DataError, RecipeError, UsageError
from bottleneck.forget import main as forget
from bottleneck.sklearn import CachedFeatures, LinearClassifier
from bottleneck.store.gc import gc
from bottleneck.store.store import Store

NETWORK = {"backbone": "resnet50", "weights": "random:0", "size": 8}
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)


def expected(images):
    return np.array([row_of(image) for image in images], np.float32)


def computed(cache):
    """Return how many rows each run computed, where it computed any."""
    history = Store.open(cache).history()
    return [entry["computed"] for entry in history if entry.get("computed")]


@pytest.fixture
def features(tmp_path, numpy_network):
    return CachedFeatures(**NETWORK, cache=tmp_path / "store")


@pytest.fixture
def files(tmp_path):
    """Twenty files that hold the pixels."""
    paths = [tmp_path / "files" / f"{i}.png" for i in range(20)]
    paths[0].parent.mkdir()
    for path, pixels in zip(paths, PIXELS, strict=True):
        Image.fromarray(pixels).save(path)
    return paths


def test_rows_are_in_the_order_of_the_images_and_computed_once(features, files):
    order = [3, 1, 19, 3]
    found = features.fit_transform([files[i] for i in order])
    assert (found.shape, found.dtype) == ((4, 6), np.float32)
    np.testing.assert_array_equal(found, expected(PIXELS[order]))
    np.testing.assert_array_equal(features.transform(files[:4])[3], found[0])
    assert computed(features.cache) == [3, 2]
    np.testing.assert_array_equal(features.transform(files), expected(PIXELS))
    assert computed(features.cache) == [3, 2, 15]


def test_where_everything_is_known_nothing_is_computed_nor_written(
    features, files, numpy_network, monkeypatch
):
    first = features.transform(files)
    numpy_network.opened.clear()
    before = tree(features.cache)
    monkeypatch.setattr(
        "bottleneck.store.lock.FileLock", lambda *_: pytest.fail("the lock is not needed")
    )
    for images in (files, files[5:9], [*map(str, files)]):
        np.testing.assert_array_equal(
            features.transform(images), first[5:9] if len(images) == 4 else first
        )
    assert not numpy_network.opened
    assert tree(features.cache) == before


def test_arrays_and_pictures_of_the_same_pixels_share_a_row(features):
    pictures = [Image.fromarray(pixels) for pixels in PIXELS]
    for images in (PIXELS, [*PIXELS], pictures, [*pictures[:9], *PIXELS[9:]]):
        np.testing.assert_array_equal(features.transform(images), expected(PIXELS))
    assert computed(features.cache) == [20]


def test_rows_of_another_source_serve_and_stay_its_own(features, files):
    bottleneck.extract_features(files[0].parent, cache=features.cache, **NETWORK)
    features.transform(files)
    assert bottleneck.open_store(features.cache).sources == ["files"]
    assert computed(features.cache) == [20]
    features.transform([*files[:4], *PIXELS[:3]])  # an array's bytes are not a file's
    store = bottleneck.open_store(features.cache)
    assert store.sources == ["files", "sklearn"]
    assert len(store.samples("sklearn")) == 3
    assert computed(features.cache) == [20, 3]


def test_what_was_computed_survives_gc_until_the_source_is_forgotten(features):
    for start in range(0, 20, 5):
        features.transform(PIXELS[start : start + 5])
    assert len(bottleneck.open_store(features.cache).samples("sklearn")) == 20
    gc(features.cache, grace_s=-1)
    features.transform(PIXELS)
    assert computed(features.cache) == [5, 5, 5, 5]
    assert console.run(forget, ["--cache", str(features.cache), "--source", "sklearn"]) == 0
    assert gc(features.cache, grace_s=-1)["rows"] == 20
    features.transform(PIXELS[:2])
    assert computed(features.cache)[4:] == [2]


def test_an_edited_file_is_another_image(features, files):
    features.transform(files)
    picture(files[7], 99, 8)
    found = features.transform(files)
    assert computed(features.cache) == [20, 1]
    np.testing.assert_array_equal(found[7], row_of(np.asarray(Image.open(files[7]))))


def test_images_at_hand_that_have_rows_are_the_canaries(features, numpy_network, monkeypatch):
    many = np.random.default_rng(1).integers(0, 256, (40, 8, 8, 3), np.uint8)
    features.transform(many)
    at_hand = max(many, key=array_digest)  # the last in the order of the store
    monkeypatch.setattr(numpy_network, "factor", 1.01)
    with pytest.raises(RecipeError, match="other rows"):
        features.transform([at_hand, *PIXELS[:3]])
    assert computed(features.cache) == [40]


def test_an_image_that_cannot_be_used_is_named_and_the_others_are_kept(features, files, tmp_path):
    broken, none = tmp_path / "broken.png", tmp_path / "none.png"
    broken.write_bytes(b"?")
    for images in ([broken], [broken, files[0], files[1]], [files[0], none, broken]):
        with pytest.raises(DataError) as caught:
            features.transform(images)
        named = none if none in images else broken
        assert str(caught.value.where) == str(named)
    assert computed(features.cache) == [2]
    lenient = clone(features).set_params(on_error="nan")
    found = lenient.transform([none, files[0], broken, files[2]])
    assert np.isnan(found).all(axis=1).tolist() == [True, False, True, False]
    np.testing.assert_array_equal(found[[1, 3]], expected(PIXELS[[0, 2]]))
    with pytest.raises(DataError):
        clone(lenient).set_params(cache=tmp_path / "new").transform([none])
    assert not (tmp_path / "new").exists()


def test_the_network_is_the_stores_own_or_must_be_the_same(features):
    features.transform(PIXELS[:4])
    own = CachedFeatures(cache=features.cache)
    np.testing.assert_array_equal(own.transform(PIXELS[:6]), expected(PIXELS[:6]))
    other = clone(features).set_params(size=6)
    for images in (PIXELS[:4], PIXELS[10:]):  # known ones, and new ones
        with pytest.raises(RecipeError):
            other.transform(images)
    assert computed(features.cache) == [4, 2]


def test_of_several_views_it_is_the_image_itself(features):
    bottleneck.extract_features(
        PIXELS, cache=features.cache, views=3, augment="flip", source="some", **NETWORK
    )
    own = CachedFeatures(cache=features.cache)
    np.testing.assert_array_equal(own.transform(PIXELS[4:]), expected(PIXELS[4:]))
    assert len(own.get_feature_names_out()) == 6


@pytest.mark.parametrize(
    ("wrong", "word"),
    [({"cache": None}, "cache"), ({"on_error": "pass"}, "on_error"), ({"pooling": "mean"}, "pool"),
     ({"image_fit": "stretch"}, "stretch"), ({"threads": 0}, "threads"), ({"size": "big"}, "big")],
)  # fmt: skip
def test_what_cannot_be_meant_is_wrong_usage_when_it_is_used(features, wrong, word):
    made = clone(features).set_params(**wrong)
    with pytest.raises(UsageError, match=word):
        made.fit(PIXELS).transform(PIXELS)


def test_nothing_to_transform_is_an_error_and_no_store(features):
    with pytest.raises(DataError, match="no images"):
        features.transform([])
    assert not features.cache.exists()
    with pytest.raises(UsageError):
        features.get_feature_names_out()


def test_it_is_a_transformer_as_scikit_learn_knows_them(features, files):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it takes images, so no check with numbers is made
        found = check_estimator(CachedFeatures(), on_fail=None)
    assert {one["status"] for one in found} == {"passed"}
    copied = clone(features)
    assert copied.get_params() == features.get_params()
    rows = features.transform(files)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(features)).transform(files), rows)
    assert "image_fit" in repr(clone(features).set_params(image_fit="crop"))
    frame = features.set_output(transform="pandas").transform(files)
    assert [*frame.columns] == [f"f{i}" for i in range(6)]
    np.testing.assert_array_equal(frame.to_numpy(), rows)


def test_numbers_of_numpy_are_numbers(features):
    made = clone(features).set_params(
        size=np.int64(8), threads=np.int32(2), rows=np.str_("float16")
    )
    np.testing.assert_array_equal(made.transform(PIXELS[:2]), expected(PIXELS[:2]))


@pytest.mark.slow
def test_maps_are_flattened(tmp_path, files):
    maps = CachedFeatures("mini", cache=tmp_path / "maps", pooling="none", rows="float32")
    found = maps.transform(files[:3])
    stored = np.asarray(bottleneck.open_store(tmp_path / "maps").arrays(source="sklearn")[0])
    assert stored.ndim == 4
    order = bottleneck.open_store(tmp_path / "maps").samples().digests.tolist()
    at = [order.index([*hashlib.sha256(path.read_bytes()).digest()]) for path in files[:3]]
    np.testing.assert_array_equal(found, stored[at].reshape(3, -1))


@pytest.mark.slow
def test_processes_fill_one_store_together_and_compute_each_image_once(tmp_path, files):
    features = CachedFeatures("mini", cache=tmp_path / "store")
    shares = [files[:12], files[8:], files[::2]]
    found = Parallel(n_jobs=2, backend="loky")(delayed(features.transform)(s) for s in shares)
    assert sum(computed(features.cache)) == 20
    whole = features.transform(files)
    assert sum(computed(features.cache)) == 20
    for some, share in zip(found, shares, strict=True):
        np.testing.assert_array_equal(some, whole[[files.index(path) for path in share]])


@pytest.mark.slow
def test_a_pipeline_from_files_to_classes_is_searched_and_validated_in_processes(tmp_path):
    paths = [picture(tmp_path / f"{i}.png", i, 16) for i in range(24)]
    for path in paths[::2]:  # every second one is dark
        dark = np.asarray(Image.open(path)) // 4
        Image.fromarray(dark).save(path)
    names = ["dark" if i % 2 == 0 else "bright" for i in range(24)]
    pipeline = make_pipeline(CachedFeatures("mini", cache=tmp_path / "store"), LinearClassifier())
    grid = {"linearclassifier__validation_fraction": [0.2, 0.3]}
    found = GridSearchCV(pipeline, grid, cv=2, n_jobs=2, error_score="raise").fit(paths, names)
    assert found.best_score_ == 1
    assert found.predict(paths[:2]).tolist() == ["dark", "bright"]
    assert (cross_val_score(pipeline, paths, names, cv=3) > 0.8).all()
    assert sum(computed(tmp_path / "store")) == 24


def test_without_scikit_learn_the_module_says_what_to_install_and_ours_does_not_ask_for_it():
    code = (
        "import sys\n"
        "import bottleneck\n"
        "bottleneck.open_store, bottleneck.train_head\n"
        "assert 'sklearn' not in sys.modules\n"
        "sys.modules['sklearn'] = None\n"
        "try: import bottleneck.sklearn\n"
        "except bottleneck.errors.MissingDependencyError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "scikit-learn is not installed: bottleneck.sklearn: "
        "pip install 'bottleneck-cache[sklearn]'\n"
    )
