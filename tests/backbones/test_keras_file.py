"""Networks of one's own: what is read is what was saved, and what it computes is its identity."""

import importlib
import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from own_networks import MODULE, SIZE, nested, of_layer, saved, small, with_weights

from bottleneck.backbones import Request, preprocessing
from bottleneck.backbones.catalog import load, spec
from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.core.frameworks import import_keras

NONE_OF_MINE = ("resnet50", "mini", "s3://bucket/m.keras", "hub:gemma/one.keras", "model")


@pytest.fixture(scope="module")
def keras():
    return import_keras()


@pytest.fixture(scope="module")
def kept(keras, tmp_path_factory):
    """A folder with a small network, a nested one, and one that takes any size."""
    root = tmp_path_factory.mktemp("kept")
    saved(small(keras), root / "small.keras")
    saved(nested(keras), root / "nested.keras")
    saved(small(keras, size=(None, None)), root / "free.keras")
    return root


@pytest.fixture
def my_module(tmp_path, monkeypatch):
    """A module with a layer and a function, importable from the current folder alone."""
    (tmp_path / "mylayers.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with monkeypatch.context() as known:
        known.syspath_prepend(tmp_path)
        module = importlib.import_module("mylayers")
    del sys.modules["mylayers"]
    yield module
    sys.modules.pop("mylayers", None)


def asked(path, **options):
    return Request(**{"backbone": str(path), "weights": "own", "pooling": "none", **options})


def identity(path, **options):
    found = load(asked(path, **options))
    return found.network, found.weights


def pictures(n=3, size=SIZE):
    return np.random.default_rng(0).integers(0, 256, (n, *size, 3)).astype("f4")


@pytest.mark.parametrize("name", ["m.keras", "sub/m.keras", "./m", "~/m.keras", "m.h5", "m.hdf5"])
def test_a_path_is_claimed_and_spelled_in_full(name, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "home" if name.startswith("~") else tmp_path
    expected = folder / name.removeprefix("~/").removeprefix("./")
    assert (spec(name).name, spec(name).size) == (str(expected), None)


@pytest.mark.parametrize("name", NONE_OF_MINE)
def test_what_is_no_path_is_not_claimed(name):
    from bottleneck.backbones import keras_file

    assert not keras_file.claims(name)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "mode"), [("small", None), ("nested", "caffe")])
def test_rows_are_those_of_plain_predict_on_the_same_preprocessed_images(keras, kept, name, mode):
    path = kept / f"{name}.keras"
    found = load(asked(path, preprocessing=mode))
    x = pictures()
    rows = found.model(preprocessing.apply(found.preprocessing, x), training=False)
    if mode:
        x = keras.applications.imagenet_utils.preprocess_input(x, mode=mode)
    expected = keras.saving.load_model(path).predict(x, verbose=0)
    np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-3)
    assert found.size == SIZE
    assert found.weight_files == (path,)


def test_without_a_preprocessing_the_reporter_is_told_that_there_is_none(kept, capsys):
    told = []
    reporter = SimpleNamespace(say=told.append)
    assert load(asked(kept / "small.keras"), reporter).preprocessing == "none"
    (line,) = told
    assert "pixels from 0 to 255 (--preprocessing none)" in line
    load(asked(kept / "small.keras", preprocessing="none"), reporter)
    load(asked(kept / "small.keras"))  # nobody asked to be told
    assert (told, capsys.readouterr().err) == ([line], "")


@pytest.mark.slow
def test_renamed_compiled_frozen_and_wrapped_networks_are_one(keras, kept, tmp_path):
    expected = identity(kept / "small.keras")
    renamed = small(keras, name="another")
    renamed.compile("sgd", "mse")
    renamed.trainable = False
    inner = small(keras)
    inner.compile("adam", "mean_squared_error", metrics=[keras.metrics.MeanAbsoluteError()])
    wrapped = keras.Sequential([keras.Input((*SIZE, 3)), inner])
    again = keras.saving.load_model(kept / "small.keras")
    for i, model in enumerate((renamed, wrapped, again)):
        assert identity(saved(model, tmp_path / f"{i}.keras")) == expected, i


