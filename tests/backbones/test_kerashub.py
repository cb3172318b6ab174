"""Presets of KerasHub: what they compute is KerasHub's own, and what they are is their identity."""

import shutil

import numpy as np
import pytest

pytest.importorskip("tensorflow")

import hub_presets
from hub_presets import KINDS, SIZE, saved

from bottleneck.backbones import Request, preprocessing
from bottleneck.backbones.catalog import listed, load, spec
from bottleneck.backbones.twin import twin
from bottleneck.core.errors import (
    DamagedError,
    MissingDependencyError,
    UnavailableError,
    UsageError,
)
from bottleneck.core.generated import pictures

pytestmark = [pytest.mark.slow, hub_presets.needs_keras_hub]

PREFIX_TOKENS = {"vit": 1, "dinov2": 3, "dinov3": 5, "clip": 1}


@pytest.fixture(scope="module")
def hub():
    return hub_presets.keras_hub()


@pytest.fixture(scope="module")
def kept(tmp_path_factory, hub):
    root = tmp_path_factory.mktemp("presets")
    for name, made in KINDS.items():
        saved(hub, made(hub), root / name)
    return root


def loaded(folder, **words):
    request = Request(**{"backbone": f"kerashub:{folder}", "weights": "own", "size": SIZE, **words})
    return load(request)


def identity(folder, **words):
    found = loaded(folder, **words)
    return found.network, found.weights


def rows(found, images):
    x = preprocessing.apply(found.preprocessing, images.astype("f4"))
    return np.asarray(found.model(x, training=False))


def plain(hub, folder, images):
    """Return what KerasHub computes by itself, its own converter included."""
    network = hub.models.Backbone.from_preset(str(folder))
    network = getattr(network, "vision_encoder", network)
    converter = hub.layers.ImageConverter.from_preset(str(folder), image_size=None)
    x = converter(images.astype("f4"))
    given = dict.fromkeys(network.input, x) if isinstance(network.input, dict) else x
    return np.asarray(network(given, training=False))


def worst(found, expected):
    found, expected = (x.reshape(len(x), -1).astype("f8") for x in (found, expected))
    return np.max(np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1))


@pytest.mark.parametrize("name", KINDS)
def test_rows_are_those_of_kerashub(hub, kept, name):
    images = pictures(4, SIZE, 3)
    found = loaded(kept / name, pooling="none")
    assert worst(rows(found, images), plain(hub, kept / name, images)) < 1e-5
    assert (found.resample, found.fit) == ("bicubic", "crop")
    assert found.preprocessing == "x*0.017,0.0175,0.0174+-2.1,-2.0,-1.8"


@pytest.mark.parametrize("name", PREFIX_TOKENS)
def test_tokens_are_pooled_without_those_in_front(hub, kept, name):
    images, n = pictures(3, SIZE, 3), PREFIX_TOKENS[name]
    tokens = plain(hub, kept / name, images)
    average, largest = tokens[:, n:].mean(1), tokens[:, n:].max(1)
    expected = {
        "cls": tokens[:, 0],
        "avg": average,
        "max": largest,
        "cls+avg": np.concatenate([tokens[:, 0], average], 1),
    }
    found = loaded(kept / name, pooling="cls")
    for pooling, wanted in expected.items():
        assert worst(rows(found.another(None, pooling), images), wanted) < 1e-5, pooling


def test_every_pooling_layer_and_size_is_another_recipe(kept):
    found = [identity(kept / "dinov2", pooling=one) for one in ("none", "avg", "cls", "cls+avg")]
    found.append(identity(kept / "dinov2", layer="layers_0"))
    assert len(set(found)) == len(found)
    assert identity(kept / "dinov2", size=(40, 40))[1] != found[0][1]


def test_a_cut_at_a_block_is_what_the_block_gives(hub, kept):
    images = pictures(2, SIZE, 3)
    network = hub.models.Backbone.from_preset(str(kept / "dinov2"))
    x = preprocessing.apply("x*0.017,0.0175,0.0174+-2.1,-2.0,-1.8", images.astype("f4"))
    expected = network.encoder.layers[0](network.embeddings(x))
    found = loaded(kept / "dinov2", layer="layers_0", pooling="none")
    assert worst(rows(found, images), np.asarray(expected)) < 1e-5


def test_a_renamed_preset_is_the_same_and_other_weights_are_another(hub, kept, tmp_path):
    shutil.copytree(kept / "vit", tmp_path / "renamed")
    assert identity(tmp_path / "renamed") == identity(kept / "vit")
    saved(hub, hub_presets.vit(hub), tmp_path / "other", seed=1)
    network, weights = identity(tmp_path / "other")
    assert network == identity(kept / "vit")[0]
    assert weights != identity(kept / "vit")[1]


