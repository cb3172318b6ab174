"""Identity: what a network computes decides its digest, and nothing else does."""

import subprocess
import sys

import numpy as np
import pytest

from bottleneck.backbones.backbone import from_model
from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_keras

SIZE = (6, 8)


@pytest.fixture(scope="module")
def keras():
    return import_keras()


def identity(model, **options):
    found = from_model(model, size=SIZE, **options)
    return found.network, found.weights


def network(keras, body, name=None):
    """Return a model of `body` over a 6x8 RGB image, its weights set by order of creation."""
    image = keras.Input((*SIZE, 3))
    model = keras.Model(image, body(image), name=name)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape).astype("f4") for w in model.get_weights()])
    return model


def conv(keras, **options):
    return keras.layers.Conv2D(4, 3, **options)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda k, x: conv(k, activation="relu")(x), lambda k, x: conv(k, activation="gelu")(x)),
        (lambda k, x: x + 3, lambda k, x: x + 4),
        (lambda k, x: k.ops.split(x, 2, axis=2)[0], lambda k, x: k.ops.split(x, 2, axis=2)[1]),
        (lambda k, x: x[:, 1:], lambda k, x: x[:, :-1]),
        (lambda k, x: x * 2 - x, lambda k, x: x - x * 2),
        (lambda k, x: conv(k, strides=2)(x), lambda k, x: conv(k)(x)),
        (lambda k, x: conv(k, padding="same")(x), lambda k, x: conv(k)(x)),
        (
            lambda k, x: k.layers.BatchNormalization(epsilon=1e-3)(x),
            lambda k, x: k.layers.BatchNormalization(epsilon=1e-5)(x),
        ),
        (
            lambda k, x: k.layers.Concatenate(axis=-1)([x, x]),
            lambda k, x: k.layers.Concatenate(axis=1)([x, x]),
        ),
        (lambda k, x: k.layers.ReLU(6.0)(x), lambda k, x: k.layers.ReLU()(x)),
        (lambda k, x: k.layers.MaxPooling2D()(x), lambda k, x: k.layers.AveragePooling2D(2)(x)),
        (lambda k, x: k.ops.mean(x, axis=1), lambda k, x: k.ops.mean(x, axis=2)),
        (lambda k, x: x * np.float32([1, 2, 3]), lambda k, x: x * np.float32([1, 2, 4])),
    ],
)
def test_networks_that_compute_otherwise_have_other_digests(keras, one, other):
    first = identity(network(keras, lambda x: one(keras, x)))
    second = identity(network(keras, lambda x: other(keras, x)))
    assert first[0] != second[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            lambda k, x: k.layers.Dropout(0.1)(conv(k)(x)),
            lambda k, x: conv(k)(x),
        ),
        (
            lambda k, x: k.layers.Activation("linear")(conv(k, activation="relu")(x)),
            lambda k, x: conv(k, activation="relu")(x),
        ),
        (
            lambda k, x: k.layers.Concatenate(axis=-1)([x, x]),
            lambda k, x: k.layers.Concatenate(axis=3)([x, x]),
        ),
        (
            lambda k, x: k.layers.BatchNormalization(momentum=0.5)(x),
            lambda k, x: k.layers.BatchNormalization(momentum=0.9)(x),
        ),
        (
            lambda k, x: conv(k, kernel_initializer="zeros", kernel_regularizer="l2")(x),
            lambda k, x: conv(k)(x),
        ),
        (lambda k, x: conv(k, name="one")(x), lambda k, x: conv(k, name="two")(x)),
        (lambda k, x: conv(k, dtype="mixed_float16")(x), lambda k, x: conv(k)(x)),
    ],
)
def test_networks_that_compute_the_same_are_one(keras, one, other):
    first = identity(network(keras, lambda x: one(keras, x)))
    assert first == identity(network(keras, lambda x: other(keras, x)))


def small(keras, name=None):
    def body(x):
        x = conv(keras, activation="relu", name="first")(x)
        x = keras.layers.BatchNormalization()(x)
        return keras.layers.GlobalAveragePooling2D()(x)

    return network(keras, body, name)


def test_copies_are_one_network(keras, tmp_path):
    expected = identity(small(keras))
    compiled = small(keras)
    compiled.compile("adam", "mse")
    frozen = small(keras)
    frozen.trainable = False
    saved = small(keras)
    saved.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    inner = small(keras)
    image = keras.Input((*SIZE, 3))
    nested = keras.Model(image, inner(image))
    sequential = keras.Sequential([keras.Input((*SIZE, 3)), small(keras)])
    copies = [compiled, frozen, loaded, small(keras, "renamed"), nested, sequential]
    assert [identity(copy) for copy in copies] == [expected] * len(copies)


