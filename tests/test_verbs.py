"""`bottleneck` and `python -m bottleneck`: the list of verbs, and the way to each."""

import sys

import pytest

import bottleneck
from bottleneck.__main__ import VERBS, main


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_without_a_verb_all_of_them_are_listed(words, capsys):
    assert main(words) == 0
    said = capsys.readouterr().out
    assert all(f"  {verb} " in said for verb in VERBS)


def test_the_version_is_that_of_the_package(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"bottleneck-cache {bottleneck.__version__}\n"


def test_a_verb_that_is_none_is_2_and_the_near_one_is_named(capsys):
    for words, meant in (
        (["help", "Trian"], "did you mean train?"),
        (["stauts"], "did you mean status?"),
        (["--bogus"], "options come after a verb"),
        ([""], ""),
    ):
        assert main(words) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.startswith("error: no such verb: ")
        assert meant in said.err
        assert len(said.err.splitlines()) == 1


def test_a_verb_gets_the_words_behind_it_and_its_code_is_the_answer(tmp_path, monkeypatch, capsys):
    assert main(["status", "--cache", str(tmp_path)]) == 2
    assert "not a feature store" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["bottleneck", "doctor", "--cache", str(tmp_path), "--json"])
    assert main() == 0
    assert '"verb": "doctor"' in capsys.readouterr().out


def test_help_and_a_verb_is_the_help_of_that_verb(capsys):
    assert main(["help", "gc"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: bottleneck gc ")
    assert "--grace" in said
