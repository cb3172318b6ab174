"""The scripts that a reader is told to run say what they do, and make nothing, when asked."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["demo", "demo_kaggle", "demo_photos", "edit_one"])
def test_help_is_help_and_makes_no_folder_of_that_name(tmp_path, name):
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / f"{name}.py"), "--help"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.startswith(f"usage: {name}.py")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_cutting_links_says_what_it_lacks(tmp_path):
    """Without root, or with no program that makes networks."""
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "soak/cut_off.py")],
        env={"PATH": str(tmp_path)}, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("not tried: this needs ")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
