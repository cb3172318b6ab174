"""Networks of one's own through the door: an edited one never finds the rows of another."""

import json
import sys

import numpy as np
import pytest
from own_networks import MODULE, SIZE, of_layer, saved, small
from world import flip, picture, tree

from bottleneck import backbones
from bottleneck.core import console
from bottleneck.core.frameworks import import_keras
from bottleneck.engines.keras import KerasEngine
from bottleneck.extract import main
from bottleneck.store.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def keras():
    return import_keras()


@pytest.fixture
def mine(keras, tmp_path):
    """The path of a saved network."""
    return saved(small(keras), tmp_path / "mine.keras")


@pytest.fixture
def run(tmp_path, photos, capsys):
    """Call `extract` with further words; return its code and its report or message."""

    def call(*words, engine="keras"):
        fixed = ["--data", str(photos), "--cache", str(tmp_path / "store")]
        fixed += ["--engine", engine, "--json", "--quiet"]
        capsys.readouterr()
        code = console.run(main, [*fixed, *map(str, words)])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        assert said.err.count("error:") == (code != 0)
        return code, said.err if code else json.loads(said.out)

    return call


@pytest.mark.parametrize("warm", [False, True])
def test_an_edited_network_never_finds_the_old_rows(run, mine, keras, tmp_path, later, warm):
    if warm:
        later()
    words = ["--backbone", mine, "--rows", "float32"]
    assert run(*words)[1]["computed"] == 12
    size = mine.stat().st_size
    before = tree(tmp_path / "store" / "log")
    saved(small(keras, activation="elu"), mine)
    if not warm:  # as long as it was: only what is in it differs
        mine.write_bytes(mine.read_bytes().ljust(size, b"\0"))
    code, said = run(*words)
    assert (code, said.count("\n")) == (4, 2)
    assert "  network: " in said
    assert tree(tmp_path / "store" / "log") == before
    assert run(*words, "--replace")[1]["computed"] == 12
    saved(small(keras), mine)
    assert run(*words)[0] == 4


def test_the_same_network_under_other_names_computes_nothing(run, mine, keras, tmp_path, photos):
    words = ["--rows", "float32", "--preprocessing", "tf"]
    assert run("--backbone", mine, *words)[1]["computed"] == 12
    other = small(keras, name="other")
    other.compile("adam", "mse")
    other.trainable = False
    for i, model in enumerate((other, keras.saving.load_model(mine))):
        path = saved(model, tmp_path / f"{i}.keras")
        report = run("--backbone", path, *words)[1]
        assert (report["computed"], report["cached"]) == (0, 12)
    picture(photos / "cat" / "new.png", 99)
    report = run("--backbone", tmp_path / "0.keras", *words)[1]
    assert (report["computed"], report["canaries"]["checked"]) == (1, 4)
    code, said = run("--backbone", mine, "--rows", "float32", "--preprocessing", "caffe")
    assert (code, "  preprocessing: " in said) == (4, True)


def test_rows_in_the_store_are_those_of_load_img_and_predict(run, mine, keras, tmp_path, photos):
    words = ["--backbone", mine, "--rows", "float32", "--pooling", "none"]
    assert run(*words, "--preprocessing", "torch")[0] == 0
    x, _, keys = Store.open(tmp_path / "store").arrays()
    load_img = keras.utils.load_img
    images = [
        np.asarray(load_img(photos / key.decode(), target_size=SIZE, interpolation="bilinear"))
        for key in keys
    ]
    batch = keras.applications.imagenet_utils.preprocess_input(np.float32(images), mode="torch")
    expected = keras.saving.load_model(mine).predict(batch, verbose=0)
    np.testing.assert_allclose(np.asarray(x), expected, rtol=1e-4, atol=1e-5)


def mixing(keras, mix):
    """A network in which a pixel is what it is less what others in its batch are."""
    image = keras.Input((*SIZE, 3))
    return keras.Model(image, keras.layers.Conv2D(4, 3)(mix(keras.ops, image)))


