"""Kinds of networks as people save them: each gives the rows of plain Keras, or one clear line."""

import json
import warnings
import zipfile

import h5py
import numpy as np
import pytest
from own_networks import SIZE, of_layer, saved, small, with_weights

from bottleneck.backbones import Request
from bottleneck.backbones.catalog import load
from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_keras

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def keras():
    return import_keras()


@pytest.fixture
def kept(keras, tmp_path):
    """Return a function that saves a body over an image, and loads it as we do and as Keras does.

    The file is in it twice: as it was saved, and as Keras loads and saves it again.
    """

    def keep(body, channels=3, dtype="float32"):
        image = keras.Input((*SIZE, channels), dtype=dtype)
        path = saved(with_weights(keras.Model(image, body(image))), tmp_path / "one.keras")
        plain = keras.saving.load_model(path)
        found = asked(path)
        again = asked(saved(plain, tmp_path / "again.keras"))
        assert (again.network, again.weights) == (found.network, found.weights)
        return found, plain

    return keep


def asked(path, **options):
    words = {"backbone": str(path), "weights": "own", "pooling": "none", **options}
    return load(Request(**words))


def pictures(channels=3):
    return np.random.default_rng(0).integers(0, 256, (3, *SIZE, channels)).astype("f4")


def agree(found, plain, channels=3):
    rows = found.model(pictures(channels), training=False)
    expected = plain.predict(pictures(channels), verbose=0)
    assert found.row_shape == expected.shape[1:]
    np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-4)


def preprocessed(mode):
    def body(k, x):
        return k.layers.Conv2D(3, 3)(k.applications.imagenet_utils.preprocess_input(x, mode=mode))

    return body


def tensor(k, *values, dtype="float32"):
    return k.ops.convert_to_tensor(np.array(values, dtype))


def bidirectional(k, x):
    return k.layers.Bidirectional(k.layers.GRU(3))(k.layers.Reshape((8, 27))(x / 255))


def twice(k, x):
    inside = k.Input((None, None, 3))
    model = k.Model(inside, k.layers.Conv2D(3, 3, padding="same")(inside))
    return model(model(x / 255))


BODIES = {
    "caffe inside": preprocessed("caffe"),
    "torch inside": preprocessed("torch"),
    "tf inside": preprocessed("tf"),
    "numpy times": lambda k, x: x * np.float32([1, 2, 3]),
    "tensor times": lambda k, x: x * tensor(k, 1, 2, 3),
    "scalar tensor": lambda k, x: x * tensor(k, 2)[0],
    "whole numbers": lambda k, x: x // tensor(k, 10, 20, 30, dtype="int32"),
    "nested list": lambda k, x: k.ops.pad(x, [[0, 0], [1, 2], [0, 0], [0, 0]], mode="reflect"),
    "where": lambda k, x: k.ops.where(x > tensor(k, 10, 20, 99), x, tensor(k, 5)),
    "added layer": lambda k, x: k.layers.Add()([x, tensor(k, [[[1, 2, 3]]])]),
    "matmul": lambda k, x: k.ops.matmul(x, np.float32(np.arange(9).reshape(3, 3))),
    "einsum": lambda k, x: k.ops.einsum("abcd,de->abce", x, np.float32(np.eye(3)[::-1])),
    "slice": lambda k, x: x[..., ::-1],
    "take": lambda k, x: k.ops.take(x, np.array([2, 0, 1]), axis=-1),
    "resize": lambda k, x: k.ops.image.resize(x, (5, 4)),
    "bfloat16": lambda k, x: k.ops.cast(k.ops.cast(x, "bfloat16"), "float32"),
    "bidirectional": bidirectional,
    "twice": twice,
    "crop in training": lambda k, x: k.layers.Conv2D(2, 3)(k.layers.RandomCrop(4, 4)(x)),
}


