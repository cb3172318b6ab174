"""Rows by position, as PyTorch's DataLoader asks for them; PyTorch itself is not needed."""

import multiprocessing
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from world import picture

import bottleneck
from bottleneck.core.sample import Targets
from bottleneck.store.log import SetSource
from bottleneck.store.store import Store

NETWORK = {"backbone": "resnet50", "weights": "random:0", "size": 8}


@pytest.fixture
def store(tmp_path, photos, numpy_network):
    picture(photos / "none.png", 50)
    bottleneck.extract_features(photos, cache=tmp_path / "store", **NETWORK)
    return bottleneck.open_store(tmp_path / "store")


def as_arrays(pairs):
    rows, labels = zip(*pairs, strict=True)
    return np.stack(rows), np.array(labels)


def test_it_is_the_labelled_rows_in_the_order_of_arrays(store):
    x, y, _ = store.arrays("train")
    assert (y < 0).any()
    data = store.torch_dataset()
    assert len(data) == (y >= 0).sum() == 12
    one, label = data[3]
    assert (one.dtype, one.shape, type(label)) == (np.float32, (6,), int)
    rows, labels = as_arrays(data[i] for i in range(len(data)))
    np.testing.assert_array_equal(rows, np.asarray(x, np.float32)[y >= 0])
    np.testing.assert_array_equal(labels, y[y >= 0])
    np.testing.assert_array_equal(data[-1][0], rows[-1])
    with pytest.raises(IndexError):
        data[12]


def test_a_batch_is_gathered_at_once(store, monkeypatch):
    data = store.torch_dataset()
    expected = as_arrays(data[i] for i in (5, 0, 5))
    calls, rows = [], data._opened.rows
    take = type(rows).take
    monkeypatch.setattr(type(rows), "take", lambda self, at: calls.append([*at]) or take(self, at))
    found = as_arrays(data.__getitems__([5, 0, 5]))
    assert calls == [[5, 0, 5]]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_another_process_opens_the_store_by_itself_at_the_same_commit(store, photos):
    data = store.torch_dataset()
    expected = as_arrays(data.__getitems__(range(len(data))))
    (photos / "cat" / "01.png").unlink()
    bottleneck.extract_features(cache=store.path)  # a newer commit has one image less
    mine = data._opened.rows
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)

    def work():
        found = as_arrays(data.__getitems__(range(len(data))))
        send.send((found, data._opened.pid == os.getpid(), data._opened.rows is mine))

    worker = context.Process(target=work)
    worker.start()
    found, is_its_own, is_mine = receive.recv()
    worker.join()
    assert is_its_own
    assert not is_mine
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_pickled_it_is_small_and_says_the_same(store):
    data = store.torch_dataset(split=None)
    expected = data[7][0]
    pickled = pickle.dumps(data)
    assert len(pickled) < 1000
    again = pickle.loads(pickled)
    assert again._opened.rows is again._opened.targets is None  # what is open stays in its process
    np.testing.assert_array_equal(again[7][0], expected)
    assert (len(again), again.commit) == (len(data), store.commit)


def test_a_spawned_process_reads_it_and_imports_no_torch(store, tmp_path):
    (tmp_path / "data.pickle").write_bytes(pickle.dumps(store.torch_dataset()))
    code = (
        "import pickle, sys\n"
        f"data = pickle.load(open({str(tmp_path / 'data.pickle')!r}, 'rb'))\n"
        "print(len(data), data[2][1], 'torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["12", str(store.torch_dataset()[2][1]), "False"]


def test_of_several_views_it_is_the_image_itself(tmp_path, photos, numpy_network):
    cache = tmp_path / "views"
    bottleneck.extract_features(photos, cache=cache, views=3, augment="flip", **NETWORK)
    store = bottleneck.open_store(cache)
    np.testing.assert_array_equal(store.torch_dataset()[4][0], store.arrays()[0][4, 0])


def test_numbers_stand_in_the_place_of_a_label_where_one_at_least_is_known(store):
    inner = Store.open(store.path)
    recorded = inner.snapshot()
    values = np.arange(26, dtype=np.float32).reshape(13, 2)
    values[3], values[5, 0] = np.nan, np.nan
    targets = Targets(values=values, kind="numbers", names=("a", "b"))
    samples = replace(recorded.samples, targets=targets)
    entry = inner.write_snapshot(replace(recorded, samples=samples))
    inner.commit([SetSource("photos", inner.state.sources["photos"].snapshot, entry)], "test")
    data = bottleneck.open_store(store.path).torch_dataset()
    assert len(data) == 12
    rows, found = as_arrays(data.__getitems__(range(12)))
    np.testing.assert_array_equal(found, np.delete(values, 3, axis=0))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(rows, np.delete(np.asarray(store.arrays()[0], "f4"), 3, axis=0))
