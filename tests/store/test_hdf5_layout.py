"""The bytes of our HDF5 files against those that HDF5 itself writes."""

import json
import os

import h5py
import numpy as np
import pytest

from bottleneck.store.hdf5_layout import lookup3, pieces
from bottleneck.store.table import Blocks, blocks_of, load_format


def as_hdf5_writes(path, columns, attributes):
    """Write what `Hdf5Format.write` writes with h5py, by the settings that the format names."""
    creation = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    creation.set_obj_track_times(False)
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_libver_bounds(h5py.h5f.LIBVER_V110, h5py.h5f.LIBVER_V110)
    access.set_alignment(1, 4096)
    handle = h5py.h5f.create(os.fsencode(path), h5py.h5f.ACC_EXCL, fcpl=creation, fapl=access)
    text = json.dumps(attributes, sort_keys=True).encode()
    with h5py.File(handle) as file:
        for name in sorted(columns):
            file.create_dataset(name, data=columns[name], track_times=False, fillvalue=None)
        file.create_dataset("attributes", data=np.frombuffer(text, "u1"), track_times=False)
        file.attrs.create("format_version", 1, dtype="<i4")


def part(n, shape, dtype):
    rng = np.random.default_rng(0)
    return {
        "rows": rng.normal(size=(n, *shape)).astype(dtype),
        "digests": rng.integers(0, 256, (n, 32), np.uint8),
        "checksums": rng.integers(0, 2**32, n, np.uint32),
    }


def snapshot(n, *more):
    whole = {
        "key": np.full((n, 9), 7, np.uint8),
        "digest": np.full((n, 32), 3, np.uint8),
        "known": np.ones(n, np.uint8),
        "label": np.arange(n, dtype="<i4"),
        "split": np.zeros(n, np.uint8),
        "group": np.arange(n, dtype="<i4"),
        "targets": np.ones((n, 3), "<f4"),
    }
    return {name: whole[name] for name in (*list(whole)[:5], *more)}


TABLES = {
    "part": part(10, (16,), "<f2"),
    "part of one row": part(1, (2048,), "<f4"),
    "part without rows": part(0, (16,), "<f2"),
    "part of views of maps": part(70, (4, 7, 7, 5), "<f2"),
    "part of eight pages": part(100, (512,), "<f2"),
    "numbers": {"at": np.arange(-5, 5, dtype="<i8")},
    "snapshot": snapshot(20),
    "large snapshot": snapshot(3000),
    "snapshot with groups": snapshot(20, "group"),
    "snapshot with targets": snapshot(20, "targets"),
    "snapshot with both": snapshot(20, "group", "targets"),
    "no column": {},
}


@pytest.mark.skipif(h5py.version.hdf5_version_tuple[:2] != (1, 14), reason="others may pad anew")
@pytest.mark.parametrize("columns", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("attributes", [{}, {"recipe": "ab" * 3000, "classes": ["é"]}])
def test_every_byte_is_the_one_that_hdf5_writes(tmp_path, columns, attributes):
    as_hdf5_writes(tmp_path / "theirs.h5", columns, attributes)
    load_format("hdf5").write(tmp_path / "ours.h5", columns, attributes)
    assert (tmp_path / "ours.h5").read_bytes() == (tmp_path / "theirs.h5").read_bytes()


@pytest.mark.parametrize("columns", TABLES.values(), ids=TABLES)
def test_hdf5_reads_what_was_written(tmp_path, columns):
    path = tmp_path / "t.h5"
    load_format("hdf5").write(path, columns, {"a": "é"})
    with h5py.File(path) as file:
        assert file.attrs["format_version"] == 1
        assert json.loads(file["attributes"][()].tobytes()) == {"a": "é"}
        assert set(file) == {*columns, "attributes"}
        for name, expected in columns.items():
            assert (file[name].dtype, file[name].shape) == (expected.dtype, expected.shape)
            np.testing.assert_array_equal(file[name][()], expected)
            assert file[name].id.get_offset() is None or file[name].id.get_offset() % 4096 == 0


def test_a_row_of_more_axes_than_a_header_has_room_for_is_written_and_read(tmp_path):
    columns = {"rows": np.arange(2, dtype="<f4").reshape(2, *[1] * 14)}
    load_format("hdf5").write(tmp_path / "t.h5", columns, {})
    with h5py.File(tmp_path / "t.h5") as file:
        np.testing.assert_array_equal(file["rows"][()], columns["rows"])


def test_more_columns_than_a_group_can_name_are_refused():
    nine = [(f"c{i}", blocks_of(np.zeros(1, "<i4"))) for i in range(9)]
    with pytest.raises(ValueError, match="8 at most"):
        next(pieces(nine, 1))


def test_a_column_in_blocks_is_never_held_as_a_whole():
    made = []

    def blocks():
        for start in range(0, 100, 10):
            made.append(start)
            yield np.full((10, 4), start, "<f4")

    column = Blocks(shape=(100, 4), dtype=np.dtype("<f4"), blocks=blocks())
    seen = [(len(piece), len(made)) for piece in pieces([("rows", column)], 1)]
    assert [n for size, n in seen if size == 160] == list(range(1, 11))


@pytest.mark.parametrize(
    ("text", "checksum"),
    # From the author's own page, http://burtleburtle.net/bob/c/lookup3.c, driver5.
    [(b"", 0xDEADBEEF), (b"Four score and seven years ago", 0x17770551)],
)
def test_the_checksum_is_lookup3(text, checksum):
    assert lookup3(text) == checksum