@pytest.mark.slow
def test_another_activation_is_another_network_with_the_same_weights(keras, kept, tmp_path):
    network, weights = identity(kept / "small.keras")
    other = identity(saved(small(keras, activation="gelu"), tmp_path / "gelu.keras"))
    assert (other[0] != network, other[1] == weights) == (True, True)


@pytest.mark.slow
def test_a_layer_inside_is_cut_by_its_path_and_by_a_unique_end_of_it(kept, keras):
    path = kept / "nested.keras"
    whole = identity(path, layer="inner/first")
    assert whole == identity(path, layer="first")
    assert whole == identity(kept / "small.keras", layer="first")
    plain = keras.saving.load_model(path).get_layer("inner")
    expected = keras.Model(plain.inputs, plain.get_layer("first").output)
    rows = load(asked(path, layer="first")).model(pictures(), training=False)
    np.testing.assert_allclose(rows, expected.predict(pictures(), verbose=0), rtol=1e-5, atol=1e-3)
    with pytest.raises(UsageError, match=r"called 2 times.*twice:0"):
        load(asked(path, layer="twice"))
    assert identity(path, layer="twice:1") == identity(path)
    assert identity(path, layer="twice:0") != identity(path)
    with pytest.raises(UsageError, match=r"the last ones: .*twice"):
        load(asked(path, layer="qqq"))


@pytest.mark.slow
def test_a_network_of_any_size_needs_one_and_then_takes_it(kept):
    with pytest.raises(UsageError, match=r"any size.*--size"):
        load(asked(kept / "free.keras"))
    assert load(asked(kept / "free.keras", size=(12, 10))).row_shape == (8, 6, 5)


@pytest.mark.slow
def test_a_layer_of_one_s_own_needs_its_module_and_a_version(keras, tmp_path, my_module):
    model = with_weights(of_layer(keras, my_module.Doubled(name="mine")))
    path = saved(model, tmp_path / "own.keras")
    with pytest.raises(UsageError, match=r"Doubled is not Keras' own.*layer mine.*--import"):
        load(asked(path, network_version="1"))
    with pytest.raises(UsageError, match=r"Doubled.*layer mine.*--network-version"):
        load(asked(path, imports=("mylayers",)))
    found = load(asked(path, imports=("mylayers",), network_version="1"))
    rows = found.model(pictures(), training=False)
    np.testing.assert_allclose(rows, model.predict(pictures(), verbose=0), rtol=1e-6)
    changed = with_weights(of_layer(keras, my_module.Doubled()))
    changed.set_weights([w + 1 for w in changed.get_weights()])
    other = identity(
        saved(changed, tmp_path / "other.keras"), imports=("mylayers",), network_version="1"
    )
    assert (other[0] == found.network, other[1] != found.weights) == (True, True)


@pytest.mark.slow
def test_a_function_of_one_s_own_as_activation_is_found_too(keras, tmp_path, my_module):
    layer = keras.layers.Conv2D(2, 1, activation=my_module.squared, name="conv")
    path = saved(of_layer(keras, layer), tmp_path / "own.keras")
    with pytest.raises(UsageError, match=r"squared is not Keras' own.*layer conv"):
        load(asked(path, network_version="1"))
    assert load(asked(path, imports=("mylayers",), network_version="1")).row_shape == (8, 9, 2)


def test_a_layer_of_one_s_own_must_compute_in_float32(keras, tmp_path, my_module):
    path = saved(of_layer(keras, my_module.Doubled(dtype="mixed_float16")), tmp_path / "own.keras")
    with pytest.raises(UsageError, match="float16"):
        load(asked(path, imports=("mylayers",), network_version="1"))


