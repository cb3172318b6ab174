"""Every layer class of Keras, saved in a network for images: its rows are those of plain Keras."""

import inspect
import json
import subprocess
import sys
import warnings
from pathlib import Path

import layer_zoo as zoo
import numpy as np
import pytest
from own_networks import saved, with_weights

from bottleneck.backbones import Request
from bottleneck.backbones.catalog import load
from bottleneck.core.frameworks import import_keras

DRIVER = Path(__file__).parents[1] / "openvino_driver.py"
LAYERS = {**zoo.LAYERS, **zoo.NOTHING}
# What that backend does not express, and says so: Keras with TensorFlow computes it.
NOT_EXPRESSED = {
    "CategoryEncoding", "Hashing", "MelSpectrogram", "MixUp", "Pipeline",
    "RandomColorDegeneration", "RandomGrayscale", "RandomHue", "RandomPosterization",
    "RandomSaturation", "RandomSharpness",
}  # fmt: skip


NOT_LOADED = {"Hashing", "Pipeline"}  # without TensorFlow


@pytest.fixture(scope="module")
def keras():
    return import_keras()


def asked(path):
    return load(Request(backbone=str(path), weights="own", pooling="none"))


def network(keras, layer, name=None):
    """Return a network of one layer behind a scaling to 0 to 1, with weights."""
    image = keras.Input((*zoo.SIZE, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras' own, of a pipeline that says too little
        return with_weights(keras.Model(image, layer(keras, image / 255), name=name))


def pictures():
    return np.random.default_rng(0).integers(0, 256, (3, *zoo.SIZE, 3)).astype("f4")


def reloaded(keras, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return keras.saving.load_model(path, compile=False)


def worst(rows, expected):
    """Return the largest relative L2 error of a row."""
    a, b = (np.asarray(x, "f8").reshape(len(x), -1) for x in (rows, expected))
    return float((np.linalg.norm(a - b, axis=1) / np.linalg.norm(b, axis=1)).max())


def test_no_class_of_keras_is_forgotten(keras):
    classes = {thing.__name__ for thing in vars(keras.layers).values() if inspect.isclass(thing)}
    told = [*zoo.LAYERS, *zoo.NOTHING, *zoo.NEVER]
    assert (len(told), classes - set(told)) == (len(set(told)), set())
    assert all(zoo.NEVER.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", [*zoo.LAYERS, *zoo.NOTHING])
def test_a_saved_layer_is_rebuilt_and_stays_itself(keras, tmp_path, name):
    build = {**zoo.LAYERS, **zoo.NOTHING}[name]
    path = saved(network(keras, build), tmp_path / "one.keras")
    found, plain = asked(path), reloaded(keras, path)
    expected = np.asarray(plain(pictures(), training=False))
    rows = np.asarray(found.model(pictures(), training=False))
    assert (rows.shape, found.row_shape) == (expected.shape, expected.shape[1:])
    assert worst(rows, expected) < 1e-6
    renamed = saved(network(keras, build, "renamed"), tmp_path / "renamed.keras")
    again = saved(plain, tmp_path / "again.keras")
    for other in map(asked, (renamed, again)):
        assert (other.network, other.weights) == (found.network, found.weights)


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.NOTHING)
def test_a_layer_that_does_nothing_at_inference_is_passed_over(keras, tmp_path, name):
    feed = zoo.FEEDS.get(name, lambda x: x)
    bare = saved(network(keras, lambda _, x: feed(x) * 2), tmp_path / "bare.keras")
    path = saved(network(keras, lambda k, x: zoo.NOTHING[name](k, x) * 2), tmp_path / "with.keras")
    one, other = asked(path), asked(bare)
    assert (one.network, one.weights) == (other.network, other.weights)
    rows = [np.asarray(found.model(pictures(), training=False)) for found in (one, other)]
    np.testing.assert_array_equal(*rows)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["AutoContrast", "CenterCrop", "Resizing", "Rescaling"])
def test_a_layer_that_changes_pictures_at_inference_too_counts(keras, tmp_path, name):
    bare = saved(network(keras, lambda _, x: x * 2), tmp_path / "bare.keras")
    path = saved(network(keras, lambda k, x: zoo.LAYERS[name](k, x) * 2), tmp_path / "with.keras")
    assert asked(path).network != asked(bare).network


@pytest.fixture(scope="module")
def answers(keras, tmp_path_factory):
    """Return of each layer: what it is and what it gives, by both backends."""
    pytest.importorskip("openvino")
    folder = tmp_path_factory.mktemp("layers")
    np.save(folder / "pictures.npy", pictures().astype(np.uint8))
    ours = {}
    for name, build in LAYERS.items():
        found = asked(saved(network(keras, build), folder / f"{name}.keras"))
        rows = np.asarray(found.model(pictures(), training=False))
        ours[name] = ([found.network, found.weights], rows)
    done = subprocess.run(
        [sys.executable, DRIVER, folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told, rows = json.loads(done.stdout), dict(np.load(folder / "answers.npz"))
    return {name: (*ours[name], told[name], rows.get(name)) for name in LAYERS}


@pytest.mark.slow
@pytest.mark.parametrize("name", LAYERS)
def test_openvino_s_backend_knows_a_layer_as_the_same_and_computes_it(answers, name):
    identity, expected, told, rows = answers[name]
    if name in NOT_EXPRESSED:
        known = [None, None] if name in NOT_LOADED else identity
        assert (rows, told[:2], len(told)) == (None, known, 3)  # what was raised
        return
    assert told == identity
    assert worst(rows, expected) < 5e-5
