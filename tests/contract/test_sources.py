"""What every source promises, tried on each kind in the catalog."""

import csv
import gzip
import json
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from bottleneck.core.digest import sample_digest
from bottleneck.core.errors import DataError
from bottleneck.core.recipe import ImageSpec
from bottleneck.data.catalog import ADDRESSES, NAMED, PATHS, open_source, reopen
from bottleneck.data.decode import decode
from bottleneck.data.shared import SharedSource
from bottleneck.data.source import SKIPPED


def make_batches(folder, names, label_key, n_classes):
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for name in names:
        labels = [i % n_classes for i in range(11)]
        batch = {b"data": rng.integers(0, 256, (11, 3072), np.uint8), label_key: labels}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))


def make_folder(root, splits=("",)):
    rng = np.random.default_rng(0)
    for split in splits:
        for i in range(12):
            path = root / split / f"class{i % 3}" / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (6, 5, 3), np.uint8)).save(path)
    return root


def make_arrays():
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (21, 6, 5, 3), np.uint8),
        "y_train": rng.integers(0, 3, 21),
        "x_test": rng.integers(0, 256, (12, 6, 5, 3), np.uint8),
        "y_test": rng.integers(0, 3, 12),
    }


def a_folder(home):
    return make_folder(home / "images")


def a_folder_of_splits(home):
    return make_folder(home / "images", ["train", "val"])


