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
    line = '"flat": FormatSpec(suffix=".flat", module="bottleneck.store.flat", about="columns in a row"),'
    tree = grown(tmp_path, "flat.py", "store", line, '        "hdf5": FormatSpec')
    contract = ["tests/contract/test_formats.py", "tests/contract/test_refusals.py"]
    done = python(tree, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "flat", *contract)
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.strip().splitlines()[-1].split()[0]) > 30  # so many passed
    shown = python(tree, "-m", "bottleneck.extract", "--help").stdout
    assert "{flat,hdf5,zarr}" in shown
    assert "flat (columns in a row)" in " ".join(shown.split())
    asked = python(
        tree, "-m", "bottleneck.extract", "--cache", str(tmp_path / "c"), "--format", "x"
    )
    assert asked.returncode == 2
    assert "flat" in asked.stderr
