import pickle

import numpy as np
import pytest

from bottleneck.data import pickled

# As Python 2 and numpy 1 wrote the real batches: protocol 2, str for bytes, old module names.
PYTHON_2 = (
    b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\n"
    b"q\x04K\x00\x85U\x01b\x87Rq\x05(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87R"
    b"q\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x06abcdeftbU\x06labelsq\x08"
    b"]q\x09(K\x06K\x09eu."
)


def test_a_batch_written_by_python_2_is_read_without_a_warning():
    batch = pickled.load(PYTHON_2)
    assert batch[b"labels"] == [6, 9]
    np.testing.assert_array_equal(batch[b"data"], np.frombuffer(b"abcdef", "u1").reshape(2, 3))


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_todays_numpy_pickles_is_read(protocol):
    value = {b"data": np.arange(6, dtype=np.uint8).reshape(2, 3), b"labels": [1, 2]}
    batch = pickled.load(pickle.dumps(value, protocol=protocol))
    np.testing.assert_array_equal(batch[b"data"], value[b"data"])
    assert batch[b"labels"] == [1, 2]


class Evil:
    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


@pytest.mark.parametrize(
    "evil",
    [
        Evil(eval, "open('ran', 'w')"),
        Evil(exec, "open('ran', 'w')"),
        Evil(open, "ran", "w"),
        Evil(__import__, "this"),
        Evil(np.load, "ran"),
        Evil(np.ndarray, (10**6,)),
        Evil(np._core.multiarray._reconstruct, np.ndarray, (10**6,), b"b"),
        Evil(np.dtype, "O"),
        Evil(__import__("_codecs").encode, "x", "rot13"),
    ],
)
def test_a_pickle_that_calls_anything_is_refused_and_nothing_runs(evil, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises((pickle.UnpicklingError, TypeError)):
        pickled.load(pickle.dumps({b"data": evil}, protocol=2))
    assert not (tmp_path / "ran").exists()
