"""Which labels are disputed, and in which order."""

import numpy as np
import pytest

from bottleneck.pipeline.looking.labels import KINDS, chosen_kinds, judged, table_of, votes
from bottleneck.pipeline.looking.neighbours import nearest, unit_rows
from bottleneck.pipeline.looking.out_of_fold import folds_of, out_of_fold


def near_of(x, k=10):
    return nearest(unit_rows(x, x.mean(0)), k)


def test_a_vote_is_that_of_the_neighbours_and_the_nearer_count_more():
    x = np.array([[1, 0], [0.99, 0.1], [0.9, 0.4], [-1, 0], [-0.9, -0.1]], "f4")
    near = nearest(unit_rows(x), 2)
    labels = np.array([0, 0, 1, 2, 2], np.int32)
    found = votes(near, labels, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert found[0, 0] > found[0, 1] > found[0, 2]  # 1 is nearer than 2
    assert found[3].argmax() == 2


def test_neighbours_without_a_label_have_no_vote():
    x = np.array([[1, 0], [0.99, 0.1], [0.9, 0.4], [-1, 0], [-0.9, -0.1]], "f4")
    near = nearest(unit_rows(x), 2)
    found = votes(near, np.array([0, -1, 1, 2, 2], np.int32), 3)
    assert found[0].argmax() == 1  # 1, which is nearer, says nothing
    np.testing.assert_allclose(votes(near, np.full(5, -1, np.int32), 3), 1 / 3, atol=1e-6)


def test_an_unlikely_label_is_disputed_and_the_likeliest_other_class_is_proposed():
    p = np.array(
        [[0.9, 0.05, 0.05], [0.1, 0.85, 0.05], [0.05, 0.05, 0.9], [0.01, 0.02, 0.97]], "f4"
    )
    found = judged(np.array([0, 1, 2, 0], np.int32), p, p)
    assert found.is_disputed.tolist() == [False, False, False, True]
    assert found.proposed.tolist()[3] == 2
    assert found.score.argmin() == 3
    assert ((found.score >= 0) & (found.score <= 1)).all()
    np.testing.assert_allclose(found.table.sum(axis=1), 1, atol=1e-6)


def test_a_kind_of_mistake_that_is_common_makes_a_label_more_doubtful():
    # Forty sure images of class 0 are labelled 1; hardly any of class 2 are.
    sure = np.array([0.98, 0.01, 0.01], "f4")
    of_each = [np.tile(np.roll(sure, i), (200, 1)) for i in range(3)]
    common = np.tile(sure, (40, 1))
    unsure = np.array([[0.5, 0.4, 0.1], [0.1, 0.4, 0.5]], "f4")  # 0 or 1; 2 or 1
    labels = np.array([0] * 200 + [1] * 200 + [2] * 200 + [1] * 40 + [1, 1], np.int32)
    p = np.concatenate([*of_each, common, unsure])
    found = judged(labels, p, p)
    assert found.table[0, 1] > 0.1
    assert found.table[2, 1] < 0.05
    assert found.score[-2] < found.score[-1] - 0.02
    assert found.is_disputed[600:640].sum() >= 36
    assert not found.is_disputed[:600].any()


def test_every_label_that_is_more_likely_wrong_than_right_is_disputed():
    sure = np.array([0.999, 0.001], "f4")
    unlikely = np.tile(np.array([0.04, 0.96], "f4"), (10, 1))
    p = np.concatenate([np.tile(sure, (100, 1)), np.tile(sure[::-1], (100, 1)), unlikely])
    found = judged(np.array([0] * 100 + [1] * 100 + [0] * 10, np.int32), p, p)
    assert ((found.score[-10:] > 0.35) & (found.score[-10:] < 0.5)).all()
    assert np.flatnonzero(found.is_disputed).tolist() == list(range(200, 210))


@pytest.mark.parametrize("kinds", [1.0, 16.0])
def test_it_is_the_expectation_that_maximises_beside_plain_loops(kinds):
    rng = np.random.default_rng(2)
    p = rng.dirichlet(np.ones(3), 50).astype("f4")
    labels = rng.integers(0, 2, 50).astype(np.int32)  # none of the third class
    share = 0.05
    table = [[0.95 if c == j else 0.025 for j in range(3)] for c in range(3)]
    for _ in range(30):
        counts = [[0.0] * 3 for _ in range(3)]
        for i in range(50):
            chance = [p[i, c] * table[c][labels[i]] for c in range(3)]
            for c in range(3):
                counts[c][labels[i]] += chance[c] / sum(chance)
        wrong = sum(counts[c][j] for c in range(3) for j in range(3) if c != j)
        share = (wrong + 3 * 150 * 0.05) / (50 + 3 * 150)
        for c in range(3):
            for j in range(3):
                table[c][j] = (counts[c][j] + kinds / 2) / (sum(counts[c]) + kinds / share)
            table[c][c] = 1 - sum(table[c][j] for j in range(3) if c != j)
    np.testing.assert_allclose(table_of(p, labels, kinds), table, atol=1e-5)


def test_the_score_is_the_probability_of_the_label_by_the_table():
    p = np.random.default_rng(2).dirichlet(np.ones(3), 50).astype("f4")
    labels = p.argmax(axis=1).astype(np.int32)
    labels[:10] = (labels[:10] + 1) % 3
    found = judged(labels, p, p)
    for i in range(50):
        chance = [p[i, c] * found.table[c, labels[i]] for c in range(3)]
        assert found.score[i] == pytest.approx(chance[labels[i]] / sum(chance), abs=1e-4)


@pytest.mark.parametrize(("to", "kinds"), [("any", KINDS[-1]), ("next", KINDS[0])])
def test_how_many_kinds_of_mistakes_there_are_is_found_out(to, kinds):
    rng = np.random.default_rng(3)
    n, k = 3000, 10
    y = np.arange(n) % k
    p = (rng.dirichlet(np.ones(k), n) + 9 * np.eye(k)[y]) / 10
    told = y.copy()
    told[:300] = (told[:300] + (rng.integers(1, k, 300) if to == "any" else 1)) % k
    assert chosen_kinds(p.astype("f4"), told.astype(np.int32)) == kinds


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
    found = judged(told, head, votes(near_of(x), told, k))
    first = np.argsort(found.score, kind="stable")[:30]
    assert np.isin(first, flipped).mean() > 0.8
    at = np.intersect1d(first, flipped)
    assert (found.proposed[at] == y[at]).mean() > 0.9
    assert np.isin(np.flatnonzero(found.is_disputed), flipped).mean() > 0.7
    assert found.is_disputed[flipped].mean() > 0.5
