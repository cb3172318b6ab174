"""When rows go to the disk: a kill loses what one part holds, and no more."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from bottleneck.core.errors import ExpiredError
from bottleneck.pipeline.extraction import writing
from bottleneck.pipeline.extraction.flow import Seconds
from bottleneck.pipeline.extraction.target import Target as RealTarget
from bottleneck.store import claim
from bottleneck.store.storage import LocalStorage


class Target:
    """A store whose disk writes when it is let, and the numbers of rows that were committed."""

    def __init__(self):
        self.store, self.may_write, self.committed = self, threading.Event(), []
        self.done = []  # what happened, in order

    def claim_parts(self):
        pass

    release = claim_parts

    def require_parts(self, entries):
        pass

    def without_row(self, digests):
        return np.ones(len(digests), bool)

    def write_part(self, digests, rows, provenance):
        self.may_write.wait(60)
        self.done.append("part")
        return SimpleNamespace(rows=len(rows), files={"": [1, "x"]})

    def add_part(self, *entries):
        return [entry.rows for entry in entries]

    def commit(self, actions):
        self.committed += [rows for action in actions for rows in action]
        self.done.append("commit")


@pytest.fixture
def clock(monkeypatch):
    """The seconds that `writing` reads."""
    at = [0.0]
    monkeypatch.setattr(
        writing,
        "time",
        SimpleNamespace(monotonic=lambda: at[0], perf_counter=float, thread_time=float),
    )
    return at


def batch():
    return np.zeros((4, 32), np.uint8), np.zeros((4, 2), np.float16)


def test_a_part_is_committed_with_the_batch_after_it_was_written_and_not_a_minute_later(clock):
    target = Target()
    with writing.Writer(target, dict, Seconds(), is_shared=False) as writer:
        clock[0] = 61.0
        writer.add(*batch())  # published; the disk has not answered when it is time to commit
        assert target.committed == []
        target.may_write.set()
        writer._publishing[0].result()
        clock[0] = 62.0
        writer.add(*batch())
        assert target.committed == [4]
        clock[0] = 121.0
        writer.add(*batch())  # not a minute since the commit
        writer.finish()
    assert target.committed == [4, 8]


def test_a_part_is_committed_before_the_next_one_is_written(clock):
    target = Target()
    target.may_write.set()
    with writing.Writer(target, dict, Seconds(), is_shared=False) as writer:
        for clock[0] in (61.0, 122.0, 183.0):  # batches that take longer than a minute
            writer.add(*batch())
            writer._publishing[-1].result()
        writer.finish()
    assert target.done == ["part", "commit"] * 3


def test_what_was_written_is_committed_before_the_last_part(clock):
    target = Target()
    target.may_write.set()
    with writing.Writer(target, dict, Seconds(), is_shared=False) as writer:
        clock[0] = 61.0
        writer.add(*batch())  # is written, and not committed until the next batch
        writer._publishing[0].result()
        writer._held.append(batch())
        writer.finish()
    assert target.done == ["part", "commit", "part", "commit"]


def test_a_writer_says_when_all_that_it_was_given_is_committed(clock):
    target = Target()
    target.may_write.set()
    with writing.Writer(target, dict, Seconds(), is_shared=False) as writer:
        assert writer.commit_when_due(2)
        writer.adopt(SimpleNamespace(rows=3, files={"": [1, "x"]}), 2)
        assert not writer.commit_when_due(2)  # one of two workers, and not a minute yet
        clock[0] = 61.0
        assert writer.commit_when_due(2)
        assert target.committed == [3]
        writer._held.append(batch())
        assert not writer.commit_when_due(2)


def test_what_gc_took_while_a_machine_slept_is_in_no_commit(clock, tmp_path, monkeypatch):
    """Another machine's, which the lock does not hold; of one that is awake it takes nothing."""
    slept = []
    monkeypatch.setattr(claim, "time", SimpleNamespace(time=lambda: 1e9 + 1e4 * len(slept)))

    class Claiming(Target):
        claim, storage, path = None, LocalStorage(tmp_path), tmp_path
        claim_parts, release = RealTarget.claim_parts, RealTarget.release
        require_parts = RealTarget.require_parts

    target = Claiming()
    (tmp_path / "parts").mkdir()
    entry = SimpleNamespace(rows=3, files={"": [1, "x"]}, table="parts/one.h5")
    with writing.Writer(target, dict, Seconds(), is_shared=False) as writer:
        for is_there in (True, False):
            writer.adopt(entry, 2)
            slept.append(1)
            clock[0] += 61.0
            if is_there:
                (tmp_path / "parts/one.h5").touch()
                writer.commit_when_due(2)
                (tmp_path / "parts/one.h5").unlink()
            else:
                with pytest.raises(ExpiredError, match="run the command again"):
                    writer.commit_when_due(2)
        assert len(list((tmp_path / "claims").iterdir())) == 1
    assert target.committed == [3]
    assert list((tmp_path / "claims").iterdir()) == []