def a_table(home):
    root = make_folder(home / "images", ["train", "val"])
    with (home / "t.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["label", "filename", "split"])
        for path in sorted(root.rglob("*.png"), reverse=True):
            rows.writerow([path.parent.name, path.relative_to(home), path.parts[-3]])
    return home / "t.csv"


def a_pattern_of_tables(home):
    root = make_folder(home / "images", ["train", "val"])
    for split in ("train", "val"):
        with (home / f"{split}.csv").open("w", newline="") as file:
            paths = sorted((root / split).rglob("*.png"), reverse=True)
            names = [(path.parent.name, path.relative_to(home)) for path in paths]
            csv.writer(file).writerows([("label", "filename"), *names])
    return home / "*.csv"


def a_table_of_pixels(home):
    rng = np.random.default_rng(0)
    with (home / "t.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["label", *(f"pixel{i}" for i in range(16))])
        rows.writerows([i % 3, *rng.integers(0, 256, 16).tolist()] for i in range(20))
    return home / "t.csv"


def an_npz(home):
    np.savez(home / "a.npz", **make_arrays())
    return home / "a.npz"


def a_packed_npz(home):
    np.savez_compressed(home / "a.npz", **make_arrays())
    return home / "a.npz"


def an_npy(home):
    np.save(home / "a.npy", make_arrays()["x_train"])
    return home / "a.npy"


def a_tar(home):
    root = make_folder(home / "images", ["train", "val"])
    with tarfile.open(home / "a.tar", "w") as archive:
        archive.add(root, arcname=".")
    return home / "a.tar"


def a_zip(home):
    root = make_folder(home / "images", ["train", "val"])
    with zipfile.ZipFile(home / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(root.rglob("*.png"), reverse=True):
            stored = zipfile.ZIP_STORED if path.stem == "3" else None
            archive.write(path, path.relative_to(root), stored)
    return home / "a.zip"


def a_webdataset(home):
    root = make_folder(home / "images")
    for split in ("train", "val"):
        with tarfile.open(home / f"{split}-0.tar", "w") as archive:
            for path in sorted(root.rglob("*.png")):
                archive.add(path, f"{path.stem}.png")
                (home / "cls").write_text(path.parent.name)
                archive.add(home / "cls", f"{path.stem}.cls")
    return home / "*-0.tar"


def write_idx(path, values):
    head = struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape)
    data = head + values.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def a_folder_of_idx(home, packed=""):
    arrays = make_arrays()
    for prefix, split in (("train", "train"), ("t10k", "test")):
        write_idx(home / f"{prefix}-images-idx3-ubyte{packed}", arrays[f"x_{split}"][..., 0])
        labels = arrays[f"y_{split}"].astype(np.uint8)
        write_idx(home / f"{prefix}-labels-idx1-ubyte{packed}", labels)
    return home


def a_folder_of_packed_idx(home):
    return a_folder_of_idx(home, ".gz")


def a_pattern_of_idx(home):
    return a_folder_of_idx(home) / "*-images-idx3-ubyte"


def a_file_of_idx(home):
    return a_folder_of_idx(home) / "train-images-idx3-ubyte"


def cifar_batches(home):
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    make_batches(home / "batches", names, b"labels", 9)
    return home / "batches"


def binary_batches(home):
    rng = np.random.default_rng(0)
    for name in ("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin"):
        rows = rng.integers(0, 256, (11, 3073), np.uint8)
        rows[:, 0] = np.arange(11) % 3
        (home / name).write_bytes(rows.tobytes())
    (home / "batches.meta.txt").write_text("plane\ncar\nbird\n\n")
    return home


def frames(home):
    """An example of the fake source that `test_growth` adds to a copy of the package."""
    names = sorted(path.relative_to(home) for path in make_folder(home / "images").rglob("*.png"))
    (home / "a.frames").write_text("\n".join(map(str, names)))
    return home / "a.frames"


def an_image(home):
    return make_folder(home) / "class1" / "10.png"


def digits(home):
    return "digits"


def cifar10(home):
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    make_batches(home / "keras/datasets/cifar-10-batches-py", names, b"labels", 9)
    return "cifar10"


def cifar100(home):
    make_batches(home / "keras/datasets/cifar-100-python", ["test", "train"], b"fine_labels", 100)
    return "cifar100"


def mnist(home):
    folder = home / "keras/datasets"
    folder.mkdir(parents=True)
    arrays = {k: v[..., 0] if k[0] == "x" else v for k, v in make_arrays().items()}
    np.savez_compressed(folder / "mnist.npz", **arrays)
    return "mnist"


def fashion_mnist(home):
    folder = home / "keras/datasets/fashion-mnist"
    folder.mkdir(parents=True)
    arrays = make_arrays()
    for prefix, split in (("train", "train"), ("t10k", "test")):
        x, y = arrays[f"x_{split}"][..., 0], arrays[f"y_{split}"].astype(np.uint8)
        write_idx(folder / f"{prefix}-images-idx3-ubyte.gz", x)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte.gz", y)
    return "fashion_mnist"


def a_prefix(home, bucket):
    return bucket.put_folder(make_folder(home / "images", ["train", "val"]), "images")


def a_table_there(home, bucket):
    a_table(home)
    return bucket.put_folder(home, "set") + "/t.csv"


def a_tar_there(home, bucket):
    bucket.put("sets/a.tar", a_tar(home).read_bytes())
    return bucket.at("sets/a.tar")


def a_webdataset_there(home, bucket):
    a_webdataset(home)
    for path in home.glob("*.tar"):
        bucket.put(f"sets/{path.name}", path.read_bytes())
    return bucket.at("sets/*-0.tar")


# What makes one, for each line of the catalog: a new line without one fails below.
EXAMPLES = {
    "frames": [frames],
    "folder": [a_folder, a_folder_of_splits],
    "image": [an_image],
    "array": [an_npz, a_packed_npz, an_npy],
    "archive": [a_tar],
    "zip": [a_zip],
    "shards": [a_webdataset],
    "idx": [a_folder_of_idx, a_folder_of_packed_idx, a_file_of_idx],
    "idx_files": [a_pattern_of_idx],
    "cifar": [cifar_batches, binary_batches],
    "table": [a_table, a_table_of_pixels],
    "tables": [a_pattern_of_tables],
    "digits": [digits],
    "cifar10": [cifar10],
    "cifar100": [cifar100],
    "mnist": [mnist],
    "fashion_mnist": [fashion_mnist],
    "bucket": [a_prefix],
    "bucket_table": [a_table_there],
    "bucket_archive": [a_tar_there],
    "bucket_shards": [a_webdataset_there],
}
KINDS = (*PATHS, *NAMED, *ADDRESSES)
MAKERS = [(kind, make) for kind in KINDS for make in EXAMPLES.get(kind, [None])]


@pytest.fixture(params=MAKERS, ids=lambda p: p[1].__name__ if p[1] else p[0])
def data(request, tmp_path, monkeypatch):
    """What `--data` would say, with the data in place."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    kind, make = request.param
    assert make, f"no example of {kind} in EXAMPLES"
    more = [request.getfixturevalue("image_bucket")] if kind in ADDRESSES else []
    found = str(make(tmp_path, *more))
    assert open_source(found).spec["kind"] == kind
    return found


def label_of(listing, i):
    return listing.classes[listing.labels[i]] if listing.labels[i] >= 0 else None


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


def test_an_excerpt_reads_the_same_samples_without_the_source_and_its_listing(data):
    source = open_source(data)
    at = np.random.default_rng(1).permutation(len(source.list()))[:5].tolist()
    some = pickle.loads(pickle.dumps(SharedSource(source).view().excerpt(at)))
    there = [source.read(i) for i in at]
    del source
    assert len(some) == len(at)
    for i, read in enumerate(there):
        assert sample_digest(some.read(i).content) == sample_digest(read.content)
        assert some.read(i).stat == read.stat


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
    source = open_source(data, {"exclude": ["*7"]})
    again = reopen(json.loads(json.dumps(source.spec, allow_nan=False)))
    assert again.spec == source.spec
    assert again.name == source.name
    assert same(again.list(), source.list())
    assert set(source.spec) == {"kind", "where", "include", "exclude"}


def test_excluding_shifts_no_label_and_no_content(data):
    whole, part = open_source(data), open_source(data, {"exclude": ["*1*"]})
    all_of_it = whole.list()
    if len(all_of_it) == 1:
        with pytest.raises(DataError, match="no images are left"):
            part.list()
        return
    rest = part.list()
    assert 0 < len(rest) < len(all_of_it)
    where = {bytes(key): i for i, key in enumerate(all_of_it.keys)}
    for i, key in enumerate(rest.keys):
        j = where[bytes(key)]
        assert label_of(rest, i) == label_of(all_of_it, j)
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
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
