"""Extraction: what it computes, what it writes, what it refuses, and how it is interrupted."""

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from world import NumpyEngine, picture, tree

from bottleneck.core import console
from bottleneck.core.errors import (
    BusyError,
    ConflictError,
    DataError,
    OtherRowsError,
    PermissionDeniedError,
    RecipeError,
    UsageError,
)
from bottleneck.data.folder import FolderSource
from bottleneck.extract import lines, main
from bottleneck.pipeline.extraction import extraction as module
from bottleneck.pipeline.extraction import writing
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.lock import hold
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture
def run(tmp_path, photos, numpy_network, later):
    def again(**options):
        later()
        options = {"data": str(photos), "network": NETWORK, **options}
        return extract(ExtractOptions(cache=tmp_path / "store", **options))

    return again


def test_the_store_s_own_recipe_and_source_serve_when_nothing_is_named(run, photos):
    run()
    picture(photos / "cat/new.png", 50)
    assert run(data=None, network=NetworkOptions())["computed"] == 1


@pytest.mark.parametrize("fmt", ["hdf5", "zarr"])
def test_a_run_that_finds_nothing_to_do_writes_only_derived_files_and_history(run, tmp_path, fmt):
    run(format=fmt)
    run(format=fmt)
    before = tree(tmp_path / "store")
    run(format=fmt)
    after = tree(tmp_path / "store")
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert {name.split("/")[0] for name in changed} <= {"derived", "history.jsonl", "lock"}


def test_only_racy_files_are_opened_again_and_none_on_the_third_run(run, photos, monkeypatch):
    opened = []
    from bottleneck.data.folder import FolderSource

    real = FolderSource.read
    monkeypatch.setattr(FolderSource, "read", lambda self, i: opened.append(i) or real(self, i))
    run()
    assert opened[0] == 0  # to see that it can be decoded, before a store is made
    assert sorted(opened[1:]) == [*range(12)]
    opened.clear()
    run()  # the files were written just before they were read: their stats prove nothing yet
    opened.clear()
    run()
    assert opened == []


def test_rehash_opens_every_file_and_computes_nothing(run):
    run()
    report = run(rehash=True)
    assert (report["computed"], report["cached"]) == (0, 12)


def test_a_limit_bounds_what_is_computed_and_never_the_snapshot(run):
    report = run(limit=5)
    assert (report["computed"], report["samples"], report["pending"]) == (5, 12, 7)
    assert report["partial"]
    report = run()
    assert (report["computed"], report["pending"], report["partial"]) == (7, 0, False)


def test_a_limited_run_mixes_the_classes(run, tmp_path):
    run(limit=6)
    assert set(Store.open(tmp_path / "store").arrays()[1].tolist()) == {0, 1}


def test_a_dry_run_says_what_and_why_and_writes_nothing(run, photos, tmp_path):
    report = run(dry_run=True)
    assert report["would"] == {"computed": 12, "bytes": 12 * 6 * 2, "seconds": None}
    assert "would_compute" not in report
    assert not (tmp_path / "store").exists()
    run()
    picture(photos / "cat/01.png", 60)
    before = tree(tmp_path / "store")
    report = run(dry_run=True, list_keys=True)
    assert report["would"]["computed"] == 1
    assert report["would"]["seconds"] is not None  # at the rate of the run before
    assert report["would_compute"] == [{"key": "cat/01.png", "why": "image changed"}]
    assert tree(tmp_path / "store") == before


def test_a_dry_run_says_what_cannot_be_decoded(run, photos):
    for name in ("cat/x.HEIC", "cat/y.heic", "dog/z.heif"):
        (photos / name).write_bytes(b"\0\0\0\x18ftypheic" + name.encode())
    report = run(dry_run=True)
    assert report["undecodable"] == {".heic": 2, ".heif": 1}
    said = "\n".join(lines(report))
    assert "would set aside: 2 of these (.heic, which cannot be decoded here: convert" in said
    assert run()["quarantined"] == 3
    assert run(dry_run=True)["undecodable"] == {}


def test_a_dry_run_unpacks_nothing_that_stays(run, photos, tmp_path):
    with tarfile.open(tmp_path / "p.tar.gz", "w:gz") as archive:
        archive.add(photos, ".")
    told = {"unpack": str(tmp_path / "there")}
    report = run(data=str(tmp_path / "p.tar.gz"), reading=told, dry_run=True)
    assert report["would"]["computed"] == 12
    assert not (tmp_path / "there").exists()
    assert run(data=str(tmp_path / "p.tar.gz"), reading=told)["computed"] == 12
    assert (tmp_path / "there").exists()


