"""Which labels are disputed, and in which order."""

import numpy as np
import pytest

from bottleneck.pipeline.looking.labels import judged, votes
from bottleneck.pipeline.looking.neighbours import nearest, unit_rows
from bottleneck.pipeline.looking.out_of_fold import folds_of, out_of_fold


def near_of(x, k=10):
    return nearest(unit_rows(x, x.mean(0)), k)


def test_a_vote_is_that_of_the_neighbours_and_the_nearer_count_more():
    x = np.array([[1, 0], [0.99, 0.1], [0.9, 0.4], [-1, 0], [-0.9, -0.1]], "f4")
    near = nearest(unit_rows(x), 2)
    labels = np.array([0, 0, 1, 2, 2], np.int32)
    found = votes(near, labels, np.ones(5, bool), 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert found[0, 0] > found[0, 1] > found[0, 2]  # 1 is nearer than 2
    assert found[3].argmax() == 2


def test_neighbours_without_a_label_or_of_one_that_is_not_trusted_have_no_vote():
    x = np.random.default_rng(0).normal(size=(30, 4)).astype("f4")
    near = near_of(x)
    labels = (np.arange(30) % 3).astype(np.int32)
    trusted = np.arange(30) % 2 == 0
    found = votes(near, labels, trusted, 3)
    same = votes(near, np.where(trusted, labels, -1).astype(np.int32), np.ones(30, bool), 3)
    np.testing.assert_array_equal(found, same)
    np.testing.assert_allclose(votes(near, labels, np.zeros(30, bool), 3), 1 / 3, atol=1e-6)


def test_an_unlikely_label_is_disputed_and_the_likeliest_other_class_is_proposed():
    p = np.array([[0.9, 0.05, 0.05], [0.1, 0.85, 0.05], [0.05, 0.05, 0.9], [0.1, 0.1, 0.8]], "f4")
    found = judged(np.array([0, 1, 2, 0], np.int32), p, p)
    assert found.is_disputed.tolist() == [False, False, False, True] or found.proposed[3] == 2
    assert found.score.argmin() == 3
    np.testing.assert_allclose(found.score[3], 0.1 - 0.8, atol=1e-6)


def test_a_class_that_is_hard_for_everybody_is_proposed_at_less():
    # Of class 1 nobody is sure: 0.5 is as much as its own images have.
    sure = np.tile(np.array([[0.95, 0.03, 0.02]], "f4"), (20, 1))
    unsure = np.tile(np.array([[0.3, 0.5, 0.2]], "f4"), (20, 1))
    odd = np.array([[0.35, 0.45, 0.2], [0.3, 0.52, 0.18]], "f4")
    labels = np.array([0] * 20 + [1] * 20 + [0, 0], np.int32)
    p = np.concatenate([sure, unsure, odd])
    found = judged(labels, p, p)
    assert found.is_disputed[-2:].tolist() == [False, True]
    assert not found.is_disputed[:-2].any()


@pytest.mark.parametrize("to", ["any", "next"])
def test_flipped_labels_come_first(to):
    rng = np.random.default_rng(0)
    n, k = 600, 4
    y = (np.arange(n) % k).astype(np.int32)
    x = (3 * np.eye(k, 12)[y] + rng.normal(size=(n, 12))).astype("f4")
    flipped = rng.permutation(n)[:30]
    told = y.copy()
    told[flipped] = (told[flipped] + (rng.integers(1, k, 30) if to == "any" else 1)) % k
    folds = folds_of(told, np.arange(n), 5, 0)
    head = out_of_fold(unit_rows(x, x.mean(0)), told, folds, k)
    found = judged(told, head, votes(near_of(x), told, np.ones(n, bool), k))
    first = np.argsort(found.score, kind="stable")[:30]
    assert np.isin(first, flipped).mean() > 0.8
    at = np.intersect1d(first, flipped)
    assert (found.proposed[at] == y[at]).mean() > 0.95
