"""What the README and docs/ show: every command runs or parses, every link leads somewhere.

A block marked `console` is run as it stands, line by line, in a folder with sixty pictures; below a
command stands what it prints, with … for what is left out. A block marked `python` is run too. A
block marked `sh` names data or networks that a test has no room for: its commands are read by the
parsers of the commands themselves, so that an option that is not there fails.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from bottleneck.__main__ import VERBS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
PAGES = [page for page in PAGES if page.exists()] + sorted((ROOT / "docs").glob("*.md"))
# What a command must name to be shown in a block that is not run.
TOO_LARGE = (
    "resnet50", "vgg16", "mobilenetv2", "cifar10", "mine.keras", "net.onnx", "/runs/*", "NAME",
    "make", "pip", "scripts/probe", "cache/cut", "pre-commit", "build", "venv",
)  # fmt: skip


OWN_MODULE = """
import keras


class Mine(keras.Model):
    def __init__(self, **more):
        super().__init__(**more)
        self.layer = keras.layers.Conv2D(2, 3)

    def call(self, image):
        return self.layer(image)
"""


def blocks(page, kind):
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def with_blocks(kind):
    return [pytest.param(page, id=page.name) for page in PAGES if blocks(page, kind)]


def commands(block):
    """Return the commands of a block without prompts, their words apart; comments are dropped."""
    lines = block.replace("\\\n", " ").splitlines()
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


@pytest.fixture
def world(tmp_path):
    """A folder as a reader has it: the scripts, sixty pictures, the commands on the path."""
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    subprocess.run([sys.executable, "scripts/demo_photos.py", "photos"], cwd=tmp_path, check=True)
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, words in (("python", '"$@"'), ("bottleneck", '-m bottleneck "$@"')):
        (bin_folder / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}\n')
        (bin_folder / name).chmod(0o755)
    return tmp_path


def environment(world):
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{world / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }


def as_pattern(line):
    return ".*".join(re.escape(piece) for piece in line.split("…"))


@pytest.mark.slow
@pytest.mark.parametrize("page", with_blocks("console"))
def test_a_transcript_is_true(page, world):
    shell = shutil.which("sh")
    steps = [
        step
        for block in blocks(page, "console")
        for step in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    ]
    assert steps
    for command, expected in steps:
        done = subprocess.run(
            [shell, "-c", command],
            cwd=world,
            env=environment(world),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (command, done.stderr)
        for line in expected.splitlines():
            assert re.search(f"^{as_pattern(line)}$", done.stdout, re.MULTILINE), (
                command,
                line,
                done.stdout,
            )


@pytest.mark.slow
@pytest.mark.parametrize("page", with_blocks("python"))
def test_python_runs_as_it_stands(page, world):
    (world / "shown.py").write_text("\n".join(blocks(page, "python")))
    # What the pages call a reader's own module of models.
    (world / "mymodels.py").write_text(OWN_MODULE)
    done = subprocess.run(
        [sys.executable, "shown.py"],
        cwd=world,
        env=environment(world),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def shown():
    return [
        pytest.param(words, id=f"{page.name}: {' '.join(words)[:70]}")
        for page in PAGES
        for block in blocks(page, "sh")
        for words in commands(block)
    ]


def takes_make(words):
    """Check that the targets are in the Makefile, whose own tests say what they do."""
    targets = {word for word in words if "=" not in word}
    assert targets <= set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def takes_pip(words):
    """Check that the extras that are installed are ours."""
    listed = (ROOT / "pyproject.toml").read_text()
    for extras in re.findall(r"\[(.*?)\]", " ".join(words)):
        for extra in extras.split(","):
            assert re.search(rf"^{extra} = \[", listed, re.MULTILINE), extra


def takes_script(words):
    """Check that a script is there and knows the options."""
    source = (ROOT / words[0]).read_text()
    assert all(f'"{word}"' in source for word in words if word.startswith("--"))


@pytest.mark.parametrize("words", shown())
def test_a_command_that_is_not_run_is_one_that_its_program_takes(words):
    assert any(name in word for word in words for name in TOO_LARGE), "show it as `console`"
    program, *rest = words
    if program == "python" and rest[0] == "-m":
        program, *rest = rest[1:]
    if program.startswith("bottleneck"):
        verb, *rest = [*program.split(".")[1:], *rest]
        import_module(f"bottleneck.{verb}").parser().parse_args(rest)
    elif program == "make":
        takes_make(rest)
    elif program == "pip":
        takes_pip(rest)
    elif program == "python":
        takes_script(rest)
    else:
        assert program in ("build", "venv", "pre-commit"), words


@pytest.mark.parametrize("verb", VERBS)
def test_the_examples_of_a_verb_are_commands_that_it_takes(verb):
    parser = import_module(f"bottleneck.{verb}").parser()
    examples = re.findall(r"^  bottleneck (\w+)(.*?)(?: +\(.*\))?$", parser.epilog, re.MULTILINE)
    assert {name for name, _ in examples} == {verb}
    for _, rest in examples:
        parser.parse_args(shlex.split(rest))


def test_every_block_says_what_it_is():
    known = {"console", "python", "sh", "text", ""}
    for page in PAGES:
        fences = re.findall(r"^```(\w*)", page.read_text(), re.MULTILINE)
        assert set(fences[::2]) <= known, page
        assert set(fences[1::2]) <= {""}, page
        unmarked = blocks(page, "")
        assert not any(re.search(r"^(\$ )?(bottleneck|python|make) ", b, re.M) for b in unmarked), (
            page
        )


def test_every_link_leads_to_a_file_that_is_there():
    for page in PAGES:
        text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if not re.match(r"[a-z]+:", target):
                path = (page.parent / target.split("#")[0]).resolve()
                assert path.is_relative_to(ROOT), (page, target)
                assert path.exists(), (page, target)


def test_every_page_of_the_documentation_is_in_its_index():
    index = (ROOT / "docs/README.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, page


def test_the_readme_is_read_in_one_sitting():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


def test_the_exit_codes_are_those_of_the_errors():
    from bottleneck.core import errors
    from bottleneck.core.errors import BottleneckError

    family = [
        c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, BottleneckError)
    ]
    page = (ROOT / "docs/scheduled.md").read_text()
    listed = set(map(int, re.findall(r"^\| (\d+)(?:, \d+)? \|", page, re.MULTILINE)))
    assert {c.exit_code for c in family} <= listed


def test_every_verb_is_in_the_table():
    readme = (ROOT / "README.md").read_text()
    assert set(re.findall(r"^\| `(\w+)` \|", readme, re.MULTILINE)) == set(VERBS)


def test_the_picture_of_the_way_is_what_its_script_draws():
    from draw_way import FILE, picture

    assert FILE.read_text() == picture()
