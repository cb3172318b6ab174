"""Samples in columns, and keys as people see them and as numpy finds them."""

from dataclasses import replace

import numpy as np
import pytest
from store_world import snapshot_of

from bottleneck.core.sample import Groups, Targets, find, key_array, printable, show_key

SAMPLES = snapshot_of(np.zeros((3, 32), np.uint8)).samples
GROUPS = Groups(numbers=np.array([0, -1, 1], "i4"), names=("p", "q"))
TARGETS = Targets(
    values=np.array([[1, np.nan], [0, 2], [3, 4]], "f4"), kind="numbers", names=("x", "y")
)
FULL = replace(SAMPLES, groups=GROUPS, targets=TARGETS)


def test_samples_are_the_same_only_where_every_column_is():
    assert FULL.same_as(replace(FULL, targets=replace(TARGETS, values=TARGETS.values.copy())))
    for changed in (
        {"classes": ("a", "c")},
        {"keys": key_array([b"a", b"b", b"c"])},
        {"known": np.array([True, False, True])},
        {"labels": SAMPLES.labels + 1},
        {"splits": SAMPLES.splits + 1},
        {"digests": SAMPLES.digests + 1},
        {"groups": None},
        {"groups": replace(GROUPS, names=("p", "r"))},
        {"groups": replace(GROUPS, numbers=GROUPS.numbers + 0 * GROUPS.numbers[::-1] - 1)},
        {"targets": None},
        {"targets": replace(TARGETS, kind="labels")},
        {"targets": replace(TARGETS, names=("x", "z"))},
        {"targets": replace(TARGETS, values=np.nan_to_num(TARGETS.values))},
    ):
        assert not FULL.same_as(replace(FULL, **changed)), changed
        assert not replace(FULL, **changed).same_as(FULL), changed


def test_a_key_is_found_where_it_stands_and_nowhere_else():
    keys = key_array([b"a", b"a/b", b"b", b"c"])
    assert find(keys, keys).tolist() == [0, 1, 2, 3]
    assert find(keys, key_array([b"c", b"", b"a/b", b"zz", b"aa"])).tolist() == [3, -1, 1, -1, -1]
    assert find(keys[:0], keys).tolist() == [-1] * 4
    assert find(keys, keys[:0]).tolist() == []


@pytest.mark.parametrize(
    ("key", "shown"), [(b"a b", "a b"), ("é".encode(), "é"), (b"\xff", "\\xff"), (b"a\nb", "a\\nb")]
)
def test_a_key_is_shown_on_one_line_whatever_its_bytes(key, shown):
    assert show_key(key) == shown


def test_half_of_a_character_is_shown_with_a_backslash():
    assert printable("a\ud800") == "a\\ud800"