def test_one_changed_weight_changes_the_weights_and_not_the_network(keras):
    model = small(keras)
    before = identity(model)
    tensors = model.get_weights()
    tensors[0][0, 0, 0, 0] += 1e-6
    model.set_weights(tensors)
    after = identity(model)
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)


def test_a_layer_called_twice_needs_to_be_told_which_call(keras):
    image = keras.Input((*SIZE, 3))
    layer = keras.layers.Conv2D(3, 1, name="twice")
    model = keras.Model(image, layer(layer(image)))
    with pytest.raises(UsageError, match="called 2 times"):
        from_model(model, layer="twice", size=SIZE)
    first = from_model(model, layer="twice:0", size=SIZE)
    second = from_model(model, layer="twice:1", size=SIZE)
    assert first.network != second.network
    assert second.network == from_model(model, size=SIZE).network


def test_training_true_inside_gives_the_rows_of_predict(keras):
    def body(x, *, training):
        y = keras.layers.BatchNormalization(name="bn")(x, training=training)
        return keras.layers.Dropout(0.5)(y, training=training)

    inside = network(keras, lambda x: body(x, training=True))
    outside = network(keras, lambda x: body(x, training=None))
    tensors = [np.abs(w) for w in outside.get_weights()]
    inside.set_weights(tensors)
    outside.set_weights(tensors)
    x = np.random.default_rng(0).normal(size=(3, *SIZE, 3)).astype("f4")
    rows = from_model(inside, size=SIZE).model(x, training=False)
    np.testing.assert_allclose(rows, outside.predict(x, verbose=0), rtol=1e-5)
    assert identity(inside) == identity(outside)


def test_code_that_cannot_be_known_is_refused_unless_its_version_is_said(keras):
    class Own(keras.layers.Layer):
        def call(self, x):
            return x + 1

    def own(t):
        return t + 1

    for body in (
        lambda x: keras.layers.Lambda(lambda t: t)(x),
        lambda x: Own(name="mine")(x),
        lambda x: keras.layers.Activation(lambda t: t + 1, name="act")(x),
        lambda x: conv(keras, activation=lambda t: t + 1)(x),
        lambda x: conv(keras, activation=own)(x),
        lambda x: keras.layers.TimeDistributed(keras.layers.Dense(2, activation=own))(x),
    ):
        model = network(keras, body)
        with pytest.raises(UsageError, match="cannot be known"):
            identity(model)
        assert identity(model, network_version="1")
    twins = [
        network(keras, lambda x, t=t: keras.layers.Lambda(t)(x))
        for t in (lambda y: y + 1, lambda y: y * 2)
    ]
    digests = {identity(twin, network_version="1")[0] for twin in twins}
    assert len(digests) == 1  # byte code is never hashed: the version is what the user says
    one, other = (identity(model, network_version=v)[0] for v in ("1", "2"))
    assert one == other  # the text is a key of the recipe, beside the network


def test_an_unknown_layer_names_the_near_ones(keras):
    with pytest.raises(UsageError, match="near it: first"):
        from_model(small(keras), layer="frist", size=SIZE)


def test_pooling_is_the_layer_that_it_is(keras):
    def maps(x):
        return conv(keras, name="maps")(x)

    model = network(keras, lambda x: keras.layers.GlobalAveragePooling2D()(maps(x)))
    assert identity(model) == identity(model, layer="maps", pooling="avg")
    assert identity(model) == identity(model, pooling="max")  # nothing left to pool
    assert identity(model)[0] != identity(model, layer="maps", pooling="max")[0]


def test_probabilities_are_stored_as_float32(keras):
    for name, dtype in (("softmax", "float32"), ("sigmoid", "float32"), ("relu", "float16")):
        model = network(keras, lambda x, a=name: keras.layers.Dense(2, activation=a)(x))
        assert from_model(model, size=SIZE, pooling="none").row_dtype == dtype


def test_a_deep_network_needs_no_recursion(keras):
    from bottleneck.backbones.identity import network_digest

    image = keras.Input((*SIZE, 3))
    x = image
    for _ in range(1500):
        x = x + 1
    assert network_digest(x) != network_digest(x + 1)


@pytest.mark.slow
def test_a_hostile_keras_json_changes_nothing(tmp_path):
    code = (
        "from bottleneck.backbones import Request; from bottleneck.backbones.catalog import load;"
        "b = load(Request(backbone='mobilenetv2', weights='random:0', size=(32, 32)));"
        "print(b.network, b.weights, b.row_shape, b.model.dtype)"
    )
    found = []
    for content in (
        None,
        '{"floatx": "float16", "image_data_format": "channels_first", "epsilon": 1.0}',
    ):
        home = tmp_path / str(len(found))
        home.mkdir()
        if content:
            (home / "keras.json").write_text(content)
        import os

        environment = {**os.environ, "KERAS_HOME": str(home)}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(done.stdout)
    assert found[0] == found[1]


