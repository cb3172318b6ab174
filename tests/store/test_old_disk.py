"""Memory cards' disks: names fold case, stamps of 2 s, no hard links, no fsync of folders."""

import shutil

import faulty_disk
import pytest


@pytest.mark.slow
@pytest.mark.parametrize("fmt", ["hdf5", "zarr"])
def test_every_verb_holds_what_it_promises_on_an_old_disk(tmp_path, fmt):
    folder = faulty_disk.fast_folder(tmp_path).resolve()
    try:
        told = faulty_disk.told_by(
            faulty_disk.HERE / "old_disk_driver.py",
            folder,
            fmt,
            environment={**faulty_disk.environment("old_disk.c"), "OLD_DISK": str(folder)},
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert told["disk"] == {"folds": True, "links": False, "syncs folders": False, "step": 2}
    assert told["wrong"] == []