@pytest.mark.parametrize("name", BODIES)
def test_rows_are_those_of_plain_keras_and_the_identity_survives_saving(keras, kept, name):
    agree(*kept(lambda x: BODIES[name](keras, x)))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (lambda k: np.float32([1, 2, 3]), lambda k: tensor(k, 1, 2, 3), True),
        (lambda k: tensor(k, 1, 2, 3), lambda k: tensor(k, 1, 2, 4), False),
        (lambda k: tensor(k, 1, 2, 3), lambda k: tensor(k, 1, 2, 3, dtype="int32"), False),
        (lambda k: tensor(k, 1, 2, 3), lambda k: tensor(k, [1, 2, 3]), False),
    ],
)
def test_a_constant_counts_by_its_type_shape_and_values_whatever_holds_it(
    keras, kept, one, other, same
):
    digests = {kept(lambda x, c=c: x * c(keras))[0].network for c in (one, other)}
    assert (len(digests) == 1) == same


def test_whole_numbers_that_a_network_takes_stay_whole(keras, kept):
    def wraps(x):
        return keras.ops.cast(x + 200, "float32")

    found, plain = kept(wraps, dtype="uint8")
    agree(found, plain)
    assert found.network != kept(wraps)[0].network
    scaled = [
        kept(lambda x: keras.layers.Rescaling(0.5)(x), dtype=d)[0] for d in ("uint8", "float32")
    ]
    assert scaled[0].network == scaled[1].network


def two(keras, path, *, named=False):
    image = keras.Input((*SIZE, 3))
    maps = keras.layers.Conv2D(4, 3, name="maps")(image)
    answer = keras.layers.Flatten(name="answer")(keras.layers.ReLU(name="relu")(maps))
    outputs = {"b": maps, "a": answer} if named else [maps, answer]
    return saved(with_weights(keras.Model(image, outputs)), path)


def test_of_several_outputs_one_is_chosen_and_the_cut_is_the_layer_s(keras, tmp_path):
    path, named = two(keras, tmp_path / "two.keras"), tmp_path / "named.keras"
    two(keras, named, named=True)
    with pytest.raises(
        UsageError, match=r"2 outputs.*--output.*0 maps \(6x7x4\), 1 answer \(168\)"
    ):
        asked(path)
    for wrong in ("2", "mops", "-1"):
        with pytest.raises(UsageError, match=r"no output named .*0 maps \(6x7x4\), 1 answer"):
            asked(path, output=wrong)
    expected = keras.saving.load_model(path).predict(pictures(), verbose=0)
    for number, name, key in ((0, "maps", "b"), (1, "answer", "a")):
        found = asked(path, output=str(number))
        rows = found.model(pictures(), training=False)
        np.testing.assert_allclose(rows, expected[number], rtol=1e-5, atol=1e-3)
        others = (
            asked(path, output=name), asked(path, layer=name), asked(named, output=key),
        )  # fmt: skip
        for other in others:
            assert (other.network, other.weights) == (found.network, found.weights)
    with pytest.raises(UsageError, match="one output"):
        load(Request(backbone="mobilenetv2", weights="random:0", output="0"))


def test_a_tail_of_several_outputs_needs_to_be_told_which(keras, tmp_path):
    path = two(keras, tmp_path / "two.keras")
    with pytest.raises(UsageError, match="has 2 outputs"):
        asked(path, layer="maps").behind()
    with pytest.raises(UsageError, match="no layer with weights"):
        asked(path, layer="maps", output="answer").behind()


def test_a_network_of_one_channel_takes_gray_pixels(keras, kept):
    found, plain = kept(lambda x: keras.layers.Conv2D(3, 3)(x), channels=1)
    agree(found, plain, channels=1)
    assert (found.mode, found.model.input_shape) == ("gray", (None, *SIZE, 1))


def test_arithmetic_of_three_channels_is_refused_for_gray_images(keras, tmp_path):
    path = saved(small(keras, channels=1), tmp_path / "gray.keras")
    with pytest.raises(UsageError, match="three channels"):
        asked(path, preprocessing="torch")
    assert asked(path, preprocessing="tf").preprocessing == "x/127.5-1"


@pytest.mark.parametrize(
    "body",
    [
        lambda k, x: k.ops.mean(x, axis=0),
        lambda k, x: k.ops.reshape(x, (-1, 3)),
        lambda k, x: k.ops.concatenate([x, x], axis=0),
    ],
)
def test_a_network_without_a_row_for_each_image_is_refused(keras, tmp_path, body):
    image = keras.Input((*SIZE, 3))
    path = saved(keras.Model(image, body(keras, image)), tmp_path / "one.keras")
    with pytest.raises(UsageError, match="rows for 7 images"):
        asked(path)


