"""Growth: a new one of a kind is one file and one line, and nothing else is edited.

A copy of the package gets the file and the line; the contract tests and `--help` find it there.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def grown(tmp_path, fake, room, line, before):
    """Return a copy of the package with this file in a room, and this line in its catalog."""
    shutil.copytree(ROOT / "bottleneck", tmp_path / "bottleneck")
    shutil.copy(ROOT / "tests" / "fakes" / fake, tmp_path / "bottleneck" / room / fake)
    catalog = tmp_path / "bottleneck" / room / "catalog.py"
    text = catalog.read_text()
    assert text.count(before) == 1
    catalog.write_text(text.replace(before, f"{line}\n{before}"))
    return tmp_path


def python(tree, *arguments):
    """Run Python with the package of this tree."""
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_format_is_one_file_and_one_line(tmp_path):
    spec = 'suffix=".flat", module="bottleneck.store.flat", about="one after the other"'
    line = f'        "flat": FormatSpec({spec}),'
    tree = grown(tmp_path, "flat.py", "store", line, '        "hdf5": FormatSpec')
    contract = ["tests/contract/test_formats.py", "tests/contract/test_refusals.py"]
    done = python(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "flat", *contract)
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.strip().splitlines()[-1].split()[0]) > 30  # so many passed
    shown = python(tree, "-m", "bottleneck.extract", "--help").stdout
    assert "{flat,hdf5,zarr}" in shown
    assert "flat (one after the other)" in " ".join(shown.split())
    asked = python(
        tree, "-m", "bottleneck.extract", "--cache", str(tmp_path / "c"), "--format", "x"
    )
    assert asked.returncode == 2
    assert "flat" in asked.stderr


@pytest.mark.slow
def test_a_head_and_its_option_are_one_file_and_one_line(tmp_path):
    option = (
        'options.Option(name="sharpness", help="how sure it is of the nearest", default=1.0, '
        'check=options.is_number, example="a number", parse=float, metavar="F")'
    )
    line = (
        '"centroid": HeadSpec(module="bottleneck.heads.centroid", about="the nearest class mean", '
        f"options=({option},)),"
    )
    tree = grown(tmp_path, "centroid.py", "heads", line, '        "linear": HeadSpec(')
    contract = ["tests/contract/test_heads.py", "tests/heads/test_options.py"]
    done = python(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "centroid", *contract)
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.strip().splitlines()[-1].split()[0]) > 30  # so many passed
    shown = " ".join(python(tree, "-m", "bottleneck.train", "--help").stdout.split())
    assert "{centroid,linear,prototypes,knn,dense,conv,tail}" in shown
    assert "centroid: the nearest class mean" in shown
    assert "--sharpness F centroid: how sure it is of the nearest. Default: 1.0." in shown
    asked = python(tree, "-m", "bottleneck.train", "--cache", str(tmp_path), "--sharpness", "2")
    assert asked.returncode == 2
    assert "--sharpness: omit it, or use --head centroid, which has it" in asked.stderr


@pytest.mark.slow
def test_a_source_is_one_file_and_one_line(tmp_path):
    line = (
        '"frames": SourceSpec(opens="bottleneck.data.frames:FramesSource",'
        ' about=".frames list", endings=frozenset({".frames"})),'
    )
    tree = grown(tmp_path, "frames.py", "data", line, '        "image": SourceSpec(')
    contract = "tests/contract/test_sources.py"
    done = python(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "frames", contract)
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.strip().splitlines()[-1].split()[0]) >= 10  # so many passed
    shown = python(tree, "-m", "bottleneck.extract", "--help").stdout
    assert "a .frames list" in " ".join(shown.split())


@pytest.mark.slow
def test_an_engine_is_one_file_and_one_line(tmp_path):
    spec = 'module="bottleneck.engines.eager", needs=("keras",), extra="tensorflow"'
    line = f'"eager": EngineSpec({spec}, supports_gpu=False, help="Keras, layer by layer"),'
    tree = grown(tmp_path, "eager.py", "engines", line, '        "keras": EngineSpec(')
    contract = ["tests/contract/test_engines.py"]
    done = python(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "eager", *contract)
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.strip().splitlines()[-1].split()[0]) >= 3  # so many passed
    shown = " ".join(python(tree, "-m", "bottleneck.extract", "--help").stdout.split())
    assert "{auto,openvino,eager,keras}" in shown
    assert "eager: Keras, layer by layer" in shown
    asked = python(
        tree, "-m", "bottleneck.extract", "--cache", str(tmp_path / "c"), "--engine", "eagre"
    )
    assert asked.returncode == 2
    assert "did you mean eager?" in asked.stderr
