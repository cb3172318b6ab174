"""Small disks, few open files, little memory: the code of the table, one line, nothing lost."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent
SOAK = os.environ.get("BOTTLENECK_SOAK") == "1"
SIZES = ["64k", "256k", "512k", "1m", "2m", "3m", "4m", "8m", "12m"] if SOAK else ["64k", "2m"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
EXTRACT = ["extract", "--data", "digits", "--backbone", "mini", "--cache", "disk/store"]


def on_disks(folder, *steps):
    """Run steps of `small_disk` in a namespace of their own; skip where that is not allowed."""
    if not shutil.which("unshare"):
        pytest.skip("no unshare")
    inside = ["unshare", "--map-root-user", "--mount"]
    allowed = subprocess.run(
        [*inside, "mount", "-t", "tmpfs", "none", folder], capture_output=True, check=False
    )
    if allowed.returncode:
        pytest.skip("this machine does not let us mount a file system")
    words = [*inside, sys.executable, HERE / "small_disk.py", folder, json.dumps(steps)]
    done = subprocess.run(
        words, env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=600
    )
    return json.loads(done.stdout)


def errors(said):
    """Return the lines of errors, having seen that there is no traceback and no crash."""
    assert "Traceback" not in said
    assert "Segmentation" not in said
    return [line for line in said.splitlines() if line.startswith("error")]


def run(*words):
    return {"run": list(words)}


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ["hdf5", "zarr"])
@pytest.mark.parametrize("size", SIZES)
def test_a_disk_that_is_too_small_is_12_and_what_was_committed_stays(tmp_path, fmt, size):
    first, filled, checked = on_disks(
        tmp_path,
        {"mount": "disk", "size": size},
        run(*EXTRACT, "--format", fmt),
        {"fill": "disk/fill"},
        run("train", "--cache", "disk/store", "--run", "one"),
        run("verify", "--cache", "disk/store"),
    )
    assert first[0] in {0, 12}
    assert len(errors(first[2])) == (first[0] == 12)
    assert size != "64k" or first[0] == 12
    assert size not in {"2m", "12m"} or first[0] == 0  # the rows are 1.5 MB
    if first[0] == 0:
        assert (filled[0], len(errors(filled[2]))) == (12, 1)
        assert "disk/store/runs" in errors(filled[2])[0]
        assert checked[:2] == [0, "1,797 rows in 1 part are as they were written\n"]


@pytest.mark.slow
@pytest.mark.parametrize("how", ["full", "read-only"])
def test_a_derived_folder_that_cannot_be_written_is_a_message_and_the_run_goes_on(tmp_path, how):
    steps = [
        {"mount": "disk/store/derived", "size": "4k"},
        {"fill": "disk/store/derived/fill"} if how == "full" else {"remount": "ro"},
    ]
    (extracted, again, trained) = on_disks(
        tmp_path,
        *steps,
        run(*EXTRACT),
        run(*EXTRACT),
        run("train", "--cache", "disk/store", "--run", "one"),
    )
    for code, _, said in (extracted, again, trained):
        assert code == 0, said
        assert errors(said) == []
    full = ("No space left on device", "no room beside the rows", "no space or")
    why = full if how == "full" else ("Read-only file system",)
    said = [line for line in extracted[2].splitlines() if "is not kept" in line]
    assert said
    assert all("disk/store/derived/" in line for line in said)
    assert all(any(reason in line for reason in why) for line in said)
    assert "computed 0" in again[1] or "0 computed" in again[1] or "nothing" in again[1]


def limited(folder, what, limit, *words):
    """Run a command under a limit of the system; return its code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "bottleneck", *words],
        cwd=folder,
        env={**ENVIRONMENT, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        preexec_fn=lambda: resource.setrlimit(what, (limit, limit)),
    )
    return done.returncode, done.stderr


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems limit other things")
@pytest.mark.parametrize(
    ("what", "limit", "said"),
    [
        (resource.RLIMIT_NOFILE, 5, "too many open files"),
        (resource.RLIMIT_AS, 200 << 20, "no space or memory left"),
        (resource.RLIMIT_AS, 400 << 20, "ulimit -v"),
        (resource.RLIMIT_AS, 788 << 20, "ulimit -v"),
    ],
    ids=["open files", "200 MB", "400 MB", "788 MB"],
)
def test_no_open_files_and_no_memory_left_are_12_and_one_line(tmp_path, what, limit, said):
    code, told = limited(tmp_path, what, limit, *EXTRACT)
    assert (code, len(errors(told))) == (12, 1), told
    assert said in told
    if limit in {5, 200 << 20}:  # what was left behind is in nobody's way
        assert limited(tmp_path, resource.RLIMIT_NOFILE, 256, *EXTRACT)[0] == 0
