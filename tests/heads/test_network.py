"""Heads that are networks: how large they are, what they refuse, and files that are none."""

import numpy as np
import pytest

from bottleneck.backbones import Request
from bottleneck.backbones.catalog import load
from bottleneck.core.errors import DamagedError, DataError, UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.sealed import seal
from bottleneck.heads.catalog import complete, load_head, load_kind
from bottleneck.heads.task import Task

pytestmark = pytest.mark.slow


def fit(head, shape, n_classes, **told):
    x = np.zeros((2 * n_classes, *shape), "f2")
    labels = (np.arange(2 * n_classes) % n_classes).astype(np.int32)
    split = np.zeros(2 * n_classes, np.uint8)
    return load_kind(head).fit(
        Task(
            rows=x,
            targets=labels,
            split=split,
            n_outputs=n_classes,
            options=complete(head, {"epochs": 1, **told}),
        )
    )


def test_a_softmax_on_vgg16_maps_has_the_parameters_that_its_summary_in_keras_prints():
    found = fit("dense", (7, 7, 512), 4, units=())
    assert (found.parameters, found.frozen) == (100_356, 0)
    request = Request(backbone="vgg16", weights="random:0", pooling="none", size=(32, 32))
    before = load(request).about["parameters"]  # no size changes it
    assert found.parameters + before == 14_815_044


def test_a_convolution_on_resnet_maps_has_the_parameters_of_conv2d_and_softmax():
    found = fit("conv", (5, 5, 2048), 10)
    assert found.model.get_layer("conv").count_params() == 819_300
    assert found.parameters == 820_310
    kinds = [type(layer).__name__ for layer in found.model.layers[1:]]
    assert kinds == ["Conv2D", "Dropout", "GlobalAveragePooling2D", "Dropout", "Dense", "Softmax"]
    assert [found.model.get_layer(f"dropout_{n}").rate for n in (1, 2)] == [0.4, 0.3]


def test_dense_layers_are_those_that_were_asked_for():
    found = fit("dense", (3, 2), 2, units=(8, 4), dropout=(0.3, 0.1))
    shapes = [layer.units for layer in found.model.layers if hasattr(layer, "units")]
    assert shapes == [8, 4, 2]
    assert [found.model.get_layer(f"dropout_{n}").rate for n in (1, 2)] == [0.3, 0.1]
    assert found.model.get_layer("dense_1").activation.__name__ == "relu"


def test_as_many_dropouts_as_neither_one_nor_the_layers_are_refused():
    with pytest.raises(UsageError, match="2 values for 3 layers: --dropout"):
        fit("dense", (6,), 2, units=(4, 4, 4), dropout=(0.1, 0.2))


def test_a_convolution_needs_maps_as_large_as_its_kernel():
    with pytest.raises(UsageError, match=r"rows of shape 6 are not maps: --head conv: .*--pooling"):
        fit("conv", (6,), 2)
    with pytest.raises(UsageError, match="4 is larger than the maps, 5x3: --kernel"):
        fit("conv", (5, 3, 2), 2, kernel=4)


def test_predicting_rows_of_another_shape_is_refused():
    with pytest.raises(DataError, match="features of shape 3x4, the head was fitted on 12"):
        fit("dense", (12,), 2).predict(np.zeros((2, 3, 4), "f4"))


def save_another(keras, path, body):
    rows = keras.Input((6,))
    keras.Model(rows, body(rows)).save(path)


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + bytes(18), "lambda", "maps", "two"])
def test_a_file_that_is_no_head_is_damage_whatever_its_digest(tmp_path, content):
    keras = import_keras()
    path = tmp_path / "head.keras"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "lambda":
        save_another(keras, path, keras.layers.Lambda(lambda t: t + 1))
    elif content == "maps":
        save_another(keras, path, keras.layers.Reshape((2, 3)))
    else:
        save_another(keras, path, lambda t: [keras.layers.ReLU()(t), keras.layers.ReLU()(t)])
    described = {"head": "dense", "options": {"batch_size": 32}}
    (tmp_path / "head.json").write_bytes(seal(described, tmp_path, [path.name]))
    with pytest.raises(DamagedError, match="not a dense head"):
        load_head(tmp_path)


def test_a_head_whose_options_lack_what_it_needs_is_damage(tmp_path):
    fit("dense", (6,), 2).save(tmp_path)
    described = {"head": "dense", "options": {}}
    (tmp_path / "head.json").write_bytes(seal(described, tmp_path, ["head.keras"]))
    with pytest.raises(DamagedError, match="not a dense head"):
        load_head(tmp_path)


@pytest.mark.parametrize("scale", [2.3e-9, 1.0, 1e20])
def test_numbers_are_predicted_at_their_own_scale_however_small_or_large(tmp_path, scale):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4)).astype("f4")
    y = ((x[:, :2] @ [[2, 1], [1, 3]] + [0, 3]) * [scale, 1]).astype("f4")
    split = np.zeros(60, np.uint8)
    told = {"units": (), "epochs": 60, "learning_rate": 0.05}
    options = complete("dense", told)
    task = Task(rows=x, targets=y, split=split, n_outputs=2, kind="numbers", options=options)
    head = load_kind("dense").fit(task)
    said = head.predict(x)
    np.testing.assert_allclose(said / [scale, 1], y / [scale, 1], atol=0.2)
    head.save(tmp_path)
    np.testing.assert_array_equal(load_head(tmp_path).predict(x), said)
