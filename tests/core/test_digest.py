"""Digests of content, and their two views that numpy sorts and compares."""

import hashlib

import numpy as np
import pytest

from bottleneck.core.digest import array_digest, as_void, bytes_digest, prefixes, sample_digest


def test_a_file_is_the_sha256_of_its_bytes():
    for data in (b"abc", bytearray(b"abc"), memoryview(b"abc")):
        assert bytes_digest(data) == hashlib.sha256(b"abc").digest()
    assert sample_digest(b"abc") == hashlib.sha256(b"abc").digest()


def test_an_array_is_its_dtype_shape_and_little_endian_bytes():
    array = np.arange(6, dtype="<u2").reshape(2, 3)
    expected = hashlib.sha256(b"array\0<u2\x002x3\0" + array.tobytes()).digest()
    assert array_digest(array) == expected == sample_digest(array)
    assert array_digest(array.astype(">u2")) == expected
    assert array_digest(np.asfortranarray(array)) == expected
    for other in (array.reshape(3, 2), array.astype("<i2"), array + 1, array[:, ::-1]):
        assert array_digest(other) != expected


def test_views_of_digests_sort_and_compare_as_the_bytes_do():
    digests = np.random.default_rng(0).integers(0, 256, (500, 32), np.uint8)
    digests[7] = digests[3]
    digests[9, :8] = digests[4, :8]  # begins alike and is another one
    listed = [digest.tobytes() for digest in digests]
    _, first = np.unique(as_void(digests), return_index=True)
    assert [listed[i] for i in first] == sorted(set(listed))
    assert prefixes(digests).tolist() == [int.from_bytes(one[:8], "big") for one in listed]
    assert len(np.unique(prefixes(digests))) == 498


@pytest.mark.parametrize("view", [as_void, prefixes])
def test_a_view_is_of_any_rows_also_of_none(view):
    digests = np.random.default_rng(0).integers(0, 256, (6, 40), np.uint8)[:, :32]
    assert view(digests).shape == (6,)
    assert (view(digests[::2]) == view(digests)[::2]).all()
    assert view(digests[:0]).shape == (0,)
