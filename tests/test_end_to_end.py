"""The real thing: digits through a real backbone, in both formats, twice, and a head."""

import json
import subprocess
import sys

import numpy as np
import pytest

from bottleneck.core import console
from bottleneck.extract import main as extract_main
from bottleneck.store.store import Store
from bottleneck.train import main as train_main


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ["hdf5", "zarr"])
def test_digits_through_mini_into_a_head(tmp_path, capsys, fmt):
    words = ["--data", "digits", "--backbone", "mini", "--format", fmt]
    cache = ["--cache", str(tmp_path / "store"), "--json", "--quiet"]
    assert console.run(extract_main, [*words, *cache, "--limit", "300"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["computed"], report["pending"]) == (300, 1497)
    assert console.run(extract_main, [*words, *cache]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["computed"], report["pending"]) == (1497, 0)
    assert report["canaries"]["checked"] == 4
    assert report["canaries"]["worst"] < 5e-4  # the rows are float16
    assert console.run(train_main, cache) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["samples"]["test"] == 355
    assert report["accuracy"] > 0.95


@pytest.mark.slow
def test_rows_of_real_files_are_those_of_load_img_and_predict(tmp_path, photos, capsys):
    from bottleneck.backbones.drawn import give_drawn
    from bottleneck.core.frameworks import import_keras

    keras = import_keras()
    words = ["--backbone", "mobilenetv2", "--weights", "random:0", "--size", "40x32"]
    words += ["--data", str(photos), "--rows", "float32", "--cache", str(tmp_path / "s")]
    assert console.run(extract_main, words) == 0
    x, _, keys = Store.open(tmp_path / "s").arrays()
    model = keras.applications.MobileNetV2(
        weights=None, include_top=False, pooling="avg", input_shape=(40, 32, 3)
    )
    give_drawn(model, 0)
    images = [
        np.asarray(
            keras.utils.load_img(
                photos / key.decode(), target_size=(40, 32), interpolation="bilinear"
            ),
            np.float32,
        )
        for key in keys
    ]
    batch = keras.applications.mobilenet_v2.preprocess_input(np.stack(images))
    expected = model.predict(batch, verbose=0)
    errors = np.linalg.norm(np.asarray(x) - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert errors.max() <= 1e-5


@pytest.fixture
def complete(tmp_path, photos, numpy_network, later):
    """Make a store that lacks nothing; return the words of the extraction."""
    words = ["--backbone", "resnet50", "--weights", "random:0", "--size", "8"]
    words += ["--data", str(photos), "--cache", str(tmp_path / "s"), "--quiet"]
    assert console.run(extract_main, words) == 0
    return words


def run_alone(code):
    """Run a program in a process of its own, which must end well; return what it printed."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_a_warm_run_and_status_load_no_framework(tmp_path, complete):
    from bottleneck.pipeline.network import requests
    from bottleneck.pipeline.network.options import NetworkOptions

    options = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8)).completed()
    store = Store.open(tmp_path / "s")
    assert requests.lookup(store, options) == store.recipe.id
    code = (
        "import sys\n"
        "from bottleneck.extract import main\n"
        "from bottleneck.status import main as status\n"
        f"assert main({complete!r}) == 0\n"
        f"assert status(['--cache', {str(tmp_path / 's')!r}]) == 0\n"
        "heavy = {'keras', 'tensorflow', 'zarr', 'joblib', 'tqdm', 'PIL'} & set(sys.modules)\n"
        "assert not heavy - {'joblib'}, heavy\n"
        "print(*(m for m in sys.modules if m.startswith('bottleneck.')))\n"
    )
    ours = set(run_alone(code).split())
    # What spells an identity, decodes, or trains: a run without news reads none of it.
    idle = {"backbones.identity", "backbones.flat", "data.decode", "heads.linear", "heads.training"}
    assert not {f"bottleneck.{name}" for name in idle} & ours


@pytest.mark.usefixtures("complete")
def test_status_knows_no_networks_and_no_engines(tmp_path):
    code = (
        "import sys\n"
        "from bottleneck.status import main as status\n"
        f"assert status(['--cache', {str(tmp_path / 's')!r}, '--json']) == 0\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('bottleneck.')}\n"
        "assert not {'backbones', 'engines', 'pictures'} & rooms, rooms\n"
        "assert not {'PIL', 'filelock', 'scipy'} & set(sys.modules)\n"
    )
    run_alone(code)


def test_a_store_that_lacks_nothing_needs_no_engine(tmp_path, complete):
    code = (
        "import sys\n"
        "for name in ('openvino', 'keras', 'tensorflow', 'jax', 'torch'):\n"
        "    sys.modules[name] = None\n"
        "from bottleneck.extract import main\n"
        f"assert main({complete!r}) == 0\n"
        f"assert main({[*complete, '--dry-run']!r}) == 0\n"
        f"assert main(['--cache', {str(tmp_path / 's')!r}]) == 0\n"
    )
    run_alone(code)
