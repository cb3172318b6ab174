"""The README's commands are run as they stand, and print the lines that stand under them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.mark.slow
def test_the_transcript_is_true(tmp_path):
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    subprocess.run([sys.executable, "scripts/demo_photos.py", "photos"], cwd=tmp_path, check=True)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    (block,) = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    steps = re.findall(r"\$ (.*)\n((?:(?!\$ ).*\n)*)", block)
    assert len(steps) == 8
    for command, expected in steps:
        done = subprocess.run(
            command.split(),
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        for line in expected.splitlines():
            assert line in done.stdout, (command, line, done.stdout)


def test_the_exit_codes_are_those_of_the_errors():
    from bottleneck.core import errors
    from bottleneck.core.errors import BottleneckError

    family = [
        c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, BottleneckError)
    ]
    listed = set(map(int, re.findall(r"^\| (\d+)(?:, \d+)? \|", README, re.MULTILINE)))
    assert {c.exit_code for c in family} <= listed


def test_every_verb_is_in_the_table():
    from bottleneck.__main__ import VERBS

    assert set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)) == set(VERBS)
