"""Standard streams that are closed, full or of another encoding, and a poor environment.

In processes of their own, as a shell or cron would start them.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FULL = "/dev/full"
pytestmark = pytest.mark.skipif(not Path(FULL).exists(), reason="no full device here")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with a store of a few real images in each format, and a run in each."""
    from world import picture

    folder = tmp_path_factory.mktemp("streams")
    for i in range(6):
        picture(folder / "photos" / ("cat" if i % 2 else "dog") / f"{i}.png", i)
    for fmt in ("hdf5", "zarr"):
        words = ["extract", "--data", "photos", "--backbone", "mini", "--cache", fmt]
        assert ended(folder, [*words, "--format", fmt])[0] == 0
        assert ended(folder, ["train", "--cache", fmt, "--run", "r"])[0] == 0
    return folder


def ended(folder, words, redirection="", environment=None, before=""):
    """Run a command in a shell; return code, stdout and stderr."""
    command = f'{before}exec "$@" {redirection}'
    words = [sys.executable, "-m", "bottleneck", *words]
    done = subprocess.run(
        ["sh", "-c", command, "sh", *words],
        cwd=folder,
        env={**(os.environ if environment is None else environment), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done.returncode, done.stdout, done.stderr


VERBS = {
    "--version": ["--version"],
    "--help": ["--help"],
    "extract --help": ["extract", "--help"],
    "extract": ["extract", "--cache", "hdf5"],
    "train": ["train", "--cache", "zarr"],
    "predict": ["predict", "photos", "--run", "hdf5/runs/r"],
    "compare": ["compare", "hdf5/runs/r"],
    "status": ["status", "--cache", "hdf5", "--cache", "zarr"],
    "forget": ["forget", "--cache", "hdf5", "--dry-run"],
    "verify": ["verify", "--cache", "zarr"],
    "gc": ["gc", "--cache", "hdf5"],
    "doctor": ["doctor"],
}
AS_JSON = {
    f"{name} --json": [*w, "--json"]
    for name, w in VERBS.items()
    if name[:1] != "-" and "help" not in name
}


@pytest.mark.slow
@pytest.mark.parametrize("words", {**VERBS, **AS_JSON}.values(), ids={**VERBS, **AS_JSON}.keys())
def test_a_full_device_is_12_and_closed_streams_are_as_the_null_device(made, words):
    code, out, said = ended(made, words, f">{FULL}")
    assert (code, out) == (12, "")
    assert "error: no space or memory left: standard output" in said
    assert ended(made, words, f">{FULL} 2>{FULL}")[0] == 12
    for redirection in (">&-", "2>&-", "<&-", "<&- >&- 2>&-", f"2>{FULL}"):
        assert ended(made, words, redirection)[0] == 0, redirection


@pytest.mark.parametrize("redirection", [">&-", "2>&-", f">{FULL}", f"2>{FULL}", "<&- >&- 2>&-"])
def test_a_failure_keeps_its_own_code_whatever_the_streams_are(tmp_path, redirection):
    for more in ([], ["--json"]):
        assert ended(tmp_path, ["status", "--cache", "nowhere", *more], redirection)[0] == 2


def test_a_stream_that_is_closed_does_not_lend_its_number_to_a_file_of_the_store(tmp_path):
    code = (
        "import os, sys\n"
        "from bottleneck.core import console\n"
        "def main(words):\n"
        "    with open('part', 'wb') as file:\n"
        "        assert file.fileno() > 2, file.fileno()\n"
        "        os.write(1, b'printed by a library')\n"
        "        os.write(2, b'printed by a library')\n"
        "    return 0\n"
        "sys.exit(console.run(main))\n"
    )
    command = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert done.returncode == 0
    assert (tmp_path / "part").read_bytes() == b""


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["status", "predict"])
def test_whoever_closes_the_pipe_gets_no_error_and_the_code_of_a_closed_pipe(made, verb):
    words = [sys.executable, "-m", "bottleneck", *VERBS[verb]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        words, cwd=made, env=environment, stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert done.returncode == 141
    assert b"error" not in done.stderr
    assert b"Exception" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-16"])
def test_a_terminal_of_another_encoding_gets_what_it_can_show(made, encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C", "PYTHONUTF8": "0"}
    for name in ("status", "extract", "extract --help"):
        assert ended(made, VERBS[name], environment=environment)[0] == 0
    code, out, _ = ended(
        made, [*VERBS["status"], "--json"], environment={**environment, "PYTHONIOENCODING": "ascii"}
    )
    assert code == 0
    assert json.loads(out)["verb"] == "status"


ENVIRONMENTS = {
    "as cron's": lambda _: ({}, ""),
    "no HOME": lambda _: ({"PATH": os.environ["PATH"]}, ""),
    "a HOME that is not there": lambda _: ({"HOME": "/nowhere/at/all"}, ""),
    "a HOME that is a file": lambda f: ({"HOME": str(f / "photos/cat/1.png")}, ""),
    "a TMPDIR that is not there": lambda _: ({"TMPDIR": "/nowhere/at/all"}, ""),
    "a TMPDIR that is full": lambda _: ({"TMPDIR": FULL}, ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_verb_works_in_a_poor_environment(made, name):
    environment, before = ENVIRONMENTS[name](made)
    for verb in ("extract", "train", "predict", "status", "verify", "gc", "doctor"):
        code, _, said = ended(made, VERBS[verb], environment=environment, before=before)
        assert code == 0, f"{verb}: {said}"


@pytest.mark.slow
def test_in_a_folder_that_was_deleted_each_verb_works_or_says_so(made):
    before = "mkdir gone && cd gone && rmdir ../gone && "
    for verb, words in VERBS.items():
        code, _, said = ended(made, words, before=before)
        expected = {"--version": 0, "--help": 0, "extract --help": 0, "doctor": {0, 13, 2}}
        found = expected.get(verb, {2, 13})
        assert code in (found if isinstance(found, set) else {found}), f"{verb}: {said}"
        whole = [str(made / word) if (made / word).exists() else word for word in words]
        if verb != "doctor":
            assert ended(made, whole, before=before)[0] == 0, verb


def test_a_bug_is_told_although_nothing_can_be_written_anywhere(tmp_path, monkeypatch, capsys):
    from bottleneck.core import console

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    def broken(_):
        raise ZeroDivisionError("a\x1b[2Jb")

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", full)
    assert console.run(broken, []) == 1
    said = capsys.readouterr().err
    assert "ZeroDivisionError: a\\x1b[2Jb" in said
    assert "could not be written (No space left on device)" in said
