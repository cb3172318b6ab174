"""Memory cards' disks: names fold case, stamps of 2 s, no hard links, no fsync of folders."""

import json
import shutil
import subprocess
import sys

import faulty_disk
import pytest


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ["hdf5", "zarr"])
def test_every_verb_holds_what_it_promises_on_an_old_disk(tmp_path, fmt):
    folder = faulty_disk.fast_folder(tmp_path).resolve()
    try:
        done = subprocess.run(
            [sys.executable, str(faulty_disk.HERE / "old_disk_driver.py"), str(folder), fmt],
            env={**faulty_disk.environment("old_disk.c"), "OLD_DISK": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["disk"] == {"folds": True, "links": False, "syncs folders": False, "step": 2}
    assert told["wrong"] == []
