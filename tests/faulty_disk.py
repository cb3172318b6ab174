"""Builds the libraries that make a process' disk another one, where there is a C compiler."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@functools.cache
def library(source):
    """Return a built library; skip the test where it cannot be built."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("a disk that fails under a process needs Linux and a C compiler")
    path = Path(tempfile.mkdtemp(prefix="faulty-")) / "disk.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", path, HERE / source, "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"the compiler cannot build it: {done.stderr[-200:]}")
    return path


def environment(source="faulty.c"):
    """Return the environment of a process on such a disk; BLAS has no threads, so it can
    fork."""
    parts = [str(HERE.parent), str(HERE), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "LD_PRELOAD": str(library(source)),
        "PYTHONPATH": os.pathsep.join(part for part in parts if part),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def told_by(driver, *arguments, environment):
    """Run a driver on such a disk, which must end well; return the JSON that it printed."""
    done = subprocess.run(
        [sys.executable, driver, *arguments],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def fast_folder(fallback):
    """Return a folder in memory where there is one: thousands of fsyncs take long on a disk."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK):
        return Path(tempfile.mkdtemp(prefix="bottleneck-", dir=memory))
    return fallback
