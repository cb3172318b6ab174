"""`mini`: what is shipped is what is loaded, in Keras and without it."""

import json
import shutil

import numpy as np
import pytest
from world import flip

from bottleneck.backbones import Request, catalog
from bottleneck.backbones.mini import load as mini
from bottleneck.backbones.mini import network
from bottleneck.core.errors import DamagedError, UsageError
from bottleneck.core.generated import pictures

SHIPPED = Request(backbone="mini", weights="shipped")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Return a copy of the shipped files that may be damaged."""
    for name in (mini.TENSORS, mini.ROWS, mini.FACTS):
        shutil.copy(mini.HERE / name, tmp_path / name)
    monkeypatch.setattr(mini, "HERE", tmp_path)
    return tmp_path


def test_the_identity_that_is_written_down_is_the_one_that_keras_gives():
    ours = catalog.load(SHIPPED)
    cut = mini._in_keras(SHIPPED, mini.SIZE, ours.portable.tensors, {})
    assert (ours.network, ours.weights, ours.row_shape, ours.row_dtype) == (
        cut.network,
        cut.weights,
        cut.row_shape,
        cut.row_dtype,
    )
    assert ours.model.output_shape == (None, network.FEATURES)


def test_the_shipped_rows_are_those_of_plain_keras():
    ours = catalog.load(SHIPPED)
    np.testing.assert_array_equal(ours.portable.images, pictures(32, (64, 64)))
    x = ours.portable.images.astype("f4") / 127.5 - 1
    expected = ours.model.predict(x, verbose=0)
    errors = np.linalg.norm(ours.portable.rows - expected, axis=1)
    assert (errors / np.linalg.norm(expected, axis=1)).max() < 1e-5


def test_it_is_small_enough_for_its_promise():
    ours = catalog.load(SHIPPED)
    assert sum(t.size for t in ours.portable.tensors.values()) <= 1_500_000
    assert (mini.HERE / mini.TENSORS).stat().st_size <= 3_000_000


def test_it_is_cut_at_any_layer_like_the_others():
    cut = catalog.load(Request(backbone="mini", weights="shipped", layer="block_4", pooling="none"))
    assert cut.row_shape == (8, 8, 96)
    same = catalog.load(Request(backbone="mini", weights="shipped", layer="top", pooling="avg"))
    assert same.network == catalog.load(SHIPPED).network  # the same recipe, asked otherwise
    assert catalog.load(Request(backbone="mini", weights="shipped", size=(96, 96))).row_shape == (
        network.FEATURES,
    )


@pytest.mark.parametrize("name", [mini.TENSORS, mini.ROWS])
def test_a_flipped_bit_in_the_package_is_an_error(elsewhere, name):
    flip(elsewhere / name, (elsewhere / name).stat().st_size // 2)
    with pytest.raises(DamagedError, match="not those that were shipped"):
        catalog.load(SHIPPED)


def test_a_keras_that_spells_it_otherwise_is_an_error(elsewhere):
    facts = json.loads((elsewhere / mini.FACTS).read_text())
    facts["network"] = "0" * 64
    (elsewhere / mini.FACTS).write_text(json.dumps(facts))
    with pytest.raises(DamagedError, match="not the network that was shipped"):
        _ = catalog.load(SHIPPED).model


def test_it_has_no_other_weights():
    with pytest.raises(UsageError, match="only use its own weights"):
        catalog.load(Request(backbone="mini", weights="imagenet"))
