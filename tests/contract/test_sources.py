"""What every source promises, tried on each kind in the catalog."""

import json
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from bottleneck.core.digest import sample_digest
from bottleneck.core.recipe import ImageSpec
from bottleneck.data.catalog import NAMED, open_source, reopen
from bottleneck.data.decode import decode
from bottleneck.data.source import SKIPPED

KINDS = ["folder", "split folder", *NAMED]


def make_tiny_cifar10(home):
    rng = np.random.default_rng(0)
    folder = home / "datasets" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        batch = {b"data": rng.integers(0, 256, (9, 3072), np.uint8), b"labels": [*range(9)]}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))


def make_folder(root, splits):
    rng = np.random.default_rng(0)
    for split in splits:
        for i in range(12):
            path = root / split / f"class{i % 3}" / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (6, 5, 3), np.uint8)).save(path)


@pytest.fixture(params=KINDS)
def data(request, tmp_path, monkeypatch):
    """What `--data` would say, with the data in place."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    if "folder" in request.param:
        make_folder(tmp_path / "images", ["train", "val"] if "split" in request.param else [""])
        return str(tmp_path / "images")
    if request.param == "cifar10":
        make_tiny_cifar10(tmp_path / "keras")
    return request.param


def same(a, b):
    columns = ("keys", "labels", "splits", "stats")
    return a.classes == b.classes and all(
        np.array_equal(getattr(a, c), getattr(b, c)) for c in columns
    )


def test_a_listing_has_columns_of_one_length_and_the_promised_types(data):
    listing = open_source(data).list()
    n = len(listing)
    assert n > 0
    assert listing.keys.dtype.kind == "S"
    assert (listing.labels.dtype, listing.labels.shape) == (np.int32, (n,))
    assert (listing.splits.dtype, listing.splits.shape) == (np.uint8, (n,))
    assert (listing.stats.dtype, listing.stats.shape) == (np.int64, (n, 4))
    assert set(listing.skipped) == set(SKIPPED)
    assert set(np.unique(listing.splits)) <= {0, 1, 2}


def test_keys_are_unique_and_sorted_as_bytes(data):
    keys = open_source(data).list().keys.tolist()
    assert keys == sorted(set(keys))


def test_classes_are_sorted_and_each_is_used(data):
    listing = open_source(data).list()
    assert list(listing.classes) == sorted(set(listing.classes))
    assert np.unique(listing.labels[listing.labels >= 0]).tolist() == [*range(len(listing.classes))]


def test_looking_twice_sees_the_same(data):
    source = open_source(data)
    assert same(source.list(), source.list())
    assert same(source.list(), open_source(data).list())


def test_bytes_are_the_same_each_time_and_in_any_thread(data):
    source = open_source(data)
    n = len(source.list())
    indices = np.random.default_rng(0).integers(0, n, 200).tolist()
    alone = [sample_digest(source.read(i).content) for i in indices]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda i: sample_digest(source.read(i).content), indices))
    assert together == alone


def test_a_read_has_the_listings_stat_while_nothing_changes(data):
    source = open_source(data)
    listing = source.list()
    for i in (0, len(listing) // 2, len(listing) - 1):
        assert list(source.read(i).stat) == listing.stats[i].tolist()


def test_every_content_decodes(data):
    source = open_source(data)
    for i in range(0, len(source.list()), 7):
        assert decode(source.read(i).content, ImageSpec(size=(9, 11))).shape == (9, 11, 3)


def test_a_spec_is_json_that_reopens_the_same_source(data):
    source = open_source(data, exclude=["*1"])
    again = reopen(json.loads(json.dumps(source.spec, allow_nan=False)))
    assert again.spec == source.spec
    assert again.name == source.name
    assert same(again.list(), source.list())
    assert set(source.spec) == {"kind", "where", "include", "exclude"}


def test_excluding_shifts_no_label_and_no_content(data):
    whole, part = open_source(data), open_source(data, exclude=["*1*"])
    all_of_it, rest = whole.list(), part.list()
    assert 0 < len(rest) < len(all_of_it)
    where = {bytes(key): i for i, key in enumerate(all_of_it.keys)}
    for i, key in enumerate(rest.keys):
        j = where[bytes(key)]
        assert rest.classes[rest.labels[i]] == all_of_it.classes[all_of_it.labels[j]]
        assert rest.splits[i] == all_of_it.splits[j]
        if i % 11 == 0:
            assert np.array_equal(
                np.asarray(part.read(i).content), np.asarray(whole.read(j).content)
            )


def test_it_exists_and_a_source_is_never_written(data, tmp_path):
    source = open_source(data)
    assert source.exists()
    source.list()  # a conversion may be made now
    before = sorted((str(p), p.stat().st_mtime_ns) for p in tmp_path.rglob("*"))
    for i in range(len(source.list())):
        source.read(i)
    assert sorted((str(p), p.stat().st_mtime_ns) for p in tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_listing_and_reading_import_no_network_framework(data):
    code = (
        "import sys; from bottleneck.data.catalog import open_source\n"
        f"s = open_source({data!r}); s.list(); s.read(0)\n"
        "bad = {'keras', 'tensorflow', 'h5py', 'zarr', 'joblib'} & set(sys.modules)\n"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
