"""Every format of tables against its contract; the oracles are plain h5py and real zarr."""

import json
import re
import shutil

import h5py
import numpy as np
import pytest
from store_world import RECIPE, rows_and_digests, snapshot_of
from world import flip, tree

from bottleneck.core.errors import BottleneckError, DamagedError
from bottleneck.store.catalog import FORMATS
from bottleneck.store.log import ReplaceParts
from bottleneck.store.store import Store
from bottleneck.store.table import Blocks, load_format


@pytest.fixture(params=sorted(FORMATS))
def fmt(request):
    return request.param


def columns(n=10):
    rng = np.random.default_rng(0)
    return {
        "rows": rng.normal(size=(n, 3, 2)).astype("<f2"),
        "digests": rng.integers(0, 256, (n, 32), np.uint8),
        "checksums": rng.integers(0, 2**32, n, np.uint32),
        "label": rng.integers(-1, 9, n).astype("<i4"),
    }


def as_h5py_reads(path):
    with h5py.File(path) as file:
        return {k: file[k][()] for k in file if k != "attributes"}


def as_zarr_reads(path):
    import zarr

    group = zarr.open_group(str(path), mode="r")
    return {name: array[:] for name, array in group.arrays()}


ORACLES = {"hdf5": as_h5py_reads, "zarr": as_zarr_reads}  # of formats that have a library


@pytest.mark.parametrize("n", [0, 1, 10])
def test_what_is_written_is_what_is_read_and_what_the_library_reads(fmt, tmp_path, n):
    path = tmp_path / f"t{load_format(fmt).suffix}"
    load_format(fmt).write(path, columns(n), {"a": [1, "é"]})
    table = load_format(fmt).open(path)
    assert table.attributes == {"a": [1, "é"]}
    readings = [table.columns, *(read(path) for name, read in ORACLES.items() if name == fmt)]
    for found in readings:
        assert found.keys() == columns().keys()
        for name, expected in columns(n).items():
            np.testing.assert_array_equal(found[name], expected)
            assert found[name].dtype == expected.dtype


def test_equal_content_gives_equal_bytes(fmt, tmp_path):
    for name in ("one", "two"):
        load_format(fmt).write(tmp_path / name, columns(), {"a": 1})
    one, two = tmp_path / "one", tmp_path / "two"
    if one.is_file():
        assert one.read_bytes() == two.read_bytes()
    else:
        assert tree(one) == tree(two)


def test_columns_are_mapped_read_only_and_outlive_the_file(fmt, tmp_path):
    path = tmp_path / f"t{load_format(fmt).suffix}"
    load_format(fmt).write(path, columns(), {})
    table = load_format(fmt).open(path)
    rows = table.columns["rows"]
    assert not rows.flags.owndata
    assert not rows.flags.writeable
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    np.testing.assert_array_equal(rows, columns()["rows"])


def test_a_column_in_blocks_is_the_column(fmt, tmp_path):
    whole = columns()["rows"]
    blocks = Blocks(shape=whole.shape, dtype=whole.dtype, blocks=iter([whole[:4], whole[4:]]))
    load_format(fmt).write(tmp_path / "t", {"rows": blocks}, {})
    np.testing.assert_array_equal(load_format(fmt).open(tmp_path / "t").columns["rows"], whole)


@pytest.fixture
def filled(tmp_path, fmt):
    """A store of 20 rows in one part."""
    from bottleneck.store.log import SetSource

    store = Store.create(tmp_path / "store", RECIPE, {}, fmt)
    rows, digests = rows_and_digests(20)
    entry = store.write_snapshot(snapshot_of(digests))
    part = store.write_part(digests, rows, {})
    return store.commit([store.add_part(part), SetSource("s", None, entry)], "test")


def main_file(path, column="rows"):
    """Return the file that holds a column's bytes."""
    if path.is_file():
        return path
    folder = path / column / "c"
    return next(p for p in folder.rglob("*") if p.is_file())


def touch_everything(store):
    """Open a store and read all that can be read."""
    x, y, keys = Store.open(store.path).arrays()
    return np.asarray(x), np.asarray(y), np.asarray(keys)


def test_a_flipped_bit_anywhere_is_an_error_or_changes_nothing(filled):
    expected = touch_everything(filled)
    paths = [
        p
        for room in ("parts", "snapshots", "log", "recipes")
        for p in (filled.path / room).rglob("*")
        if p.is_file()
    ]
    rng = np.random.default_rng(0)
    n_errors = 0
    for _ in range(300):
        path = paths[rng.integers(len(paths))]
        data = path.read_bytes()
        at, bit = int(rng.integers(len(data))), int(rng.integers(8))
        flip(path, at, bit)
        try:
            found = touch_everything(filled)
        except BottleneckError:
            n_errors += 1
        else:
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)
        path.write_bytes(data)
    assert n_errors > 100


