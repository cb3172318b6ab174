"""Networks loaded in a process of their own: its errors, its end, and the caller's own Keras."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from own_networks import saved, small
from world import picture

from bottleneck.backbones import Request
from bottleneck.backbones.catalog import load
from bottleneck.core.errors import UsageError
from bottleneck.core.frameworks import import_keras
from bottleneck.core.reporter import SILENT
from bottleneck.engines.check import compare
from bottleneck.pipeline.network import apart

pytest.importorskip("openvino")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def request_of(tmp_path_factory):
    """Return what asks for a small network."""
    path = saved(small(import_keras()), tmp_path_factory.mktemp("apart") / "small.keras")

    def made(**more):
        return Request(backbone=str(path), weights="own", **more)

    return made


def test_it_is_the_network_that_this_process_would_load(request_of):
    request = request_of(layer="second", preprocessing="tf")
    ours, theirs = load(request), apart.Loading(request).backbone(SILENT)
    for name in ("network", "weights", "size", "mode", "row_shape", "row_dtype", "weight_files"):
        assert getattr(ours, name) == getattr(theirs, name), name
    assert ours.about == theirs.about
    assert ours.before() == theirs.before()
    assert theirs.model.output_shape == ours.model.output_shape


def test_what_is_wrong_is_said_as_if_it_were_found_here(request_of):
    with pytest.raises(UsageError, match=r"no layer 'secnd': --layer: near it: second") as caught:
        apart.Loading(request_of(layer="secnd")).backbone(SILENT)
    assert type(caught.value) is UsageError  # and no other backend is asked


def test_rows_of_plain_keras_come_from_another_process(request_of):
    request = request_of(preprocessing="tf")
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 9, 3), np.uint8)
    rows = apart.reference(request, images)
    expected = load(request).model.predict(images / np.float32(127.5) - 1, verbose=0)
    assert compare(rows, expected).ok


def test_what_is_printed_before_us_and_odd_places_of_modules_are_in_nobody_s_way(
    request_of, tmp_path, monkeypatch
):
    (tmp_path / "sitecustomize.py").write_text(
        "import os; print({1: 2}); os.write(1, b'no end of a line')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(sys, "path", [*sys.path, tmp_path])  # a Path, and not its text
    request = request_of()
    theirs = apart.Loading(request).backbone(SILENT)
    assert theirs.network == load(request).network


def test_a_broken_backend_that_nobody_asked_for_is_no_error(
    request_of, tmp_path, monkeypatch, caplog
):
    (tmp_path / "tensorflow").mkdir()
    (tmp_path / "tensorflow/__init__.py").write_text("raise ImportError('a library is missing')\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    images = np.zeros((2, 8, 9, 3), np.uint8)
    assert apart.reference(request_of(), images) is None
    assert "not compared with Keras'" in caplog.text


def test_a_process_that_nobody_waits_for_ends_and_leaves_nothing(request_of):
    loading = apart.Loading(request_of())
    process, folder = loading._child._process, loading._folder
    assert folder.is_dir()
    del loading
    assert process.poll() is not None
    assert not folder.exists()


ALONE = """
import sys, time
from pathlib import Path
from bottleneck.backbones import Request
from bottleneck.core.reporter import SILENT
from bottleneck.pipeline.network.apart import Loading
loading = Loading(Request(backbone=sys.argv[1], weights="own"))
loading.backbone(SILENT)
print(loading._child._process.pid, loading._folder, flush=True)
time.sleep(60)
"""


def test_a_process_whose_caller_was_killed_ends_and_leaves_nothing(request_of):
    caller = subprocess.Popen(
        [sys.executable, "-c", ALONE, request_of().backbone], stdout=subprocess.PIPE, text=True
    )
    pid, folder = caller.stdout.readline().split()
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    caller.stdout.close()
    left = [Path("/proc", pid), Path(folder)]
    until = time.monotonic() + 30
    while any(path.exists() for path in left) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(path.exists() for path in left)


NOTEBOOK = """
import sys
import bottleneck
bottleneck.extract_features("photos", cache="s", backbone=sys.argv[1], rows="float32")
assert not {"keras", "tensorflow"} & set(sys.modules)
import keras
assert keras.backend.backend() == "tensorflow"
report = bottleneck.train_head("s", head="dense", epochs=1, validation_split=0)
print(report["head"])
"""


def test_one_process_extracts_and_then_trains_with_tensorflow(request_of, tmp_path):
    for i in range(6):
        picture(tmp_path / "photos" / ("cat" if i % 2 else "dog") / f"{i}.png", i)
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK, request_of().backbone],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "dense"
