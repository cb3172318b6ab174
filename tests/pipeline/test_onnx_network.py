"""ONNX files through the doors: what changes a recipe, what does not, and what can be done."""

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest
from onnx_files import SIZE, maps, small, tokens
from PIL import Image
from world import flip, picture, tree

from bottleneck.core import console
from bottleneck.pipeline.network import requests
from bottleneck.store.store import Store

pytest.importorskip("openvino")
pytestmark = pytest.mark.slow


@pytest.fixture
def net(tmp_path):
    return small(tmp_path / "net.onnx", location="net.bin")


@pytest.fixture
def door(tmp_path, capsys):
    """Call a verb; return its code and its report or message."""

    def call(verb, *words):
        capsys.readouterr()
        main = import_module(f"bottleneck.{verb}").main
        code = console.run(main, [*map(str, words), "--json", "--quiet"])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        assert said.err.count("error:") == (code != 0)
        return code, json.loads(said.out) if code == 0 else said.err

    return call


@pytest.fixture
def run(door, tmp_path, photos, net, later):
    """Call `extract` onto one store, the files being no longer young."""

    def call(*words, backbone=net):
        later()
        fixed = ("--data", photos, "--cache", tmp_path / "store", "--backbone", backbone)
        return door("extract", *fixed, *words)

    return call


def stored(tmp_path):
    store = Store.open(tmp_path / "store")
    x, _, keys = store.arrays()
    return store, x, keys


def test_rows_are_numpy_s_and_a_later_run_computes_nothing_and_reads_no_network(
    run, tmp_path, photos, monkeypatch
):
    words = ("--layer", "act", "--rows", "float32", "--preprocessing", "tf")
    code, report = run(*words)
    assert (code, report["computed"], report["engine"]) == (0, 12, "openvino")
    store, x, keys = stored(tmp_path)
    assert store.recipe.preprocessing == "x/127.5-1 nchw"
    pixels = np.stack(
        [
            np.asarray(Image.open(photos / key.decode()).convert("RGB").resize(SIZE[::-1], 2))
            for key in keys.tolist()
        ]
    )
    expected = maps(pixels / 127.5 - 1).mean(axis=(2, 3))
    errors = np.linalg.norm(x - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert errors.max() <= 1e-5
    monkeypatch.setattr("bottleneck.backbones.onnx_file.load", None)
    assert run(*words)[1]["computed"] == 0


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("layer", ("--layer", "conv")),
        ("pooling", ("--layer", "act", "--pooling", "max")),
        ("preprocessing", ("--layer", "act", "--preprocessing", "unit")),
        ("rows.dtype", ("--layer", "act", "--rows", "float32")),
        ("image.resample", ("--layer", "act", "--resample", "box")),
        ("views.number", ("--layer", "act", "--views", "2")),
    ],
)
def test_another_request_is_another_recipe(run, tmp_path, key, words):
    assert run("--layer", "act")[1]["computed"] == 12
    before = tree(tmp_path / "store" / "log")
    code, said = run(*words)
    assert code == 4
    assert f"  {key}: " in said
    assert tree(tmp_path / "store" / "log") == before
    assert run(*words, "--replace")[1]["computed"] == 12


def test_another_size_is_another_recipe(run, tmp_path):
    path = small(tmp_path / "free.onnx", shape=("n", 3, "h", "w"))
    assert run("--size", 12, backbone=path)[1]["computed"] == 12
    code, said = run("--size", "12x13", backbone=path)
    assert (code, said.count("\n")) == (4, 2)
    assert "  image.size: 12x13 asked, 12x12 there" in said


@pytest.mark.parametrize("edited", ["net.onnx", "net.bin"])
def test_an_edited_file_never_finds_the_old_rows(run, net, tmp_path, edited):
    """Its size and its time set back: only its bytes, its ctime, differ."""
    assert run("--layer", "act")[1]["computed"] == 12
    path = tmp_path / edited
    before, at = path.stat(), 40
    if edited == "net.onnx":  # a number of the bias
        at = path.read_bytes().rindex(b"bias") + 10
    flip(path, at, 6)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    code, said = run("--layer", "act")
    assert code == 4, said
    assert "  network: " in said
    assert "  weights: " in said
    flip(path, at, 6)
    assert run("--layer", "act")[1]["computed"] == 0


def test_the_warm_map_knows_every_file_that_was_read(run, net, tmp_path):
    run("--layer", "act")
    entries = json.loads((tmp_path / "store/derived" / requests.REQUESTS).read_text())["requests"]
    ((entry),) = entries.values()
    assert sorted(entry["files"]) == sorted([str(net), str(tmp_path / "net.bin")])
    assert entry["files"][str(net)] == requests.file_stat(str(net))