@pytest.mark.parametrize(
    ("source", "name", "message"),
    [
        ("", "nosuch", "No module named 'nosuch'"),
        ("raise OSError('all wrong')", "broken", "OSError: all wrong"),
        ("import sys; sys.exit(3)", "broken", "SystemExit"),
        ("x = ", "broken", "SyntaxError"),
        ("", "my/layers.py", "not the name of a module"),
    ],
)
def test_a_module_that_cannot_be_imported_is_one_line(
    tmp_path, kept, monkeypatch, source, name, message
):
    (tmp_path / "broken.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(UsageError, match=message) as caught:
        load(asked(kept / "small.keras", imports=(name,)))
    assert "\n" not in str(caught.value)


def test_what_a_module_prints_while_it_is_imported_is_no_result(tmp_path, monkeypatch, capsys):
    from bottleneck.backbones.user_code import import_modules

    (tmp_path / "talks.py").write_text("print('hello')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    import_modules(["talks"])
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "hello\n")


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_code_inside_a_file_runs_only_when_the_user_trusts_it(keras, tmp_path, suffix, monkeypatch):
    trap = tmp_path / "ran"
    monkeypatch.setenv("TRAP", str(trap))
    layer = keras.layers.Lambda(lambda x: (open(os.environ["TRAP"], "w").close(), x)[1])  # noqa: PTH123
    path = saved(of_layer(keras, layer), tmp_path / f"trap.{suffix}")
    trap.unlink()
    for more in ({}, {"network_version": "1"}, {"imports": ("json",), "network_version": "1"}):
        with pytest.raises(UsageError, match="--trust"):
            load(asked(path, **more))
    assert not trap.exists()
    with pytest.raises(UsageError, match="--network-version"):
        load(asked(path, trust=True))
    assert load(asked(path, trust=True, network_version="1")).row_shape == (*SIZE, 3)
    assert trap.exists()


@pytest.mark.slow
def test_a_trusted_network_in_hdf5_is_the_one_that_was_saved(keras, kept, tmp_path):
    path = saved(small(keras), tmp_path / "small.h5")
    assert identity(path, trust=True) == identity(kept / "small.keras")


def test_safe_mode_is_on_even_where_it_was_switched_off_and_the_config_is_not_read(
    keras, tmp_path, monkeypatch
):
    from bottleneck.backbones import model_config

    layer = keras.layers.Lambda(lambda x: x + 1)
    path = saved(of_layer(keras, layer), tmp_path / "lambda.keras")
    monkeypatch.setattr(model_config, "check", lambda *_, **__: None)
    with pytest.raises(UsageError, match="Keras cannot load it"):
        load(asked(path))


def shaped(keras, *shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    return keras.Model(inputs, keras.layers.Flatten()(inputs[0]))


@pytest.mark.slow
def test_what_is_no_network_for_images_is_one_line(keras, kept, tmp_path):
    class Mine(keras.Model):
        def call(self, x):
            return x

    image = keras.Input((*SIZE, 3))
    many = {
        "alpha": (shaped(keras, (8, 8, 4)), "takes 8x8x4"),
        "vector": (shaped(keras, (5,)), "takes 5,"),
        "first": (shaped(keras, (3, 8, 8)), "takes 3x8x8"),
        "two": (shaped(keras, (8, 8, 3), (8, 8, 3)), "has 2 inputs"),
        "outputs": (keras.Model(image, [image + 1, image + 2]), "has 2 outputs"),
        "subclass": (Mine(), "Mine is a class of your own"),
    }
    for name, (model, message) in many.items():
        if name == "subclass":
            model(np.zeros((1, *SIZE, 3)))
        path = saved(model, tmp_path / f"{name}.keras")
        with pytest.raises(UsageError) as caught:
            load(asked(path))
        assert message in str(caught.value), name
        assert "\n" not in str(caught.value)
    dense = keras.layers.Dense(2)(keras.layers.Flatten()(image))
    path = saved(keras.Model(image, dense), tmp_path / "dense.keras")
    with pytest.raises(UsageError, match="cannot take images of 9x9"):
        load(asked(path, size=(9, 9)))
    with pytest.raises(UsageError, match="omit --weights"):
        load(asked(kept / "small.keras", weights="random:0"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.keras", None, "no such model file"),
        ("text.keras", b"hello", "not a .keras file"),
        ("empty.keras", b"", "not a .keras file"),
        ("none.h5", None, "no such model file"),
        ("text.h5", b"hello", "--trust"),
        ("folder", None, "no such model file"),
        ("model.zip", b"PK\3\4", "not a .keras file"),
    ],
)
def test_what_is_no_model_file_is_one_line(tmp_path, name, content, message):
    (tmp_path / "folder").mkdir()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageError, match=message) as caught:
        load(asked(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_a_trusted_file_that_is_not_hdf5_is_one_line(tmp_path):
    (tmp_path / "text.h5").write_bytes(b"hello")
    with pytest.raises(UsageError, match="not a readable HDF5 file"):
        load(asked(tmp_path / "text.h5", trust=True))


def test_tensors_of_another_network_do_not_fit(keras, kept, tmp_path):
    import zipfile

    other = saved(small(keras, channels=1), tmp_path / "other.keras")
    with zipfile.ZipFile(kept / "small.keras") as one, zipfile.ZipFile(other) as two:
        config, tensors = one.read("config.json"), two.read("model.weights.h5")
    with zipfile.ZipFile(tmp_path / "mixed.keras", "w") as mixed:
        mixed.writestr("config.json", config)
        mixed.writestr("model.weights.h5", tensors)
    with pytest.raises(UsageError, match="Keras cannot load it"):
        load(asked(tmp_path / "mixed.keras"))


def test_a_file_that_changes_while_it_is_read_is_not_taken(keras, kept, tmp_path, monkeypatch):
    path = tmp_path / "m.keras"
    path.write_bytes((kept / "small.keras").read_bytes())
    real = keras.saving.load_model

    def load_model(*args, **kwargs):
        model = real(*args, **kwargs)
        os.utime(path, ns=(1, 1))
        return model

    monkeypatch.setattr(keras.saving, "load_model", load_model)
    with pytest.raises(UsageError, match="changed while it was read"):
        load(asked(path))


@pytest.mark.slow
def test_a_damaged_file_is_never_a_network_and_never_a_traceback(kept, tmp_path):
    whole = (kept / "small.keras").read_bytes()
    expected = identity(kept / "small.keras")
    path = tmp_path / "m.keras"
    n_refused, said = 0, []
    for at in np.linspace(0, len(whole) - 1, 12).astype(int).tolist():
        for content in (whole[:at], whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]):
            path.write_bytes(content)
            try:
                found = identity(path)
            except (UsageError, DamagedError) as error:
                found, n_refused = expected, n_refused + 1
                said.append(str(error))
            assert found == expected
    assert not [text for text in said if "\n" in text]
    assert n_refused >= 20


def test_a_hostile_config_is_refused_before_anything_is_built(kept, tmp_path, keras, monkeypatch):
    import zipfile

    with zipfile.ZipFile(kept / "small.keras") as archive:
        config = json.loads(archive.read("config.json"))
        tensors = archive.read("model.weights.h5")
    config["config"]["layers"][1]["config"]["activation"] = {
        "module": "keras.utils",
        "class_name": "function",
        "config": "get_file",
        "registered_name": "get_file",
    }
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", tensors)
    monkeypatch.setattr(keras.saving, "load_model", lambda *_, **__: pytest.fail("was built"))
    with pytest.raises(UsageError, match="function get_file cannot be part of a network"):
        load(asked(tmp_path / "m.keras", trust=True))


def adapted(keras, wrap=lambda layer: layer):
    """Return a network that begins with a Normalization which learned its figures from data."""
    layer = keras.layers.Normalization()
    layer.adapt(pictures(5) / 3)
    return of_layer(keras, wrap(layer))


@pytest.mark.slow
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_normalization_that_was_adapted_normalises(keras, tmp_path, wrapped):
    wrap = keras.layers.TimeDistributed if wrapped else (lambda layer: layer)
    path = saved(adapted(keras, wrap), tmp_path / "adapted.keras")
    x = pictures()
    expected = keras.saving.load_model(path).predict(x, verbose=0)
    assert abs(expected).max() < 20, "normalised it is"
    np.testing.assert_allclose(load(asked(path)).model(x, training=False), expected, rtol=1e-5)
