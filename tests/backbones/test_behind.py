"""What is behind a cut: where it can stand alone, what is trained of it, what it computes."""

import re

import numpy as np
import pytest

from bottleneck.backbones import Request
from bottleneck.backbones.backbone import from_model
from bottleneck.backbones.catalog import load
from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_keras

# Real engines with a real network: what `make fast` leaves out.
pytestmark = pytest.mark.slow
SIZE = (6, 8)


@pytest.fixture(scope="module")
def keras():
    return import_keras()


def branching(keras, top):
    """Return stem → (left, right) → added → joined → inner/late → `top`."""
    layers = keras.layers
    image = keras.Input((*SIZE, 3))
    x = layers.Conv2D(4, 3, padding="same", name="stem")(image)
    left = layers.ReLU(name="left")(x)
    right = layers.BatchNormalization(name="right")(x)
    x = layers.Add(name="added")([left, right * 0.5])
    x = layers.Activation("gelu", name="joined")(x)
    within = keras.Input(x.shape[1:])
    y = layers.Dropout(0.3, name="drop")(within)
    y = layers.BatchNormalization(name="norm")(layers.Conv2D(5, 2, name="late")(y))
    x = keras.Model(within, y, name="inner")(x)
    model = keras.Model(image, top(x))
    rng = np.random.default_rng(0)
    model.set_weights([rng.random(w.shape).astype("f4") for w in model.get_weights()])
    return model


def bare(keras):
    return branching(keras, lambda x: x)


def behind(model, layer, **options):
    return from_model(model, layer=layer, size=SIZE, **options).behind()


def seed(number):
    return 100 + number


@pytest.mark.parametrize("layer", ["stem", "joined", "drop"])
def test_front_and_layers_together_are_the_network(keras, layer):
    model = bare(keras)
    found = behind(model, layer, preprocessing="x/127.5-1")
    pixels = np.random.default_rng(1).integers(0, 256, (3, *SIZE, 3), np.uint8)
    expected = model.predict(pixels / np.float32(127.5) - np.float32(1), verbose=0)
    tail = found.layers(seed)
    got = tail(found.front()(pixels, training=False), training=False)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "near"),
    [("left", "stem or added"), ("right", "stem or added")],
)
def test_where_paths_lead_past_the_cut_the_nearest_layers_that_will_do_are_named(
    keras, layer, near
):
    with pytest.raises(UsageError, match=f"other paths lead past {layer} .*--layer {near} and"):
        behind(bare(keras), layer)


def test_the_layers_that_are_named_will_do_and_no_others(keras):
    model = bare(keras)
    good = []
    for layer in ("stem", "left", "right", "added", "joined", "drop", "late", "norm", "inner"):
        try:
            behind(model, layer)
        except UsageError:
            pass
        else:
            good.append(layer)
    assert good == ["stem", "added", "joined", "drop"]  # behind late is batch normalisation alone


@pytest.mark.parametrize("layer", ["norm", None])
def test_with_nothing_behind_the_cut_the_last_layer_with_weights_behind_it_is_named(keras, layer):
    with pytest.raises(UsageError, match=r"nothing is behind the cut: .*--layer inner/drop and"):
        behind(bare(keras), layer)


def test_pooled_rows_go_on_nowhere(keras):
    with pytest.raises(UsageError, match=r"pooled.*extract with --pooling none"):
        behind(bare(keras), "joined", pooling="avg")
    with pytest.raises(UsageError, match="pooled"):
        load(Request(backbone="mini", weights="shipped")).behind()


def test_everything_is_trainable_but_batch_normalisation_and_dropout_has_the_seed_given(keras):
    tail = behind(bare(keras), "joined").layers(seed)
    kinds = {type(layer).__name__: layer for layer in tail.layers}
    assert kinds["Conv2D"].trainable
    assert not kinds["BatchNormalization"].trainable
    assert kinds["Dropout"].seed == 101
    x = np.ones((2, *tail.input_shape[1:]), "f4")
    before = [w.numpy() for w in kinds["BatchNormalization"].weights]
    tail(x, training=True)
    for old, new in zip(before, kinds["BatchNormalization"].weights, strict=True):
        np.testing.assert_array_equal(old, new)