def test_what_counts_of_a_config_is_what_changes_rows(hub, kept, tmp_path):
    saved(hub, hub_presets.vit(hub, dropout_rate=0.3), tmp_path / "dropped")
    assert identity(tmp_path / "dropped") == identity(kept / "vit")
    saved(hub, hub_presets.vit(hub, layer_norm_epsilon=1e-3), tmp_path / "epsilon")
    assert identity(tmp_path / "epsilon")[0] != identity(kept / "vit")[0]


def test_in_doubt_what_a_preset_says_counts(hub, kept, tmp_path):
    """It is of further outputs alone; and no layer inside says it."""
    saved(hub, hub_presets.dinov2(hub, apply_layernorm=True), tmp_path / "other")
    assert identity(tmp_path / "other")[0] != identity(kept / "dinov2")[0]


def test_layers_of_kerashub_are_taken_as_they_are(hub):
    layer = hub.layers.TransformerEncoder(8, 2)
    assert twin(layer, "copy") is layer


def test_a_pooling_that_the_tokens_do_not_have_is_refused(hub, kept, tmp_path):
    saved(hub, hub_presets.vit(hub, use_class_token=False), tmp_path / "bare")
    with pytest.raises(UsageError, match="no class token"):
        loaded(tmp_path / "bare", pooling="cls")
    with pytest.raises(UsageError, match="no tokens"):
        loaded(kept / "resnet", pooling="cls")


def test_no_preset_is_said_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(UsageError, match=r"near it: .*dinov2_small"):
        load(Request(backbone="kerashub:dinov2_smal", weights="own"))
    with pytest.raises(UsageError, match="no folder"):
        loaded(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no config\.json"):
        loaded(tmp_path / "empty")


def test_a_preset_that_cannot_be_fetched_says_where_to_put_it(monkeypatch, tmp_path):
    from keras_hub.src.utils import preset_utils

    def offline(*_):
        raise OSError("no route to host")

    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    monkeypatch.setattr(preset_utils, "get_file", offline)
    with pytest.raises(UnavailableError) as caught:
        load(Request(backbone="kerashub:dinov2_small", weights="own"))
    assert caught.value.exit_code == 9
    assert str(tmp_path) in str(caught.value.where)
    assert "kerashub:./FOLDER" in caught.value.do
    with pytest.raises(UnavailableError, match="no route to host") as caught:
        load(Request(backbone="kerashub:hf://keras/any", weights="own"))
    assert caught.value.where == "hf://keras/any"
    assert "--backbone mini" in caught.value.do


def test_what_fetches_a_preset_must_be_installed(monkeypatch):
    from keras_hub.src.utils import preset_utils

    def missing(*_):
        raise ImportError("requires the huggingface_hub package")

    monkeypatch.setattr(preset_utils, "get_file", missing)
    with pytest.raises(MissingDependencyError, match=r"pip install 'bottleneck-cache\[kerashub\]'"):
        load(Request(backbone="kerashub:hf://keras/any", weights="own"))


def test_a_preset_that_wants_text_is_refused_before_anything_is_fetched(monkeypatch):
    from keras_hub.src.utils import preset_utils

    monkeypatch.setattr(preset_utils, "get_file", None)
    for name in ("gemma3_4b", "bert_tiny_en_uncased"):
        with pytest.raises(UsageError, match=f"no image preset '{name}'"):
            load(Request(backbone=f"kerashub:{name}", weights="own"))


def test_presets_are_listed_without_a_network(monkeypatch, tmp_path):
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    (tmp_path / "models/keras/dinov2/keras/dinov2_small/1").mkdir(parents=True)
    found = {one["name"]: one for one in listed("kerashub:")}
    assert found["kerashub:dinov2_small"]["weights_here"] is True
    assert found["kerashub:dinov2_small"]["parameters"] > 20e6
    assert found["kerashub:vit_base_patch16_224_imagenet"]["weights_here"] is False
    assert "kerashub:gemma3_4b" not in found


def test_a_preset_with_code_of_others_is_refused(kept, tmp_path):
    shutil.copytree(kept / "vit", tmp_path / "vit")
    config = tmp_path / "vit" / "config.json"
    config.write_text(config.read_text().replace("keras_hub.src.models.vit.vit_backbone", "os"))
    with pytest.raises(UsageError, match="not of KerasHub"):
        loaded(tmp_path / "vit")
    config.write_text("{")
    with pytest.raises(DamagedError, match="JSON"):
        loaded(tmp_path / "vit")


def test_a_folder_is_named_by_its_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert spec("kerashub:./one").name == f"kerashub:{tmp_path / 'one'}"
    assert spec("kerashub:dinov2_small").name == "kerashub:dinov2_small"
    assert spec("kerashub:hf://a/b").name == "kerashub:hf://a/b"