def test_an_engine_that_is_off_is_stopped_before_anything_is_written(
    run, photos, tmp_path, numpy_network
):
    run()
    picture(photos / "cat/new.png", 50)
    numpy_network.factor = 1.001
    before = tree(tmp_path / "store")
    with pytest.raises(OtherRowsError, match="computes other rows"):
        run()
    after = tree(tmp_path / "store")
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed <= {"lock", "history.jsonl"}
    assert (Store.open(tmp_path / "store").history()[-1]["code"]) == 4


def test_a_decoder_that_differs_is_stopped_before_anything_is_written(
    run, photos, tmp_path, monkeypatch
):
    from bottleneck.data import decode as module

    run()
    picture(photos / "cat/new.png", 50)
    real = module.decode
    monkeypatch.setattr(module, "decode", lambda *a: np.minimum(real(*a), 254) + np.uint8(1))
    numbers = sorted((tmp_path / "store/log").iterdir())
    with pytest.raises(OtherRowsError):
        run()
    assert sorted((tmp_path / "store/log").iterdir()) == numbers


def test_canaries_are_four_rows_that_are_there_already(run, photos, numpy_network):
    assert run()["canaries"]["checked"] == 0
    picture(photos / "cat/new.png", 50)
    report = run()
    assert report["canaries"]["checked"] == 4
    assert report["canaries"]["worst"] < 1e-3


def test_canaries_are_found_where_every_file_has_new_stats(run, photos, numpy_network):
    run()
    for path in photos.rglob("*.png"):  # as in a copy restored from a backup
        path.write_bytes(path.read_bytes())
    picture(photos / "cat" / "new.png", 99)
    report = run()
    assert (report["computed"], report["canaries"]["checked"]) == (1, 4)


def test_canaries_of_another_source_serve_a_new_one(run, tmp_path):
    run()
    picture(tmp_path / "more/bird/1.png", 70)
    report = run(data=str(tmp_path / "more"))
    assert (report["computed"], report["canaries"]["checked"]) == (1, 4)


def test_rows_that_float16_cannot_hold_are_refused_never_stored(run, numpy_network, tmp_path):
    for factor in (1e6, 1e-12):
        numpy_network.factor = factor
        with pytest.raises(DataError, match="float16"):
            module.MISFIT_SHARE = 0.0
            run()
    module.MISFIT_SHARE = 0.01


def test_a_single_row_that_does_not_fit_is_quarantined_with_its_figure(run, monkeypatch):
    real = NumpyEngine.__call__

    def one_large(self, images):
        rows = real(self, images)
        if len(self.calls) == 1:
            rows[0] = 7.1e4
        return rows

    monkeypatch.setattr(NumpyEngine, "__call__", one_large)
    report = run()
    assert (report["computed"], report["quarantined"]) == (11, 1)


def test_all_unreadable_is_an_error_with_the_first_reason(tmp_path, numpy_network):
    for i in range(3):
        path = tmp_path / f"bad/cat/{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"no image")
    options = ExtractOptions(cache=tmp_path / "s", data=str(tmp_path / "bad"), network=NETWORK)
    with pytest.raises(DataError, match=r"none of 3 images can be used \(the first: .*"):
        extract(options)
    assert not (tmp_path / "s").exists()
    picture(tmp_path / "bad/cat/9.png", 1)
    assert extract(options)["computed"] == 1


def test_all_unreadable_in_a_store_that_is_there_is_the_same_error(run, photos):
    run()
    for path in photos.rglob("*.png"):
        path.unlink()
        path.with_suffix(".gif").write_bytes(b"no image %d" % int(path.stem))
    with pytest.raises(DataError, match="none of 12 images"):
        run()


def test_a_file_that_cannot_be_read_is_tried_on_every_run(run, photos, monkeypatch):
    from bottleneck.data.folder import FolderSource

    real = FolderSource.read
    fails = [True]

    def read(self, index):
        if fails[0] and index == 3:
            raise OSError(5, "Input/output error")
        return real(self, index)

    monkeypatch.setattr(FolderSource, "read", read)
    report = run()
    assert (report["computed"], report["quarantined"]) == (11, 1)
    fails[0] = False
    report = run()
    assert (report["computed"], report["quarantined"]) == (1, 0)


