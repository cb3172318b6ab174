"""Several processes on one store: each ends well, all at the same state, with true counts.

C1: extractors on the same and on overlapping data. C2: an extractor beside every other verb.
A short form runs always; BOTTLENECK_SOAK=1 makes it long.
"""

import json
import multiprocessing
import os
import shutil
import traceback

import numpy as np
import oracle
import pytest
from PIL import Image
from world import NumpyEngine, picture, row_of

from bottleneck.core.errors import ConflictError
from bottleneck.pipeline.extraction import writing
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep import upkeep
from bottleneck.pipeline.upkeep.status import StatusOptions, status
from bottleneck.store.lock import hold
from bottleneck.store.log import ReplaceParts
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
LONG = os.environ.get("BOTTLENECK_SOAK") == "1"
ROUNDS = 12 if LONG else 1
# At most this many images are computed twice for each rival. A batch of 4 is at work, one waits, a
# few are on their way to the disk; and each run meets the others' work in a few places.
UNDER_WAY = 16 * 4


@pytest.fixture(params=["hdf5", "zarr"])
def fmt(request):
    return request.param


@pytest.fixture
def cache(tmp_path, numpy_network, monkeypatch):
    """Where a store will be, to which a run commits after every batch."""
    monkeypatch.setattr(writing, "COMMIT_EVERY_S", 0.0)
    return tmp_path / "store"


def folder(root, n, first=0):
    """Make a folder of n images of two classes; images of equal numbers are equal."""
    for i in range(first, first + n):
        picture(root / ("cat" if i % 2 else "dog") / f"{i:04}.png", i)
    return root


def one_after_the_other(work, barrier, out):
    """Run in a process of its own: wait for all the others to be there, then work."""
    try:
        barrier.wait(60)
        found = [{"ok": each()} for each in work]
    except BaseException as error:  # noqa: BLE001 - told to the parent, whatever it is
        found = [{"error": type(error).__name__, "said": traceback.format_exc()}]
    out.write_text(json.dumps(found, default=str))


