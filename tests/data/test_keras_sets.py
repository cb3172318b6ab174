import gzip
import json
import os
import pickle
import shutil
import struct
import sys
import threading
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bottleneck.core.errors import DataError, UnavailableError
from bottleneck.data import keras_sets
from bottleneck.data.how import make_how
from bottleneck.data.keras_originals import CIFAR10, CIFAR100, FASHION_MNIST, MNIST
from bottleneck.data.keras_sets import open_cifar10, open_set

ALL = make_how({"include": (), "exclude": ()})


@pytest.fixture
def keras(monkeypatch):
    """Stand in for Keras; return a namespace whose `load_data` a test sets, and count its calls."""
    stand_in = types.SimpleNamespace(calls=0, load_data=None)

    def load_data():
        stand_in.calls += 1
        print("Downloading data from")
        return stand_in.load_data()

    def offline():
        raise Exception("URL fetch failure on https://…: None -- Name or service not known")

    stand_in.load_data = offline
    module = types.ModuleType("keras.datasets")
    module.cifar10 = types.SimpleNamespace(load_data=load_data)
    monkeypatch.setattr(keras_sets, "import_callers_keras", lambda: None)
    monkeypatch.setitem(sys.modules, "keras", types.ModuleType("keras"))
    monkeypatch.setitem(sys.modules, "keras.datasets", module)
    return stand_in


def contents_of(source):
    listing = source.list()
    return {
        bytes(key): (source.read(i).content.tobytes(), listing.classes[listing.labels[i]])
        for i, key in enumerate(listing.keys)
    }


def conversions(batches_folder):
    return sorted((batches_folder.parent / "bottleneck").glob("[!l]*"))  # not the lock


def test_an_unpacked_copy_is_listed_in_the_order_of_its_batches_without_keras(batches, keras):
    folder = batches()
    source = open_cifar10(ALL)
    assert source.exists()
    listing = source.list()
    assert listing.keys.tolist() == [
        *(b"test/%05d" % i for i in range(4)),
        *(b"train/%05d" % i for i in range(20)),
    ]
    names = ["test_batch", *(f"data_batch_{i}" for i in range(1, 6))]
    loaded = [pickle.loads((folder / n).read_bytes(), encoding="bytes") for n in names]
    pixels = np.concatenate([b[b"data"] for b in loaded])
    labels = np.concatenate([b[b"labels"] for b in loaded])
    for i in range(24):
        planes = source.read(i).content.transpose(2, 0, 1)
        np.testing.assert_array_equal(planes.reshape(-1), pixels[i])
        assert listing.classes[listing.labels[i]] == CIFAR10.classes[labels[i]]
    assert listing.splits.tolist() == [2] * 4 + [0] * 20
    assert keras.calls == 0


@pytest.mark.parametrize("folder", CIFAR10.folders)
def test_both_places_of_an_unpacked_copy_are_known(batches, keras, folder):
    batches(folder=folder)
    assert len(open_cifar10(ALL).list()) == 24


def test_a_second_list_opens_no_original_and_converts_nothing(batches, keras, monkeypatch):
    folder = batches()
    first = open_cifar10(ALL).list()
    before = conversions(folder)
    monkeypatch.setattr(keras_sets, "_convert", None)
    monkeypatch.setattr(keras_sets.files, "read", None)
    second = open_cifar10(ALL).list()
    assert conversions(folder) == before
    assert second.stats.tolist() == first.stats.tolist()


def test_replaced_originals_are_converted_anew_and_the_old_conversion_goes(batches, keras):
    folder = batches()
    old = contents_of(open_cifar10(ALL))
    batches(seed=1)
    new = contents_of(open_cifar10(ALL))
    assert new != old
    assert len(conversions(folder)) == 1
    shutil.rmtree(folder.parent / "bottleneck")
    assert contents_of(open_cifar10(ALL)) == new


def test_originals_copied_elsewhere_and_back_are_hashed_once_not_converted(batches, keras):
    folder = batches()
    old = contents_of(open_cifar10(ALL))
    before = conversions(folder)
    for path in folder.iterdir():
        os.utime(path, ns=(1, 1))
    assert contents_of(open_cifar10(ALL)) == old
    assert conversions(folder) == before
    about = json.loads((before[0] / "about.json").read_text())
    assert about["files"]["test_batch"]["stat"].split()[1] == "1"


def test_the_conversion_serves_when_the_originals_are_gone(batches, keras):
    folder = batches()
    old = contents_of(open_cifar10(ALL))
    shutil.rmtree(folder)
    assert open_cifar10(ALL).exists()
    assert contents_of(open_cifar10(ALL)) == old


