"""Networks of one's own behind predict, export and compare."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from own_networks import MODULE, SIZE, of_layer, saved, small, with_weights
from PIL import Image
from world import picture

from bottleneck.compare import main as compare
from bottleneck.core import console
from bottleneck.core.frameworks import import_keras
from bottleneck.export import main as export
from bottleneck.extract import main as extract
from bottleneck.heads.catalog import load_head
from bottleneck.predict import main as predict
from bottleneck.train import main as train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def keras():
    return import_keras()


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr("bottleneck.pictures.plots.can_draw", lambda: False)  # for speed


@pytest.fixture
def call(capsys):
    """Call a door; return its code and its report or its message."""

    def called(door, *words):
        capsys.readouterr()
        code = console.run(door, [*map(str, words), "--json", "--quiet"])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        assert said.err.count("error:") == (code != 0)
        return code, said.err if code else json.loads(said.out)

    return called


@pytest.fixture
def mine(keras, tmp_path):
    """The path of a saved network."""
    return saved(small(keras), tmp_path / "mine.keras")


@pytest.fixture
def trained(call, photos, tmp_path):
    """Extract by a network file and train; return the run's folder."""

    def done(path, *words):
        cache = tmp_path / "store"
        words = ["--backbone", path, "--rows", "float32", "--engine", "keras", *words]
        assert call(extract, "--data", photos, "--cache", cache, *words)[0] == 0
        code, report = call(train, "--cache", cache, "--run", "r")
        assert code == 0, report
        return Path(report["run"])

    return done


def features(keras, path, model, mode=None):
    """Return what plain Keras computes of an image file."""
    image = keras.utils.load_img(path, target_size=SIZE, interpolation="bilinear")
    pixels = np.float32(image)[None]
    if mode:
        pixels = keras.applications.imagenet_utils.preprocess_input(pixels, mode=mode)
    return model.predict(pixels, verbose=0)


def said_of(image):
    return {entry["class"]: entry["probability"] for entry in image["top"]}


def test_a_run_on_an_own_network_predicts_what_plain_keras_and_the_head_say(
    trained, mine, keras, call, tmp_path
):
    run = trained(mine, "--preprocessing", "torch")
    new = picture(tmp_path / "new.png", 99)
    code, report = call(predict, "--run", run, new)
    assert (code, report["computed"], report["canaries"]["checked"]) == (0, 1, 4)
    maps = features(keras, new, keras.saving.load_model(mine), "torch")
    (expected,) = load_head(run).predict(maps.mean((1, 2)))
    found = said_of(report["images"][0])
    np.testing.assert_allclose([found["cat"], found["dog"]], expected, atol=1e-5)


def test_a_run_on_a_network_of_gray_images_predicts_and_exports_what_plain_keras_says(
    trained, keras, call, tmp_path
):
    path = saved(small(keras, channels=1), tmp_path / "gray.keras")
    run = trained(path, "--preprocessing", "tf")
    new = picture(tmp_path / "new.png", 99)
    image = keras.utils.load_img(new, color_mode="grayscale")
    pixels = np.asarray(image.resize(SIZE[::-1], Image.Resampling.BILINEAR))[None, ..., None]
    maps = keras.saving.load_model(path).predict(np.float32(pixels) / 127.5 - 1, verbose=0)
    (expected,) = load_head(run).predict(maps.mean((1, 2)))
    assert abs(expected[0] - expected[1]) > 1e-3  # not what any image would give
    code, report = call(predict, "--run", run, new)
    found = said_of(report["images"][0])
    assert code == 0
    np.testing.assert_allclose([found["cat"], found["dog"]], expected, atol=1e-5)
    assert call(export, "--run", run, tmp_path / "whole.keras")[0] == 0
    whole = keras.saving.load_model(tmp_path / "whole.keras")
    assert whole.input_shape == (None, *SIZE, 1)
    np.testing.assert_allclose(whole.predict(pixels, verbose=0)[0], expected, atol=1e-5)


@pytest.mark.parametrize("with_store", [True, False])
def test_a_model_file_that_was_moved_is_named_anew_and_another_one_is_4(
    trained, mine, keras, call, tmp_path, with_store
):
    run = trained(mine)
    if not with_store:
        run = Path(shutil.move(run, tmp_path / "alone"))
        shutil.rmtree(tmp_path / "store")
    new = picture(tmp_path / "new.png", 99)
    before = call(predict, "--run", run, new)[1]["images"]
    moved = Path(shutil.move(mine, tmp_path / "moved.keras"))
    for door, words in ((predict, [new]), (export, [tmp_path / "m.keras"])):
        code, said = call(door, "--run", run, *words)
        assert (code, said.count("\n")) == (2, 1)
        assert str(mine) in said
        assert "--backbone FILE" in said
    assert call(predict, "--run", run, "--backbone", moved, new)[1]["images"] == before
    code, report = call(export, "--run", run, "--backbone", moved, tmp_path / "m.keras")
    assert code == 0
    image = np.asarray(keras.utils.load_img(new, target_size=SIZE, interpolation="bilinear"))
    whole = keras.saving.load_model(report["file"]).predict(image[None].astype("u1"), verbose=0)
    found = said_of(before[0])
    np.testing.assert_allclose(whole[0], [found["cat"], found["dog"]], atol=1e-5)

    saved(small(keras, activation="elu"), mine)
    for door, words in ((predict, [new]), (export, [tmp_path / "n.keras"])):
        code, said = call(door, "--run", run, *words)
        assert (code, "train again" in said) == (4, True)
        assert ("  network: " in said) == with_store
        assert "--replace" not in said
    assert not (tmp_path / "n.keras").exists()


