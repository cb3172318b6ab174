"""The knn head beside scikit-learn's nearest neighbours and a plain loop."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from bottleneck.heads.catalog import complete, load_head, load_kind
from bottleneck.heads.knn import BLOCK, nearest, votes
from bottleneck.heads.task import Task

HEAD = load_kind("knn")


def unit(n, d, seed):
    rows = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize("most", [1, 7, 40])
def test_the_nearest_are_those_of_scikit_learn(most):
    rows, neighbours = unit(BLOCK + 30, 6, 0), unit(40, 6, 1)
    cosines, which = nearest(rows, neighbours, most)
    distances, expected = (
        NearestNeighbors(n_neighbors=most, metric="cosine").fit(neighbours).kneighbors(rows)
    )
    np.testing.assert_array_equal(which, expected)
    np.testing.assert_allclose(1 - cosines, distances, atol=1e-5)


def test_no_row_is_its_own_neighbour():
    rows = unit(BLOCK + 30, 6, 0)
    _, which = nearest(rows, rows, 5, np.arange(BLOCK + 30))
    _, expected = NearestNeighbors(n_neighbors=6, metric="cosine").fit(rows).kneighbors(rows)
    np.testing.assert_array_equal(which, expected[:, 1:])
    _, all_others = nearest(rows[:4], rows[:4], 9, np.arange(4))
    assert [sorted(found) for found in all_others.tolist()] == [
        [1, 2, 3],
        [0, 2, 3],
        [0, 1, 3],
        [0, 1, 2],
    ]


def test_each_neighbour_votes_by_its_cosine_and_one_more_for_all_alike():
    rng = np.random.default_rng(0)
    cosines = np.sort(rng.uniform(0, 1, (6, 4)).astype(np.float32), axis=1)[:, ::-1]
    which = rng.integers(0, 9, (6, 4))
    labels = rng.integers(0, 3, 9).astype(np.int32)
    found = votes(cosines, which, labels, 3, 0.1)
    for i in range(6):
        weights = np.exp(cosines[i].astype(np.float64) / 0.1)
        expected = np.full(3, 1 / 3)
        for weight, neighbour in zip(4 * weights / weights.sum(), which[i], strict=True):
            expected[labels[neighbour]] += weight
        np.testing.assert_allclose(found[i], expected / 5, rtol=1e-5)


def test_no_row_of_a_group_is_a_neighbour_of_another():
    rows = unit(BLOCK + 30, 6, 0)
    groups = np.arange(len(rows)) % 90
    cosines, which = nearest(rows, rows, 5, groups)
    for i in (0, 7, BLOCK + 3):
        others = np.flatnonzero(groups != groups[i])
        expected = others[np.argsort(-(rows[others] @ rows[i]))[:5]]
        np.testing.assert_array_equal(which[i], expected)
    assert np.isfinite(cosines).all()
    _, all_others = nearest(rows[:4], rows[:4], 9, np.array([0, 0, 0, 1]))
    assert all_others.tolist()[:3] == [[3], [3], [3]]  # as many as every row has


def task(x, y, split, k=3, **more):
    options = complete("knn", {})
    return Task(rows=x, targets=y, split=split, n_outputs=k, options=options, **more)


def test_validation_rows_choose_and_then_are_neighbours_too(tmp_path):
    rng = np.random.default_rng(0)
    y = (np.arange(90) % 3).astype(np.int32)
    x = (rng.normal(size=(90, 8)) + 2 * np.eye(8)[y]).astype(np.float32)
    split = (np.arange(90) % 5 == 0).astype(np.uint8)
    fitted = HEAD.fit(task(x, y, split))
    assert len(fitted.rows) == 90
    assert fitted.options["neighbours"] in (1, 3, 5, 10, 20, 50)
    losses = {}
    mean = x[split == 0].mean(axis=0)
    z = (x - mean) / np.linalg.norm(x - mean, axis=1, keepdims=True)
    z = z.astype(np.float16).astype(np.float32)
    for n in (1, 3, 5, 10, 20, 50):
        for temperature in (0.02, 0.05, 0.07, 0.1, 0.2, 0.5):
            near = nearest(z[split == 1], z[split == 0], n)
            p = votes(*near, y[split == 0], 3, temperature)
            losses[n, temperature] = -np.log(p[np.arange(18), y[split == 1]]).mean()
    chosen = min(losses, key=losses.get)
    assert (fitted.options["neighbours"], fitted.options["temperature"]) == chosen
    assert fitted.history[-1]["validation_loss"] == pytest.approx(losses[chosen], rel=1e-4)
    # A validation row is now its own nearest neighbour.
    nearest_one = fitted.predict(x[split == 1])
    fitted.save(tmp_path)
    np.testing.assert_array_equal(load_head(tmp_path).predict(x[split == 1]), nearest_one)


def test_rows_of_one_class_beside_one_image_are_not_sure_of_themselves():
    """Without validation rows the training rows judge: copies of themselves would always win."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5)).astype(np.float32)
    y = rng.integers(0, 3, 60).astype(np.int32)  # labels that mean nothing
    fitted = HEAD.fit(task(x, y, np.zeros(60, np.uint8)))
    assert fitted.history[-1]["loss"] > 0.95 * np.log(3)


def test_without_validation_rows_no_group_votes_for_itself():
    """Of groups that share a look and whose labels mean nothing, their own rows would know them."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 5)
    x = (rng.normal(size=(40, 5))[groups] + rng.normal(size=(200, 5)) * 0.05).astype(np.float32)
    y = rng.integers(0, 3, 40).astype(np.int32)[groups]
    alone = HEAD.fit(task(x, y, np.zeros(200, np.uint8)))
    assert alone.history[-1]["loss"] < 0.5 * np.log(3)
    grouped = HEAD.fit(task(x, y, np.zeros(200, np.uint8), groups=groups + 7))
    assert grouped.history[-1]["loss"] > 0.95 * np.log(3)


def test_a_class_of_one_group_has_no_part_in_what_is_chosen():
    rng = np.random.default_rng(0)
    y = (np.arange(60) % 3).astype(np.int32)
    x = (rng.normal(size=(60, 5)) + 2 * np.eye(5)[y]).astype(np.float32)
    groups = np.where(y == 2, 99, np.arange(60))
    fitted = HEAD.fit(task(x, y, np.zeros(60, np.uint8), groups=groups))
    assert fitted.history[-1]["loss"] < 0.5  # that of rows which can be answered rightly


def test_where_all_rows_are_one_group_they_judge_each_other():
    rng = np.random.default_rng(0)
    y = (np.arange(60) % 3).astype(np.int32)
    x = (rng.normal(size=(60, 5)) + 2 * np.eye(5)[y]).astype(np.float32)
    zeros = np.zeros(60, np.uint8)
    alone, grouped = HEAD.fit(task(x, y, zeros)), HEAD.fit(task(x, y, zeros, groups=zeros))
    assert alone.options == grouped.options
