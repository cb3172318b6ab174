"""Fine-tuning from a cached cut, against training the whole network with its front frozen."""

import json

import numpy as np
import pytest
from PIL import Image

from bottleneck.backbones.backbone import from_model
from bottleneck.core import console
from bottleneck.core.frameworks import import_keras
from bottleneck.extract import main as extract_main
from bottleneck.heads import tail
from bottleneck.heads.catalog import complete, load_head
from bottleneck.heads.task import Task
from bottleneck.heads.training import batches, seed_of
from bottleneck.store.store import Store
from bottleneck.train import main as train_main

pytestmark = pytest.mark.slow
SIZE = (8, 8)
LABELS = (np.arange(24) % 3).astype(np.int32)
IMAGES = np.random.default_rng(0).normal(size=(24, *SIZE, 3)).astype("f4")
SPLIT = (np.arange(24) % 6 == 0).astype(np.uint8)
SEED = 5


def network(keras):
    """Return a residual network with batch normalisation on both sides of `cut`."""
    layers = keras.layers
    image = keras.Input((*SIZE, 3))

    def block(x, n):
        y = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(6, 3, padding="same")(x)))
        y = layers.BatchNormalization()(layers.Conv2D(6, 3, padding="same")(y))
        return layers.ReLU(6.0, name=n)(x * 0.5 + y)

    x = block(layers.Conv2D(6, 3, strides=2, name="stem")(image), "cut")
    model = keras.Model(image, block(block(x, "middle"), "last"))
    rng = np.random.default_rng(1)
    tensors = [(0.3 * rng.normal(size=w.shape)).astype("f4") for w in model.get_weights()]
    tensors = [np.abs(t) + 0.5 if t.ndim == 1 else t for t in tensors]
    model.set_weights(tensors)
    return model


def test_training_from_the_cut_is_training_the_whole_with_what_is_before_it_frozen():
    keras = import_keras()
    model = network(keras)
    cut = from_model(model, layer="cut", size=SIZE)
    maps = cut.model.predict(IMAGES, verbose=0)
    told = {"epochs": 3, "batch_size": 5, "patience": 0, "learning_rate": 1e-2}
    found = tail.fit(
        Task(
            rows=maps,
            targets=LABELS,
            split=SPLIT,
            n_outputs=3,
            seed=SEED,
            options=complete("tail", told),
            network=cut.behind,
        )
    )

    last = keras.layers.GlobalAveragePooling2D()(model.output)
    start = keras.initializers.GlorotUniform(seed_of(SEED, 0))
    top = keras.layers.Dense(3, activation="softmax", kernel_initializer=start)
    whole = keras.Model(model.input, top(last))
    before = True
    for layer in model.layers:
        layer.trainable = not before and not isinstance(layer, keras.layers.BatchNormalization)
        before = before and layer.name != "cut"
    initial = [w.numpy() for w in whole.weights]
    sgd = keras.optimizers.SGD(1e-2, momentum=0.9, nesterov=True)
    whole.compile(sgd, "sparse_categorical_crossentropy")
    orders = batches(np.flatnonzero(SPLIT == 0), 5, SEED)
    for _ in range(3):
        for at in next(orders):
            whole.train_on_batch(IMAGES[at], LABELS[at])

    ours = [w.numpy() for w in found.model.trainable_weights]
    theirs = [w.numpy() for w in whole.trainable_weights]
    assert [w.shape for w in ours] == [w.shape for w in theirs]
    assert max(np.abs(a - b).max() for a, b in zip(ours, theirs, strict=True)) <= 1e-4
    moved = [np.abs(w.numpy() - i).max() for w, i in zip(whole.weights, initial, strict=True)]
    assert max(moved) > 1e-2  # the training did something
    np.testing.assert_allclose(found.predict(maps), whole.predict(IMAGES, verbose=0), atol=1e-4)
    assert found.parameters == sum(w.size for w in theirs)
    assert found.frozen == 4 * 4 * 6  # of four batch normalisations


@pytest.fixture
def cache(tmp_path, photos, capsys):
    def filled(layer, *more):
        words = ["--data", str(photos), "--backbone", "mini", "--layer", layer, "--size", "32"]
        words += ["--cache", str(tmp_path / layer), "--quiet", "--json", "--engine", "keras", *more]
        assert console.run(extract_main, words) == 0
        capsys.readouterr()
        return tmp_path / layer

    return filled


def test_from_the_door_one_model_from_pixels_to_classes_is_left(cache, photos, capsys):
    keras = import_keras()
    folder = cache("block_4", "--pooling", "none", "--rows", "float32")
    words = ["--cache", str(folder), "--head", "tail", "--epochs", "2", "--json", "--quiet"]
    assert console.run(train_main, words) == 0
    report = json.loads(capsys.readouterr().out)
    images = sorted(photos.rglob("*.png"))
    pixels = [np.asarray(Image.open(p).resize((32, 32), Image.Resampling.BILINEAR)) for p in images]
    x, _, keys = Store.open(folder).arrays()
    assert [key.decode() for key in keys] == [p.relative_to(photos).as_posix() for p in images]
    run = folder / "runs" / report["run"].split("/")[-1]
    model = keras.saving.load_model(run / "head.keras", compile=False)
    expected = load_head(run).predict(x)
    np.testing.assert_allclose(model.predict(np.stack(pixels), verbose=0), expected, atol=1e-5)
    whole = sum(t.size for t in mini_tensors())
    assert report["parameters"] + report["frozen_parameters"] == whole + 384 * 2 + 2


def mini_tensors():
    from bottleneck.backbones import Request
    from bottleneck.backbones.catalog import load

    return load(Request(backbone="mini", weights="shipped")).portable.tensors.values()


def test_at_the_door_a_cut_with_a_way_past_it_and_pooled_rows_are_2(cache, capsys):
    for layer, more, said in (
        ("block_4_conv1", ("--pooling", "none"), "--layer block_3 or block_4_add and"),
        ("block_4", (), "the rows are pooled"),
    ):
        folder = cache(layer, *more)
        assert console.run(train_main, ["--cache", str(folder), "--head", "tail", "--quiet"]) == 2
        err = capsys.readouterr().err
        assert said in err
        assert len([line for line in err.splitlines() if "warning" not in line]) == 1