def test_training_a_copy_leaves_the_network_as_it_was(keras):
    found = behind(bare(keras), "joined")
    one, other = found.layers(seed), found.layers(seed)
    one.set_weights([w * 0 for w in one.get_weights()])
    assert any(w.any() for w in other.get_weights())


@pytest.mark.parametrize(
    ("top", "kept"),
    [
        (lambda k: [k.layers.Dense(9, activation="softmax")], (5,)),
        (lambda k: [k.layers.Dense(9), k.layers.Softmax()], (5,)),
        (lambda k: [k.layers.Dense(9), k.layers.Activation("sigmoid")], (5,)),
        (lambda k: [k.layers.Dense(7, activation="relu"), k.layers.Dense(9)], (7,)),
        (lambda k: [k.layers.Dense(7, activation="relu")], (7,)),
        (lambda k: [], (5,)),
    ],
)
def test_a_classifier_of_the_network_s_own_is_left_away_and_nothing_else(keras, top, kept):
    def whole(x):
        x = keras.layers.GlobalAveragePooling2D(name="average")(x)
        for layer in top(keras):
            x = layer(x)
        return x

    assert behind(branching(keras, whole), "joined").layers(seed).output_shape[1:] == kept


def test_a_layer_on_both_sides_of_the_cut_is_another_one_behind_it(keras):
    image = keras.Input((*SIZE, 3))
    twice = keras.layers.Conv2D(3, 1, name="twice")
    x = twice(keras.layers.ReLU(name="cut")(twice(image)))
    found = behind(keras.Model(image, x), "twice:0")
    tail, front = found.layers(seed), found.front()
    before = front.get_weights()
    tail.set_weights([w + 1 for w in tail.get_weights()])
    for old, new in zip(before, front.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(UsageError, match=re.escape("--layer cut and")):
        behind(keras.Model(image, x), "twice:1")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer", "said"),
    [
        ("mobilenetv2", "block_15_expand", "--layer block_14_add or block_15_add and"),
        ("vgg16", "block3_conv1", None),
    ],
)
def test_applications_can_be_cut_between_their_blocks(name, layer, said):
    request = Request(backbone=name, weights="random:0", layer=layer, pooling="none", size=(32, 32))
    found = load(request)
    if said is None:
        tail = found.behind().layers(seed)
        total = tail.count_params() + found.about["parameters"]
        assert total == 14_714_688
    else:
        with pytest.raises(UsageError, match=said):
            found.behind()


@pytest.mark.slow
def test_a_normalization_behind_the_cut_keeps_what_it_was_adapted_to(keras):
    image = keras.Input((*SIZE, 3))
    stem = keras.layers.Conv2D(4, 3, name="stem")
    norm = keras.layers.Normalization()
    x = np.random.default_rng(3).integers(0, 256, (4, *SIZE, 3)).astype("f4")
    norm.adapt(stem(x))
    model = keras.Model(image, keras.layers.Conv2D(2, 1)(norm(stem(image))))
    tail = behind(model, "stem").layers(seed)
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(tail(np.asarray(stem(x)), training=False), expected, rtol=1e-4)


def test_a_cut_behind_which_nothing_is_trained_is_refused_and_never_proposed(keras):
    image = keras.Input((*SIZE, 3))
    x = keras.layers.Conv2D(4, 3, name="stem")(image)
    x = keras.layers.Conv2D(4, 1, name="last")(keras.layers.ReLU(name="middle")(x))
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.ReLU(name="end")(x)
    x = keras.layers.Dense(9, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x)
    for layer in ("last", "norm", "end"):
        with pytest.raises(UsageError, match="--layer middle and") as caught:
            behind(model, layer)
        assert "behind the cut" in caught.value.what
