"""Builds the library that makes a process' disk fail, where there is a C compiler."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@functools.cache
def library():
    """Return the built library; skip the test where it cannot be built."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("a disk that fails under a process needs Linux and a C compiler")
    path = Path(tempfile.mkdtemp(prefix="faulty-")) / "faulty.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", path, HERE / "faulty.c", "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"the compiler cannot build it: {done.stderr[-200:]}")
    return path


def environment():
    """Return the environment of a process whose disk fails; BLAS has no threads, so it can fork."""
    parts = [str(HERE.parent), str(HERE), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "LD_PRELOAD": str(library()),
        "PYTHONPATH": os.pathsep.join(part for part in parts if part),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def fast_folder(fallback):
    """Return a folder in memory where there is one: thousands of fsyncs take long on a disk."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK):
        return Path(tempfile.mkdtemp(prefix="bottleneck-", dir=memory))
    return fallback
