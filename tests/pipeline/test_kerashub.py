"""Presets of KerasHub through the doors: which rows are computed, found again, and refused."""

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module

import hub_presets
import numpy as np
import pytest
from hub_presets import dinov2, saved, siglip, vit
from world import flip, picture, tree

from bottleneck.backbones import known
from bottleneck.core import console
from bottleneck.store.store import Store

pytest.importorskip("openvino")
pytest.importorskip("tensorflow")
pytestmark = [pytest.mark.slow, hub_presets.needs_keras_hub]
CHILD = """
import sys
from bottleneck.pipeline.network import child
child._import_lean_keras()
from bottleneck.backbones import Request, catalog
catalog.load(Request(backbone="kerashub:" + sys.argv[1], weights="own", pooling="avg"))
print(sorted({name.partition(".")[0] for name in sys.modules} & {"tensorflow", "torch", "jax"}))
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    root, hub = tmp_path_factory.mktemp("presets"), hub_presets.keras_hub()
    saved(hub, vit(hub), root / "vit")
    saved(hub, vit(hub), root / "weights", seed=1)
    saved(hub, dinov2(hub), root / "dinov2")
    saved(hub, siglip(hub), root / "siglip")
    return root


@pytest.fixture
def preset(kept, tmp_path):
    """Return a preset that a test may change, its files no longer young."""
    shutil.copytree(kept / "vit", tmp_path / "vit")
    return tmp_path / "vit"


@pytest.fixture
def door(capsys):
    """Call a verb; return its code and its report or message."""

    def call(verb, *words):
        capsys.readouterr()
        code = console.run(
            import_module(f"bottleneck.{verb}").main, [*map(str, words), "--json", "--quiet"]
        )
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        assert said.err.count("error:") == (code != 0)
        return code, json.loads(said.out) if code == 0 else said.err

    return call


@pytest.fixture
def run(door, tmp_path, photos, later):
    """Call `extract`; with Keras in this process, which has it already, unless told otherwise."""

    def call(preset, *words, engine="keras", cache="store"):
        later()
        fixed = ("--data", photos, "--cache", tmp_path / cache, "--engine", engine)
        return door("extract", *fixed, "--backbone", f"kerashub:{preset}", *words)

    return call


def stored(path):
    x, _, keys = Store.open(path).arrays()
    return np.asarray(x, np.float64)[np.argsort(keys)]


@pytest.mark.parametrize(("name", "pooling"), [("siglip", "none"), ("dinov2", "cls+avg")])
def test_both_engines_give_the_same_rows_under_one_recipe(
    run, kept, tmp_path, photos, monkeypatch, name, pooling
):
    """More images than two requests, nothing else comparing: SigLIP's third was wrong once."""
    monkeypatch.setattr("bottleneck.pipeline.network.apart.reference", lambda *_: None)
    for i in range(100, 128):
        picture(photos / "cat" / f"{i}.png", i, 40)
    words = ("--rows", "float32", "--pooling", pooling)
    found = [run(kept / name, *words, engine=one, cache=one)[1] for one in ("openvino", "keras")]
    assert [(report["computed"], report["engine"]) for report in found] == [
        (40, "openvino"), (40, "keras"),
    ]  # fmt: skip
    assert found[0]["recipe"] == found[1]["recipe"]
    ours, plain = stored(tmp_path / "openvino"), stored(tmp_path / "keras")
    error = np.linalg.norm(ours - plain, axis=1) / np.linalg.norm(plain, axis=1)
    assert error.max() < 1e-5


def test_a_renamed_preset_has_its_rows_already_and_a_warm_run_loads_none(
    run, kept, tmp_path, monkeypatch
):
    assert run(kept / "vit")[1]["computed"] == 12
    shutil.copytree(kept / "vit", tmp_path / "renamed")
    assert run(tmp_path / "renamed")[1]["computed"] == 0
    monkeypatch.setattr("bottleneck.backbones.kerashub.load", None)
    assert run(kept / "vit")[1]["computed"] == 0


def test_another_recipe_is_refused_with_what_differs_and_nothing_is_written(run, kept, tmp_path):
    assert run(kept / "vit")[1]["computed"] == 12
    before = tree(tmp_path / "store" / "log")
    for preset, words, key in (
        ("vit", ("--pooling", "cls"), "pooling"),
        ("vit", ("--layer", "transformer_block_1"), "layer"),
        ("vit", ("--fit", "squash"), "image.fit"),
        ("vit", ("--resample", "bilinear"), "image.resample"),
        ("vit", ("--preprocessing", "tf"), "preprocessing"),
        ("vit", ("--rows", "float32"), "rows.dtype"),
        ("vit", ("--views", "2"), "views.number"),
        ("weights", (), "weights"),
        ("dinov2", (), "backbone"),
    ):
        code, said = run(kept / preset, *words)
        assert (code, f"\n  {key}: " in said) == (4, True), (words, said)
    assert tree(tmp_path / "store" / "log") == before


def test_another_size_is_refused(run, kept):
    assert run(kept / "dinov2")[1]["computed"] == 12
    code, said = run(kept / "dinov2", "--size", "40")
    assert (code, "image.size: 40x40 asked, 32x32 there" in said) == (4, True)
    code, said = run(kept / "vit", "--size", "40", cache="other")
    assert (code, "--size" in said) == (2, True)


