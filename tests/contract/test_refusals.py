"""What was not written here is refused; what the system fails at is not called damage."""

import errno
import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from store_world import rows_and_digests, snapshot_of

from bottleneck.core.errors import DamagedError
from bottleneck.core.sample import key_array
from bottleneck.store.catalog import FORMATS
from bottleneck.store.inventory import check_files, files_of, recorded_files
from bottleneck.store.part import PartEntry
from bottleneck.store.snapshot import SnapshotEntry, read_snapshot, write_snapshot
from bottleneck.store.table import Blocks, load_format


@pytest.fixture(params=sorted(FORMATS))
def written(request, tmp_path):
    """Return (format, path, files) of a written table of ten rows."""
    fmt = load_format(request.param)
    path = tmp_path / f"t{fmt.suffix}"
    fmt.write(path, {"rows": rows_and_digests(10)[0]}, {"a": 1})
    return fmt, path, files_of(path)


def test_no_more_open_files_is_not_damage(written, monkeypatch):
    fmt, path, _ = written

    def fails(*_):
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(f"bottleneck.store.{fmt.name}.map_file", fails)
    with pytest.raises(OSError, match="Too many open files"):
        fmt.open(path)


def test_a_link_in_place_of_a_file_is_refused_though_the_bytes_are_the_same(written, tmp_path):
    fmt, path, recorded = written
    file = path if path.is_file() else path / "rows" / "zarr.json"
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    with pytest.raises(DamagedError, match="neither a file nor a folder"):
        check_files(path, recorded)
    with pytest.raises(DamagedError, match="neither a file nor a folder"):
        fmt.open(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_refused_and_never_waited_for(written):
    fmt, path, _ = written
    if path.is_dir():
        os.mkfifo(path / "pipe")
    else:
        path.unlink()
        os.mkfifo(path)
    with pytest.raises(DamagedError, match="neither a file nor a folder"):
        fmt.open(path)


def test_a_file_that_was_not_written_is_refused_but_a_hidden_one_is_passed_over(written):
    _, path, recorded = written
    if path.is_file():
        pytest.skip("one file holds the table")
    (path / ".DS_Store").write_bytes(b"x")
    check_files(path, recorded)
    (path / "more").write_bytes(b"x")
    with pytest.raises(DamagedError, match="was not written here"):
        check_files(path, recorded)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_attributes_that_are_no_json_are_not_written(written, tmp_path, value):
    fmt, _, _ = written
    with pytest.raises(ValueError, match="JSON"):
        fmt.write(tmp_path / "other", {"rows": np.zeros((1, 2), "f4")}, {"a": value})


@pytest.mark.parametrize("n", [3, 5])
def test_blocks_that_do_not_add_up_are_not_written(written, tmp_path, n):
    fmt, _, _ = written
    blocks = Blocks(shape=(4, 2), dtype=np.dtype("f4"), blocks=iter([np.ones((n, 2), "f4")]))
    with pytest.raises(ValueError, match="announced"):
        fmt.write(tmp_path / "other", {"rows": blocks}, {})


def test_bytes_behind_the_end_of_an_hdf5_file_are_refused(tmp_path):
    fmt = load_format("hdf5")
    path = tmp_path / "t.h5"
    fmt.write(path, {"rows": rows_and_digests(10)[0]}, {})
    with path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(DamagedError, match="not the HDF5 file that was written here"):
        fmt.open(path)


def test_a_float_of_another_bias_is_refused_not_rounded(tmp_path):
    fmt = load_format("hdf5")
    path = tmp_path / "t.h5"
    fmt.write(path, {"rows": rows_and_digests(10)[0]}, {})
    with h5py.File(path, "r+") as file:
        rows = file["rows"][()]
        del file["rows"]
        kind = h5py.h5t.py_create(np.dtype("<f2")).copy()
        kind.set_ebias(14)
        space = h5py.h5s.create_simple(rows.shape)
        h5py.h5d.create(file.id, b"rows", kind, space)
        file["rows"][...] = rows
    with pytest.raises(DamagedError):
        fmt.open(path)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/tmp/x.h5", "0" * 16 + ".h5", 7])
def test_a_commit_cannot_name_a_table_elsewhere(name):
    entry = {"name": name, "id": "0" * 64, "rows": 1, "files": {"": [1, "0" * 64]}}
    with pytest.raises(ValueError, match="is no table's name"):
        PartEntry.from_json(entry)
    with pytest.raises(ValueError, match="is no table's name"):
        SnapshotEntry.from_json({"snapshot": name, "files": entry["files"]})


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/x", "a//b", "a\\b"])
def test_a_commit_cannot_name_files_outside_a_table(path):
    with pytest.raises(ValueError, match="no path inside a table"):
        recorded_files({path: [1, "0" * 64]})


def _edited(path: Path, fmt, edit) -> SnapshotEntry:
    """Rewrite a snapshot with other columns, as somebody who also knows the commit would."""
    table = fmt.open(path)
    columns = {name: column.copy() for name, column in table.columns.items()}
    attributes = json.loads(json.dumps(table.attributes))
    edit(columns, attributes)
    other = path.with_name(f"{'1' * 16}-{'2' * 8}{fmt.suffix}")
    fmt.write(other, columns, attributes)
    return SnapshotEntry(snapshot=other.name, files=files_of(other))


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize(
    "edit",
    [
        lambda columns, _: columns["key"].__setitem__(slice(None), columns["key"][::-1].copy()),
        lambda columns, _: columns["label"].__setitem__(0, 2),
        lambda columns, _: columns["label"].__setitem__(0, -2),
        lambda columns, _: columns["split"].__setitem__(0, 9),
        lambda columns, _: columns.pop("known"),
        lambda columns, _: columns.__setitem__("more", columns["label"]),
        lambda _, attributes: attributes.pop("classes"),
    ],
    ids=["order", "label", "negative", "split", "column", "columns", "classes"],
)
def test_a_snapshot_that_cannot_be_is_refused(tmp_path, name, edit):
    fmt = load_format(name)
    snapshot = snapshot_of(rows_and_digests(6)[1])
    entry = write_snapshot(tmp_path, fmt, snapshot)
    np.testing.assert_array_equal(
        read_snapshot(tmp_path / entry.snapshot, entry).samples.keys,
        key_array([b"k%06d" % i for i in range(6)]),
    )
    bad = _edited(tmp_path / entry.snapshot, fmt, edit)
    with pytest.raises(DamagedError):
        read_snapshot(tmp_path / bad.snapshot, bad)
