"""Backbones: preprocessing and rows against plain Keras, cuts, weights, refusals."""

import hashlib
import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from golden_applications import FAMILIES, digest
from world import frozen

from bottleneck.backbones import Request, preprocessing
from bottleneck.backbones.application_list import APPLICATIONS
from bottleneck.backbones.catalog import load
from bottleneck.backbones.drawn import give_drawn
from bottleneck.core.errors import UnavailableError, UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.engines.catalog import open_engine

GOLDEN = Path(__file__).parents[1] / "golden" / "applications.json"


@pytest.fixture(scope="module")
def keras():
    return import_keras()


def pixels(n, size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), np.uint8)


@pytest.mark.parametrize("name", sorted(APPLICATIONS))
def test_preprocessing_is_that_of_the_network_s_own_module(keras, name):
    entry = APPLICATIONS[name]
    module = importlib.import_module(f"keras.applications.{entry.module}")
    x = pixels(2, 5).astype("f4")
    expected = module.preprocess_input(x.copy())
    np.testing.assert_allclose(
        preprocessing.apply(entry.preprocessing, x), expected, rtol=1e-6, atol=1e-5
    )


@pytest.mark.parametrize("name", sorted(preprocessing.NAMED))
def test_a_named_preprocessing_is_that_mode_of_keras(keras, name):
    x = pixels(2, 5).astype("f4")
    ours_alone = {
        "none": x,
        "unit": x / 255,
        "clip": (x / 255 - (0.48145466, 0.4578275, 0.40821073))
        / (0.26862954, 0.26130258, 0.27577711),
    }
    expected = ours_alone.get(name)
    if expected is None:
        mode = {"imagenet": "torch"}.get(name, name)
        expected = keras.applications.imagenet_utils.preprocess_input(x.copy(), mode=mode)
    ours = preprocessing.apply(preprocessing.named(name, "caffe"), x)
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-5)


def test_the_command_knows_every_named_preprocessing():
    from bottleneck.extract import parser

    (word,) = [a for a in parser()._actions if a.dest == "preprocessing"]
    assert all(f"{name}: {spec.help}" in word.help for name, spec in preprocessing.NAMED.items())


def test_a_preprocessing_of_no_name_is_refused_with_the_names():
    with pytest.raises(UsageError, match="one of none, tf, caffe, torch"):
        preprocessing.named("imagenette", "none")


@pytest.mark.parametrize(
    ("said", "text", "expected"),
    [
        (
            "x/255-0.485,0.456,0.406/0.229,0.224,0.225",
            preprocessing.TORCH,
            lambda x: (x / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225),
        ),
        ("x/255.0 - 0.5,0.5,0.5 / 0.50", "x/255-0.5/0.5", lambda x: (x / 255 - 0.5) / 0.5),
        ("x-0/1", "none", lambda x: x),
        ("bgr-104,117,123", "bgr-104,117,123", lambda x: x[..., ::-1] - (104, 117, 123)),
        ("x/127.5--1", "x/127.5--1", lambda x: x / 127.5 + 1),
        ("bgr", "bgr", lambda x: x[..., ::-1]),
    ],
)
def test_a_formula_is_spelled_in_one_way_and_computes_what_it_says(said, text, expected):
    assert preprocessing.named(said, "none") == preprocessing.named(text, "none") == text
    x = pixels(2, 5).astype("f4")
    np.testing.assert_allclose(preprocessing.apply(text, x), expected(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "said", ["", "x/0", "bgr-1,2", "y", "x/1e-9", "x/255 x", "nchw", "x-inf", "x/255 NCHW"]
)
def test_a_formula_that_says_nothing_is_refused(said):
    with pytest.raises(UsageError, match="no preprocessing"):
        preprocessing.named(said, "none")


def test_where_channels_are_is_for_onnx_files_alone():
    with pytest.raises(UsageError, match="nchw is for ONNX files"):
        preprocessing.named("tf nchw", "none")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "weights"), [("mini", "shipped"), ("mobilenetv2", "random:0")]
)
def test_a_preprocessing_that_is_asked_for_takes_the_place_of_the_network_s_own(backbone, weights):
    asked = Request(backbone=backbone, weights=weights, size=(32, 32), preprocessing="caffe")
    assert load(asked).preprocessing == preprocessing.CAFFE


