"""The accelerator installed over this package: each command says so, and how to mend it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bottleneck.core.errors import UsageError
from bottleneck.core.neighbour import check_alone

PACKAGE = Path(__file__).parents[2] / "bottleneck"
# The files of Bottleneck 1.6.0 that a command of ours could come across.
ITS_FILES = ("__init__.py", "_version.py", "move.so", "slow/__init__.py", "benchmark/__init__.py")


@pytest.fixture
def both(tmp_path):
    """Our package, with the accelerator's files installed over it."""
    shutil.copytree(PACKAGE, tmp_path / "bottleneck")
    for name in ITS_FILES:
        path = tmp_path / "bottleneck" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("__version__ = '1.6.0'\n")
    return tmp_path


@pytest.mark.parametrize("words", [["bottleneck"], ["bottleneck", "status"], ["bottleneck.train"]])
def test_a_command_beside_the_accelerator_is_2_and_says_how_to_mend_it(both, words):
    done = subprocess.run(
        [sys.executable, "-P", "-m", *words],
        env={**os.environ, "PYTHONPATH": str(both)},
        cwd=both,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "Bottleneck is installed over bottleneck-cache" in line
    assert "pip uninstall Bottleneck bottleneck-cache, then install bottleneck-cache again" in line


def test_alone_we_say_nothing_and_nothing_of_ours_has_its_files_names(both):
    check_alone()
    with pytest.raises(UsageError):
        check_alone(both / "bottleneck")
    assert not (PACKAGE / "slow").exists()
