"""gc over what people do: what it leaves is what is needed, and nothing that was wanted is gone.

What is needed is said by a reader that was written from docs/format.md alone.
"""

import os
from contextlib import nullcontext
from dataclasses import replace

import format_reader
import numpy as np
import pytest
from world import NumpyEngine, picture

from bottleneck.core.errors import DamagedError
from bottleneck.data.folder import FolderSource
from bottleneck.gc import lines
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.upkeep import forget, gc, verify
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
OTHER = replace(NETWORK, pooling="max")
ALL = -10.0


@pytest.fixture(params=["hdf5", "zarr"])
def cache(tmp_path, photos, numpy_network, later, request):
    """A store of twelve photos."""
    run(tmp_path / "store", photos, format=request.param)
    later()
    return tmp_path / "store"


def run(cache, photos, network=NETWORK, **options):
    return extract(ExtractOptions(cache=cache, data=str(photos), network=network, **options))


def needed(path):
    """Return the names of all files that the commits of a store name, and its log."""
    found = {"history.jsonl"}
    for commit in format_reader.commits(path):
        found |= {f"log/{commit['number']:08}.json", f"recipes/{commit['recipe']}.json"}
        tables = [(f"parts/{part['name']}", part["files"]) for part in commit["parts"]]
        tables += [(f"snapshots/{s['snapshot']}", s["files"]) for s in commit["sources"].values()]
        found |= {f"{name}/{file}".rstrip("/") for name, files in tables for file in files}
    return found


def there(path):
    """Return the names of all files but what is derived, and the lock."""
    files = (p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())
    return {name for name in files if not name.startswith("derived/") and name != "lock"}


def litter(path):
    """Leave what killed runs and repairs leave."""
    unfinished = f"tmp-{'0a' * 16}"
    for room in ("parts", "snapshots", "recipes", "log", "derived"):
        (path / room).mkdir(exist_ok=True)
        (path / room / unfinished).write_bytes(b"half")
    (path / "parts" / f"{unfinished}.zarr").mkdir()
    (path / "parts" / f"{'ab' * 8}-{'cd' * 4}.h5").write_bytes(b"published, never committed")
    (path / "recipes" / f"{'ef' * 32}.json").write_bytes(b"{}")
    (path / "log" / "damaged").mkdir(exist_ok=True)
    (path / "log" / "damaged" / "00000003.json").write_bytes(b"{")
    (path / "derived" / "openvino" / ("ef" * 8)).mkdir(parents=True)
    (path / "derived" / "openvino" / ("ef" * 8) / "network.bin").write_bytes(b"x")
    (path / "derived" / f"stats-{'0' * 16}.bin").write_bytes(b"x")


def test_after_all_that_people_do_gc_leaves_what_is_needed(cache, photos, tmp_path, later):
    picture(photos / "cat" / "new.png", 50)
    run(cache, photos)
    for name in ("dog/00.png", "dog/02.png", "dog/04.png"):
        (photos / name).unlink()
    later()
    run(cache, photos)
    more = tmp_path / "more"
    picture(more / "bird" / "1.png", 70)
    run(cache, more)
    forget(cache, "more")
    run(cache, photos, OTHER, replace=True)
    picture(photos / "cat" / "again.png", 51)
    later()
    run(cache, photos, OTHER)
    litter(cache)
    assert there(cache) > needed(cache)
    gc(cache, grace_s=ALL)
    assert there(cache) == needed(cache)
    newest, _, rows, sources = format_reader.read_store(cache)
    (found,) = sources.values()
    assert rows.keys() == set(found["digests"])
    assert [p.name for p in (cache / "derived").glob("openvino/*")] == []
    assert len(list((cache / "derived").glob("stats-*.bin"))) == 1
    assert verify(cache)["damaged"] == []
    assert gc(cache, grace_s=ALL)["deleted"] == []
    assert newest["number"] == Store.open(cache).state.number


def test_a_second_run_after_gc_computes_nothing(cache, photos):
    (photos / "cat" / "01.png").unlink()
    run(cache, photos)
    gc(cache, grace_s=ALL)
    assert run(cache, photos)["computed"] == 0


def test_within_the_grace_nothing_goes_but_what_is_old(cache, photos):
    (photos / "cat" / "01.png").unlink()
    run(cache, photos)
    litter(cache)
    before = there(cache)
    assert gc(cache, grace_s=3600.0)["deleted"] == []
    assert there(cache) == before
    (damaged,) = (cache / "log" / "damaged").iterdir()
    os.utime(damaged, (0, 0))
    assert gc(cache, grace_s=3600.0)["deleted"] == ["log/damaged/00000003.json"]


def test_a_row_of_a_deleted_image_goes_and_one_of_an_image_that_came_back_is_computed(
    cache, photos, later
):
    gone = [photos / "dog" / f"{n:02}.png" for n in (0, 2, 4, 6, 8, 10)]
    kept = {path: path.read_bytes() for path in [*gone, photos / "cat" / "01.png"]}
    for path in kept:
        path.unlink()
    run(cache, photos, allow_shrink=True)
    report = gc(cache, grace_s=ALL)
    assert report["rows"] == 7
    for path, data in kept.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    later()
    assert run(cache, photos)["computed"] == 7
    assert run(cache, photos)["computed"] == 0


