"""Rows of fewer bits: the spread is measured once, kept in each part, and judges canaries."""

import numpy as np
import pytest
from world import picture

from bottleneck.core.errors import OtherRowsError, RecipeError, UsageError
from bottleneck.core.recipe import read_recipe_file
from bottleneck.core.reporter import Silent
from bottleneck.engines import catalog
from bottleneck.pipeline.extraction.extract import extract
from bottleneck.pipeline.extraction.options import ExtractOptions
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.upkeep.status import StatusOptions, status
from bottleneck.status import lines
from bottleneck.store.store import Store

SPREAD = {"images": 12, "cosine": 0.97, "median": 0.99, "relative": 0.02, "max_abs": 7.0}
NETWORK = NetworkOptions(backbone="resnet50", weights="random:0", size=(8, 8), compute="bfloat16")


class Said(Silent):
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, message):
        self.lines.append(message)


@pytest.fixture
def given(monkeypatch, numpy_network):
    """What each engine that was opened was given; its spread is SPREAD unless one is recorded."""
    found = []

    def open_engine(name, frozen, **_):
        spread = frozen.spread or SPREAD

        class Reduced(numpy_network):
            @property
            def provenance(self):
                return {**super().provenance, "spread": spread}

        found.append((name, frozen))
        return Reduced(frozen.batch_size)

    monkeypatch.setattr(catalog, "open_engine", open_engine)
    monkeypatch.setattr(catalog, "_is_installed", lambda _: True)
    monkeypatch.setattr("shutil.which", lambda _: None)
    return found


@pytest.fixture
def run(tmp_path, photos, given, later):
    def run(reporter=None, **options):
        later()
        told = {"network": NETWORK, "data": str(photos), **options}
        return extract(ExtractOptions(cache=tmp_path / "store", **told), reporter or Silent())

    return run


def test_the_spread_is_said_before_anything_is_committed_and_kept(run, given, tmp_path):
    said = Said()
    report = run(said)
    assert report["spread"] == SPREAD
    assert report["network"]["compute"] == "bfloat16/openvino"
    beside = "beside float32, on 12 images: cosine 0.9900 (median), 0.9700 (smallest); largest"
    assert [line for line in said.lines if line.startswith(beside)]
    (name, frozen) = given[0]
    assert (name, frozen.compute, frozen.spread) == ("openvino", "bfloat16/openvino", None)
    store = Store.open(tmp_path / "store")
    assert [part.provenance["spread"] for part in store.parts] == [SPREAD]
    found = status(StatusOptions(cache=tmp_path / "store"))
    assert found["spread"] == SPREAD
    assert [line for line in lines(found) if line.startswith(beside)]


def test_a_later_run_takes_the_recorded_spread_and_says_it_no_more(run, given, photos, tmp_path):
    run()
    picture(photos / "cat/new.png", 77)
    said = Said()
    assert run(said)["computed"] == 1
    assert given[1][1].spread == SPREAD
    assert not [line for line in said.lines if line.startswith("beside float32")]
    spreads = [part.provenance["spread"] for part in Store.open(tmp_path / "store").parts]
    assert spreads == [SPREAD, SPREAD]


@pytest.mark.parametrize(("factor", "agrees"), [(1.01, True), (1.05, False)])
def test_canaries_may_be_off_by_the_recorded_spread(
    run, numpy_network, photos, monkeypatch, factor, agrees
):
    run()
    picture(photos / "cat/new.png", 77)
    monkeypatch.setattr(numpy_network, "factor", factor)
    if agrees:
        assert run()["computed"] == 1
        return
    with pytest.raises(OtherRowsError, match=r"at most 2\.0e-02"):
        run()


def test_the_recipe_is_of_the_engine_and_goes_on_with_no_other(run, photos, tmp_path):
    run()
    picture(photos / "cat/new.png", 77)
    with pytest.raises(UsageError, match="only openvino computes"):
        run(network=NetworkOptions(), engine="keras")
    with pytest.raises(RecipeError) as caught:
        run(engine="keras")
    (said,) = caught.value.details
    assert said.startswith("compute: bfloat16/keras-")
    assert run(network=NetworkOptions())["computed"] == 1
    (recipe,) = (tmp_path / "store/recipes").iterdir()
    read, _ = read_recipe_file(recipe.read_bytes(), recipe.stem, recipe)
    assert read.compute == "bfloat16/openvino"


def test_of_several_spreads_the_narrowest_counts(run, photos, tmp_path, monkeypatch):
    from bottleneck.pipeline.extraction.spread import spread_of

    run()
    store = Store.open(tmp_path / "store")
    wide = {**SPREAD, "relative": 0.5}
    rows = store.rows(store.snapshot("photos").samples.digests[:1])
    entry = store.write_part(np.zeros((1, 32), np.uint8), rows, {"spread": wide})
    assert spread_of(store.commit([store.add_part(entry)], "test")) == SPREAD
    assert spread_of(None) is None
