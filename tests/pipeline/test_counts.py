"""Counts that were wrong once: beside mended images, after a look of train's, after a kill."""

import shutil

import oracle
import pytest
from world import NumpyEngine, picture

from bottleneck.core.errors import RecipeError, StaleError, Terminated
from bottleneck.extract import lines
from bottleneck.pipeline.extraction import look, writing
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.job import Job
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.status import StatusOptions, status
from bottleneck.store.log import SetRecipe
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture(params=["hdf5", "zarr"])
def run(request, tmp_path, photos, numpy_network, later):
    def again(**words):
        later()
        words = {"data": str(photos), "network": NETWORK, "format": request.param, **words}
        return extract(ExtractOptions(cache=tmp_path / "store", **words))

    return again


@pytest.fixture
def fit(tmp_path, later):
    def again(**words):
        later()
        return train(TrainOptions(cache=tmp_path / "store", **words))

    return again


def shown(cache, *, check=False):
    """Return the one source of a status, or what its check found."""
    report = status(StatusOptions(cache=cache, check=check))
    return report["check"]["photos"] if check else report["sources"][0]


def broken(photos, n):
    for i in range(n):
        (photos / f"cat/z{i}.png").write_bytes(b"no image %d" % i)


def test_images_that_were_mended_are_pending_for_train_and_status_and_then_cached(
    run, fit, tmp_path, photos
):
    cache = tmp_path / "store"
    broken(photos, 3)
    assert run()["quarantined"] == 3
    for i in range(3):
        picture(photos / f"cat/z{i}.png", 300 + i)
    left = fit()["left_out"]
    assert (left["changed"], left["pending"], left["unusable"]) == (3, 0, 0)
    left = fit()["left_out"]
    assert (left["changed"], left["pending"], left["unusable"]) == (0, 3, 0)
    oracle.agree(shown(cache), {"samples": 15, "cached": 12, "pending": 3, "quarantined": 0})
    assert run()["computed"] == 3
    oracle.agree(shown(cache), {"samples": 15, "cached": 15, "pending": 0, "quarantined": 0})
    assert fit()["left_out"]["unusable"] == 0
    found = shown(cache, check=True)
    assert not found["stale"], found


def test_a_broken_image_replaced_by_one_that_has_a_row_is_cached_at_once(
    run, fit, tmp_path, photos
):
    cache = tmp_path / "store"
    broken(photos, 7)
    run()
    for i in range(7):
        shutil.copy(photos / "cat/01.png", photos / f"cat/z{i}.png")
    assert sum(fit()["left_out"][word] for word in ("changed", "pending", "unusable")) == 0
    oracle.agree(shown(cache), {"samples": 19, "cached": 19, "pending": 0, "quarantined": 0})
    found = shown(cache, check=True)
    assert not found["stale"], found
    assert run()["computed"] == 0


def test_a_good_image_that_broke_is_changed_and_then_set_aside(run, fit, tmp_path, photos):
    run()
    (photos / "cat/01.png").write_bytes(b"no image")
    assert fit()["left_out"]["changed"] == 1
    oracle.agree(shown(tmp_path / "store"), {"cached": 11, "pending": 1, "quarantined": 0})
    assert run()["quarantined"] == 1
    left = fit()["left_out"]
    assert (left["changed"], left["pending"], left["unusable"]) == (0, 0, 1)


def test_one_that_cannot_be_read_makes_no_check_stale_until_it_can(
    run, tmp_path, photos, monkeypatch
):
    from bottleneck.data.folder import FolderSource

    real = FolderSource.read

    def read(self, index):
        if bytes(self._listed[0][index]) == b"cat/05.png":
            raise OSError(13, "Permission denied")
        return real(self, index)

    with monkeypatch.context() as patch:
        patch.setattr(FolderSource, "read", read)
        assert run()["quarantined"] == 1
        run()
        found = shown(tmp_path / "store", check=True)
        assert not found["stale"], found
        oracle.agree(shown(tmp_path / "store"), {"cached": 11, "pending": 0, "quarantined": 1})
    assert shown(tmp_path / "store", check=True)["unknown"] == 1


def test_a_second_training_on_stale_error_stops_as_the_first_one_would_have(run, fit, photos):
    run()
    picture(photos / "cat/01.png", 500)
    with pytest.raises(StaleError, match="1 changed"):
        fit(on_stale="error")
    fit()  # records what the image is now
    with pytest.raises(StaleError, match="1 have no features yet") as caught:
        fit(on_stale="error")
    assert caught.value.exit_code == 6
    run()
    fit(on_stale="error")


def test_what_is_set_aside_is_nothing_stale(run, fit, photos):
    broken(photos, 2)
    run()
    fit(on_stale="error")