def test_leave_to_run_code_is_given_to_predict_and_export_anew(
    trained, keras, call, photos, tmp_path, monkeypatch
):
    (tmp_path / "mylayers.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    import mylayers

    path = saved(of_layer(keras, mylayers.Doubled()), tmp_path / "own.keras")
    run = trained(path, "--network-version", "1", "--import", "mylayers")
    sys.modules.pop("mylayers")
    new = picture(tmp_path / "new.png", 99)
    for door, words in ((predict, [new]), (export, [tmp_path / "m.keras"])):
        code, said = call(door, "--run", run, *words)
        assert (code, "--import MODULE" in said, "mylayers" in sys.modules) == (2, True, False)
        assert call(door, "--run", run, *words, "--import", "mylayers")[0] == 0
        sys.modules.pop("mylayers")
    code, said = call(predict, "--run", run, new, "--import", "no-module")
    assert (code, said.count("\n")) == (2, 1)
    assert call(predict, "--run", run, photos)[1]["computed"] == 0  # stored rows need no code


def classifier(keras, k=4, activation="softmax"):
    """Return a small network that tells k classes."""
    layers = keras.layers
    image = keras.Input((*SIZE, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(image))
    return with_weights(keras.Model(image, layers.Dense(k, activation=activation)(x)))


def test_an_own_network_s_own_classes_are_numbers_or_the_names_of_a_file(
    keras, call, tmp_path, photos
):
    model = classifier(keras)
    path = saved(model, tmp_path / "c.keras")
    words = ["--backbone", path, "--preprocessing", "tf", "--top", "4", photos / "cat"]
    report = call(predict, *words)[1]
    (tmp_path / "names.txt").write_text("ant\nbee, wild\nç\nfly\n")
    names = ["ant", "bee, wild", "ç", "fly"]
    named = call(predict, *words, "--classes", tmp_path / "names.txt")[1]
    for image, other in zip(report["images"], named["images"], strict=True):
        (p,) = features(keras, image["path"], model, "tf")
        found = said_of(image)
        np.testing.assert_allclose([found[str(i)] for i in range(4)], p, atol=1e-5)
        found = said_of(other)
        np.testing.assert_allclose([found[name] for name in names], p, atol=1e-5)


def test_what_tells_no_classes_or_has_other_names_is_one_line_and_2(
    keras, call, mine, photos, tmp_path
):
    made = saved(classifier(keras), tmp_path / "c.keras")
    (tmp_path / "three.txt").write_text("a\nb\nc\n")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe")
    for words, message in (
        (["--backbone", mine], "no probability"),
        (["--backbone", saved(classifier(keras, 1, "sigmoid"), tmp_path / "1.keras")], "gives 1,"),
        (["--backbone", saved(classifier(keras, 4, None), tmp_path / "l.keras")], "no probability"),
        (["--backbone", made, "--classes", tmp_path / "three.txt"], "4 probabilities, there are 3"),
        (["--backbone", made, "--classes", tmp_path / "none.txt"], "no such file"),
        (["--backbone", made, "--classes", tmp_path / "bytes.txt"], "not text in UTF-8"),
        (["--backbone", made, "--weights", "random:0"], "holds its own weights"),
        (["--backbone", tmp_path / "none.keras"], "no such model file"),
    ):
        code, said = call(predict, *words, photos)
        assert (code, said.count("\n"), message in said) == (2, 1, True), said


def test_own_networks_are_ranked_beside_others_each_in_a_store_of_its_name(
    keras, call, mine, photos, tmp_path
):
    words = ["--data", photos, "--caches", tmp_path / "caches", "--engine", "keras"]
    words += ["--preprocessing", "tf", "--network-version", "7", "--weights", "shipped"]
    words += ["--rows", "float32"]
    code, report = call(compare, "--backbones", f"{mine},mini,{tmp_path / 'no.keras'}", *words)
    assert code == 0
    assert {run["backbone"] for run in report["runs"]} == {"mine.keras", "mini"}
    assert "no such model file" in report["failed"][0]["error"]
    assert sorted(p.name for p in (tmp_path / "caches").iterdir()) == ["mine.keras", "mini"]
    cache = tmp_path / "caches" / "mini"
    alone = ["--data", photos, "--cache", cache, "--backbone", "mini", "--rows", "float32"]
    assert call(extract, *alone)[1]["computed"] == 0  # the words for a model file are not mini's
    alone = ["--data", photos, "--cache", tmp_path / "caches/mine.keras", "--backbone", mine]
    alone += ["--preprocessing", "tf", "--network-version", "7", "--rows", "float32"]
    assert call(extract, *alone)[1]["computed"] == 0
    other = tmp_path / "other" / "mine.keras"
    code, said = call(compare, "--backbones", f"{mine},{other}", *words)
    assert (code, "two backbones would share the store" in said) == (2, True)


def test_a_tail_of_a_network_with_code_of_one_s_own_is_refused_by_that_word(
    trained, keras, call, tmp_path, monkeypatch
):
    (tmp_path / "mylayers.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    import mylayers

    path = saved(of_layer(keras, mylayers.Doubled()), tmp_path / "own.keras")
    words = ("--network-version", "1", "--import", "mylayers", "--pooling", "none")
    store = trained(path, *words).parents[1]
    code, said = call(train, "--cache", store, "--head", "tail")
    assert (code, "not Keras' own, which no head may keep" in said) == (2, True)
    sys.modules.pop("mylayers")
