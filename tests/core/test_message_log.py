"""`--log FILE`: messages, results and errors with their times, whatever becomes of the streams."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from world import picture

from bottleneck.core import console, message_log
from bottleneck.extract import main as extract

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 \S.*")


@pytest.fixture
def words(tmp_path, photos, numpy_network):
    found = ["--data", str(photos), "--cache", str(tmp_path / "store"), "--backbone", "resnet50"]
    return [*found, "--weights", "random:0", "--size", "8", "--log", str(tmp_path / "n.log")]


def lines(path):
    found = path.read_text().splitlines()
    assert all(LINE.fullmatch(line) for line in found)
    return [line.partition(" ")[2] for line in found]


@pytest.mark.parametrize("more", [[], ["--quiet"], ["--json"]])
def test_the_log_has_command_messages_result_and_code_whatever_is_shown(
    words, tmp_path, capsys, more
):
    assert console.run(extract, [*words, *more]) == 0
    found = lines(tmp_path / "n.log")
    assert found[0].startswith("bottleneck extract --data ")
    assert "computing on a test, 4 images a batch" in found
    assert any("12 computed" in line for line in found)
    assert found[-1] == "ended with exit code 0"
    said = capsys.readouterr()
    assert (said.out + said.err == "") == (more == ["--quiet"])
    if more == ["--json"]:
        assert json.loads(said.out)["computed"] == 12


def test_it_is_appended_to_and_a_log_that_was_rotated_begins_anew(words, tmp_path, capsys):
    log = tmp_path / "n.log"
    console.run(extract, words)
    console.run(extract, words)
    assert lines(log).count("ended with exit code 0") == 2
    log.rename(tmp_path / "n.log.1")
    console.run(extract, words)
    assert lines(log).count("ended with exit code 0") == 1
    assert lines(tmp_path / "n.log.1").count("ended with exit code 0") == 2


def test_errors_wrong_words_and_bugs_are_in_it(words, tmp_path, capsys, monkeypatch):
    log = tmp_path / "n.log"
    assert console.run(extract, [*words, "--bogus"]) == 2
    assert lines(log)[-2].startswith("error: unknown option: --bogus")
    assert console.run(extract, [*words[2:], f"--log={log}"]) == 2
    assert lines(log)[-2].startswith("error: given more than once: --log")
    picture(tmp_path / "more/x/1.png", 3)
    monkeypatch.setattr("bottleneck.pipeline.extraction.turn.begin", lambda *_: 1 / 0)
    assert console.run(extract, words) == 1
    assert "ZeroDivisionError" in lines(log)[-2]
    Path(re.search(r"please report (\S+)", lines(log)[-2])[1]).unlink()
    assert lines(log)[-1] == "ended with exit code 1"
    assert not message_log.is_kept()


def test_a_log_that_cannot_be_written_is_wrong_usage_before_anything_is_done(
    words, tmp_path, capsys
):
    os.mkfifo(tmp_path / "pipe")
    for name in ("none/n.log", "photos", "pipe"):
        assert console.run(extract, [*words[:-1], str(tmp_path / name)]) == 2
        err = capsys.readouterr().err
        assert len(err.splitlines()) == 1
        assert str(tmp_path / name) in err
    assert not (tmp_path / "store").exists()


def test_a_line_that_cannot_be_written_ends_no_run(words, tmp_path, monkeypatch, capsys):
    real, full = message_log._opened, []

    def opened(path):
        if full:
            raise OSError(28, "No space left on device")
        full.append(path)  # it could be opened when the command began
        return real(path)

    monkeypatch.setattr(message_log, "_opened", opened)
    assert console.run(extract, words) == 0
    assert full


@pytest.mark.slow
def test_a_closed_stderr_loses_nothing_of_it(tmp_path):
    command = f'"{sys.executable}" -m bottleneck.status --cache none --log n.log 2>&-'
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")
    found = lines(tmp_path / "n.log")
    assert found[-2].startswith("error: not a feature store: none")
    assert found[-1] == "ended with exit code 2"