def at_once(tmp_path, *workers):
    """Let each worker (a list of calls) work in its own process at once; return their reports."""
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(len(workers))
    outs = [tmp_path / f"said-{i}.json" for i in range(len(workers))]
    processes = [
        context.Process(target=one_after_the_other, args=(work, barrier, out))
        for work, out in zip(workers, outs, strict=True)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
        assert process.exitcode == 0
    said = [json.loads(out.read_text()) for out in outs]
    for worker in said:
        for call in worker:
            assert "ok" in call, call["said"]
    return [[call["ok"] for call in worker] for worker in said]


def options(cache, data, fmt, **more):
    words = {"network": NETWORK, "no_lock": True, **more}
    return ExtractOptions(cache=cache, data=str(data), format=fmt, **words)


def check(cache, *folders):
    """Hold a store against the folders: every row right, every count true, nothing pending."""
    now = oracle.stored(cache, rows_too=True)
    store = Store.open(cache)
    told = {source["name"]: source for source in status(StatusOptions(cache=cache))["sources"]}
    for data in folders:
        walked = oracle.walk(data)
        assert now.sources[data.name].images == walked.images
        oracle.agree(told[data.name], oracle.held(now, data.name, walked))
        assert told[data.name]["pending"] == 0
        x, _, keys = store.arrays(data.name)
        for row, key in zip(np.asarray(x), keys, strict=True):
            with Image.open(data / key.decode()) as image:
                small = image.convert("RGB").resize((8, 8), Image.Resampling.BILINEAR)
            np.testing.assert_array_equal(row, row_of(np.asarray(small)))
    assert upkeep.verify(cache)["damaged"] == []


@pytest.mark.slow
def test_all_extractors_of_one_new_source_end_well_and_share_the_work(tmp_path, cache, fmt):
    for n_writers in (2, 8) * ROUNDS:
        shutil.rmtree(cache, ignore_errors=True)
        data = folder(tmp_path / "photos", 160)
        one = options(cache, data, fmt)
        said = at_once(tmp_path, *[[lambda one=one: extract(one)]] * n_writers)
        for (report,) in said:
            oracle.adds_up(report)
            assert (report["samples"], report["pending"]) == (160, 0)
            assert not report["partial"]
        # Beyond what there is: what each had under way when another came to the same images.
        computed = sum(report["computed"] for (report,) in said)
        assert 160 <= computed <= 160 + (n_writers - 1) * UNDER_WAY
        check(cache, data)


@pytest.mark.slow
def test_extractors_of_folders_that_overlap_share_rows(tmp_path, cache, fmt):
    for _ in range(ROUNDS):
        shutil.rmtree(cache, ignore_errors=True)
        folders = [folder(tmp_path / f"part{i}", 80, first=40 * i) for i in range(4)]
        said = at_once(
            tmp_path, *[[lambda d=data: extract(options(cache, d, fmt))] for data in folders]
        )
        for (report,) in said:
            oracle.adds_up(report)
            assert (report["samples"], report["pending"]) == (80, 0)
        assert sum(report["computed"] for (report,) in said) <= 200 + 3 * UNDER_WAY
        check(cache, *folders)


def test_what_a_rival_has_committed_is_not_computed_again(tmp_path, cache, fmt, monkeypatch):
    """Of another source, which knows nothing of this one's images but their bytes."""
    monkeypatch.setattr(
        writing, "COMMIT_EVERY_S", 1e9
    )  # it looks also when it has no commit to make
    data, twin = folder(tmp_path / "photos", 60), folder(tmp_path / "twin", 60)
    real, reports = NumpyEngine.__call__, []

    def call(self, images):
        if not reports and len(self.calls) == 2:
            reports.append(None)
            reports[0] = extract(options(cache, twin, fmt))
        return real(self, images)

    monkeypatch.setattr(NumpyEngine, "__call__", call)
    report = extract(options(cache, data, fmt))
    oracle.adds_up(report)
    # Two batches of 4 were done, one was at work, the next had been put together.
    assert report["computed"] <= 16
    assert report["computed"] + reports[0]["computed"] <= 60 + 16
    assert report["pending"] == 0
    check(cache, data, twin)


def test_rows_that_a_rival_was_faster_with_are_not_written_twice(tmp_path, cache, fmt, monkeypatch):
    monkeypatch.setattr(writing, "COMMIT_EVERY_S", 1e9)  # all is written at the end
    data = folder(tmp_path / "photos", 12)
    real, done = NumpyEngine.__call__, []

    def call(self, images):
        if not done and len(self.calls) == 2:
            done.append(None)
            extract(options(cache, data, fmt))
        return real(self, images)

    monkeypatch.setattr(NumpyEngine, "__call__", call)
    extract(options(cache, data, fmt))
    assert status(StatusOptions(cache=cache))["rows"] == 12
    check(cache, data)


def test_one_that_waits_for_the_lock_sees_what_the_holder_computed(tmp_path, cache, fmt):
    """Also where the holder has made the store, and where both give their images one name."""
    data = folder(tmp_path / "photos", 40)
    waits = options(cache, data, fmt, no_lock=False, wait_s=60)
    said = at_once(tmp_path, *[[lambda: extract(waits)]] * 4)
    assert sorted(report["computed"] for (report,) in said) == [0, 0, 0, 40]
    for (report,) in said:
        oracle.adds_up(report)
        assert report["pending"] == 0
    check(cache, data)


def test_one_whose_source_name_was_taken_while_it_waited_is_told_so(tmp_path, cache, fmt):
    folders = [folder(tmp_path / side / "photos", 8, first=8 * i) for i, side in enumerate("ab")]

    def either(data):
        try:
            return extract(options(cache, data, fmt, no_lock=False, wait_s=60))["computed"]
        except Exception as error:  # noqa: BLE001 - what it is, is the test
            return f"{type(error).__name__}: {error}"

    said = at_once(tmp_path, *[[lambda d=data: either(d)] for data in folders])
    assert sorted(map(str, said)) == sorted([str([8]), str(said[0] if said[1] == [8] else said[1])])
    assert sum("is taken by" in str(one) for one in said) == 1


def test_a_source_that_a_rival_recorded_meanwhile_counts_as_seen(tmp_path, cache, fmt, monkeypatch):
    """Its listing is the same, so nothing was added since that look."""
    data = folder(tmp_path / "photos", 12)
    real, done = NumpyEngine.__call__, []

    def call(self, images):
        if not done and len(self.calls) == 0:
            done.append(None)
            done[0] = extract(options(cache, data, fmt))
        return real(self, images)

    monkeypatch.setattr(NumpyEngine, "__call__", call)
    report = extract(options(cache, data, fmt))
    assert (done[0]["added"], report["added"]) == (12, 0)
    assert (done[0]["first_look"], report["first_look"]) == (True, False)


def unless_forgotten(call):
    """Return what a call returns; None where a rival changed or forgot its source meanwhile."""
    try:
        return call()
    except ConflictError:
        return None


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(ROUNDS))
def test_an_extractor_beside_every_other_verb_loses_nothing(tmp_path, cache, fmt, turn):
    """C2. A source that is forgotten meanwhile is the only thing that may stop it."""
    data, more = folder(tmp_path / "photos", 80), folder(tmp_path / "more", 40, 60)
    extract(options(cache, data, fmt, limit=20))
    extract(options(cache, more, fmt, limit=20))

    def whole(**words):
        return extract(options(cache, data, fmt, **words))

    def other():
        return unless_forgotten(lambda: extract(options(cache, more, fmt)))

    def forgotten():
        return unless_forgotten(lambda: upkeep.forget(cache, "more"))

    at_once(
        tmp_path,
        [whole],
        [lambda: whole(rehash=True)],
        [other, forgotten, other],
        [lambda: train(TrainOptions(cache=cache, source="photos", run=f"t{turn}"))],
        [lambda: upkeep.gc(cache, grace_s=24 * 3600.0, wait_s=60)] * 3,
        [lambda: upkeep.verify(cache, repair=True, wait_s=60)] * 3,
    )
    extract(options(cache, more, fmt))
    check(cache, data, more)


def test_rows_that_a_repair_takes_away_meanwhile_are_computed_by_the_same_run(
    tmp_path, cache, fmt, monkeypatch
):
    data = folder(tmp_path / "photos", 24)
    extract(options(cache, data, fmt, limit=8))
    real, done = NumpyEngine.__call__, []

    def call(self, images):
        if not done and len(self.calls) == 2:
            done.append(None)
            store = Store.open(cache)
            store.commit([ReplaceParts((store.state.parts[0].name,), ())], "repair")
        return real(self, images)

    monkeypatch.setattr(NumpyEngine, "__call__", call)
    report = extract(options(cache, data, fmt))
    oracle.adds_up(report)
    assert report["pending"] == 0
    check(cache, data)


def test_the_lock_s_holder_is_not_in_the_way_of_a_run_without_it(tmp_path, cache, fmt):
    data = folder(tmp_path / "photos", 8)
    extract(options(cache, data, fmt, limit=4))
    with hold(cache):
        assert extract(options(cache, data, fmt))["computed"] == 4