def test_an_edited_preset_never_finds_the_old_rows(run, preset):
    """Size and time are set back: only bytes, and ctime, differ."""
    assert run(preset)[1]["computed"] == 12
    weights = (preset / "model.weights.h5").read_bytes()
    kernel = np.float32(stored_kernel(preset)).tobytes()
    for name, at, bit, key in (
        ("model.weights.h5", weights.index(kernel), 1, "weights"),
        ("config.json", (preset / "config.json").read_bytes().index(b"1e-06") + 4, 0, "network"),
        (
            "image_converter.json",
            (preset / "image_converter.json").read_bytes().index(b"0.017") + 4,
            0,
            "preprocessing",
        ),
    ):
        path = preset / name
        before = path.stat()
        flip(path, at, bit)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        code, said = run(preset)
        assert (code, f"\n  {key}: " in said) == (4, True), (name, said)
        flip(path, at, bit)
        assert run(preset)[1]["computed"] == 0


def stored_kernel(preset):
    """Return a few numbers of a preset's weights, as they lie in its file."""
    from bottleneck.backbones import Request
    from bottleneck.backbones.catalog import load

    found = load(Request(backbone=f"kerashub:{preset}", weights="own"))
    (kernel, *_) = [weight for weight in found.model.weights if weight.name == "kernel"]
    return np.asarray(kernel.numpy()).reshape(-1)[:4]


def test_what_a_preset_says_of_text_or_classes_changes_nothing(run, preset):
    assert run(preset)[1]["computed"] == 12
    (preset / "preprocessor.json").write_text('{"sequence_length": 8}')
    (preset / "tokenizer.json").write_text("{}")
    assert run(preset)[1]["computed"] == 0


@pytest.mark.parametrize("container", ["hdf5", "zarr"])
def test_every_door_takes_such_a_store(run, door, kept, tmp_path, photos, monkeypatch, container):
    store = tmp_path / "store"
    assert run(kept / "vit", "--format", container)[1]["computed"] == 12
    picture(photos / "cat/new.png", 99)
    code, report = run(kept / "vit")
    assert (code, report["computed"], report["canaries"]["checked"]) == (0, 1, 4)
    code, report = door("status", "--cache", store)
    assert (code, report["about"]["backbone"], report["format"]) == (0, "kerashub:vit", container)
    network = report["network"]
    assert (network["resample"], network["fit"], network["pooling"]) == ("bicubic", "crop", "avg")
    assert network["preprocessing"] == "x*0.017,0.0175,0.0174+-2.1,-2.0,-1.8"
    assert door("verify", "--cache", store)[0] == 0
    code, report = door("train", "--cache", store, "--validation-split", "0")
    assert code == 0, report
    trained = report["run"]
    picture(tmp_path / "other.png", 77)
    code, report = door("predict", tmp_path / "other.png", "--run", trained, "--engine", "keras")
    assert (code, report["computed"]) == (0, 1), report
    assert door("export", "--cache", store, tmp_path / "rows.npz")[0] == 0
    exported = np.load(tmp_path / "rows.npz")["rows"]
    np.testing.assert_array_equal(np.sort(exported, 0), np.sort(np.float16(stored(store)), 0))
    assert door("compare", trained, trained)[0] == 0
    picture(photos / "cat/newer.png", 98)
    from bottleneck.engines.keras import KerasEngine

    real = KerasEngine.__call__
    monkeypatch.setattr(KerasEngine, "__call__", lambda self, x: real(self, x) * 1.01)
    before = tree(store / "parts")
    code, said = run(kept / "vit")
    assert (code, "this machine computes other rows" in said) == (4, True)
    assert tree(store / "parts") == before


def test_several_cuts_are_each_the_recipe_that_they_are_alone(run, door, kept, tmp_path, photos):
    fixed = ("--data", photos, "--engine", "keras", "--backbone", f"kerashub:{kept / 'vit'}")
    words = [
        *("--layer", "transformer_block_1", "--layer", "transformer_block_2"),
        *("--pooling", "cls+avg"),
    ]
    code, report = door(
        "extract", *fixed, *words, "--cache-each", f"{tmp_path}/{{layer}}-{{pooling}}"
    )
    assert code == 0, report
    store = Store.open(tmp_path / "transformer_block_1-cls+avg")
    assert (store.recipe.image.fit, store.recipe.image.resample) == ("crop", "bicubic")
    alone = ("--layer", "transformer_block_1", "--pooling", "cls+avg")
    assert run(kept / "vit", *alone, cache=store.path.name)[1]["computed"] == 0


def test_a_model_file_with_kerashub_s_layers_keeps_the_rows_it_had(door, tmp_path, photos, later):
    """A version that took them for somebody's own asked for --import and --network-version."""
    import keras

    image = keras.Input((32, 32, 3))
    tokens = vit(hub_presets.keras_hub())(image)
    keras.Model(image, keras.layers.GlobalAveragePooling1D()(tokens)).save(tmp_path / "own.keras")
    said = ("--backbone", tmp_path / "own.keras", "--import", "keras_hub", "--engine", "keras")
    words = ("--data", photos, *said)
    with known.only_keras():
        assert door("extract", *words, "--cache", tmp_path / "store")[0] == 2
        old = ("--network-version", "1", "--cache", tmp_path / "store")
        code, report = door("extract", *words, *old)
        assert (code, report["computed"]) == (0, 12)
    later()
    picture(photos / "cat/new.png", 99)
    now = door("extract", *words, *old)[1]
    assert (now["recipe"], now["computed"]) == (report["recipe"], 1)
    code, other = door("extract", *words, "--cache", tmp_path / "other")
    assert (code, other["recipe"] != now["recipe"]) == (0, True)


def test_the_word_list_behind_the_prefix_prints_presets(door):
    code, report = door("extract", "--backbone", "kerashub:list")
    assert code == 0
    assert "kerashub:siglip_base_patch16_224" in {one["name"] for one in report["backbones"]}


def test_no_tensorflow_is_imported_where_openvino_computes(kept):
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(kept / "dinov2")],
        env={**os.environ, "KERAS_BACKEND": "openvino", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