MIXES = {
    "less the mean": lambda ops, x: x - ops.mean(x, axis=0, keepdims=True),
    "among the largest": lambda ops, x: x / (1 + ops.max(x, axis=0)),
    "the neighbour": lambda ops, x: x + ops.roll(x, 1, axis=0),
    "a sum of all": lambda ops, x: x + ops.sum(x),
}


@pytest.mark.parametrize(
    ("mix", "engine", "n"),
    [*((mix, "keras", n) for mix in MIXES for n in (1, 12)), ("less the mean", "auto", 12)],
)
def test_a_network_that_mixes_the_images_of_a_batch_is_refused(
    run, keras, tmp_path, photos, mix, engine, n
):
    path = saved(mixing(keras, MIXES[mix]), tmp_path / "mixing.keras")
    code, said = run("--backbone", path, "--limit", n, engine=engine)
    assert code == 2
    assert "mixes the images of a batch" in said
    assert not list((tmp_path / "store").glob("parts/*"))


def test_an_own_network_costs_one_batch_more_at_the_first_rows_alone(
    run, mine, photos, monkeypatch
):
    calls = []
    real = KerasEngine.__call__

    def call(engine, images):
        calls.append(len(images))
        return real(engine, images)

    monkeypatch.setattr(KerasEngine, "__call__", call)
    words = ["--backbone", mine, "--rows", "float32"]
    assert run(*words)[1]["computed"] == 12
    assert calls == [12, 64]
    calls.clear()
    picture(photos / "cat/new.png", 99)
    assert run(*words)[1]["computed"] == 1
    assert calls == [5]
    calls.clear()
    assert run(*words)[1]["computed"] == 0
    assert calls == []


def test_a_warm_run_does_not_open_the_network(run, mine, later, monkeypatch):
    later()
    words = ["--backbone", mine, "--rows", "float32"]
    assert run(*words)[0] == 0
    monkeypatch.setattr(backbones.catalog, "load", lambda _: pytest.fail("was loaded"))
    assert run(*words)[1]["computed"] == 0
    assert run()[1]["computed"] == 0


def test_the_stores_own_recipe_is_not_continued_with_an_edited_network(
    run, mine, keras, photos, tmp_path
):
    assert run("--backbone", mine, "--rows", "float32")[0] == 0
    saved(small(keras, activation="elu"), mine)
    picture(photos / "cat" / "new.png", 99)
    before = tree(tmp_path / "store" / "log")
    code, said = run()
    assert (code, "  network: " in said) == (4, True)
    assert tree(tmp_path / "store" / "log") == before
    mine.unlink()
    assert run()[0] == 2