def test_a_renamed_moved_or_touched_file_is_the_same_network(run, net, tmp_path):
    assert run("--layer", "act")[1]["computed"] == 12
    other = tmp_path / "elsewhere/other.onnx"
    other.parent.mkdir()
    shutil.copy(net, other)
    shutil.copy(tmp_path / "net.bin", other.parent)
    assert run("--layer", "block/act", backbone=other)[1]["computed"] == 0
    os.utime(net)
    os.utime(tmp_path / "net.bin")
    assert run("--layer", "act")[1]["computed"] == 0


def test_a_new_image_is_computed_beside_four_that_have_rows(run, photos):
    assert run("--layer", "act")[1]["computed"] == 12
    picture(photos / "cat/new.png", 77)
    code, report = run("--layer", "act")
    assert (code, report["computed"], report["canaries"]["checked"]) == (0, 1, 4)


def test_a_network_that_computes_otherwise_by_now_is_found_out(run, photos, tmp_path, monkeypatch):
    assert run("--layer", "act")[1]["computed"] == 12
    picture(photos / "cat/new.png", 77)
    from bottleneck.engines.openvino import OpenVinoEngine

    real = OpenVinoEngine.__call__
    monkeypatch.setattr(OpenVinoEngine, "__call__", lambda self, x: real(self, x) * 1.01)
    before = tree(tmp_path / "store" / "parts")
    code, said = run("--layer", "act")
    assert code == 4
    assert "this machine computes other rows" in said
    assert tree(tmp_path / "store" / "parts") == before


def test_another_engine_is_refused_in_one_line_and_makes_no_store(run, tmp_path):
    code, said = run("--layer", "act", "--engine", "keras")
    assert (code, said.count("\n")) == (2, 1)
    assert "keras cannot take this network: --engine: use --engine openvino" in said
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--layer", "cnv"), "no layer 'cnv': --layer: near it: "),
        (("--weights", "imagenet"), "holds its own weights"),
        (("--preprocessing", "imagenette"), "no preprocessing 'imagenette'"),
        (("--size", "10"), "takes images of 8x9 alone"),
        (("--pooling", "cls"), "is of tokens"),
        (("--output", "3"), "no output is named '3'"),
    ],
)
def test_what_cannot_be_meant_is_one_line_and_makes_no_store(run, tmp_path, words, said):
    code, error = run(*words)
    assert (code, error.count("\n")) == (2, 1)
    assert said in error
    assert not (tmp_path / "store").exists()


def test_nodes_are_listed(door, net):
    code, report = door("extract", "--backbone", net, "--layer", "list")
    assert code == 0
    assert report["layers"][1] == {
        "name": "block/act", "class": "Relu", "shape": [4, 6, 7], "tail": False,
    }  # fmt: skip


def test_a_head_is_trained_predicts_and_rows_are_exported_but_no_model(
    run, door, net, tmp_path, photos
):
    store = tmp_path / "store"
    assert run("--layer", "act")[1]["computed"] == 12
    code, report = door("train", "--cache", store, "--validation-split", "0")
    assert code == 0, report
    trained = report["run"]
    code, report = door("predict", photos / "cat/01.png", "--run", trained)
    assert (code, len(report["images"]), report["images"][0]["error"]) == (0, 1, None)
    picture(tmp_path / "new.png", 99)
    code, report = door("predict", tmp_path / "new.png", "--run", trained)
    assert (code, report["computed"], report["engine"]) == (0, 1, "openvino")
    code, report = door("export", "--cache", store, tmp_path / "rows.npz")
    assert code == 0, report
    assert np.load(tmp_path / "rows.npz")["rows"].shape == (12, 4)
    code, said = door("export", "--run", trained, tmp_path / "model.keras")
    assert (code, said.count("\n")) == (2, 1)
    assert "cannot become a Keras model" in said
    assert not (tmp_path / "model.keras").exists()
    code, said = door("train", "--cache", store, "--head", "tail")
    assert (code, said.count("\n")) == (2, 1)


def test_tail_of_maps_is_refused_in_one_line(run, door, tmp_path):
    assert run("--layer", "act", "--pooling", "none")[1]["computed"] == 12
    code, said = door("train", "--cache", tmp_path / "store", "--head", "tail")
    assert (code, said.count("\n")) == (2, 1)
    assert "cannot become a Keras model" in said


