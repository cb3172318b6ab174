"""Golden rows: they are TensorFlow's, of weights that numpy drew, and they notice small errors."""

import json

import numpy as np
import pytest

from bottleneck.backbones import golden
from bottleneck.backbones.application_list import APPLICATIONS
from bottleneck.core.errors import DamagedError
from bottleneck.engines.check import compare


def test_sums_notice_a_change_of_any_number_of_a_row():
    rows = np.random.default_rng(0).normal(size=(2, 300)).astype("f4")
    before = golden.sums(rows)
    assert before.shape == (2, golden.N_SUMS)
    for i in (0, 150, 299):
        other = rows.copy()
        other[1, i] += 0.1
        found = golden.sums(other)
        assert (found[0] == before[0]).all()
        assert (found[1] != before[1]).all()
    swapped = rows[:, np.random.default_rng(1).permutation(300)]
    assert not compare(golden.sums(swapped), before).ok


def test_all_applications_have_golden_rows_and_nothing_else_has():
    recorded = {name for name in APPLICATIONS if golden.expected(name) is not None}
    assert recorded == set(json.loads(golden.FILE.read_text())) == set(APPLICATIONS)
    rows = np.stack([golden.expected(name) for name in APPLICATIONS])
    assert np.isfinite(rows).all()
    assert len(np.unique(rows.reshape(len(rows), -1), axis=0)) == len(rows)
    assert golden.expected("mini") is None
    assert golden.expected("mobilenetv2").shape == (golden.N_PICTURES, golden.N_SUMS)


def test_no_known_network_grows_what_it_computes_until_rounding_decides():
    """Beyond it two orders of the same sums give other rows, on the same machine."""
    largest = {name: np.abs(golden.expected(name)).max() for name in APPLICATIONS}
    assert max(largest.values()) < 300, largest


def test_a_file_that_is_not_the_shipped_one_is_named(tmp_path, monkeypatch):
    path = tmp_path / "golden_rows.json"
    path.write_text('{"mobilenetv2": ["x"]}')
    monkeypatch.setattr(golden, "FILE", path)
    with pytest.raises(DamagedError, match="install bottleneck-cache again"):
        golden.expected("mobilenetv2")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenetv2", "vgg16"])
def test_they_are_what_tensorflow_computes(name):
    from golden_rows import sums

    assert name in APPLICATIONS
    assert compare(np.array(sums(name), "f4"), golden.expected(name)).ok