def own_layer(keras):
    """Return a layer of somebody's own, whose words look like those that decide nothing."""

    class Own(keras.layers.Layer):
        def __init__(self, **own):
            given = {key: own.pop(key, 1) for key in ("momentum", "seed", "table_initializer")}
            super().__init__(**own)
            self.given = given

        def call(self, x):
            return x * sum(self.given.values())

        def get_config(self):
            return {**super().get_config(), **self.given}

    return Own


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            lambda k, x: k.ops.cast(k.ops.cast(x, "int32"), "float32"),
            lambda k, x: k.ops.cast(k.ops.cast(x, "bool"), "float32"),
        ),
        (
            lambda k, x: k.ops.reshape(k.ops.stack([x, x * 2], -1), (-1, 288)),
            lambda k, x: k.ops.reshape(k.ops.stack([x, x * 2], 3), (-1, 288)),
        ),
        (lambda k, x: own_layer(k)(momentum=2)(x), lambda k, x: own_layer(k)()(x)),
        (lambda k, x: own_layer(k)(seed=2)(x), lambda k, x: own_layer(k)()(x)),
        (lambda k, x: own_layer(k)(table_initializer=2)(x), lambda k, x: own_layer(k)()(x)),
        (
            lambda k, x: conv(k, activation=own_layer(k)(seed=2))(x),
            lambda k, x: conv(k, activation=own_layer(k)(seed=3))(x),
        ),
        (
            lambda k, x: conv(k, activation=k.layers.LeakyReLU(0.1))(x),
            lambda k, x: conv(k, activation=k.layers.LeakyReLU(0.2))(x),
        ),
    ],
)
def test_words_that_decide_nothing_in_a_layer_of_keras_count_elsewhere(keras, one, other):
    first = identity(network(keras, lambda x: one(keras, x)), network_version="1")
    second = identity(network(keras, lambda x: other(keras, x)), network_version="1")
    assert first[0] != second[0]


def test_an_equation_is_no_code_of_somebody_s(keras):
    layers = keras.layers
    identity(network(keras, lambda x: layers.EinsumDense("abcd,de->abce", (6, 8, 5))(x)))
    identity(network(keras, lambda x: keras.ops.einsum("abcd,abcd->ad", x, x)))


@pytest.mark.slow
def test_a_layer_inside_a_layer_computes_in_float32_too(keras):
    def of(dtype):
        def body(x):
            cells = keras.layers.LSTM(3, dtype=dtype)
            return keras.layers.Bidirectional(cells)(keras.layers.Reshape((6, 24))(x / 300))

        return from_model(network(keras, body), size=SIZE)

    x = np.random.default_rng(0).uniform(0, 255, (2, *SIZE, 3)).astype("f4")
    half, single = of("mixed_float16"), of("float32")
    assert (half.network, half.weights) == (single.network, single.weights)
    np.testing.assert_allclose(half.model(x), single.model(x), rtol=1e-6)


def test_a_network_inside_that_is_given_its_inputs_by_name_is_refused_by_its_name(keras):
    def body(x):
        one, two = keras.Input((*SIZE, 3), name="b"), keras.Input((*SIZE, 3), name="a")
        return keras.Model({"b": one, "a": two}, one - 2 * two, name="inner")({"b": x, "a": x})

    with pytest.raises(UsageError, match=r"by their names.*inner"):
        identity(network(keras, body))


def test_the_calls_of_a_layer_are_counted_as_they_were_made(keras):
    layers = keras.layers
    image = keras.Input((*SIZE, 3))
    shared = layers.Conv2D(3, 1, name="shared")
    first, second = shared(image), shared(image * 2)
    inside = keras.Input((*SIZE, 3))
    inner = keras.Model(inside, layers.Conv2D(3, 1, name="deep")(inside), name="inner")
    third, fourth = inner(first), inner(second)
    model = keras.Model(image, layers.Concatenate()([fourth, third, second, first]))
    x = np.random.default_rng(0).uniform(0, 9, (2, *SIZE, 3)).astype("f4")
    parts = np.split(np.asarray(model(x)), 4, axis=-1)[::-1]
    names = ("shared:0", "shared:1", "inner:0", "inner:1", "inner/deep:0", "deep:1")
    for layer, expected in zip(names, [*parts, *parts[2:]], strict=True):
        rows = from_model(model, layer=layer, size=SIZE).model(x)
        np.testing.assert_allclose(rows, expected, rtol=1e-4, err_msg=layer)


@pytest.mark.parametrize("one", [2, 100])
def test_arithmetic_of_whole_numbers_that_wraps_is_another_network(keras, one):
    def of(value):
        image = keras.Input((4, 4, 3), dtype="uint8")
        return identity(keras.Model(image, keras.layers.Flatten()(image * value)))[0]

    assert of(one) != of(float(one))
