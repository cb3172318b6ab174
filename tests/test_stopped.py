"""Commands that are stopped, once or several times, at times that are drawn: real processes."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from world import picture

ROOT = Path(__file__).parents[1]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
TRIALS = 40 if os.environ.get("BOTTLENECK_SOAK") else 1
VERBS = {
    "extract": ["extract", "--cache", "FMT", "--batch-size", "4"],
    "train": ["train", "--cache", "FMT"],
    "predict": ["predict", "photos", "--run", "FMT/runs/r"],
    "verify": ["verify", "--cache", "FMT", "--repair"],
    "gc": ["gc", "--cache", "FMT", "--grace", "0s"],
}


def started(folder, words):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bottleneck", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True
    )


def wait(process, seconds):
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=seconds)


def until_it_takes_signals(process):
    """Wait for our handlers: while Python itself starts, nothing of ours can be in its way."""
    caught = 0
    while process.poll() is None and not caught >> (signal.SIGTERM - 1) & 1:
        status = Path(f"/proc/{process.pid}/status").read_text()
        caught = int(status.partition("SigCgt:")[2].split()[0], 16)
        wait(process, 0.01)


def ended(folder, words):
    process = started(folder, words)
    out, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return out


@pytest.fixture(scope="module", params=["hdf5", "zarr"])
def made(tmp_path_factory, request):
    """Return a folder with 60 images, a store of half of them, a run; and its format."""
    folder = tmp_path_factory.mktemp("stopped")
    for i in range(60):
        picture(folder / "photos" / ("cat" if i % 2 else "dog") / f"{i:02}.png", i)
    words = ["extract", "--data", "photos", "--backbone", "mini", "--cache", request.param]
    ended(folder, [*words, "--format", request.param, "--limit", "30"])
    ended(folder, ["train", "--cache", request.param, "--run", "r"])
    return folder, request.param


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("verb", VERBS)
def test_a_command_that_is_stopped_ends_in_one_line_and_its_store_verifies(
    made, tmp_path, verb, times
):
    folder, fmt = made
    draw = random.Random(f"{verb} {fmt} {times}")
    for _ in range(TRIALS):
        shutil.rmtree(tmp_path)
        shutil.copytree(folder, tmp_path)
        number = draw.choice(list(CODES))
        process = started(tmp_path, [word.replace("FMT", fmt) for word in VERBS[verb]])
        until_it_takes_signals(process)
        wait(process, draw.uniform(0, 1.2))
        for again in range(times):
            if again:
                wait(process, draw.choice([0, 0.001, 0.05, 0.3]))
            process.send_signal(number)
        out, said = process.communicate(timeout=30)
        # Between its own end and Python's the signal ends the process without us: a command that
        # is stopped once more then may have said its line already, and ends by the signal.
        ended_by_signal = process.returncode == -number
        assert ended_by_signal or process.returncode in {0, CODES[number]}, said
        assert "Traceback" not in said
        assert "FATAL" not in said
        n_said = said.count("everything saved so far is kept")
        assert n_said <= 1 if ended_by_signal else n_said == (process.returncode > 0)
        assert ended(tmp_path, ["verify", "--cache", fmt])
