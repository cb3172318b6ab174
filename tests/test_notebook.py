"""docs/tour.ipynb is executed as it stands, and leaves everything of its caller's as it was."""

import copy
import os
from pathlib import Path

import pytest

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


# Bars alone, where every warning shows and there may be no widgets.
BARS = """
import warnings

warnings.simplefilter("always")
from bottleneck.core.reporter import Bars

bars = Bars()
with bars.progress(3, "extract") as bar:
    bar.update(3)
bars.say("done")
"""


def executed(notebook, tmp_path, monkeypatch):
    """Execute the cells in a kernel of this Python, in a folder; return (outputs, their text)."""
    search = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(search))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=300, resources=resources).execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    return outputs, "".join(one.text for one in outputs if one.output_type == "stream")


@pytest.mark.slow
def test_bars_show_in_a_notebook_without_widgets_and_warn_of_nothing(tmp_path, monkeypatch):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(BARS)])
    outputs, text = executed(notebook, tmp_path, monkeypatch)
    assert "3/3" in text or any("Progress" in str(one) for one in outputs)
    assert "done" in text
    assert "Warning" not in text


@pytest.mark.slow
def test_every_cell_runs_with_bars_and_leaves_the_caller_s_settings_alone(
    tour, tmp_path, monkeypatch
):
    notebook = copy.deepcopy(tour)
    first = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    notebook.cells.insert(first + 1, nbformat.v4.new_code_cell(SETTINGS))
    notebook.cells.append(nbformat.v4.new_code_cell(UNCHANGED))
    outputs, text = executed(notebook, tmp_path, monkeypatch)
    assert "1797/1797" in text or any("Progress" in str(one) for one in outputs)
    assert "size" in text  # the error of the last cell says what differs
    shown = [one.data for one in outputs if "data" in one]
    assert any("text/html" in data for data in shown)
    assert any("image/png" in data for data in shown)
    assert "Warning" not in text
