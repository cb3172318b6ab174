"""Arrays that lie anywhere in memory, read as one; the oracle is numpy's own indexing."""

import mmap

import numpy as np
import pytest

from bottleneck.store.joined import Joined


def made(lengths, row_shape, dtype, rng):
    """Return arrays of random rows, some in files that are mapped, some in memory."""
    size = int(np.prod((1, *row_shape))) * np.dtype(dtype).itemsize
    found = []
    for i, length in enumerate(lengths):
        data = rng.integers(0, 2 if dtype == "?" else 256, length * size, np.uint8)
        if i % 2 and data.size:
            mapped = mmap.mmap(-1, data.size)
            mapped.write(data.tobytes())
            data = np.frombuffer(mapped, np.uint8)
        found.append(data.view(dtype).reshape(length, *row_shape))
    return found


@pytest.mark.parametrize("lengths", [[5], [4, 7], [0, 3, 0, 9, 1], [2] * 40])
@pytest.mark.parametrize(
    ("row_shape", "dtype"),
    [((2048,), "<f2"), ((3,), "<f2"), ((5,), "u1"), ((), "?"), ((2, 3, 4), "<f4"), ((), "<u4")],
)
def test_rows_of_several_arrays_are_those_of_each(lengths, row_shape, dtype):
    rng = np.random.default_rng(0)
    arrays = made(lengths, row_shape, dtype, rng)
    array_of = np.repeat(np.arange(len(lengths)), lengths)
    row_of = np.concatenate([np.arange(length) for length in lengths])
    joined = Joined(arrays)
    places = joined.places(array_of, row_of)
    wanted = rng.integers(0, len(places), 64)
    rows = joined.gather(places[wanted])
    expected = np.stack([arrays[array_of[i]][row_of[i]] for i in wanted])
    assert (rows.dtype, rows.shape) == (expected.dtype, expected.shape)
    assert rows.tobytes() == expected.tobytes()
    rows[...] = 0  # a copy
    assert joined.gather(places[wanted]).tobytes() == expected.tobytes()
    assert joined.gather(places[:0]).shape == (0, *row_shape)


def test_a_row_that_is_not_there_is_no_place():
    joined = Joined([np.zeros((3, 2)), np.zeros((1, 2))])
    for array, row in ((0, 3), (1, 1), (0, -1)):
        with pytest.raises(IndexError):
            joined.places(np.array([array]), np.array([row]))


def test_arrays_that_cannot_be_joined_are_refused():
    for other in (np.zeros((3, 2), np.float32), np.zeros((3, 4)), np.zeros((3, 4))[:, ::2]):
        with pytest.raises(ValueError, match="can be joined"):
            Joined([np.zeros((3, 2)), other])


def test_rows_of_no_numbers_have_none():
    joined = Joined([np.zeros((3, 0), np.float16)])
    assert joined.gather(joined.places(np.zeros(2, int), np.arange(2))).shape == (2, 0)


def test_values_are_put_where_they_belong():
    arrays = [np.zeros(3, bool), np.zeros(4, bool)]
    joined = Joined(arrays)
    joined.put(joined.places(np.array([0, 1]), np.array([2, 1])), value=True)
    assert [a.tolist() for a in arrays] == [[False, False, True], [False, True, False, False]]
