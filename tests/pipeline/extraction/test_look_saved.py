"""When the stat cache is written: of millions of images that takes longer than a commit."""

from types import SimpleNamespace

import numpy as np
import pytest

from bottleneck.core.sample import key_array
from bottleneck.data.scan import EMPTY
from bottleneck.data.source import Listing, Read
from bottleneck.pipeline.extraction import look as looking
from bottleneck.pipeline.extraction.look import SAVED_SHARE, Look, _read_table

SPEC = {"kind": "folder", "where": "/none"}
N = 10


@pytest.fixture
def look():
    listing = Listing(
        keys=key_array([b"%02d.png" % i for i in range(N)]),
        labels=np.zeros(N, np.int32),
        splits=np.zeros(N, np.uint8),
        classes=("a",),
        stats=np.arange(4 * N).reshape(N, 4),
        skipped={},
        device=0,
    )
    nothing = np.zeros(N, bool)
    source = SimpleNamespace(spec=SPEC)
    return Look(source, listing, EMPTY, np.zeros((N, 32), np.uint8), nothing.copy(), nothing)


@pytest.fixture
def store(tmp_path):
    return SimpleNamespace(derived=tmp_path)


def read(look, index, byte, clock_ns=10**18, stat=None):
    stat = stat or tuple(map(int, look.listing.stats[index]))
    look.learn(index, bytes([byte]) * 32, Read(content=b"", stat=stat, clock_ns=clock_ns))


def known(store):
    table = _read_table(store, SPEC)
    return dict(zip(table.keys.tolist(), table.digests[:, 0].tolist(), strict=True))


def test_what_takes_long_to_write_is_not_written_with_each_commit(look, store, monkeypatch):
    clock = [100.0]

    def slow(*_):
        clock[0] += 5.0
        return EMPTY

    monkeypatch.setattr(looking, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(looking, "_read_table", slow)
    read(look, 0, 1)
    look.save(store, may_wait=True)  # the first time it is not known to take long
    assert known(store) == {b"00.png": 1}
    read(look, 1, 2)
    look.save(store, may_wait=True)
    assert known(store) == {b"00.png": 1}
    clock[0] += SAVED_SHARE * 5.0
    look.save(store, may_wait=True)
    assert known(store) == {b"00.png": 1, b"01.png": 2}
    read(look, 2, 3)
    look.save(store)
    assert known(store) == {b"00.png": 1, b"01.png": 2, b"02.png": 3}


def test_what_was_read_last_counts_and_what_was_lost_does_not(look, store):
    read(look, 3, 1, stat=(9, 9, 9, 9))
    for index, byte in ((0, 2), (3, 3), (5, 4)):
        read(look, index, byte)
    look.unlearn(0)
    look.save(store)
    assert known(store) == {b"03.png": 3, b"05.png": 4}
    stats = _read_table(store, SPEC).stats
    np.testing.assert_array_equal(stats, look.listing.stats[[3, 5]])


def test_a_sample_that_is_read_again_after_it_was_lost_is_known(look, store):
    read(look, 4, 1)
    look.unlearn(4)
    read(look, 4, 9)
    look.save(store)
    assert known(store) == {b"04.png": 9}