def test_a_dry_run_says_what_would_go_and_writes_nothing(cache, photos):
    forget(cache, None)
    before = there(cache)
    report = gc(cache, grace_s=ALL, dry_run=True)
    assert there(cache) == before
    assert report["rows"] == 12
    said = lines(report)
    assert said[-1].startswith("would drop 12 rows that no image needs: about 0.")
    assert gc(cache, grace_s=ALL)["rows"] == 12


def test_unread_images_are_said(cache, photos, monkeypatch):
    real = FolderSource.read

    def read(self, index):
        if self.list().keys[index] == b"cat/zz.png":
            raise OSError(5, "Input/output error")
        return real(self, index)

    picture(photos / "cat" / "zz.png", 77)
    monkeypatch.setattr(FolderSource, "read", read)
    run(cache, photos)
    report = gc(cache, grace_s=ALL)
    assert report["unread"] == ["photos"]
    assert lines(report)[-1].startswith("every row stays while images of photos are unread")


def test_a_run_that_its_user_called_like_a_leftover_stays(cache):
    for name in ("tmp-1", "tmp-of-mine"):
        (cache / "runs" / name).mkdir(parents=True)
        (cache / "runs" / name / "run.json").write_bytes(b"{}")
        os.utime(cache / "runs" / name, (0, 0))
    gc(cache, grace_s=ALL)
    assert {p.name for p in (cache / "runs").iterdir()} == {"tmp-1", "tmp-of-mine"}


def test_damage_keeps_gc_from_deleting_anything(cache, photos):
    for n in (1, 3, 5, 7):
        (photos / "cat" / f"{n:02}.png").unlink()
    run(cache, photos)
    snapshot = Store.open(cache).state.sources["photos"].snapshot
    path = cache / "snapshots" / snapshot
    path = path if path.is_file() else path / "label" / "zarr.json"
    path.write_bytes(path.read_bytes() + b"x")
    before = there(cache)
    with pytest.raises(DamagedError, match="verify --repair"):
        gc(cache, grace_s=ALL)
    assert there(cache) == before
    verify(cache, repair=True)
    gc(cache, grace_s=ALL)
    assert verify(cache)["damaged"] == []


@pytest.mark.slow
def test_small_parts_of_many_runs_become_few_and_gc_takes_the_rest(cache, photos, later):
    for n in range(20):
        picture(photos / "cat" / f"n{n}.png", 200 + n)
        later()
        run(cache, photos)
    reader = Store.open(cache)
    assert 1 < len(reader.parts) <= 17
    told = gc(cache, grace_s=ALL, dry_run=True)
    assert told["folded"] == len(reader.parts) == len(Store.open(cache).parts)
    assert any(
        f"{told['folded']} small files of rows would become fewer" in line for line in lines(told)
    )
    assert gc(cache, grace_s=ALL)["folded"] == told["folded"]
    assert len(list((cache / "parts").iterdir())) == 1
    assert np.asarray(reader.arrays()[0]).shape == (32, 6)
    assert there(cache) == needed(cache)
    x, _, keys = Store.open(cache).arrays()
    assert len(keys) == len(np.asarray(x)) == 32


def test_the_history_keeps_its_lines_and_gets_one_for_what_changed_the_store(cache):
    before = (cache / "history.jsonl").read_bytes()
    gc(cache, grace_s=ALL, dry_run=True)
    verify(cache)
    forget(cache, None, dry_run=True)
    assert (cache / "history.jsonl").read_bytes() == before
    verify(cache, repair=True)  # there is nothing to mend
    forget(cache, None)
    gc(cache, grace_s=ALL)
    assert (cache / "history.jsonl").read_bytes().startswith(before)
    entries = Store.open(cache).history()
    assert [entry["verb"] for entry in entries] == ["extract", "forget", "gc"]
    assert [entry["code"] for entry in entries] == [0] * 3
    assert entries[-1]["rows"] == 12
    assert isinstance(entries[-1]["deleted"], int)


def test_rows_that_gc_drops_while_a_run_counts_on_them_are_computed_by_that_run(
    cache, photos, later, monkeypatch
):
    gone = [photos / "dog" / f"{n:02}.png" for n in (0, 2, 4, 6, 8, 10)]
    kept = {path: path.read_bytes() for path in [*gone, photos / "cat" / "01.png"]}
    for path in kept:
        path.unlink()
    run(cache, photos, allow_shrink=True)
    for path, data in kept.items():
        path.write_bytes(data)
    picture(photos / "cat" / "new.png", 50)
    later()
    real, dropped = NumpyEngine.__call__, []

    def call(self, images):
        if not dropped:
            dropped.append(gc(cache, grace_s=ALL)["rows"])
        return real(self, images)

    monkeypatch.setattr(NumpyEngine, "__call__", call)
    with monkeypatch.context() as unlocked:
        unlocked.setattr("bottleneck.pipeline.upkeep.upkeep.hold", lambda *_: nullcontext())
        report = run(cache, photos, no_lock=True)
    assert dropped == [7]
    assert (report["computed"], report["pending"]) == (8, 0)
    assert len(Store.open(cache).arrays()[2]) == 13