def test_a_layer_that_remembers_the_images_before_is_refused(keras, tmp_path):
    image = keras.Input(batch_shape=(4, *SIZE, 3))
    rows = keras.layers.LSTM(2, stateful=True)(keras.layers.Reshape((8, 27))(image))
    path = saved(keras.Model(image, rows), tmp_path / "one.keras")
    with pytest.raises(UsageError, match="remembers the images before"):
        asked(path)


def test_quantised_layers_are_refused_by_that_name(keras, tmp_path):
    model = of_layer(keras, keras.layers.Dense(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the input, which has nothing to quantise
        model.quantize("int8")
    with pytest.raises(UsageError, match="quantised layers are not supported"):
        asked(saved(model, tmp_path / "one.keras"))


def test_a_class_of_one_s_own_is_told_with_an_example(keras, tmp_path):
    class Mine(keras.Model):
        def call(self, x):
            return x

    model = Mine()
    model(pictures())
    with pytest.raises(UsageError) as caught:
        asked(saved(model, tmp_path / "one.keras"))
    said = str(caught.value)
    assert "Mine is a class of your own" in said
    assert "save keras.Model(x, Mine()(x)), then --import MODULE --network-version 1" in said
    assert "\n" not in said


def made_by_keras_2(path):
    """Write what Keras 2 writes: other modules, other places of tensors, its version."""
    config = {"module": "keras.src.engine.functional", "class_name": "Functional", "config": {}}
    with h5py.File(path.with_suffix(".tensors"), "w") as tensors:
        tensors["_layer_checkpoint_dependencies/conv2d/vars/0"] = np.zeros(3, "f4")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.15.0"}))
        archive.writestr("config.json", json.dumps(config))
        archive.write(path.with_suffix(".tensors"), "model.weights.h5")
    return path


def test_a_file_of_keras_2_is_refused_with_the_lines_that_save_it_anew(tmp_path):
    with pytest.raises(UsageError, match=r"saved by Keras 2 \(2.15.0\)") as caught:
        asked(made_by_keras_2(tmp_path / "old.keras"))
    assert "\n" not in str(caught.value)
    where, anew = caught.value.details
    assert "model.save_weights('old-weights.h5')" in where
    assert "model.load_weights('old-weights.h5'); model.save('old-3.keras')" in anew


def test_hdf5_of_keras_2_is_read_where_keras_3_can_and_else_says_so(keras, tmp_path):
    path = saved(small(keras), tmp_path / "old.h5")
    expected = asked(saved(small(keras), tmp_path / "new.keras"))
    with h5py.File(path, "r+") as file:
        file.attrs["keras_version"] = b"2.15.0"
    found = asked(path, trust=True)
    assert (found.network, found.weights) == (expected.network, expected.weights)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][1]["class_name"] = "TFOpLambda"
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(UsageError, match=r"saved by Keras 2 \(2.15.0\)") as caught:
        asked(path, trust=True)
    assert len(caught.value.details) == 2


def weights_of_keras_2(model, path):
    """Write the weights as Keras 2 does: names that end with `:0`, below a group a layer."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        file.attrs["keras_version"] = b"2.15.0"
        for layer in model.layers:
            group = file.create_group(layer.name)
            weights = [w for w in layer.weights if "seed" not in w.path]
            names = [f"{layer.name}/{w.path.split('/')[-1]}:0" for w in weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, weights, strict=True):
                group[name] = weight.numpy()


def test_the_line_for_keras_3_makes_of_weights_of_keras_2_a_file_that_is_read(
    keras, tmp_path, monkeypatch
):
    made = small(keras)
    with pytest.raises(UsageError) as caught:
        asked(made_by_keras_2(tmp_path / "old.keras"))
    there, here = caught.value.details
    assert there == "where it was made: model.save_weights('old-weights.h5')"
    weights_of_keras_2(made, tmp_path / "old-weights.h5")
    monkeypatch.chdir(tmp_path)
    model = small(keras)
    model.set_weights([w * 0 for w in model.get_weights()])
    exec(here.partition("builds there: ")[2], {"model": model})  # as a person would
    agree(asked(tmp_path / "old-3.keras"), made)