@pytest.mark.parametrize("name", ["about.json", "images.npy", "labels.npy", "splits.npy"])
@pytest.mark.parametrize("how", ["gone", "cut", "flipped", "empty"])
def test_a_damaged_conversion_is_made_anew(batches, keras, name, how):
    folder = batches()
    good = contents_of(open_cifar10(ALL))
    path = conversions(folder)[0] / name
    data = bytearray(path.read_bytes())
    path.unlink()
    if how == "cut":
        path.write_bytes(data[:-1] if name != "about.json" else data[:-9])
    elif how == "flipped":
        data[len(data) // 2] ^= 4
        path.write_bytes(data)
    elif how == "empty":
        path.touch()
    assert contents_of(open_cifar10(ALL)) == good
    assert len(conversions(folder)) == 1


def test_labels_edited_in_place_are_found_although_their_stat_is_as_before(batches, keras):
    folder = batches()
    good = contents_of(open_cifar10(ALL))
    path = conversions(folder)[0] / "labels.npy"
    labels = np.load(path)
    about = path.with_name("about.json")
    np.save(path, (labels + 1) % 10)
    plain = json.loads(about.read_text())
    plain["files"]["labels.npy"]["stat"] = " ".join(map(str, keras_sets.stat_row(path.stat())))
    about.write_bytes(keras_sets._spell(plain))
    assert contents_of(open_cifar10(ALL)) == good


def test_a_crash_while_converting_leaves_nothing_under_a_name(batches, keras, monkeypatch):
    folder = batches()

    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(keras_sets.files, "publish", crash)
        with pytest.raises(KeyboardInterrupt):
            open_cifar10(ALL).list()
    assert conversions(folder) == []
    assert len(open_cifar10(ALL).list()) == 24


def test_two_runs_that_convert_at_once_both_read_right_rows(batches, keras):
    batches()
    folder = keras_sets.keras_home() / "datasets" / "cifar-10-batches-py"
    gate = threading.Barrier(4)

    def convert(_):
        gate.wait()
        return contents_of(open_cifar10(ALL))

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(convert, range(4)))
    assert found == [found[0]] * 4
    assert len(conversions(folder)) == 1


def test_what_a_killed_conversion_left_goes_with_the_next(batches, keras):
    folder = batches()
    left = folder.parent / "bottleneck" / "tmp-of-a-killed-run"
    left.mkdir(parents=True)
    open_cifar10(ALL).list()
    assert not left.exists()


def test_without_a_network_one_message_names_the_file_the_place_and_what_works(
    tmp_path, monkeypatch, keras, capsys
):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "k"))
    source = open_cifar10(ALL)
    assert not source.exists()
    with pytest.raises(UnavailableError) as caught:
        source.list()
    message = str(caught.value)
    assert caught.value.exit_code == 9
    assert "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz" in message
    assert str(tmp_path / "k" / "datasets") in message
    assert "--data digits" in message
    assert capsys.readouterr().out == ""  # Keras' own words go to stderr


def test_without_keras_the_message_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "k"))
    monkeypatch.setitem(sys.modules, "keras.datasets", None)
    with pytest.raises(UnavailableError, match="--data digits"):
        open_cifar10(ALL).list()


def test_what_keras_downloads_is_then_read_here(batches, keras):
    keras.load_data = lambda: batches(folder=CIFAR10.folders[0])
    assert len(open_cifar10(ALL).list()) == 24
    assert keras.calls == 1
    assert len(open_cifar10(ALL).list()) == 24
    assert keras.calls == 1


def test_an_incomplete_copy_is_not_taken_for_the_data_set(batches, keras):
    (batches() / "data_batch_3").unlink()
    assert not open_cifar10(ALL).exists()
    with pytest.raises(UnavailableError):
        open_cifar10(ALL).list()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        pickle.dumps([1]),
        pickle.dumps({b"data": np.zeros((2, 3072), "u1"), b"labels": [1]}),
        pickle.dumps({b"data": np.zeros((1, 3071), "u1"), b"labels": [1]}),
        pickle.dumps({b"data": np.zeros((1, 3072), "f4"), b"labels": [1]}),
        pickle.dumps({b"data": np.zeros((1, 3072), "u1"), b"labels": [10]}),
        pickle.dumps({b"data": np.zeros((1, 3072), "u1"), b"labels": ["cat"]}),
    ],
)
def test_an_original_that_is_no_batch_is_a_data_error_that_names_it(batches, keras, content):
    (batches() / "data_batch_2").write_bytes(content)
    with pytest.raises(DataError, match="data_batch_2"):
        open_cifar10(ALL).list()


