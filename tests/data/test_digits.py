import runpy
from pathlib import Path

import numpy as np
import pytest

from bottleneck.data.digits import FILE, open_digits
from bottleneck.data.how import make_how

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_digits.py"


@pytest.mark.slow
def test_the_digits_are_scikit_learns_scaled_to_255():
    expected = pytest.importorskip("sklearn.datasets").load_digits()
    source = open_digits(make_how({"include": (), "exclude": ()}))
    listing = source.list()
    assert len(listing) == 1797
    for at in range(0, len(listing), 97):
        row = int(listing.keys[at].split(b"/")[1])
        content = source.read(at).content
        assert content.shape == (8, 8)
        np.testing.assert_array_equal(content, np.rint(expected.images[row] * 255 / 16 + 1e-9))
        assert listing.classes[listing.labels[at]] == str(expected.target[row])


def test_a_fifth_of_each_class_is_test_and_keys_say_so():
    listing = open_digits(make_how({"include": (), "exclude": ()})).list()
    for label in range(10):
        splits = listing.splits[listing.labels == label]
        assert (splits == 2).sum() == len(splits) // 5
    assert [key.startswith(b"test/") for key in listing.keys] == (listing.splits == 2).tolist()


@pytest.mark.slow
def test_the_script_makes_the_packaged_bytes(tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    monkeypatch.setattr("sys.argv", ["make_digits.py", str(tmp_path / "digits.npz")])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert (tmp_path / "digits.npz").read_bytes() == FILE.read_bytes()


def test_excluding_a_class_by_split_leaves_labels_aligned():
    everything = open_digits(make_how({"include": (), "exclude": ()})).list()
    tests = open_digits(make_how({"include": ["test"], "exclude": ()})).list()
    assert len(tests) == (everything.splits == 2).sum()
    assert tests.labels.tolist() == everything.labels[everything.splits == 2].tolist()
    assert tests.skipped["excluded"] == len(everything) - len(tests)


def test_classes_that_a_pattern_leaves_empty_are_no_classes():
    listing = open_digits(make_how({"include": ["0001", "0003"], "exclude": ()})).list()
    assert (listing.classes, listing.labels.tolist()) == (("1", "3"), [0, 1])