def test_every_application_of_keras_is_here(keras):
    functions = [
        name for name in dir(keras.applications) if callable(getattr(keras.applications, name))
    ]
    assert sorted(name.lower() for name in functions) == sorted(APPLICATIONS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet50", "mobilenetv2", "densenet121", "efficientnetb0"])
def test_rows_are_those_of_plain_keras(keras, name):
    entry = APPLICATIONS[name]
    ours = load(Request(backbone=name, weights="random:3", size=(64, 64)))
    engine = open_engine(
        "keras",
        frozen(
            ours.model, (64, 64), preprocess=lambda x: preprocessing.apply(ours.preprocessing, x)
        ),
    )
    images = pixels(5, 64)
    rows = engine(images)
    plain = getattr(keras.applications, entry.function)(
        weights=None, include_top=False, pooling="avg", input_shape=(64, 64, 3)
    )
    give_drawn(plain, 3)
    module = importlib.import_module(f"keras.applications.{entry.module}")
    expected = plain.predict(module.preprocess_input(images.astype("f4")), verbose=0)
    errors = np.linalg.norm(rows - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert errors.max() <= 1e-5
    alone = np.concatenate([engine(images[i : i + 1]) for i in range(5)])
    np.testing.assert_array_equal(rows, alone)
    np.testing.assert_array_equal(engine(images[::-1])[::-1], rows)
    assert engine.n_traces == 1


@pytest.mark.slow
def test_avg_pool_of_the_top_and_pooling_avg_are_one_recipe():
    cut = load(Request(backbone="resnet50", weights="random:0", size=(32, 32), layer="avg_pool"))
    pooled = load(Request(backbone="resnet50", weights="random:0", size=(32, 32)))
    assert (cut.network, cut.weights) == (pooled.network, pooled.weights)
    assert pooled.row_shape == (2048,)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backbone", "layer", "shape"),
    [
        ("resnet50", "conv4_block6_out", (2, 2, 1024)),
        ("convnexttiny", "convnext_tiny_stage_0_block_1_layernorm", (8, 8, 96)),
        ("mobilenetv2", "block_5_add", (4, 4, 32)),
    ],
)
def test_a_layer_inside_is_cut_there(backbone, layer, shape):
    found = load(
        Request(backbone=backbone, weights="random:0", size=(32, 32), layer=layer, pooling="none")
    )
    assert found.row_shape == shape


@pytest.mark.slow
def test_random_weights_are_reproducible_and_leave_global_generators_alone():
    import random

    random.seed(5)
    expected = random.random()
    random.seed(5)
    one = load(Request(backbone="mobilenetv2", weights="random:0", size=(32, 32)))
    assert random.random() == expected
    two = load(Request(backbone="mobilenetv2", weights="random:0", size=(32, 32)))
    other = load(Request(backbone="mobilenetv2", weights="random:1", size=(32, 32)))
    assert one.weights == two.weights != other.weights
    # On every backend, machine and version: rows of random weights are kept, too.
    assert one.weights[:16] == "8259c1c260ff700a"


@pytest.mark.slow
def test_a_weight_file_is_loaded_and_one_that_does_not_fit_is_refused(keras, tmp_path):
    model = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3))
    give_drawn(model, 9)
    path = tmp_path / "mine.weights.h5"
    model.save_weights(path)
    found = load(Request(backbone="mobilenetv2", weights=str(path), size=(32, 32)))
    assert found.weight_files == (path,)
    random = load(Request(backbone="mobilenetv2", weights="random:9", size=(32, 32)))
    assert found.weights == random.weights
    with pytest.raises(UsageError, match="does not fit"):
        load(Request(backbone="resnet50", weights=str(path), size=(32, 32)))


def test_weights_that_are_links_or_missing_are_refused(tmp_path):
    import h5py

    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = h5py.ExternalLink("other.h5", "/a")
    for name, message in (("x.h5", "is a link"), ("none.h5", "no such weight file")):
        with pytest.raises(UsageError, match=message):
            load(Request(backbone="mobilenetv2", weights=str(tmp_path / name), size=(32, 32)))


def test_missing_imagenet_weights_name_the_file_and_what_works_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    from bottleneck.backbones import weights

    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(weights.import_keras_file_utils(), "get_file", offline)
    with pytest.raises(UnavailableError) as caught:
        load(Request(backbone="mobilenetv2", size=(32, 32)))
    text = str(caught.value)
    assert "models/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5" in text
    assert "--weights random:0 works at once" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(backbone="resnet5"), "near it: resnet50"),
        (
            Request(backbone="resnet50", layer="conv4_blok6_out", weights="random:0"),
            "conv4_block6_out",
        ),
        (Request(backbone="inceptionv3", size=(20, 20), weights="random:0"), "cannot take images"),
        (Request(backbone="vgg16", layer="fc2", size=(64, 64)), "use --size 224"),
        (Request(backbone="mobilenetv2", weights="random:x", size=(32, 32)), "no seed"),
    ],
)
def test_what_cannot_be_loaded_is_one_line_that_helps(request_, message):
    with pytest.raises(UsageError, match=message) as caught:
        load(request_)
    assert "\n" not in str(caught.value)


def test_there_is_a_golden_digest_of_every_application_and_all_differ():
    golden = json.loads(GOLDEN.read_text())
    assert golden.keys() == APPLICATIONS.keys()
    assert len(set(golden.values())) == len(golden)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_the_golden_digest_of_each_family_holds(name):
    assert digest(name) == json.loads(GOLDEN.read_text())[name]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("named", ["imagenet", "by its path", "another file"])
def test_efficientnet_with_imagenet_weights_is_the_network_that_keras_builds_around_them(
    keras, tmp_path, monkeypatch, named
):
    module = importlib.import_module("keras.src.applications.efficientnet")
    small = {"include_top": False, "pooling": "avg", "input_shape": (32, 32, 3)}
    keras.utils.set_random_seed(4)
    made = keras.applications.EfficientNetB0(weights=None, **small)
    made.layers[2].adapt(pixels(4, 32) / 255)
    path = tmp_path / "models" / "efficientnetb0_notop.h5"
    path.parent.mkdir()
    made.save(path)
    images = pixels(3, 32).astype("f4")
    plain = made
    if named != "another file":
        digest = hashlib.md5(path.read_bytes()).hexdigest()
        monkeypatch.setitem(module.WEIGHTS_HASHES, "b0", ("", digest))
        with monkeypatch.context() as local:
            local.setattr(module.file_utils, "get_file", lambda *_, **__: str(path))
            plain = keras.applications.EfficientNetB0(weights="imagenet", **small)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    weights = "imagenet" if named == "imagenet" else str(path)
    ours = load(Request(backbone="efficientnetb0", weights=weights, size=(32, 32)))
    expected = plain.predict(images, verbose=0)
    rows = np.asarray(ours.model(images, training=False))
    errors = np.linalg.norm(rows - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert errors.max() < 1e-5
