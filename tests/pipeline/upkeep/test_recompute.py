"""verify --recompute: rows computed again on this machine, beside the stored ones."""

import shutil

import numpy as np
import pytest
from world import NumpyEngine, picture

from bottleneck.core.errors import DamagedError
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep import recompute
from bottleneck.pipeline.upkeep.recompute import Differences, RecomputeOptions
from bottleneck.pipeline.upkeep.upkeep import verify
from bottleneck.store.store import Store
from bottleneck.verify import lines

NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8))


@pytest.fixture
def cache(tmp_path, photos, numpy_network, later):
    """A store of twelve photos."""
    extract(ExtractOptions(cache=tmp_path / "store", data=str(photos), network=NETWORK))
    numpy_network.opened.clear()
    return tmp_path / "store"


def again(cache, number=100, **options):
    report = verify(cache, again=RecomputeOptions(number=number, **options))
    return report["recompute"], lines(report)


def test_all_rows_of_a_machine_that_agrees_are_within(cache):
    found, said = again(cache)
    assert (found["computed"], found["within"], found["asked"]) == (12, True, 100)
    assert 0 < found["relative"] < found["bound"] < 1e-3
    assert 0 < found["max_abs"] < 1e-3  # what rounding to float16 may do
    assert found["cosine"] > 0.999999
    assert said[-1] == "this machine computes these rows"


def test_as_many_as_are_asked_for_are_computed_and_the_seed_chooses_which(cache, monkeypatch):
    seen = []
    real = NumpyEngine.__call__
    monkeypatch.setattr(
        NumpyEngine, "__call__", lambda self, x: seen.append(x.tobytes()) or real(self, x)
    )
    assert again(cache, 3)[0]["computed"] == 3
    assert again(cache, 3)[0]["computed"] == 3
    again(cache, 3, seed=1)
    assert seen[0] == seen[1] != seen[2]


def test_a_machine_that_computes_other_rows_is_not_within(cache, numpy_network):
    numpy_network.factor = 1.01
    found, said = again(cache)
    assert found["within"] is False
    assert 0.009 < found["relative"] < 0.011
    assert said[-1] == "this machine computes other rows"


def test_one_wrong_row_of_many_is_not_hidden(cache, monkeypatch):
    real = NumpyEngine.__call__

    def call(self, images):
        rows = real(self, images)
        rows[-1] = rows[-1][::-1] if len(self.calls) == 2 else rows[-1]
        return rows

    monkeypatch.setattr(NumpyEngine, "__call__", call)
    found, _ = again(cache)
    assert found["within"] is False
    assert found["cosine"] < 0.99


def test_images_that_changed_or_vanished_are_passed_over(cache, photos):
    (photos / "cat" / "01.png").unlink()
    picture(photos / "dog" / "02.png", 99)
    picture(photos / "dog" / "00a.png", 98)
    found, _ = again(cache)
    assert (found["computed"], found["within"]) == (10, True)


def test_without_a_source_that_can_be_read_it_says_so_in_one_line(cache, photos, numpy_network):
    shutil.rmtree(photos)
    found, said = again(cache)
    assert (found["computed"], found["within"]) == (0, None)
    assert said[-1].startswith("nothing was computed again: no image with a row can be read here")
    assert numpy_network.opened == []


def test_nothing_is_computed_while_damage_is_left(cache, numpy_network):
    part = next((cache / "parts").iterdir())
    part.write_bytes(part.read_bytes() + b"x")
    report = verify(cache, again=RecomputeOptions(number=3))
    assert report["recompute"] is None
    assert lines(report)[-1] == "nothing was computed again: repair the store first"
    assert numpy_network.opened == []
    report = verify(cache, repair=True, again=RecomputeOptions(number=3))
    assert report["recompute"]["within"] is True


def test_nothing_is_written(cache):
    before = Store.open(cache).state.checksum
    again(cache)
    assert Store.open(cache).state.checksum == before
    assert len(list((cache / "parts").iterdir())) == 1


def test_every_view_is_compared(tmp_path, photos, numpy_network, later, monkeypatch):
    network = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8), views=3)
    extract(ExtractOptions(cache=tmp_path / "v", data=str(photos), network=network))
    assert again(tmp_path / "v")[0]["within"] is True
    real = NumpyEngine.__call__

    def call(self, images):
        rows = real(self, images)
        rows[2::3] *= 1.5
        return rows

    monkeypatch.setattr(NumpyEngine, "__call__", call)
    assert again(tmp_path / "v")[0]["within"] is False


def test_reduced_precision_without_a_recorded_spread_is_not_judged(
    tmp_path, photos, numpy_network, later, monkeypatch
):
    network = NetworkOptions(
        backbone="resnet50", weights="random:0", size=(8, 8), compute="bfloat16"
    )
    extract(ExtractOptions(cache=tmp_path / "b", data=str(photos), network=network))
    found, said = again(tmp_path / "b")
    assert found["within"] is None
    assert "the parts record no spread of bfloat16" in said[-1]


@pytest.mark.parametrize(("factor", "within"), [(1.02, True), (1.05, False)])
def test_reduced_precision_is_judged_as_the_next_extraction_would(
    tmp_path, photos, numpy_network, later, monkeypatch, factor, within
):
    spread = {"images": 32, "cosine": 0.9999, "median": 0.99999, "relative": 0.03, "max_abs": 1.0}
    network = NetworkOptions(
        backbone="resnet50", weights="random:0", size=(8, 8), compute="bfloat16"
    )
    extract(ExtractOptions(cache=tmp_path / "b", data=str(photos), network=network))
    monkeypatch.setattr(recompute, "spread_of", lambda _: spread)
    numpy_network.factor = factor
    assert again(tmp_path / "b")[0]["within"] is within


def test_a_row_that_is_no_number_is_never_within():
    found = Differences()
    rows = np.ones((2, 1, 4), np.float16)
    bad = rows.astype(np.float32)
    bad[1, 0, 2] = np.nan
    found.add(bad, rows)
    assert (found.ok, found.max_abs, found.cosine) == (False, np.inf, -1.0)
    found.add(rows.astype(np.float32), rows)
    assert (found.ok, found.n_rows) == (False, 4)


def test_a_row_of_zeros_beside_zeros_agrees():
    found = Differences()
    found.add(np.zeros((1, 1, 4), np.float32), np.zeros((1, 1, 4), np.float16))
    assert (found.ok, found.cosine, found.max_abs) == (True, 1.0, 0.0)


def test_a_stored_row_that_is_damaged_is_an_error_and_no_difference(cache):
    from bottleneck.pipeline.upkeep.recompute import recompute

    store = Store.open(cache)
    part = store.parts[0]
    row = np.asarray(part.slice(3, 4)).tobytes()
    path = part.path
    data = bytearray(path.read_bytes())
    data[data.index(row)] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(DamagedError):
        recompute(Store.open(cache), RecomputeOptions(number=100))
