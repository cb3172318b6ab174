"""Parts as zarr and h5py themselves open them: the same rows, and no way to change them."""

import h5py
import numpy as np
import pytest
from store_world import rows_and_digests

from bottleneck.core.errors import DamagedError
from bottleneck.store.store import Store

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
