"""What docs/ says of the code is what the code is: commands, Python interface, files and names."""

import argparse
import re
from pathlib import Path

import make_references
import pytest

ROOT = Path(__file__).parents[1]
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PATH = re.compile(r"`((?:bottleneck|tests|scripts|docs)/[\w./-]*)`")
# A file that the text tells its reader to write.
TO_BE_WRITTEN = {"bottleneck/heads/mine.py"}


@pytest.mark.parametrize("name", ["commands.md", "api.md"])
def test_a_reference_is_what_the_code_says_now(name):
    made = make_references.pages()[name]
    assert (ROOT / "docs" / name).read_text() == made, "make docs"


def test_a_reference_does_not_depend_on_the_terminal(monkeypatch):
    before = make_references.pages()
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    assert make_references.pages() == before


def test_an_option_is_shown_with_its_values_its_default_and_its_help():
    parser = argparse.ArgumentParser(prog="x")
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE")
    add("--head", choices=("a", "b"), default="a", help="one|of a")
    add("--size", default=3, help="In pixels (default %(default)s).")
    add("--cache", required=True)
    add("--quiet", action="store_true")
    add("--bar", action=argparse.BooleanOptionalAction, default=None)
    rows = {
        action.dest: make_references._row(parser, action)
        for action in parser._actions
        if action.dest != "help"
    }
    assert rows == {
        "files": "| `FILE …` |  |",
        "head": "| `--head` `a\\|b` | one\\|of a. Default a. |",
        "size": "| `--size` `SIZE` | In pixels (default 3). |",
        "cache": "| `--cache` `CACHE` | Required. |",
        "quiet": "| `--quiet` |  |",
        "bar": "| `--bar`, `--no-bar` |  |",
    }


def test_a_docstring_becomes_a_list_under_each_heading():
    def function():
        """Do it.

        Parameters
        ----------
        rows, labels : arrays
            Of the same length.

        Returns
        -------
        int
            How many.
        """

    assert make_references._docstring(function) == [
        "Do it.", "", "", "**Parameters**", "", "- `rows`, `labels`: arrays.",
        "  Of the same length.", "", "", "**Returns**", "", "- `int`:", "  How many.", "",
    ]  # fmt: skip


@pytest.mark.parametrize("text", [ARCHITECTURE, CONTRIBUTING], ids=["architecture", "contributing"])
def test_every_file_and_folder_that_is_named_is_there(text):
    named = set(PATH.findall(text)) - TO_BE_WRITTEN
    assert len(named) > 5
    assert not [path for path in sorted(named) if not (ROOT / path).exists()]


def test_a_name_beside_a_file_is_a_name_in_it():
    """`look` of `bottleneck/…/look.py`, and `HEADS` in `bottleneck/heads/catalog.py`."""
    found = re.findall(
        r"((?:`\w+`[ ,and or]*)+) (?:of|in)\s+`(bottleneck/[\w/]+\.py)`", ARCHITECTURE
    )
    assert len(found) > 8
    for names, path in found:
        code = (ROOT / path).read_text()
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^(?:def |class )?{name}\b", code, re.MULTILINE), (name, path)


def test_every_station_and_room_has_its_line():
    package = ROOT / "bottleneck"
    rooms = [path.parent for path in package.rglob("__init__.py") if path.parent != package]
    rooms = [room for room in rooms if room.name not in ("pipeline", "mini")]
    lacking = [r for r in rooms if f"| `{r.relative_to(ROOT).as_posix()}/` |" not in ARCHITECTURE]
    assert not lacking
