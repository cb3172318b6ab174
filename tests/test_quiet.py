"""What the commands write, seen from outside: the process, with what native libraries print."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

MAKE = Path(__file__).parent / "core" / "guest_script.py"
RUN = """
import json, sys
from bottleneck.__main__ import main
for words in json.loads(sys.argv[1]):
    code = main(words)
    if code:
        print(f"{words} ended with {code}")
"""
NOISE = re.compile(r"oneDNN|absl|cuda|TensorFlow|tensorflow|openvino|^[IWE]\d{4}", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quiet")
    subprocess.run([sys.executable, MAKE, folder, "make"], check=True, capture_output=True)
    return folder


def run(folder, *commands):
    done = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps([list(map(str, words)) for words in commands])],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout, done.stderr


def every_verb(folder, cache):
    maps = ("--backbone", "plain.keras", "--layer", "early", "--pooling", "none")
    runs = [f"{cache}/runs/{head}" for head in ("linear", "dense", "conv", "tail")]
    yield "extract", "--data", "photos", "--cache", cache, *maps, "--engine", "openvino"
    for head in ("dense", "conv", "tail"):  # first those that bring the framework
        yield "train", "--cache", cache, "--head", head, "--run", head, "--epochs", 1
    yield "train", "--cache", cache, "--head", "linear", "--run", "linear"
    for path in runs:
        yield "predict", "photos/class0/00.png", "--run", path
    yield "predict", "photos/class1", "--run", runs[0], "--engine", "keras"
    yield "compare", *runs
    yield "export", f"{cache}.keras", "--run", runs[1]
    yield "export", f"{cache}.csv", "--cache", cache
    yield "extract", "--cache", cache, "--dry-run"
    yield "extract", "--data", "photos", "--cache", f"{cache}-mini", "--backbone", "mini"
    for verb in ("status", "verify", "gc", "doctor"):
        yield verb, "--cache", cache
    yield "relocate", "--cache", cache, "photos", "photos"
    yield "copy", cache, f"{cache}-copy"
    yield "forget", "--source", "photos", "--cache", cache


@pytest.mark.slow
def test_quiet_is_quiet_in_every_verb(folder):
    said = run(folder, *((*words, "--quiet") for words in every_verb(folder, "hushed")))
    assert said == ("", "")


@pytest.mark.slow
def test_without_quiet_no_verb_repeats_what_libraries_print(folder):
    said, beside = run(folder, *every_verb(folder, "loud"))
    assert "accuracy" in said
    assert "computing on the CPU" in beside
    assert not NOISE.search(beside)


@pytest.mark.slow
def test_quiet_with_json_prints_the_object_alone(folder):
    words = ("--data", "digits", "--backbone", "mini", "--cache", "digits", "--limit", "64")
    said, beside = run(folder, ("extract", *words, "--quiet", "--json"))
    assert (json.loads(said)["computed"], beside) == (64, "")


def test_warnings_of_libraries_stay_out_of_the_terminal_and_ours_are_shown(capsys):
    import logging
    import warnings

    from bottleneck.core import console

    def main(_words):
        logging.getLogger("somelibrary").warning("for programmers")
        logging.getLogger("bottleneck.engines").warning("memory ended")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("for programmers too", stacklevel=1)
        return 0

    handlers = [list(logging.getLogger(name).handlers) for name in ("", "bottleneck")]
    assert console.run(main) == 0
    assert capsys.readouterr().err == "warning: memory ended\n"
    assert [list(logging.getLogger(name).handlers) for name in ("", "bottleneck")] == handlers
