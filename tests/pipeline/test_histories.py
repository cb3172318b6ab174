"""Histories of all verbs and faults, drawn by hypothesis, against a dict as model.

The model is a dict from the digest of an image's bytes to the row that it must have, worked out by
Pillow and numpy, and the folder as a plain walk sees it. After every step each row of the store is
read by a plain reader and compared with the model, and the status is held against the oracle.
`BOTTLENECK_SOAK=1` draws many more and longer ones.
"""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import format_reader
import numpy as np
import oracle
import pytest
from fault_world import oracle as rows_of
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from store_world import Cut, PowerCut
from world import flip, picture

from bottleneck.core import files
from bottleneck.core.errors import BottleneckError, DataError
from bottleneck.pipeline.extraction import writing
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.status import StatusOptions, status
from bottleneck.pipeline.upkeep.upkeep import forget, gc, verify

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
LONG = os.environ.get("BOTTLENECK_SOAK") == "1"
DAY_S = 86400.0
numbers = st.integers(0, 10**6)


class Histories(RuleBasedStateMachine):
    """A folder, a store of it, whatever people and disks do to both."""

    def __init__(self):
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="history-"))
        self.photos, self.cache = self.home / "photos", self.home / "store"
        self.model = {}  # digest → row, of every image that ever was
        self.n_made = 0
        self.before = {}  # image → what it was before it was edited or broken

    def teardown(self):
        shutil.rmtree(self.home)

    # --- what people do to the folder ---------------------------------------------------------

    @initialize(fmt=st.sampled_from(["hdf5", "zarr"]))
    def begin(self, fmt):
        self.format = fmt
        for _ in range(6):
            self.add(0)
        self.extract()

    @rule(n=numbers)
    def add(self, n):
        self.n_made += 1
        kind = ("cat", "dog")[n % 2 if self.n_made > 2 else self.n_made % 2]
        picture(self.photos / kind / f"{self.n_made:03}.png", self.n_made)

    @rule(n=numbers)
    def edit(self, n):
        path = self._one(n)
        self.before[path] = path.read_bytes()
        self.n_made += 1
        picture(path, 10_000 + self.n_made)

    @rule(n=numbers)
    def copy(self, n):
        self.n_made += 1
        path = self._one(n)
        shutil.copy(path, path.with_name(f"copy{self.n_made}.png"))

    @rule(n=numbers)
    def rename(self, n):
        self.n_made += 1
        path = self._one(n)
        path.rename(path.with_name(f"moved{self.n_made}.png"))

    @precondition(lambda self: len(self._all()) > 4)
    @rule(n=numbers)
    def delete(self, n):
        self._one(n).unlink()

    @rule(n=numbers, length=st.integers(0, 60))
    def break_one(self, n, length):
        path = self._one(n)
        self.before.setdefault(path, path.read_bytes())
        path.write_bytes(path.read_bytes()[:length])

    @precondition(lambda self: self.before)
    @rule()
    def take_back(self):
        path, data = self.before.popitem()
        path.write_bytes(data)

    # --- what is run --------------------------------------------------------------------------

    @rule(limit=st.sampled_from([None, None, 2]))
    def extract(self, limit=None):
        before, now = self._stored(), oracle.walk(self.photos)
        want = oracle.extracted(before, "photos", now)
        report = self._extract(limit=limit)
        if limit is None:
            oracle.agree(report, want)
        else:
            assert report["computed"] == min(limit, want["computed"])

    @rule(n=st.integers(0, 60), error=st.sampled_from(["kill", "full"]))
    def extract_that_fails(self, n, error):
        held = self._stored()
        raised = PowerCut() if error == "kill" else OSError(28, "No space left on device")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "os", Cut(n, raised))
            with contextlib.suppress(PowerCut, OSError, BottleneckError):
                self._extract()
        assert held.rows <= self._stored().rows  # what was committed stays

    @precondition(lambda self: self._stored().rows)
    @rule()
    def train(self):
        # Too few images of a class is an error: then nothing may have changed but the record.
        with contextlib.suppress(DataError):
            train(TrainOptions(cache=self.cache, seed=0))

    @precondition(lambda self: self._stored().sources)
    @rule()
    def forget(self):
        forget(self.cache, "photos")
        rows = self._stored().rows
        report = self._extract()
        assert rows <= self._stored().rows
        new = {d for d in self._good(oracle.walk(self.photos)) if d not in rows}
        assert report["computed"] == len(new)

    @rule(grace_s=st.sampled_from([0.0, DAY_S]))
    def gc(self, grace_s):
        before = self._stored()
        gc(self.cache, grace_s=grace_s)
        needed = {digest for source in before.sources.values() for digest in source.images.values()}
        assert before.rows & needed <= self._stored().rows

    @rule()
    def verify(self):
        assert verify(self.cache)["damaged"] == []

    @precondition(lambda self: self._stored().rows)
    @rule(n=numbers)
    def damage_and_repair(self, n):
        before = self._stored()
        parts = sorted(p for p in (self.cache / "parts").rglob("*") if p.is_file())
        named = set(self._parts_of_newest())
        parts = [p for p in parts if p.relative_to(self.cache / "parts").parts[0] in named]
        path = parts[n % len(parts)]
        if not path.stat().st_size:
            return
        flip(path, n % path.stat().st_size, n % 8)
        assert verify(self.cache)["damaged"]
        verify(self.cache, repair=True)
        assert verify(self.cache)["damaged"] == []
        lost = before.rows - self._stored().rows
        assert len(lost) <= 1  # a bit is in one row at most

    # --- what must hold -----------------------------------------------------------------------

    @invariant()
    def every_row_is_the_models(self):
        if not self._has_store():
            return
        self.model |= {d.hex(): row for d, row in self._rows_now().items()}
        newest = format_reader.commits(self.cache)[-1]
        for entry in newest["parts"]:
            columns, _ = format_reader.table(self.cache / "parts" / entry["name"], entry["files"])
            for digest, row in zip(columns["digests"], columns["rows"], strict=True):
                np.testing.assert_array_equal(row, self.model[digest.tobytes().hex()])

    @invariant()
    def status_counts_what_is_there(self):
        if not self._has_store() or not self._stored().sources:
            return
        (source,) = status(StatusOptions(cache=self.cache))["sources"]
        oracle.adds_up(source)
        held = oracle.held(self._stored(), "photos")
        assert source["samples"] == held["samples"]
        assert source["cached"] >= held["cached"]  # it may know of more than the record says

    # --- how ----------------------------------------------------------------------------------

    def _extract(self, **more):
        self.model |= {d.hex(): row for d, row in self._rows_now().items()}
        options = ExtractOptions(
            cache=self.cache, data=str(self.photos), network=NETWORK, format=self.format,
            allow_shrink=True, rehash=True, **more,
        )  # fmt: skip
        return extract(options)

    def _rows_now(self):
        """Return {digest: row} of the images that can be decoded now."""
        good = Path(tempfile.mkdtemp(dir=self.home))
        for i, path in enumerate(self._all()):
            if oracle.is_image(path.read_bytes()):
                shutil.copy(path, good / f"{i}.png")
        found = rows_of(good)
        shutil.rmtree(good)
        return found

    def _good(self, walked):
        return {d for d in walked.images.values() if d not in {None, *walked.broken}}

    def _all(self):
        return sorted(self.photos.rglob("*.png"))

    def _one(self, n):
        found = self._all()
        return found[n % len(found)]

    def _has_store(self):
        return bool(list((self.cache / "log").glob("*.json")))

    def _stored(self):
        return oracle.stored(self.cache)

    def _parts_of_newest(self):
        return [part["name"] for part in format_reader.commits(self.cache)[-1]["parts"]]


@pytest.mark.slow
def test_no_history_of_verbs_and_faults_gives_a_wrong_row_or_count(numpy_network, monkeypatch):
    monkeypatch.setattr(writing, "COMMIT_EVERY_S", 0.0)
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=300 if LONG else 8,
            stateful_step_count=40 if LONG else 12,
            deadline=None,
            derandomize=not LONG,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
