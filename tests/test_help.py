"""The help of every verb: sentences, defaults, an example, exit codes; made from catalogs."""

import argparse
import re
from importlib import import_module
from types import MappingProxyType

import pytest

from bottleneck.__main__ import VERBS
from bottleneck._parser import EXIT_CODES
from bottleneck.backbones import preprocessing
from bottleneck.core import words
from bottleneck.core.errors import BottleneckError
from bottleneck.data import view_list
from bottleneck.engines import catalog as engines

# Phrases that people who did not write them had to read twice.
RIDDLES = (
    "will not do", "leave it away", "leave away", "a name a line", "is the form for", "the data do",
    "no whole number", "half of the images may be gone", "for another run", "say it, do nothing",
    "trust no stat", "of each image, itself included", "as in extract)", "in their room",
)  # fmt: skip


def actions(verb):
    """Yield every option and argument of a verb, --help aside."""
    for action in import_module(f"bottleneck.{verb}").parser()._actions:
        if not isinstance(action, argparse._HelpAction):
            yield action


def named(action):
    return action.option_strings[-1] if action.option_strings else action.metavar


def shown(verb):
    """Return the help of a verb on one line."""
    return " ".join(import_module(f"bottleneck.{verb}").parser().format_help().split())


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_is_explained_in_sentences_and_its_value_has_a_name(verb):
    for action in actions(verb):
        assert action.help, named(action)
        assert action.help.rstrip().endswith((".", ")")), named(action)
        takes_a_value = action.nargs != 0 and action.choices is None
        assert not takes_a_value or len(action.metavar or "") > 1 or action.metavar in {"N", "F"}


@pytest.mark.parametrize("verb", VERBS)
def test_an_option_that_has_a_default_says_which(verb):
    for action in actions(verb):
        if action.default is None or action.default is False or action.default == []:
            continue
        said = re.search(r"Default: ([^.]*(?:\.\d+)?)", action.help)
        assert said, named(action)
        if action.type is not words.duration:  # that is said with a unit
            assert said[1].endswith(str(action.default)), named(action)


@pytest.mark.parametrize("verb", VERBS)
def test_no_help_is_a_riddle(verb):
    text = shown(verb)
    assert not [riddle for riddle in RIDDLES if riddle in text.lower()]


@pytest.mark.parametrize("verb", VERBS)
def test_a_help_ends_with_an_example_that_parses_and_the_exit_codes(verb):
    made = import_module(f"bottleneck.{verb}").parser()
    text = made.format_help()
    assert text.rstrip().endswith(EXIT_CODES.splitlines()[-1])
    examples = re.findall(rf"^  bottleneck {verb} (.*)$", text, re.MULTILINE)
    assert examples
    for example in examples:
        made.parse_args(example.split("     (")[0].replace("'", "").split())


def test_every_exit_code_of_an_error_is_explained():
    explained = {int(code) for code in re.findall(r"^  (\d+) ", EXIT_CODES, re.MULTILINE)}
    kinds = [BottleneckError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert {kind.exit_code for kind in kinds} <= explained


@pytest.mark.parametrize("verb", VERBS)
def test_options_stand_in_groups_with_a_purpose_and_what_all_verbs_have_comes_last(verb):
    made = import_module(f"bottleneck.{verb}").parser()
    made.format_help()
    titles = [group.title for group in made._action_groups if group._group_actions]
    assert "options" not in titles
    assert titles[-1] == "output"


def test_an_engine_a_preprocessing_and_a_view_operation_are_one_line_of_a_catalog_each(monkeypatch):
    spec = engines.EngineSpec(
        module="fake", needs="fake", extra="fake", supports_gpu=False, help="a fast abacus, 100 %"
    )
    more = {
        (engines, "ENGINES"): spec,
        (preprocessing, "NAMED"): preprocessing.Named(text="x", help="pixels turned around"),
    }
    for (module, name), entry in more.items():
        grown = MappingProxyType({**getattr(module, name), "fake": entry})
        monkeypatch.setattr(module, name, grown)
    operation = view_list.OperationSpec(spelled="fake 1", help="seen through a straw")
    operations = MappingProxyType({**view_list.OPERATIONS, "fake": operation})
    monkeypatch.setattr(view_list, "OPERATIONS", operations)
    for verb in ("extract", "compare"):
        text = shown(verb)
        assert "fake: a fast abacus, 100 %" in text
        assert "fake: pixels turned around" in text
        assert "fake: seen through a straw" in text
        assert "keras,fake}" in text