def test_status_doctor_verify_and_compare_take_such_a_store(run, door, net, tmp_path, photos):
    store = tmp_path / "store"
    assert run("--layer", "act")[1]["computed"] == 12
    code, report = door("status", "--cache", store)
    assert code == 0
    assert any("unchecked" in line for line in report["engines"])
    assert door("doctor", "--cache", store)[0] == 0
    code, report = door("verify", "--cache", store, "--recompute", "4")
    assert code == 0, report
    other = tmp_path / "other"
    path = tokens(tmp_path / "tokens.onnx")
    fixed = ("--data", photos, "--cache", other, "--backbone", path, "--output", "all")
    code, report = door("extract", *fixed)
    assert (code, report["computed"]) == (0, 12)
    runs = [
        door("train", "--cache", one, "--validation-split", "0")[1]["run"] for one in (store, other)
    ]
    code, report = door("compare", *runs)
    assert code == 0, report


def test_a_store_is_continued_without_a_word_on_the_network(run, door, tmp_path, photos):
    assert run("--layer", "act")[1]["computed"] == 12
    picture(photos / "cat/new.png", 77)
    code, report = door("extract", "--cache", tmp_path / "store")
    assert (code, report["computed"]) == (0, 1)


RUNTIME = r"""
from types import SimpleNamespace

class SessionOptions:
    def add_session_config_entry(self, key, value):
        assert key == "session.model_external_initializers_file_folder_path"

class InferenceSession:
    def __init__(self, data, options, providers):
        # An output was put behind the file: graph (7), output (12), name (1).
        self.more = data.endswith(b"\x3a\x0a\x62\x08\x0a\x06active")
    def get_outputs(self):
        return [SimpleNamespace(name="chances")]
    def get_inputs(self):
        return [SimpleNamespace(name="image", type="tensor(float)")]
    def run(self, names, feed):
        assert names == ["active"] and self.more
        from onnx_files import maps
        (x,) = feed.values()
        return [maps(x.transpose(0, 2, 3, 1)).astype("f4") * FACTOR]
"""


def give_runtime(tmp_path, monkeypatch, factor):
    """Install an ONNX Runtime that knows one network; its rows are `factor` off."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/onnxruntime.py").write_text(f"FACTOR = {factor}\n{RUNTIME}")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # gone again after the test
    del sys.modules["onnxruntime"]


@pytest.mark.parametrize("factor", [1.0, 1.001])
def test_where_onnx_runtime_is_installed_rows_are_compared_with_its(
    run, door, tmp_path, monkeypatch, factor
):
    give_runtime(tmp_path, monkeypatch, factor)
    code, said = run("--layer", "act")
    if factor != 1:
        assert code == 4
        assert "OpenVINO's features differ from onnxruntime's by more than rounding" in said
        return
    assert (code, said["computed"]) == (0, 12)
    assert Store.open(tmp_path / "store").provenance()["check"] == "onnxruntime"


def test_no_keras_and_no_tensorflow_is_imported(net, tmp_path, photos):
    code = (
        "import sys; from bottleneck import extract; code = extract.main(sys.argv[1:]); "
        "assert not {'keras', 'tensorflow', 'torch'} & set(sys.modules); sys.exit(code)"
    )
    words = ["--data", photos, "--cache", tmp_path / "store", "--backbone", net, "--quiet"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_a_network_of_half_precision_is_not_compared_with_what_computes_in_it(
    run, tmp_path, monkeypatch
):
    give_runtime(tmp_path, monkeypatch, 1.001)
    path = small(tmp_path / "half.onnx", dtype="float16", kernel="float16")
    assert run("--layer", "act", backbone=path)[1]["computed"] == 12
    check = Store.open(tmp_path / "store").provenance()["check"]
    assert check == "unchecked (onnxruntime cannot compute it)"


def test_rows_that_nothing_checked_are_checked_once_onnx_runtime_is_there(
    run, door, tmp_path, photos, monkeypatch
):
    words = ("--layer", "act")
    assert run(*words)[1]["computed"] == 12
    assert Store.open(tmp_path / "store").provenance()["check"] == "unchecked"
    give_runtime(tmp_path, monkeypatch, 1.0)
    picture(photos / "cat/new.png", 77)
    assert run(*words)[1]["computed"] == 1
    kept = list((tmp_path / "store/derived/openvino").glob("*/network.json"))
    assert json.loads(kept[0].read_text())["check"] == "onnxruntime"


def test_onnx_files_are_ranked_with_other_backbones(door, tmp_path, photos):
    paths = [small(tmp_path / f"{i}.onnx", factor=i) for i in (1, 2)]
    words = ("--data", photos, "--caches", tmp_path / "caches", "--preprocessing", "unit")
    code, report = door("compare", "--backbones", f"{paths[0]},{paths[1]}", *words)
    assert code == 0, report
    assert report["failed"] == []
    assert len(report["runs"]) == 2


def test_a_network_s_own_classes_are_predicted(door, net, photos):
    code, report = door("predict", photos / "cat/01.png", "--backbone", net)
    assert code == 0, report
    assert sum(one["probability"] for one in report["images"][0]["top"]) == pytest.approx(1)
