"""Parts as zarr and h5py themselves open them: the same rows, and no way to change them."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import h5py
import numpy as np
import pytest
from store_world import rows_and_digests

from bottleneck.core.errors import DamagedError
from bottleneck.store.store import Store

ROOT = Path(__file__).parents[2]
SHAPES = {"rows": (16,), "digests": (32,), "checksums": ()}


@pytest.fixture
def two(filled):
    """A store of two parts, the second without rows."""
    rows, digests = rows_and_digests(0, 1)
    return filled.commit([filled.add_part(filled.write_part(digests, rows, {}))], "more")


def test_the_libraries_read_the_rows_that_we_read(two):
    handles = two.part_handles()
    assert [handle["rows"].shape[0] for handle in handles] == [20, 0]
    for handle, part in zip(handles, two.parts, strict=True):
        for name, ours in (
            ("rows", part.take(np.arange(len(part)))),
            ("digests", part.digests),
            ("checksums", part.checksums),
        ):
            column = handle[name]
            assert (column.dtype, column.shape) == (ours.dtype, (len(part), *SHAPES[name]))
            np.testing.assert_array_equal(column[:], ours)


def test_a_handle_is_the_librarys_own_and_read_only(filled):
    (handle,) = filled.part_handles()
    if filled.format == "hdf5":
        assert isinstance(handle, h5py.File)
    else:
        import zarr

        assert isinstance(handle, zarr.Group)
    with pytest.raises((OSError, ValueError)):
        handle["rows"][0] = np.ones(16, np.float16)
    with pytest.raises((OSError, ValueError)):
        handle.create_group("more")
    np.testing.assert_array_equal(handle["rows"][:], rows_and_digests(20)[0])


def test_a_part_that_lost_a_file_is_damage_and_not_fill_values(two):
    path = two.path / "parts" / two.state.parts[0].name
    (path if path.is_file() else path / "rows" / "c" / "0" / "0").unlink()
    with pytest.raises(DamagedError):
        Store.open(two.path).part_handles()


OLDEST = Path(sys.prefix) / "oldest-zarr"  # where the Makefile puts it: inside the environment
OLDEST_VERSION = "3.1.3"  # as in pyproject.toml


def test_the_oldest_zarr_is_the_one_that_the_package_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert f"zarr>={OLDEST_VERSION}" in project["dependencies"]


@pytest.mark.slow
@pytest.mark.skipif(not OLDEST.is_dir(), reason="make test installs it")
def test_the_oldest_zarr_reads_the_rows_of_our_parts():
    store = Store.open(ROOT / "tests/golden/stores/v1-zarr")
    code = (
        "import json, sys, zarr\n"
        "print(zarr.__version__)\n"
        "for path in sys.argv[1:]:\n"
        "    print(zarr.open_group(path, mode='r')['rows'][:].astype('f8').tolist())\n"
    )
    paths = [str(store.path / "parts" / entry.name) for entry in store.state.parts]
    done = subprocess.run(
        [sys.executable, "-c", code, *paths],
        env={**os.environ, "PYTHONPATH": str(OLDEST)},
        capture_output=True,
        text=True,
        check=True,
    )
    version, *rows = done.stdout.splitlines()
    assert version == OLDEST_VERSION
    for said, part in zip(rows, store.parts, strict=True):
        ours = part.take(np.arange(len(part))).astype("f8")
        np.testing.assert_array_equal(np.array(json.loads(said)), ours)