def test_a_source_name_that_is_taken_is_refused(run, tmp_path):
    run()
    picture(tmp_path / "elsewhere/photos/a/1.png", 1)
    with pytest.raises(UsageError, match="is taken by"):
        run(data=str(tmp_path / "elsewhere/photos"))


def test_a_table_with_the_name_of_another_one_gets_that_of_its_folder_in_front(run, tmp_path):
    names = {}
    for i, side in enumerate("abc"):
        picture(tmp_path / side / "1.png", i)
        (tmp_path / side / "metadata.csv").write_text("filename,label\n1.png,x\n")
        names[side] = run(data=str(tmp_path / side / "metadata.csv"))["source"]
    assert names == {"a": "metadata.csv", "b": "b/metadata.csv", "c": "c/metadata.csv"}
    for side, name in names.items():
        assert run(data=str(tmp_path / side / "metadata.csv"))["source"] == name
    told = run(data=str(tmp_path / "b" / "metadata.csv"), reading={"label_column": ("label",)})
    assert told["source"] == "b/metadata.csv"
    assert run(data=None, source="b/metadata.csv")["samples"] == 1


def test_a_table_that_moved_is_still_pointed_to_relocate(run, tmp_path):
    picture(tmp_path / "a/1.png", 1)
    (tmp_path / "a/metadata.csv").write_text("filename,label\n1.png,x\n")
    run(data=str(tmp_path / "a/metadata.csv"))
    (tmp_path / "a").rename(tmp_path / "b")
    with pytest.raises(UsageError, match=r"is taken by.*relocate"):
        run(data=str(tmp_path / "b/metadata.csv"))


def test_two_sources_ask_which_one_is_meant(run, tmp_path):
    run()
    picture(tmp_path / "more/bird/1.png", 70)
    run(data=str(tmp_path / "more"))
    with pytest.raises(UsageError, match="which source"):
        run(data=None, network=NetworkOptions())


def test_a_second_run_is_told_who_holds_the_store(run, tmp_path):
    run()
    with hold(tmp_path / "store"), pytest.raises(BusyError, match="process"):
        run()


def test_a_missing_folder_leaves_no_store_behind(run, tmp_path):
    with pytest.raises(DataError):
        run(data=str(tmp_path / "nowhere"))
    assert not (tmp_path / "store").exists()


def test_a_folder_that_is_no_store_is_not_made_one(run, tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store/thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="no feature store"):
        run()
    assert tree(tmp_path / "store").keys() == {"thesis.txt"}


def meanwhile(monkeypatch, at_call, what):
    """Let another run do something while the engine computes its `at_call`-th batch."""
    real = NumpyEngine.__call__

    def call(self, images):
        if len(self.calls) == at_call:
            what()
        return real(self, images)

    monkeypatch.setattr(NumpyEngine, "__call__", call)


def test_an_extraction_whose_source_is_forgotten_meanwhile_stops(run, tmp_path, monkeypatch):
    from bottleneck.pipeline.upkeep.upkeep import forget

    meanwhile(monkeypatch, 1, lambda: forget(tmp_path / "store", None))
    with pytest.raises(ConflictError, match="forgotten while this ran") as caught:
        run()
    assert caught.value.exit_code == 4
    assert Store.open(tmp_path / "store").source_names == []


def test_an_extraction_whose_recipe_is_replaced_meanwhile_stops(run, tmp_path, monkeypatch):
    from dataclasses import replace

    from bottleneck.core.errors import RecipeError
    from bottleneck.store.log import SetRecipe

    def replaced():
        store = Store.open(tmp_path / "store")
        other = replace(store.recipe, weights="cc" * 32)
        store.write_recipe(other, {})
        store.commit([SetRecipe(store.recipe.id, other.id)], "replace")

    meanwhile(monkeypatch, 1, replaced)
    with pytest.raises(RecipeError, match="replaced while this ran"):
        run()
    assert Store.open(tmp_path / "store").state.parts == ()


def test_training_beside_an_extraction_makes_it_look_again_and_nothing_is_lost(
    run, tmp_path, photos, monkeypatch
):
    from bottleneck.store.log import SetSource

    def looked():
        picture(photos / "cat/late.png", 123)
        store = Store.open(tmp_path / "store")
        name = store.source_names[0]
        entry = store.write_snapshot(store.snapshot(name))
        before = store.state.sources[name].snapshot
        store.commit([SetSource(name, before, entry)], "train")

    meanwhile(monkeypatch, 1, looked)
    report = run()
    assert (report["computed"], report["samples"], report["pending"]) == (13, 13, 0)
    assert run()["computed"] == 0


