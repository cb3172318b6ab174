"""docs/tour.ipynb is executed as it stands, and leaves everything of its caller's as it was."""

import copy
import inspect
import os
from pathlib import Path

import pytest

import bottleneck

nbformat = pytest.importorskip("nbformat", reason="make test installs it")
nbclient = pytest.importorskip("nbclient", reason="make test installs it")

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs/tour.ipynb"
# Between `import bottleneck` and the first call: what a caller may have set.
SETTINGS = """
import logging, os, signal, sys, warnings
import keras

keras.config.set_floatx("float64")
keras.config.set_dtype_policy("mixed_float16")
warnings.filterwarnings("error", message="never seen")
sys.path.append("/nowhere")

def settings():
    return {
        "floatx": keras.config.floatx(),
        "policy": keras.config.dtype_policy().name,
        "image data format": keras.config.image_data_format(),
        "warning filters": list(warnings.filters),
        "sys.path": list(sys.path),
        "signals": [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)],
        "root handlers": list(logging.getLogger().handlers),
        "our handlers": [
            one for one in logging.getLogger("bottleneck").handlers
            if not isinstance(one, logging.NullHandler)
        ],
        "folder": os.getcwd(),
    }

before = settings()
"""
UNCHANGED = """
after = settings()
changed = {name: (was, after[name]) for name, was in before.items() if after[name] != was}
assert not changed, changed
"""


@pytest.fixture(scope="module")
def tour():
    return nbformat.read(FILE, as_version=4)


def test_it_is_a_valid_notebook_without_outputs(tour):
    nbformat.validate(tour)
    cells = [cell for cell in tour.cells if cell.cell_type == "code"]
    assert len(cells) > 10
    assert not [cell for cell in cells if cell.outputs or cell.execution_count]


@pytest.mark.slow
@pytest.mark.skipif(
    "progress" not in inspect.signature(bottleneck.extract_features).parameters,
    reason="the Python interface has no bars yet",
)
def test_every_cell_runs_with_bars_and_leaves_the_caller_s_settings_alone(
    tour, tmp_path, monkeypatch
):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = copy.deepcopy(tour)
    first = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    notebook.cells.insert(first + 1, nbformat.v4.new_code_cell(SETTINGS))
    notebook.cells.append(nbformat.v4.new_code_cell(UNCHANGED))
    notebook.metadata.kernelspec.name = "python3"
    client = nbclient.NotebookClient(
        notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = [
        output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    ]
    streams = "".join(output.text for output in outputs if output.output_type == "stream")
    assert "1797/1797" in streams or any("tqdm" in str(o).lower() for o in outputs)
    assert "size" in streams  # the error of the last cell says what differs
    shown = [output.data for output in outputs if "data" in output]
    assert any("text/html" in data for data in shown)
    assert any("image/png" in data for data in shown)
    assert "Warning" not in streams