@pytest.mark.parametrize("room", ["parts", "snapshots"])
def test_a_truncated_table_is_an_error(filled, room):
    path = main_file(next((filled.path / room).iterdir()), "rows" if room == "parts" else "label")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedError):
        touch_everything(filled)


@pytest.mark.parametrize("room", ["parts", "snapshots"])
def test_trailing_bytes_are_an_error(filled, room):
    path = main_file(next((filled.path / room).iterdir()), "rows" if room == "parts" else "label")
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DamagedError):
        touch_everything(filled)


@pytest.mark.parametrize("room", ["parts", "snapshots"])
def test_a_missing_file_is_an_error_never_fill_values(filled, room):
    main_file(next((filled.path / room).iterdir()), "rows" if room == "parts" else "label").unlink()
    with pytest.raises(DamagedError):
        touch_everything(filled)


def test_two_swapped_digests_are_an_error(filled):
    path = main_file(next((filled.path / "parts").iterdir()), "digests")
    data = bytearray(path.read_bytes())
    _, digests = rows_and_digests(20)
    a, b = data.index(digests[0].tobytes()), data.index(digests[1].tobytes())
    data[a : a + 32], data[b : b + 32] = data[b : b + 32], data[a : a + 32]
    path.write_bytes(bytes(data))
    with pytest.raises(DamagedError, match="digests or checksums"):
        touch_everything(filled)


def test_two_swapped_rows_are_an_error_that_names_part_row_and_image(filled):
    path = main_file(next((filled.path / "parts").iterdir()))
    data = bytearray(path.read_bytes())
    rows, digests = rows_and_digests(20)
    a, b = data.index(rows[4].tobytes()), data.index(rows[5].tobytes())
    data[a : a + 32], data[b : b + 32] = data[b : b + 32], data[a : a + 32]
    path.write_bytes(bytes(data))
    with pytest.raises(DamagedError, match=f"row 4 .image {digests[4].tobytes().hex()[:16]}"):
        touch_everything(filled)


def test_a_part_of_another_recipe_copied_in_is_an_error(filled, tmp_path, fmt):
    from dataclasses import replace

    other = Store.create(tmp_path / "other", replace(RECIPE, weights="cc" * 32), {}, fmt)
    rows, digests = rows_and_digests(20)
    entry = other.write_part(digests, rows + 1, {})
    ours = next((filled.path / "parts").iterdir())
    theirs = other.path / "parts" / entry.name
    shutil.rmtree(ours) if ours.is_dir() else ours.unlink()
    shutil.move(theirs, ours)
    with pytest.raises(DamagedError):
        touch_everything(filled)


def test_a_flipped_label_is_an_error(filled):
    path = main_file(next((filled.path / "snapshots").iterdir()), "label")
    data = path.read_bytes()
    labels = (np.arange(20) % 2).astype("<i4").tobytes()
    flip(path, data.index(labels))
    with pytest.raises(DamagedError):
        Store.open(filled.path).snapshot("s")


def test_a_damaged_newest_commit_is_an_error_never_the_one_before(filled):
    newest = sorted((filled.path / "log").iterdir())[-1]
    newest.write_text(newest.read_text().replace('"by": "test"', '"by": "tesu"'))
    with pytest.raises(DamagedError, match="its bytes changed"):
        Store.open(filled.path)


def test_a_changed_recipe_is_an_error(filled):
    path = next((filled.path / "recipes").iterdir())
    content = json.loads(path.read_text())
    content["recipe"]["preprocessing"] = "x/127.5-1"
    path.write_text(json.dumps(content))
    with pytest.raises(DamagedError):
        Store.open(filled.path)


def test_an_older_log_restored_over_a_newer_one_opens_as_that_older_state(filled):
    sorted((filled.path / "log").iterdir())[-1].unlink()
    assert Store.open(filled.path).source_names == []


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"[]",
        b'{"a": NaN}',
        b'{"format_version": 1, "format_version": 1}',
        b"[" * 100_000,
        b"\xff\xfe",
        lambda good: re.sub(rb'("number": ?)', rb"\g<1>" + b"9" * 400, good),
        lambda good: re.sub(rb'("by": ?)', rb"\g<1>" + b"[" * 600 + b"]" * 600 + b', "x": ', good),
    ],
)
def test_hostile_json_in_the_log_is_damage(filled, hostile):
    newest = sorted((filled.path / "log").iterdir())[-1]
    good = newest.read_bytes()
    bad = hostile(good) if callable(hostile) else hostile
    assert bad != good
    newest.write_bytes(bad)
    with pytest.raises(DamagedError):
        Store.open(filled.path)


def test_a_newer_format_asks_for_an_upgrade(filled):
    newest = sorted((filled.path / "log").iterdir())[-1]
    newest.write_text(newest.read_text().replace('"format_version": 1', '"format_version": 3'))
    with pytest.raises(BottleneckError, match="upgrade") as caught:
        Store.open(filled.path)
    assert caught.value.exit_code == 2