def test_two_extractions_at_once_keep_all_rows(run, tmp_path, photos, monkeypatch):
    picture(tmp_path / "more/bird/1.png", 70)
    started = []

    def other():
        if not started:
            started.append(1)
            run(data=str(tmp_path / "more"), no_lock=True)

    meanwhile(monkeypatch, 1, other)
    run()
    store = Store.open(tmp_path / "store")
    assert store.source_names == ["more", "photos"]
    assert len(store.arrays("more")[0]) == 1
    assert len(store.arrays("photos")[0]) == 12


class Interrupted(NumpyEngine):
    """Stops like Ctrl-C in its third batch."""

    def __call__(self, images):
        if len(self.calls) == 2:
            raise KeyboardInterrupt
        return super().__call__(images)


def test_the_first_extraction_alone_may_look_for_a_batch_size(run, photos, monkeypatch):
    found = []

    def open_engine(_, frozen, **__):
        found.append((frozen.may_grow, frozen.batch_size))
        return NumpyEngine(frozen.batch_size * (2 if frozen.may_grow else 1))

    monkeypatch.setattr("bottleneck.engines.catalog.open_engine", open_engine)
    run()
    picture(photos / "cat/new.png", 99)
    assert run()["computed"] == 1
    picture(photos / "cat/newer.png", 98)
    run(batch_size=5)
    assert found == [(True, 4), (False, 8), (False, 5)]


@pytest.mark.parametrize("fmt", ["hdf5", "zarr"])
def test_after_an_interrupt_the_same_command_goes_on_with_bit_identical_rows(
    run, tmp_path, photos, monkeypatch, fmt
):
    with monkeypatch.context() as patch:
        patch.setattr(
            "bottleneck.engines.catalog.open_engine",
            lambda _, frozen, **__: Interrupted(frozen.batch_size),
        )
        with pytest.raises(KeyboardInterrupt):
            run(format=fmt)
    kept = Store.open(tmp_path / "store")
    done = len(kept.arrays()[0])
    assert done == 8
    report = run(format=fmt)
    assert report["computed"] == 12 - done
    whole = extract(
        ExtractOptions(cache=tmp_path / "other", data=str(photos), network=NETWORK, format=fmt)
    )
    assert whole["computed"] == 12
    np.testing.assert_array_equal(
        np.asarray(Store.open(tmp_path / "store").arrays()[0]),
        np.asarray(Store.open(tmp_path / "other").arrays()[0]),
    )


def test_many_small_parts_are_folded_and_give_the_same_rows(run, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "PART_BYTES", 1)
    monkeypatch.setattr("bottleneck.store.fold.MANY", 2)
    run()
    store = Store.open(tmp_path / "store")
    assert len(store.state.parts) == 1
    assert store.state.by == "fold"
    assert len(store.arrays()[0]) == 12
    assert run()["computed"] == 0


def test_a_minute_without_a_full_part_publishes_what_there_is(run, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "COMMIT_EVERY_S", 0.0)
    run()
    assert len(Store.open(tmp_path / "store").state.parts) > 1


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_at_any_time_leaves_a_store_that_verifies(tmp_path, photos, number):
    script = Path(__file__).parents[2] / "slow_extract.py"
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"}
    command = [sys.executable, str(script), str(photos), str(tmp_path / "store")]
    process = subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not list((tmp_path / "store").glob("log/00000002.json")):
        assert time.monotonic() < deadline
        assert process.poll() is None, process.stderr.read()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    expected = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}
    assert process.returncode == expected[number]
    assert "Traceback" not in errors
    from bottleneck.store.verify import verify

    assert verify(tmp_path / "store")["damaged"] == []
    again = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert len(Store.open(tmp_path / "store").arrays()[0]) == 12


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_without_permission_is_said_to_be_so(run, tmp_path):
    run()
    (tmp_path / "store/log").chmod(0o500)
    with pytest.raises((PermissionDeniedError, PermissionError)):
        run(rehash=True)


