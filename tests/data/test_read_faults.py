"""A disk that does not read (EIO) never makes a sample vanish, or change, without a word.

By default some reads of each kind of source fail; with BOTTLENECK_SOAK=1 every one.
"""

import os
import shutil
from pathlib import Path

import faulty_disk
import pytest

ABOUT = "0" if os.environ.get("BOTTLENECK_SOAK") == "1" else "20"


@pytest.mark.slow
def test_a_read_that_fails_is_an_error_or_a_sample_that_cannot_be_read(tmp_path):
    folder = faulty_disk.fast_folder(tmp_path)
    driver = Path(__file__).with_name("read_fault_driver.py")
    try:
        found = faulty_disk.told_by(
            driver,
            faulty_disk.library("faulty.c"),
            folder,
            ABOUT,
            environment=faulty_disk.environment(),
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert {kind: wrong for kind, (_, _, wrong) in found.items() if wrong} == {}
    assert all(failed >= min(n, 10) for n, failed, _ in found.values())
    assert len(found) > 15