def test_leave_to_run_code_is_given_anew_each_time(run, keras, tmp_path, photos, monkeypatch):
    (tmp_path / "mylayers.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    import mylayers

    path = saved(of_layer(keras, mylayers.Doubled()), tmp_path / "own.keras")
    words = ["--backbone", path, "--network-version", "1", "--rows", "float32"]
    assert run(*words, "--import", "mylayers")[1]["computed"] == 12
    assert not {"imports", "trust"} & Store.open(tmp_path / "store").about["request"].keys()
    picture(photos / "cat" / "new.png", 99)
    sys.modules.pop("mylayers")
    code, said = run()
    assert (code, "--import MODULE" in said, "mylayers" in sys.modules) == (2, True, False)
    assert run("--import", "mylayers")[1]["computed"] == 1
    code, said = run(*words[:2], "--network-version", "2", "--import", "mylayers")
    assert (code, "  network_version: 2 asked, 1 there" in said) == (4, True)
    sys.modules.pop("mylayers")


def test_what_cannot_be_used_is_one_line_and_leaves_no_store(run, mine, keras, tmp_path):
    whole = mine.read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "flipped.keras").write_bytes(whole)
    flip(tmp_path / "flipped.keras", len(whole) // 2)
    (tmp_path / "text.keras").write_text("hello")
    saved(small(keras), tmp_path / "whole.h5")
    code_of = {"cut.keras": 5, "flipped.keras": 5, "text.keras": 2, "whole.h5": 2, "none.keras": 2}
    for name, expected in code_of.items():
        code, said = run("--backbone", tmp_path / name)
        assert (code, str(tmp_path / name) in said, said.count("\n")) == (expected, True, 1), name
    assert not (tmp_path / "store").exists()


def test_a_store_that_was_made_before_augmentation_was_passed_over_is_continued(
    run, mine, photos, monkeypatch
):
    from bottleneck.backbones import identity

    words = ["--backbone", mine, "--rows", "float32"]
    before = identity.digests_before
    with monkeypatch.context() as then:
        then.setattr(identity, "network_digest", lambda *a: before(*a)[0])
        then.setattr(identity, "weights_digest", lambda *a: before(*a)[1])
        old = run(*words)[1]["recipe"]
    picture(photos / "cat" / "new.png", 99)
    report = run(*words)[1]
    assert (report["recipe"], report["computed"], report["cached"]) == (old, 1, 12)
    assert run()[1]["computed"] == 0
    assert run(*words, "--replace")[1]["recipe"] == old


def test_rows_of_gray_images_are_those_of_load_img_and_predict(run, keras, tmp_path, photos):
    path = saved(small(keras, channels=1), tmp_path / "gray.keras")
    words = ["--backbone", path, "--rows", "float32", "--pooling", "none"]
    assert run(*words)[0] == 0
    store = Store.open(tmp_path / "store")
    x, _, keys = store.arrays()
    images = [
        np.asarray(
            keras.utils.load_img(
                photos / key.decode(),
                target_size=SIZE, interpolation="bilinear", color_mode="grayscale",
            )
        )[..., None]
        for key in keys
    ]  # fmt: skip
    expected = keras.saving.load_model(path).predict(np.float32(images), verbose=0)
    np.testing.assert_allclose(np.asarray(x), expected, rtol=1e-4, atol=1e-4)
    assert store.recipe.image.mode == "gray"
    code, said = run(*words, "--preprocessing", "caffe")
    assert (code, "three channels" in said) == (2, True)


def test_views_of_gray_images_are_the_gray_image_and_its_mirror_image(run, keras, tmp_path, photos):
    model = small(keras, channels=1)
    path = saved(model, tmp_path / "gray.keras")
    words = ["--rows", "float32", "--views", "4", "--augment", "flip"]
    assert run("--backbone", path, *words)[1]["computed"] == 12
    store = Store.open(tmp_path / "store")
    samples = store.snapshot().samples
    n_mirrored = 0
    for key, digest in zip(samples.keys, samples.digests, strict=True):
        image = keras.utils.load_img(
            photos / key.decode(),
            target_size=SIZE,
            interpolation="bilinear",
            color_mode="grayscale",
        )
        pixels = np.float32(image)[..., None]
        both = model.predict(np.stack([pixels, pixels[:, ::-1]]), verbose=0).mean((1, 2))
        rows = store.rows(digest[None])[0]
        assert rows.shape == (4, 5)
        np.testing.assert_allclose(rows[0], both[0], rtol=1e-5)
        for row in rows[1:]:
            is_mirrored = np.abs(row - both[1]).sum() < np.abs(row - both[0]).sum()
            np.testing.assert_allclose(row, both[int(is_mirrored)], rtol=1e-5)
            n_mirrored += is_mirrored
    assert 5 < n_mirrored < 31


def test_the_cut_at_an_output_is_the_recipe_of_the_cut_at_its_layer(run, keras, tmp_path):
    image = keras.Input((*SIZE, 3))
    maps = keras.layers.Conv2D(4, 3, name="maps")(image)
    other = keras.layers.Conv2D(2, 3, name="other")(image)
    path = saved(keras.Model(image, [maps, other]), tmp_path / "two.keras")
    words = ["--backbone", path, "--rows", "float32"]
    code, said = run(*words)
    assert (code, "0 maps (6x7x4), 1 other (6x7x2)" in said) == (2, True)
    assert run(*words, "--output", "other")[1]["computed"] == 12
    assert run(*words, "--output", "1")[1]["computed"] == 0
    assert run(*words, "--layer", "other")[1]["computed"] == 0
    code, said = run(*words, "--output", "maps")
    assert (code, "  output: maps asked, other there" in said) == (4, True)
