import subprocess
import sys

import pytest
from own_networks import nested, saved

from bottleneck.backbones.application_facts import FACTS
from bottleneck.backbones.application_list import APPLICATIONS
from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.pipeline.network import listing
from bottleneck.pipeline.network.options import NetworkOptions

CATALOGS = (
    "bottleneck.engines.catalog",
    "bottleneck.backbones.catalog",
    "bottleneck.backbones.preprocessing",
    "bottleneck.data.view_list",
)


def test_backbones_are_listed_with_what_is_known_of_them(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / FACTS["resnet50"].weights_file).touch()
    found = {entry["name"]: entry for entry in listing.backbones()}
    assert set(found) == {*APPLICATIONS, "mini"}
    assert found["resnet50"] == {
        "name": "resnet50", "size": [224, 224], "features": 2048, "weights_here": True,
    }  # fmt: skip
    assert (found["vgg16"]["features"], found["vgg16"]["weights_here"]) == (512, False)
    assert (found["mini"]["features"], found["mini"]["weights_here"]) == (384, True)


def test_the_layers_of_mini_say_where_a_tail_can_start():
    found = {entry["name"]: entry for entry in listing.layers(NetworkOptions(backbone="mini"))}
    first = next(iter(found.values()))
    assert first["shape"] == [32, 32, 32]
    assert {entry["tail"] for entry in found.values()} == {True, False}


def test_a_tail_starts_where_the_list_says_and_nowhere_else():
    from bottleneck.backbones import Request, catalog

    for layer in listing.layers(NetworkOptions(backbone="mini")):
        request = Request(backbone="mini", weights="shipped", layer=layer["name"], pooling="none")
        cut = catalog.load(request)
        if layer["tail"]:
            assert cut.behind().layers(lambda n: n).input_shape[1:] == tuple(layer["shape"])
        else:
            with pytest.raises(UsageError, match=r"behind|paths"):
                cut.behind()


@pytest.mark.slow
def test_the_layers_of_an_application_are_listed_without_its_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    found = {e["name"]: e for e in listing.layers(NetworkOptions(backbone="MobileNetV2"))}
    assert found["block_13_expand_relu"]["class"] == "ReLU"
    assert found["predictions"]["shape"] == [1000]
    assert found["out_relu"] == {
        "name": "out_relu", "class": "ReLU", "shape": [7, 7, 1280], "tail": False,
    }  # fmt: skip
    assert found["block_12_add"]["tail"]  # behind out_relu there are no weights to train


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenetv2", "efficientnetb0", "vgg16", "densenet121"])
def test_what_is_written_down_of_an_application_is_what_keras_makes(name):
    from bottleneck.backbones import applications, weights

    keras, entry = import_keras(), APPLICATIONS[name]
    size = (entry.size, entry.size)
    asked, _ = weights._asked_of(
        lambda: applications.build(entry, size, top=False, weights="imagenet")
    )
    with keras.StatelessScope():
        model = applications.build(entry, size, top=False, weights=None)
    assert (model.output.shape[-1], asked["fname"]) == (
        FACTS[name].features,
        FACTS[name].weights_file,
    )


def test_everything_is_written_down_of_every_application():
    assert list(FACTS) == list(APPLICATIONS)


@pytest.mark.parametrize("module", CATALOGS)
def test_a_catalog_imports_the_standard_library_alone(module):
    code = (
        "import sys, importlib\n"
        f"found = importlib.import_module({module!r})\n"
        "getattr(found, 'names', tuple)()\n"
        "heavy = {'numpy', 'keras', 'PIL', 'h5py', 'tqdm', 'safetensors', 'scipy'}\n"
        "found = heavy & set(sys.modules)\n"
        "assert not found, found\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_every_choice_has_one_line_of_help():
    from bottleneck.backbones.preprocessing import NAMED
    from bottleneck.data import view_list, views
    from bottleneck.engines.catalog import ENGINES

    for choices in (NAMED, view_list.OPERATIONS, ENGINES):
        for name, choice in choices.items():
            assert choice.help, name
            assert "\n" not in choice.help, name
    assert list(views.OPERATIONS) == list(view_list.OPERATIONS)


def test_layers_of_nested_models_are_listed_by_their_paths(tmp_path):
    path = saved(nested(import_keras()), tmp_path / "nested.keras")
    found = listing.layers(NetworkOptions(backbone=str(path)))
    assert any("/" in entry["name"] for entry in found)
    assert "Model" in {entry["class"] for entry in found}
