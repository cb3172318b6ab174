"""Which rows validate, and which hold an image under two labels."""

import numpy as np

from bottleneck.heads.split import conflicting, untrained, validation_mask


def test_validation_rows_never_move_when_others_come_and_go():
    rng = np.random.default_rng(0)
    digests = rng.integers(0, 256, (2000, 32), np.uint8)
    mask = validation_mask(digests, 0, 0.2)
    some = rng.permutation(2000)[:700]
    np.testing.assert_array_equal(validation_mask(digests[some], 0, 0.2), mask[some])
    assert 0.17 < mask.mean() < 0.23
    assert (validation_mask(digests, 1, 0.2) != mask).any()


def test_an_image_under_two_labels_is_conflicting_and_a_copy_is_not():
    digests = np.zeros((5, 32), np.uint8)
    digests[2:4] = 1
    digests[4] = 2
    found = conflicting(digests, np.array([0, 1, 3, 3, 4], np.int32))
    assert found.tolist() == [True, True, False, False, False]


def test_a_copy_without_a_label_is_no_conflict():
    digests = np.zeros((6, 32), np.uint8)
    digests[2:4] = 1
    digests[4:] = 2
    found = conflicting(digests, np.array([-1, 0, -1, -1, 3, 4], np.int32))
    assert found.tolist() == [False, False, False, False, True, True]


def test_classes_that_are_only_judged_are_named_and_no_others():
    labels = np.array([0, 0, 1, 1, 2, 3, 4, 4, -1], np.int32)
    split = np.array([0, 1, 1, 2, 2, 0, 255, 1, 1], np.uint8)
    assert untrained(labels, split).tolist() == [1, 2, 4]
    assert untrained(labels[:1], split[:1]).tolist() == []
    assert untrained(labels[:0], split[:0]).tolist() == []
