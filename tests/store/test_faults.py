"""Kills, full disks, errors and lies of a disk, at each call under every library, one by one.

A shim (tests/faulty.c) sits between a process and the system: it does not matter who writes.
By default a few calls of each verb are hit, with other faults for each verb; with BOTTLENECK_SOAK=1
every call, until a run came to its end without having been hit.
"""

import json
import os
import shutil
import subprocess
import sys

import fault_table
import faulty_disk
import pytest
from fault_driver import FAULTS
from fault_world import VERBS

SOAK = os.environ.get("BOTTLENECK_SOAK") == "1"
SHORT = 2  # calls of a verb that a fault hits by default


def plan(shift):
    """Return what the driver is to do; by default a kill and two more faults of each verb."""
    if SOAK:
        return [f"{verb}:0" for verb in VERBS]
    faults = list(FAULTS)[1:]
    chosen = []
    for number, verb in enumerate(VERBS):
        at = 2 * (number + shift * len(VERBS))
        two = [faults[(at + i) % len(faults)] for i in range(2)]
        chosen.append(":".join([verb, str(SHORT), "K1 kill", *two]))
    return chosen


def driven(fmt, folder, *plan):
    """Run the driver; return its rows."""
    driver = [sys.executable, str(faulty_disk.HERE / "fault_driver.py")]
    done = subprocess.run(
        [*driver, str(faulty_disk.library("faulty.c")), str(folder), fmt, *plan],
        env=faulty_disk.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    fault_table.ROWS += rows
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ["hdf5", "zarr"])
def test_no_fault_of_a_disk_at_any_call_breaks_what_must_hold(tmp_path, fmt):
    folder = faulty_disk.fast_folder(tmp_path)
    try:
        rows = driven(fmt, folder, *plan(["hdf5", "zarr"].index(fmt)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    wrong = [(r["verb"], r["fault"], line) for r in rows for line in r["violations"]]
    assert wrong == []
    assert all(row["ended"] for row in rows)
    assert {row["verb"] for row in rows} == set(VERBS)
    assert sum(row["injections"] for row in rows) >= len(VERBS)


def test_the_shim_makes_calls_fail_and_counts_them(tmp_path):
    code = (
        "import ctypes, os, sys\n"
        "lib = ctypes.CDLL(sys.argv[1])\n"
        "lib.faulty_arm(sys.argv[2].encode(), ctypes.c_long(1), 1, 28, 31)\n"
        "handle = os.open(sys.argv[2] + '/a', os.O_WRONLY | os.O_CREAT)\n"
        "try: os.write(handle, b'x')\n"
        "except OSError as error: print(error.errno, os.write(handle, b'x'))\n"
        "open('/dev/null', 'w').close()\n"
        "print(lib.faulty_count(), lib.faulty_hits())\n"
    )
    words = [sys.executable, "-c", code, str(faulty_disk.library("faulty.c")), str(tmp_path)]
    done = subprocess.run(
        words, env=faulty_disk.environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["28", "1", "3", "1"]