def moved_meanwhile(tmp_path, photos, **images):
    """Return what another run does: look at the source as it is by then, and record that."""
    from bottleneck.pipeline.extraction.look import look
    from bottleneck.store.log import SetSource
    from bottleneck.store.snapshot import Snapshot

    def other():
        for name, seed in images.items():
            picture(photos / f"cat/{name}.png", seed)
        store = Store.open(tmp_path / "store")
        name = store.source_names[0]
        now = look(FolderSource(photos), store)
        still = {bytes(key) for key in now.samples.keys}
        kept = tuple(one for one in store.snapshot(name).quarantine if one.key in still)
        seen = Snapshot(samples=now.samples, spec=now.source.spec, quarantine=kept)
        entry = store.write_snapshot(seen)
        before = store.state.sources[name].snapshot
        store.commit([SetSource(name, before, entry)], "train")

    return other


def test_where_another_run_moves_a_source_with_failures_the_plan_is_made_anew(
    run, tmp_path, photos, monkeypatch
):
    """A plan speaks of positions in one listing; beside a shorter one they lead beyond its end."""
    for i in range(3):
        (photos / f"dog/z{i}.png").write_bytes(b"no image %d" % i)
    assert run()["quarantined"] == 3
    for i in range(3):
        picture(photos / f"cat/new{i}.png", 200 + i)

    def other():
        for i in range(1, 3):
            (photos / f"dog/z{i}.png").unlink()
        moved_meanwhile(tmp_path, photos)()

    meanwhile(monkeypatch, 1, other)
    report = run()
    snapshot = Store.open(tmp_path / "store").snapshot()
    assert [entry.key for entry in snapshot.quarantine] == [b"dog/z0.png"]
    assert (report["samples"], report["quarantined"], report["pending"]) == (16, 1, 0)


def test_what_could_not_be_read_is_set_aside_under_its_own_key_after_the_source_moved(
    run, tmp_path, photos, monkeypatch
):
    real = FolderSource.read

    def read(self, index):
        if self.list().keys[index] == b"dog/10.png":
            raise OSError(5, "Input/output error")
        return real(self, index)

    monkeypatch.setattr(FolderSource, "read", read)
    # Keys that come before the one that failed: in the new listing it has another position.
    meanwhile(monkeypatch, 1, moved_meanwhile(tmp_path, photos, aa=300, ab=301))
    run()
    snapshot = Store.open(tmp_path / "store").snapshot()
    assert [entry.key for entry in snapshot.quarantine] == [b"dog/10.png"]


def test_an_extraction_that_fails_ends_its_writing_thread(run, monkeypatch):
    real = NumpyEngine.__call__

    def call(self, images):
        if len(self.calls) == 2:
            raise RuntimeError("the engine broke")
        return real(self, images)

    monkeypatch.setattr(NumpyEngine, "__call__", call)
    monkeypatch.setattr(writing, "PART_BYTES", 1)
    with pytest.raises(RuntimeError, match="the engine broke"):
        run()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("write", "compute", "decode"))]


def test_the_report_says_what_was_understood_and_what_is_one_image_twice(run, photos, tmp_path):
    shutil.copy(photos / "cat/01.png", photos / "cat/again.png")
    picture(photos / "other.png", 77)
    (photos / "cat/bad.png").write_bytes(b"no image")
    report = run()
    assert (report["samples"], report["computed"], report["duplicates"]) == (15, 13, 1)
    assert report["network"]["size"] == [8, 8]
    assert report["network"]["shape"] == [6]
    assert report["network"]["dtype"] == "float16"
    assert report["classes"] == ["cat", "dog"]
    assert report["splits"] == {"train": 15, "val": 0, "test": 0}
    assert report["unlabelled"] == 1
    assert list(report["set_aside"].values()) == [1]
    seconds = report["seconds"]["total"]
    assert report["images_per_second"] == pytest.approx(13 / seconds, rel=0.2)


def test_the_arithmetic_that_is_asked_for_is_in_the_recipe(run, tmp_path):
    network = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
    run(network=replace(network, compute="float32"))
    assert run(network=network)["computed"] == 0  # float32 is what is meant without it
    with pytest.raises(RecipeError) as caught:
        run(network=replace(network, compute="bfloat16"))
    (said,) = caught.value.details
    assert said.startswith("compute: bfloat16/")
    assert said.endswith(" asked, float32 there")
    assert caught.value.differences == ("compute",)


def test_a_source_that_another_run_records_before_the_first_rows_is_looked_at_again(
    run, tmp_path, photos, monkeypatch
):
    """Loading a network takes long: the other run is a train, or an extract in another folder."""
    run()
    for i in range(6):
        picture(photos / f"cat/new{i}.png", 500 + i)
    meanwhile(monkeypatch, 0, moved_meanwhile(tmp_path, photos, late=900))
    report = run()
    assert (report["computed"], report["samples"], report["pending"]) == (7, 19, 0)
    assert run()["computed"] == 0


