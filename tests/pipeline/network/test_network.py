"""From options to a recipe: the request map is never more than what loading would give."""

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from bottleneck import backbones
from bottleneck.core.errors import RecipeError, UsageError
from bottleneck.core.recipe import ImageSpec, Recipe, RowSpec
from bottleneck.pipeline.network import network as networks
from bottleneck.pipeline.network import requests
from bottleneck.pipeline.network.options import NetworkOptions, recorded_options
from bottleneck.pipeline.network.same_recipe import check_same
from bottleneck.store.store import Store

NAMES = ["w.weights.h5", "caf\udce9.weights.h5"]  # the second is not UTF-8


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Return (path, load): `load` makes a network of the bytes of a weight file at `path`."""

    def make(name):
        path = tmp_path / name
        path.write_bytes(b"one")
        options = NetworkOptions(backbone="resnet50", weights=str(path), size=(8, 8)).completed()
        return path, lambda: networks.load(options)

    def load(request, _reporter):
        assert os.path.isfile(request.weights)  # noqa: PTH113 - it need not be UTF-8
        return SimpleNamespace(
            network="0" * 64,
            weights="1" * 64,
            preprocessing="none",
            size=(8, 8),
            mode="rgb",
            resample="bilinear",
            fit="squash",
            row_dtype="float16",
            row_shape=(3,),
            weight_files=(request.weights,),
            about={},
        )

    monkeypatch.setattr(backbones.catalog, "load", load)
    return make


def entered(tmp_path, network):
    """Enter a network in a new store's map; return what a warm run would find."""
    Store.prepare(tmp_path / "store")
    store = Store.create(tmp_path / "store", network.recipe, network.about)
    network.remember(store)
    return requests.lookup(Store.open(tmp_path / "store"), network.options)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_old_enough_is_remembered(tmp_path, loaded, later, name):
    _, load = loaded(name)
    later()
    network = load()
    assert entered(tmp_path, network) == network.recipe.id
    again = recorded_options(Store.open(tmp_path / "store").about, "store")
    assert again.weights == network.options.weights


def test_a_file_that_could_change_under_the_same_stats_is_not_remembered(tmp_path, loaded):
    _, load = loaded(NAMES[0])
    assert entered(tmp_path, load()) is None


def test_a_file_that_changes_while_rows_are_computed_is_another_one(tmp_path, loaded, later):
    path, load = loaded(NAMES[0])
    later()
    network = load()
    path.write_bytes(b"two")
    assert entered(tmp_path, network) is None


def test_a_file_that_is_gone_when_the_map_is_written_is_not_found_warm(tmp_path, loaded, later):
    path, load = loaded(NAMES[0])
    later()
    network = load()
    path.unlink()
    assert entered(tmp_path, network) is None


def test_what_others_record_gives_no_leave_to_run_code():
    said = {"backbone": "m.keras", "imports": ["antigravity"], "trust": True}
    found = recorded_options({"request": said}, "a store")
    assert (found.backbone, found.imports, found.trust) == ("m.keras", None, None)


@pytest.mark.parametrize("text", ["", " "])
def test_a_network_version_that_says_nothing_is_refused(text):
    with pytest.raises(UsageError, match="--network-version"):
        NetworkOptions(backbone="mini", network_version=text).completed()


def test_a_recipe_that_differs_in_pooling_says_pooling_and_not_two_digests():
    recorded = Recipe(
        network="aa" * 32,
        weights="bb" * 32,
        preprocessing="none",
        image=ImageSpec(size=(8, 8)),
        rows=RowSpec(dtype="float16", shape=(6,)),
    )
    asked = replace(recorded, network="cc" * 32)
    said = {"backbone": "mini", "layer": None, "pooling": "avg"}
    with pytest.raises(RecipeError) as caught:
        check_same(recorded, asked, "s", said=(said, {**said, "pooling": "max"}))
    assert caught.value.details == ("pooling: max asked, avg there",)
    with pytest.raises(RecipeError) as caught:
        check_same(recorded, asked, "s", said=(said, said))
    assert caught.value.details == ("network: cccccccccccc asked, aaaaaaaaaaaa there",)
