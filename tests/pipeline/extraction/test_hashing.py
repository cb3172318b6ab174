"""Reading and hashing in chunks, beside hashlib over a loop of open and read."""

import hashlib

import numpy as np
import pytest

from bottleneck.data.folder import FolderSource
from bottleneck.pipeline.extraction import hashing
from bottleneck.pipeline.extraction.look import look


@pytest.fixture
def source(tmp_path):
    """Return a folder of 1,000 small files."""
    (tmp_path / "photos/cat").mkdir(parents=True)
    for i in range(1000):
        (tmp_path / f"photos/cat/{i:04d}.png").write_bytes(b"%d" % i)
    return FolderSource(tmp_path / "photos")


def told(source, indices, threads):
    """Return position → digest, None of what cannot be read."""
    found = {}
    for positions, read in hashing.hashed(source, indices, threads):
        assert len(positions) == len(read)
        found |= {i: one and one[0] for i, one in zip(positions, read, strict=True)}
    return found


@pytest.mark.parametrize("slow_s", [0.0, 1e9], ids=["all threads", "one thread"])
@pytest.mark.parametrize("threads", [1, 3])
def test_digests_are_those_of_a_plain_loop(source, monkeypatch, slow_s, threads):
    monkeypatch.setattr(hashing, "SLOW_S", slow_s)
    keys = source.list().keys
    (source.root / "cat/0500.png").unlink()
    (source.root / "cat/0999.png").unlink()
    indices = [0, *range(7, 1000)]
    expected = {}
    for i in indices:
        path = source.root / bytes(keys[i]).decode()
        expected[i] = hashlib.sha256(path.read_bytes()).digest() if path.exists() else None
    found = told(source, indices, threads)
    assert found == expected
    assert list(found) == indices


def test_no_samples_are_no_work(source):
    source.list()
    assert told(source, [], 2) == {}


@pytest.mark.parametrize("slow_s", [0.0, 1e9], ids=["all threads", "one thread"])
def test_a_look_learns_what_was_read_and_unlearns_what_was_not(source, monkeypatch, slow_s):
    monkeypatch.setattr(hashing, "SLOW_S", slow_s)
    now = look(source, None)
    (source.root / "cat/0003.png").unlink()
    assert now.hash(now.digests[:, 0].nonzero()[0], 2) == []
    assert now.hash(np.arange(1000), 2) == [3]
    assert now.known.sum() == 999
    assert not now.known[3]
    assert now.digests[4].tobytes() == hashlib.sha256(b"4").digest()
    (source.root / "cat/0004.png").unlink()
    assert now.hash(np.array([4]), 2) == [4]
    assert not now.known[4]
    assert not now.digests[4].any()


def test_few_samples_need_no_threads(source, monkeypatch):
    def refused(*_, **__):
        raise AssertionError("threads for one chunk")

    monkeypatch.setattr("bottleneck.pipeline.extraction.flow.read_ahead", refused)
    monkeypatch.setattr(hashing, "SLOW_S", 0.0)
    source.list()
    assert len(told(source, list(range(hashing.CHUNK)), 2)) == hashing.CHUNK
    with pytest.raises(AssertionError, match="threads"):
        told(source, list(range(hashing.CHUNK + 1)), 2)
