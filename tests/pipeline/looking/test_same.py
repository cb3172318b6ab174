"""Which pairs are the same: proposed by rows, decided by pictures."""

import numpy as np

from bottleneck.pipeline.looking.likeness import likeness
from bottleneck.pipeline.looking.neighbours import Neighbours, nearest, unit_rows
from bottleneck.pipeline.looking.same import (
    HOW,
    NEAREST,
    ROWS_ALONE,
    candidates,
    near_by_pictures,
    same_pairs,
)


def units(n, d=16, seed=0):
    return unit_rows(np.random.default_rng(seed).normal(size=(n, d)).astype("f4"))


def grays(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 32, 32), np.uint8)


def found(x, gray, seen=None):
    seen = np.ones(len(x), bool) if seen is None else seen
    return same_pairs(x, candidates(nearest(x, 20)), gray, seen)


def test_each_pair_is_a_candidate_once_with_the_rank_of_the_nearer():
    which = np.array([[1, 2], [2, 0], [0, 1], [0, 1]], np.int32)
    near = Neighbours(cosines=np.zeros((4, 2), "f4"), which=which)
    pairs, rank = candidates(near)
    assert [tuple(p) for p in pairs.tolist()] == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3)]
    assert rank.tolist() == [0, 0, 0, 0, 1]


def test_what_only_pictures_propose_is_a_candidate_of_the_last_rank():
    which = np.array([[1], [0], [1]], np.int32)
    near = Neighbours(cosines=np.zeros((3, 1), "f4"), which=which)
    pairs, rank = candidates(near, Neighbours(cosines=near.cosines, which=which[[1, 2, 1]] * 0 + 2))
    assert [tuple(p) for p in pairs.tolist()] == [(0, 1), (0, 2), (1, 2), (2, 2)]
    assert rank.tolist() == [0, NEAREST, 0, NEAREST]


def test_a_copy_that_is_far_by_its_row_is_found_by_its_picture():
    x = units(60)
    gray = grays(60)
    gray[9] = np.clip(gray[4] * 0.7 + 30, 0, 255)  # darker, and paler
    assert 9 not in nearest(x, NEAREST).which[4]
    assert 4 not in nearest(x, NEAREST).which[9]
    near = near_by_pictures(gray)
    assert near.which.shape == (60, 3)
    assert (near.which[4, 0], near.which[9, 0]) == (9, 4)
    pairs = same_pairs(x, candidates(nearest(x, NEAREST), near), gray, np.ones(60, bool))
    assert pairs.pairs.tolist() == [[4, 9]]
    assert not len(found(x, gray).pairs)


def test_of_too_many_images_rows_alone_propose(monkeypatch):
    monkeypatch.setattr("bottleneck.pipeline.looking.same.MOST_BY_PICTURES", 59)
    assert near_by_pictures(grays(60)) is None
    assert near_by_pictures(grays(59)) is not None


def test_pictures_decide_however_alike_rows_are():
    x = np.repeat(units(1), 3, axis=0)  # three equal rows
    gray = grays(3)
    gray[2] = gray[0][:, ::-1]
    pairs = found(x, gray)
    assert pairs.pairs.tolist() == [[0, 2]]
    assert HOW[pairs.how[0]] == "mirrored"
    np.testing.assert_allclose(pairs.cosines, 1, atol=1e-6)


def test_rows_that_are_far_apart_are_looked_at_too():
    x = units(12)
    gray = grays(12)
    gray[7] = gray[3]
    assert float(x[7] @ x[3]) < 0.5
    assert found(x, gray).pairs.tolist() == [[3, 7]]


def test_without_a_picture_rows_alone_must_be_nearly_equal():
    x = units(6)
    x[1], x[3] = x[0], unit_rows((x[2] + 0.9 * units(1, seed=5)[0])[None])[0]
    assert float(x[2] @ x[3]) < ROWS_ALONE
    gray = grays(6)
    gray[1] = gray[0]
    seen = np.zeros(6, bool)
    pairs = found(x, gray, seen)
    assert pairs.pairs.tolist() == [[0, 1]]
    assert HOW[pairs.how[0]] == "rows"
    np.testing.assert_allclose(pairs.likeness, 1, atol=1e-6)
    seen[0], gray[1] = True, 0  # of one of the two alone there is a picture
    assert found(x, gray, seen).pairs.tolist() == [[0, 1]]


def test_where_all_pictures_are_alike_the_same_must_be_more_alike_than_that():
    rng = np.random.default_rng(0)
    drawing = rng.integers(0, 256, (32, 32))
    gray = np.clip(drawing + rng.normal(0, 35, (60, 32, 32)), 0, 255).astype("u1")  # one drawing
    gray[41] = gray[40]
    gray[43] = np.clip(gray[42] * 0.8 + 10, 0, 255).astype("u1")
    assert likeness(gray[:1], gray[1:2]).is_same.all()  # by itself it would be the same
    x = units(60)
    x[[41, 43]] = x[[40, 42]]
    assert found(x, gray).pairs.tolist() == [[40, 41], [42, 43]]


def test_one_image_has_no_pair():
    assert found(units(1), grays(1)).pairs.shape == (0, 2)
