"""Presets of KerasHub through the doors: which rows are computed, found again, and refused."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

hub = pytest.importorskip("keras_hub")
pytest.importorskip("openvino")

from hub_presets import dinov2, saved, vit  # noqa: E402

from bottleneck import status  # noqa: E402
from bottleneck.core import console  # noqa: E402
from bottleneck.extract import main  # noqa: E402
from bottleneck.store.store import Store  # noqa: E402

pytestmark = pytest.mark.slow
ALIKE = 5e-5
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
    root = tmp_path_factory.mktemp("presets")
    saved(hub, vit(hub), root / "vit")
    saved(hub, vit(hub), root / "offset", offset=-1.0)
    saved(hub, vit(hub), root / "weights", seed=1)
    saved(hub, dinov2(hub), root / "dinov2")
    return root


@pytest.fixture
def run(tmp_path, photos, capsys):
    """Call `extract` with further words; return its code and its report or message."""

    def call(preset, *words, engine="openvino", cache="store"):
        fixed = ["--data", str(photos), "--cache", str(tmp_path / cache), "--json", "--quiet"]
        capsys.readouterr()
        code = console.run(
            main, [*fixed, "--engine", engine, "--backbone", f"kerashub:{preset}", *words]
        )
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.err if code else json.loads(said.out)

    return call


def rows(tmp_path, cache):
    return np.asarray(Store.open(tmp_path / cache).arrays()[0], np.float64)


@pytest.mark.parametrize("name", ["vit", "dinov2"])
def test_both_engines_give_the_same_rows_under_one_recipe(run, kept, tmp_path, name):
    found = [
        run(kept / name, "--rows", "float32", "--pooling", "cls+avg", engine=engine, cache=engine)
        for engine in ("openvino", "keras")
    ]
    assert [(code, report["computed"]) for code, report in found] == [(0, 12), (0, 12)]
    assert [report["engine"] for _, report in found] == ["openvino", "keras"]
    assert found[0][1]["recipe"] == found[1][1]["recipe"]
    ours, plain = rows(tmp_path, "openvino"), rows(tmp_path, "keras")
    error = np.linalg.norm(ours - plain, axis=1) / np.linalg.norm(plain, axis=1)
    assert error.max() < 1e-5


def test_a_renamed_preset_has_its_rows_already(run, kept, tmp_path):
    assert run(kept / "vit")[1]["computed"] == 12
    shutil.copytree(kept / "vit", tmp_path / "renamed")
    assert run(tmp_path / "renamed")[1]["computed"] == 0
    assert run(kept / "vit", engine="keras")[1]["computed"] == 0


@pytest.mark.parametrize(
    ("preset", "words", "key"),
    [
        ("vit", ["--pooling", "cls"], "pooling"),
        ("vit", ["--fit", "squash"], "image.fit"),
        ("vit", ["--resample", "bilinear"], "image.resample"),
        ("vit", ["--preprocessing", "tf"], "preprocessing"),
        ("offset", [], "preprocessing"),
        ("weights", [], "weights"),
        ("dinov2", [], "network"),
    ],
)
def test_another_recipe_is_refused(run, kept, preset, words, key):
    assert run(kept / "vit")[1]["computed"] == 12
    code, said = run(kept / preset, *words)
    assert code == 4
    assert f"{key}: " in said or "backbone: " in said


def test_another_size_is_refused(run, kept):
    assert run(kept / "dinov2")[1]["computed"] == 12
    code, said = run(kept / "dinov2", "--size", "40")
    assert (code, "image.size: 40x40 asked, 32x32 there" in said) == (4, True)
    code, said = run(kept / "vit", "--size", "40", cache="other")
    assert (code, "--size" in said) == (2, True)


def test_status_names_the_preset(run, kept, tmp_path, capsys):
    run(kept / "vit")
    store = str(tmp_path / "store")
    assert console.run(status.main, ["--cache", store, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["about"]["backbone"] == "kerashub:vit"


def test_no_tensorflow_is_imported_where_openvino_computes(kept):
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(kept / "dinov2")],
        env={**os.environ, "KERAS_BACKEND": "openvino"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"
