"""Bits that flip where verbs read: what rests on them is refused, what is derived costs time alone.

`BOTTLENECK_SOAK=1` flips a thousand bits of each kind instead of some.
"""

import os
import shutil

import numpy as np
import pytest
from world import flip

from bottleneck.core.errors import BottleneckError
from bottleneck.core.portion import Portion
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.learning.predict import PredictOptions, predict
from bottleneck.pipeline.learning.train import TrainOptions, train
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.upkeep import verify
from bottleneck.store.store import Store

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))
SOAK = os.environ.get("BOTTLENECK_SOAK") == "1"
FLIPS = 1000 if SOAK else 24


@pytest.fixture(params=["hdf5", "zarr"])
def cache(tmp_path, photos, numpy_network, later, monkeypatch, request):
    """A store of twelve photos with a run, in which all that is derived is there."""
    monkeypatch.setattr("bottleneck.pictures.plots.can_draw", lambda: False)  # for speed
    path = tmp_path / "store"
    look(path, photos, format=request.param)
    later()
    look(path, photos)
    learn(path)
    verify(path, sample=Portion(5, "%"))
    return path


def look(cache, photos, **options):
    return extract(ExtractOptions(cache=cache, data=str(photos), network=NETWORK, **options))


def learn(cache, run="first"):
    return train(TrainOptions(cache=cache, run=run))


def ask(cache, photos):
    """Return what a run says of the images: key → (class, probability) of the likeliest."""
    found = predict(PredictOptions(images=(str(photos),), run=str(cache / "runs" / "first")))
    return {
        image["key"]: [(t["class"], round(t["probability"], 6)) for t in image["top"]]
        for image in found["images"]
    }


def below(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file())


def flips(paths, n, seed):
    """Flip one bit after the other, each file in turn; yield (path, position), and undo it."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        path = paths[i % len(paths)]
        data = path.read_bytes()
        if not data:
            continue
        at = int(rng.integers(len(data)))
        flip(path, at, int(rng.integers(8)))
        yield path, at
        path.write_bytes(data)


@pytest.mark.slow
def test_no_verb_serves_anything_of_a_truth_file_with_a_flipped_bit(cache, photos):
    expected, arrays = ask(cache, photos), Store.open(cache).arrays()
    accuracy = learn(cache, "again")["accuracy"]
    shutil.rmtree(cache / "runs" / "again")
    rooms = ("log", "recipes", "parts", "snapshots")
    paths = [path for room in rooms for path in below(cache / room)]
    n_refused = 0
    for path, at in flips(paths, FLIPS, 1):
        try:
            assert ask(cache, photos) == expected, (path, at)
            report = learn(cache, "again")
            assert report["accuracy"] == accuracy, (path, at)
            found = Store.open(cache).arrays()
            np.testing.assert_array_equal(found[0], arrays[0])
            np.testing.assert_array_equal(found[1], arrays[1])
        except BottleneckError:
            n_refused += 1
        shutil.rmtree(cache / "runs" / "again", ignore_errors=True)
    assert n_refused > FLIPS // 8


@pytest.mark.slow
def test_a_flipped_bit_in_what_is_derived_costs_time_alone(cache, photos):
    before = Store.open(cache).state.checksum
    expected = ask(cache, photos)
    paths = below(cache / "derived")
    assert {path.name.split("-")[0] for path in paths} >= {"stats", "verified.json"}
    saved = {path: path.read_bytes() for path in paths}
    for path, at in flips(paths, FLIPS, 2):
        report = look(cache, photos)
        assert (report["computed"], report["cached"]) == (0, 12), (path, at)
        assert Store.open(cache).state.checksum == before, (path, at)
        assert ask(cache, photos) == expected, (path, at)
        assert verify(cache, sample=Portion(5, "%"))["damaged"] == []
        for name, data in saved.items():
            name.write_bytes(data)


@pytest.mark.slow
def test_a_flipped_bit_in_what_is_derived_hides_no_edit(cache, photos, later):
    from world import picture

    paths = below(cache / "derived")
    for n, (path, at) in enumerate(flips(paths, FLIPS // 4, 3)):
        picture(photos / "cat" / "01.png", 1000 + n)
        later()
        assert look(cache, photos)["computed"] == 1, (path, at)


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["empty", "cut", "other", "folder", "gone"])
def test_what_is_derived_may_be_anything(cache, photos, harm):
    before = Store.open(cache).state.checksum
    for path in below(cache / "derived"):
        data = path.read_bytes()
        path.unlink()
        if harm == "empty":
            path.write_bytes(b"")
        elif harm == "cut":
            path.write_bytes(data[: len(data) // 2])
        elif harm == "other":
            path.write_bytes(b"\x93NUMPY" + b"\xff" * 300)
        elif harm == "folder":
            path.mkdir()
    report = look(cache, photos)
    assert (report["computed"], report["cached"]) == (0, 12)
    assert Store.open(cache).state.checksum == before
    assert verify(cache, sample=Portion(5, "%"))["damaged"] == []
    assert len(ask(cache, photos)) == 12


@pytest.mark.slow
def test_a_flipped_bit_in_a_run_is_refused_or_changes_no_answer(cache, photos):
    expected = ask(cache, photos)
    paths = below(cache / "runs" / "first")
    codes = []
    for path, at in flips(paths, FLIPS, 4):
        try:
            assert ask(cache, photos) == expected, (path, at)
        except BottleneckError as error:
            codes.append(error.exit_code)
    assert len(codes) > FLIPS // 8
    assert set(codes) <= {2, 5}