def test_a_container_that_changes_after_listing_is_an_os_error(batches, keras):
    folder = batches()
    source = open_cifar10(ALL)
    source.list()
    os.utime(conversions(folder)[0] / "images.npy", ns=(1, 1))
    with pytest.raises(OSError, match="changed after it was listed"):
        source.read(0)


@pytest.fixture
def originals(tmp_path, monkeypatch):
    """Put tiny originals of the other sets in place; return their arrays, test first."""
    home = tmp_path / "keras" / "datasets"
    monkeypatch.setenv("KERAS_HOME", str(home.parent))

    def make(known):
        rng = np.random.default_rng(0)
        shape = (32, 32, 3) if known is CIFAR100 else (28, 28)
        x = {s: rng.integers(0, 256, (n, *shape), np.uint8) for s, n in (("test", 3), ("train", 7))}
        y = {s: rng.integers(0, len(known.classes), len(x[s])).astype(np.uint8) for s in x}
        folder = home / known.folders[-1]
        folder.mkdir(parents=True, exist_ok=True)
        if known is MNIST:
            arrays = {f"x_{s}": x[s] for s in x} | {f"y_{s}": y[s] for s in y}
            np.savez_compressed(folder / "mnist.npz", **arrays)
        for split in x:
            if known is CIFAR100:
                flat = x[split].transpose(0, 3, 1, 2).reshape(-1, 3072)
                batch = {b"data": flat, b"fine_labels": y[split].tolist(), b"coarse_labels": [0]}
                (folder / split).write_bytes(pickle.dumps(batch, protocol=2))
            if known is FASHION_MNIST:
                prefix = {"test": "t10k", "train": "train"}[split]
                head = struct.pack(">IIII", 2051, len(x[split]), 28, 28)
                data = gzip.compress(head + x[split].tobytes())
                (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(data)
                data = gzip.compress(struct.pack(">II", 2049, len(y[split])) + y[split].tobytes())
                (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(data)
        return folder, np.concatenate([*x.values()]), np.concatenate([*y.values()])

    return make


@pytest.mark.parametrize("known", [CIFAR100, MNIST, FASHION_MNIST], ids=lambda k: k.name)
def test_the_other_sets_have_their_images_and_the_names_of_their_classes(originals, known, keras):
    _, x, y = originals(known)
    source = open_set(known, ALL)
    listing = source.list()
    assert listing.keys.tolist()[2:4] == [b"test/00002", b"train/00000"]
    assert listing.splits.tolist() == [2] * 3 + [0] * 7
    for i in range(10):
        np.testing.assert_array_equal(source.read(i).content, x[i])
        assert listing.classes[listing.labels[i]] == known.classes[y[i]]
    assert keras.calls == 0


@pytest.mark.parametrize("known", [CIFAR100, MNIST, FASHION_MNIST], ids=lambda k: k.name)
def test_a_broken_original_of_the_other_sets_is_a_data_error_that_names_it(originals, known, keras):
    folder, *_ = originals(known)
    for name in known.files:
        path = folder / name
        good = path.read_bytes()
        for bad in (b"", b"garbage", good[: len(good) // 2], gzip.compress(b"garbage" * 9)):
            path.write_bytes(bad)
            with pytest.raises(DataError, match=name.split("-")[0]):
                open_set(known, ALL).list()
        path.write_bytes(good)
    assert len(open_set(known, ALL).list()) == 10


def test_an_idx_file_of_another_dtype_is_not_read_as_bytes(originals, keras):
    folder, *_ = originals(FASHION_MNIST)
    path = folder / "t10k-labels-idx1-ubyte.gz"
    plain = bytearray(gzip.decompress(path.read_bytes()))
    plain[2] = 9  # signed
    path.write_bytes(gzip.compress(plain))
    with pytest.raises(DataError, match="t10k-labels"):
        open_set(FASHION_MNIST, ALL).list()


def test_conversions_of_two_sets_leave_each_other_alone(batches, originals, keras):
    batches()
    open_cifar10(ALL).list()
    for known in (CIFAR100, MNIST, FASHION_MNIST):
        originals(known)
        open_set(known, ALL).list()
    found = sorted(p.name.rsplit("-")[0] for p in conversions(batches()))
    assert found == ["cifar10", "cifar100", "fashion_mnist", "mnist"]