def test_a_recipe_is_replaced_also_where_another_run_recorded_the_source_meanwhile(
    run, tmp_path, photos, monkeypatch
):
    run()
    picture(photos / "cat/new.png", 500)
    meanwhile(monkeypatch, 0, moved_meanwhile(tmp_path, photos, late=900))
    report = run(network=replace(NETWORK, weights="random:1"), replace=True)
    assert (report["computed"], report["samples"], report["pending"]) == (14, 14, 0)
    store = Store.open(tmp_path / "store")
    assert (store.recipe.id, len(store.arrays()[0])) == (report["recipe"], 14)


def test_a_name_that_another_run_gave_to_other_images_meanwhile_stays_theirs(
    run, tmp_path, monkeypatch
):
    for i in range(3):
        picture(tmp_path / f"other/photos/bird/{i}.png", 70 + i)
    started = []

    def other():
        if not started:
            started.append(1)
            run(data=str(tmp_path / "other/photos"), no_lock=True)

    meanwhile(monkeypatch, 0, other)
    with pytest.raises(ConflictError, match="recorded other images as photos") as caught:
        run()
    assert "--source" in caught.value.do
    assert list(Store.open(tmp_path / "store").snapshot().samples.classes) == ["bird"]


def test_what_a_rehash_has_read_is_known_also_after_another_run_moved_the_source(
    run, tmp_path, photos, monkeypatch
):
    run()
    picture(photos / "cat/new.png", 500)
    meanwhile(monkeypatch, 0, moved_meanwhile(tmp_path, photos, late=900))
    report = run(rehash=True)
    assert (report["computed"], report["samples"], report["pending"]) == (2, 14, 0)


def test_images_that_occur_twice_are_counted_once_in_a_dry_run_and_are_nothing_cached(run, photos):
    for i in (1, 3):
        shutil.copy(photos / f"cat/{i:02}.png", photos / f"cat/copy{i}.png")
    assert run(dry_run=True)["would"]["computed"] == 12
    report = run()
    assert (report["computed"], report["cached"], report["copies"]) == (12, 2, 2)
    assert "14 images of photos (2 of them duplicates): 12 computed, 0 cached" in lines(report)[0]
    shutil.copy(photos / "cat/01.png", photos / "cat/another.png")
    picture(photos / "cat/new.png", 99)
    report = run()
    assert (report["computed"], report["cached"], report["copies"]) == (1, 15, 0)


def test_an_image_that_was_read_ahead_and_not_computed_is_no_copy_of_one_that_was(run):
    """A limit ends the work while more images wait decoded, and their digests are known."""
    run()
    report = run(network=replace(NETWORK, weights="random:1"), replace=True, limit=4)
    assert (report["computed"], report["pending"], report["copies"]) == (4, 8, 0)
    assert "4 computed, 0 cached, 8 pending" in lines(report)[0]


def test_a_dry_run_takes_its_rate_from_the_longest_run_with_the_same_network(run, photos):
    """A run of one image spends its time on starting, and another network has another speed."""
    report = run()
    store = Store.open(report["store"])
    for n, seconds, recipe in (
        (1000, 10_000, report["recipe"]),
        (1, 5, report["recipe"]),
        (5000, 1, "ff" * 32),
    ):
        entry = {**report, "computed": n, "seconds": {"total": seconds}, "recipe": recipe}
        store.append_history(entry)
    picture(photos / "cat/new.png", 500)
    assert run(dry_run=True)["would"] == {"computed": 1, "bytes": 12, "seconds": 10.0}


def test_a_dry_run_of_a_network_that_was_never_computed_does_not_guess_the_time(run):
    run()
    report = run(network=replace(NETWORK, weights="random:1"), replace=True, dry_run=True)
    assert report["would"] == {"computed": 12, "bytes": 12 * 6 * 2, "seconds": None}
    assert "no run with this network has computed anything yet" in lines(report)[-1]


def test_listing_images_without_a_dry_run_is_wrong_usage(tmp_path, photos, capsys):
    words = ["--data", str(photos), "--backbone", "mini", "--cache", str(tmp_path / "s"), "--list"]
    assert console.run(main, words) == 2
    assert "--dry-run" in capsys.readouterr().err
    assert not (tmp_path / "s").exists()
