"""Where TensorFlow is not installed: applications, own networks, cuts, views, predict, export.

The commands run in processes in which nothing of TensorFlow can be found; what they computed is
compared with what plain Keras computes here, with TensorFlow.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from own_networks import saved, with_weights
from PIL import Image
from world import picture

from bottleneck.backbones import Request
from bottleneck.backbones.catalog import load
from bottleneck.backbones.preprocessing import apply
from bottleneck.core.frameworks import import_keras
from bottleneck.engines.check import compare
from bottleneck.store.store import Store

pytest.importorskip("openvino")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
SIZE = (32, 32)
# Every Python process reads it at its start, and so do those that they start.
SITE = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "jax", "torch"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Finder())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with images, and with what keeps TensorFlow out."""
    made = tmp_path_factory.mktemp("without")
    for i in range(8):
        picture(made / "photos" / ("cat" if i % 2 else "dog") / f"{i}.png", i, 40)
    (made / "site").mkdir()
    (made / "site/sitecustomize.py").write_text(SITE)
    return made


def run(folder, *words):
    """Run a command there; return its code, its report and what it said."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder / "site"), str(ROOT)]),
    }
    environment.pop("KERAS_BACKEND", None)
    done = subprocess.run(
        [sys.executable, "-m", "bottleneck", *map(str, words), "--json"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def extracted(folder, cache, *words):
    code, report, said = run(
        folder, "extract", "--data", "photos", "--cache", cache, "--rows", "float32", *words
    )
    assert (code, report["computed"], report["engine"]) == (0, 8, "openvino"), said
    return Store.open(folder / cache)


def check(store, request):
    """Compare a store's rows with plain Keras'."""
    found = load(request)
    samples = store.snapshot(None).samples
    paths = [store.path.parent / "photos" / bytes(key).decode() for key in samples.keys]
    images = [Image.open(path).convert("RGB").resize(SIZE, 2) for path in paths]
    pixels = np.stack([np.asarray(image) for image in images]).astype("f4")
    plain = found.model.predict(apply(found.preprocessing, pixels), verbose=0)
    agreement = compare(plain, store.rows(samples.digests))
    assert agreement.ok, agreement
    return store.parts[0].provenance


@pytest.mark.parametrize("name", ["mobilenetv2", "resnet50", "efficientnetb0"])
def test_an_application_has_plain_keras_rows_and_its_golden_ones(folder, name):
    words = ("--backbone", name, "--weights", "random:0", "--size", 32)
    store = extracted(folder, name, *words)
    request = Request(backbone=name, weights="random:0", size=SIZE)
    assert check(store, request)["check"] == "golden"
    code, report, said = run(folder, "extract", "--cache", name)
    assert (code, report["computed"]) == (0, 0), said


@pytest.fixture(scope="module")
def own(folder):
    """Return a network of the user's own, saved."""
    keras = import_keras()
    image = keras.Input((*SIZE, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(6, 3, activation="relu", name="early")(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(5, 3, name="late")(x))
    return saved(with_weights(keras.Model(image, x)), folder / "own.keras")


def test_a_network_of_ones_own_is_unchecked_and_says_so(folder, own):
    store = extracted(folder, "own", "--backbone", own)
    asked = Request(backbone=str(own), weights="own", size=SIZE)
    assert check(store, asked)["check"] == "unchecked"
    _, _, said = run(folder, "status", "--cache", "own")
    code, report, _ = run(folder, "status", "--cache", "own")
    assert code == 0
    assert any("unchecked" in line for line in report["engines"])


def test_a_cut_and_views_of_it(folder, own):
    words = ("--backbone", own, "--layer", "early", "--views", 2, "--augment", "flip")
    store = extracted(folder, "cut", *words)
    assert store.recipe.rows.shape == (2, 6)
    code, _, said = run(folder, "verify", "--cache", "cut", "--recompute", 4)
    assert code == 0, said


def test_a_cut_of_mini(folder):
    extracted(folder, "mini", "--backbone", "mini", "--layer", "block_4")


def test_training_predicting_and_exporting_a_linear_head(folder, own):
    extracted(folder, "learned", "--backbone", own)
    code, report, said = run(folder, "train", "--cache", "learned", "--validation-split", 0)
    assert code == 0, said
    words = ("--run", report["run"])
    picture(folder / "new.png", 99, 40)
    code, report, said = run(folder, "predict", "new.png", *words)
    assert (code, report["computed"], report["engine"]) == (0, 1, "openvino"), said
    code, _, said = run(folder, "export", "whole.keras", *words)
    assert code == 0, said
    pixels = np.asarray(Image.open(folder / "new.png").resize(SIZE, 2))[None]
    whole = import_keras().saving.load_model(folder / "whole.keras", compile=False)
    said = np.asarray(whole(pixels))[0]
    top = report["images"][0]["top"][0]
    assert top["probability"] == pytest.approx(said.max(), abs=2e-3)


def test_what_needs_gradients_says_which_extra_it_wants(folder, own):
    extracted(folder, "dense", "--backbone", own)
    code, _, said = run(folder, "train", "--cache", "dense", "--head", "dense")
    assert code == 2
    assert "pip install 'bottleneck-cache[tensorflow]'" in said
    assert "Traceback" not in said


def test_what_openvino_cannot_express_says_which_extra_it_wants(folder):
    keras = import_keras()
    image = keras.Input((*SIZE, 3))
    edges = keras.ops.image.sobel_edges(image)
    model = keras.Model(image, keras.layers.Flatten()(edges))
    path = saved(model, folder / "edges.keras")
    code, _, said = run(
        folder, "extract", "--data", "photos", "--backbone", path, "--cache", "edges"
    )
    assert code == 2
    assert "OpenVINO cannot express this network" in said
    assert "pip install 'bottleneck-cache[tensorflow]'" in said
    assert len(said.strip().splitlines()) <= 3, said


def test_the_layers_of_a_network_are_listed(folder, own):
    code, report, said = run(folder, "extract", "--backbone", own, "--layer", "list")
    assert code == 0, said
    assert [layer["name"] for layer in report["layers"]][:3]