def test_of_a_new_source_no_last_look_is_told(run, photos):
    report = run()
    assert (report["first_look"], report["added"]) == (True, 12)
    assert not [line for line in lines(report) if "since the last look" in line]
    picture(photos / "cat/new.png", 500)
    assert "since the last look: 1 added" in lines(run())


class Killed(BaseException):
    """What a SIGKILL leaves: nothing more is done."""


@pytest.mark.parametrize("after", ["a commit", "the stat cache"])
def test_after_a_kill_status_counts_what_is_committed(run, tmp_path, photos, monkeypatch, after):
    """The source's record does not know of them yet; the stat cache was written first."""
    cache = tmp_path / "store"
    monkeypatch.setattr(writing, "COMMIT_EVERY_S", 0.0)
    monkeypatch.setattr(look, "SAVED_SHARE", 0.0)  # as where a minute lies between commits
    real, n = Store.commit, []

    def commit(self, actions, by):
        n.append(1)
        if len(n) == 4 and after == "the stat cache":
            raise Killed
        store = real(self, actions, by)
        if len(n) == 4:
            raise Killed
        return store

    monkeypatch.setattr(Store, "commit", commit)
    with pytest.raises(Killed):
        run(batch_size=1)
    monkeypatch.undo()
    stored, walked = oracle.stored(cache), oracle.walk(photos)
    assert None in stored.sources["photos"].images.values()
    want = oracle.held(stored, "photos", walked)
    assert want["cached"] == len(stored.rows) > 0
    said = shown(cache)
    assert (said["cached"], said["pending"]) == (want["cached"], want["pending"])
    oracle.adds_up(said)
    assert said["unread"] <= said["pending"]
    # Without the stat cache it says of how many it cannot tell; what is cached is a lower bound.
    shutil.rmtree(cache / "derived")
    said = shown(cache)
    assert said["cached"] < want["cached"] <= said["cached"] + said["unread"]
    oracle.adds_up(said)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Terminated])
def test_what_was_computed_before_a_signal_is_committed(run, tmp_path, monkeypatch, stop):
    real, made = NumpyEngine.__call__, []

    def call(self, images):
        if len(self.calls) == 2:
            raise stop
        made.append(len(images))
        return real(self, images)

    with monkeypatch.context() as patch:
        patch.setattr(NumpyEngine, "__call__", call)
        with pytest.raises(stop):
            run()
    assert len(oracle.stored(tmp_path / "store").rows) == sum(made) == 8
    said = shown(tmp_path / "store")
    oracle.adds_up(said)
    assert said["cached"] == 8
    assert run()["computed"] == 4


def test_a_signal_just_before_the_last_commit_loses_no_row(run, tmp_path, monkeypatch):
    real, calls = Store.commit, []

    def commit(self, actions, by):
        calls.append(1)
        if len(calls) == 2:  # the first one recorded the listing
            raise KeyboardInterrupt
        return real(self, actions, by)

    monkeypatch.setattr(Store, "commit", commit)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert len(oracle.stored(tmp_path / "store").rows) == 12
    assert shown(tmp_path / "store")["cached"] == 12
    assert run()["computed"] == 0


def test_a_budget_commits_all_that_was_computed_and_says_partial(run, tmp_path, monkeypatch):
    asked = []

    def is_over(self):
        asked.append(1)
        return self.options.budget_s is not None and len(asked) > 6

    monkeypatch.setattr(Job, "is_over", property(is_over))
    report = run(budget_s=60.0)
    assert 0 < report["computed"] < 12
    assert report["partial"]
    oracle.adds_up(report)
    assert len(oracle.stored(tmp_path / "store").rows) == report["computed"]
    assert run()["computed"] == 12 - report["computed"]


def test_no_row_is_written_under_a_recipe_that_another_run_has_set(
    run, tmp_path, photos, monkeypatch
):
    """Also where the source is recorded in between: that says nothing of recipes."""
    from dataclasses import replace

    run()
    picture(photos / "cat/new.png", 500)
    real, done = NumpyEngine.__call__, []

    def call(self, images):
        if not done:
            done.append(1)
            store = Store.open(tmp_path / "store")
            other = replace(store.recipe, weights="cc" * 32)
            store.write_recipe(other, store.about)
            store.commit([SetRecipe(store.recipe.id, other.id)], "replace")
        return real(self, images)

    monkeypatch.setattr(NumpyEngine, "__call__", call)
    with pytest.raises(RecipeError, match="replaced while this ran"):
        run()
    assert oracle.stored(tmp_path / "store", rows_too=True).rows == frozenset()