def test_hdf5_links_filters_and_foreign_types_are_refused(tmp_path):
    def attempt(make):
        path = tmp_path / "t.h5"
        path.unlink(missing_ok=True)
        load_format("hdf5").write(path, columns(), {})
        with h5py.File(path, "r+") as file:
            make(file)
        with pytest.raises(DamagedError):
            load_format("hdf5").open(path)

    attempt(lambda f: f.__setitem__("more", h5py.SoftLink("/rows")))
    attempt(lambda f: f.__setitem__("more", h5py.ExternalLink("other.h5", "/rows")))
    attempt(lambda f: f.create_group("more"))
    attempt(lambda f: f.create_dataset("more", data=np.zeros(10), compression="gzip"))
    attempt(lambda f: f.create_dataset("more", data=np.zeros(10, "<c8")))
    attempt(lambda f: f.create_dataset("more", data=np.zeros(9, "<f4")))
    attempt(lambda f: f.create_dataset("more", (2**40,), "u1", external=[("x", 0, 2**40)]))
    attempt(lambda f: f.attrs.__setitem__("format_version", 7))
    attempt(lambda f: f.create_dataset("more", (2**50,), "u1"))  # of which nothing is stored
    attempt(lambda f: f.create_dataset("more", (2**50,), "u1", chunks=(2**20,)))
    attempt(lambda f: f.__setitem__("more", f["rows"]))  # a second name

    def virtual(file):
        layout = h5py.VirtualLayout((len(file["rows"]),), "u1")
        layout[:] = h5py.VirtualSource("other.h5", "x", (len(file["rows"]),))
        file.create_virtual_dataset("more", layout)

    attempt(virtual)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("codecs", [{"name": "bytes", "configuration": {"endian": "big"}}]),
        ("codecs", [{"name": "gzip", "configuration": {"level": 1}}]),
        ("shape", [2**62, 3, 2]),
        ("shape", [10, 3, -2]),
        ("data_type", "complex64"),
        ("chunk_grid", {"name": "regular", "configuration": {"chunk_shape": [5, 3, 2]}}),
        ("fill_value", 1.0),
        ("storage_transformers", [{}]),
    ],
)
def test_zarr_metadata_other_than_ours_is_refused(tmp_path, key, value):
    path = tmp_path / "t.zarr"
    load_format("zarr").write(path, columns(), {})
    metadata = path / "rows" / "zarr.json"
    metadata.write_text(json.dumps({**json.loads(metadata.read_text()), key: value}))
    with pytest.raises(DamagedError):
        load_format("zarr").open(path)


def test_reading_zarr_does_not_import_zarr(tmp_path):
    import subprocess
    import sys

    load_format("zarr").write(tmp_path / "t.zarr", columns(), {})
    code = (
        "import sys; from pathlib import Path; from bottleneck.store.table import load_format;"
        f"load_format('zarr').open(Path({str(tmp_path / 't.zarr')!r}));"
        "assert 'zarr' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_features_index_like_an_array(filled):
    store = filled
    rows, digests = rows_and_digests(5, 7)
    from bottleneck.store.log import SetSource

    both = np.concatenate([rows_and_digests(20)[1], digests])
    expected = np.concatenate([rows_and_digests(20)[0], rows])
    entry = store.write_snapshot(snapshot_of(both))
    before = store.state.sources["s"].snapshot
    store = store.commit(
        [store.add_part(store.write_part(digests, rows, {})), SetSource("s", before, entry)], "x"
    )
    x = store.features()
    assert (x.shape, x.dtype, len(x), x.ndim) == ((25, 16), np.dtype("f2"), 25, 2)
    mask = np.arange(25) % 3 == 0
    for index in (3, -1, slice(2, 24), slice(None, None, -2), [4, 22, 4], mask, np.s_[1:3, 4], ...):
        np.testing.assert_array_equal(x[index], expected[index])
    np.testing.assert_array_equal(np.stack(list(x)), expected)
    np.testing.assert_array_equal(np.asarray(x, np.float32), expected.astype(np.float32))
    with pytest.raises(IndexError):
        x[25]


def test_verify_names_and_repairs_every_kind_of_damage(filled):
    from bottleneck.store.verify import verify

    path = main_file(next((filled.path / "snapshots").iterdir()), "label")
    data = path.read_bytes()
    flip(path, data.index((np.arange(20) % 2).astype("<i4").tobytes()))
    store = filled.commit([ReplaceParts((), ())], "x")
    newest = sorted((store.path / "log").iterdir())[-1]
    newest.write_bytes(newest.read_bytes()[:-9])
    assert {d["what"] for d in verify(filled.path)["damaged"]} == {"commit", "snapshot"}
    report = verify(filled.path, repair=True)
    assert {d["what"] for d in report["damaged"]} == {"commit", "snapshot"}
    assert verify(filled.path)["damaged"] == []
    assert Store.open(filled.path).source_names == []
    assert sum(part.rows for part in Store.open(filled.path).state.parts) == 20
