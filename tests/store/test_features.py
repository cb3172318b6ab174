"""Rows of several parts, gathered together; the oracle is the array that they were written from."""

import numpy as np
import pytest
from store_world import RECIPE, rows_and_digests

from bottleneck.core.errors import DamagedError
from bottleneck.store.store import Store

N, PARTS = 24, 3


@pytest.fixture(params=["hdf5", "zarr"])
def written(request, tmp_path):
    """A store of 24 rows in three parts; the rows, their digests, and the files of the parts."""
    store = Store.create(tmp_path / "store", RECIPE, {}, request.param)
    rows, digests = rows_and_digests(N)
    split = np.array_split(np.arange(N), PARTS)
    entries = [store.write_part(digests[at], rows[at], {}) for at in split]
    store.commit([store.add_part(entry) for entry in entries], "test")
    paths = [tmp_path / "store" / "parts" / entry.name for entry in entries]
    files = [path if path.is_file() else next(path.rglob("rows/c/0/0")) for path in paths]
    return store.path, rows, digests, files


def test_rows_come_in_any_order_and_as_often_as_they_are_asked_for(written):
    path, rows, digests, _ = written
    order = np.random.default_rng(1).permutation(N)
    x = Store.open(path).features_of(digests[order])
    for wanted in ([0], [5, 5, 5], [*range(N)], [-1, 3], np.arange(N)[::-1]):
        assert x.take(wanted).tobytes() == rows[order][wanted].tobytes()
        assert x.take(wanted).tobytes() == rows[order][wanted].tobytes()  # all were checked
    with pytest.raises(IndexError):
        x.take([N])


@pytest.mark.parametrize("at", [0, 9, N - 1])
def test_a_damaged_row_is_named_and_never_given(written, at):
    path, rows, digests, files = written
    part, row = divmod(at, N // PARTS)
    content = files[part].read_bytes()
    place = content.index(rows[at].tobytes())
    files[part].write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    x = Store.open(path).features_of(digests)
    others = np.delete(np.arange(N), at)
    x.take([others[0]] * N)  # one row, as often as there are rows
    assert x.take(others).tobytes() == rows[others].tobytes()
    for _ in range(2):
        with pytest.raises(
            DamagedError, match=rf"^row {row} \(image {digests[at].tobytes().hex()[:16]}"
        ):
            x.take([1, at, 2])
    assert x.take(others).tobytes() == rows[others].tobytes()
