"""The prototypes head beside scikit-learn's nearest centroid and a plain loop."""

import numpy as np
import pytest
from sklearn.neighbors import NearestCentroid

from bottleneck.heads.catalog import complete, load_kind
from bottleneck.heads.prototypes import Means, chosen
from bottleneck.heads.softmax_regression import softmax
from bottleneck.heads.task import Task

HEAD = load_kind("prototypes")


def rows_of(per_class, k=4, d=12, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(k, d)) * 2
    y = np.repeat(np.arange(k), per_class).astype(np.int32)
    return (centres[y] + rng.normal(size=(len(y), d)) * noise + 5).astype(np.float32), y


def fit(x, y, split=None, **more):
    split = np.zeros(len(y), np.uint8) if split is None else split
    k = int(y.max()) + 1
    return HEAD.fit(
        Task(
            rows=x, targets=y, split=split, n_outputs=k, options=complete("prototypes", {}), **more
        )
    )


def directions(x, mean):
    centred = x.astype(np.float64) - mean
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


@pytest.mark.parametrize("validation", [0, 3])
def test_each_row_is_of_the_nearest_shrunk_mean_of_directions(validation):
    x, y = rows_of(10)
    split = np.where(np.arange(len(y)) % 10 < validation, 1, 0).astype(np.uint8)
    others, _ = rows_of(7, seed=1)
    fitted = fit(x, y, split)
    mean = x[split == 0].astype(np.float64).mean(axis=0)
    z = directions(x, mean)
    shrinkage = fitted.options["shrinkage"]
    means = np.stack([z[y == c].sum(axis=0) / (10 + shrinkage) for c in range(4)])
    distances = ((directions(others, mean)[:, None] - means) ** 2).sum(axis=2)
    expected = softmax(-fitted.options["sharpness"] / 2 * distances)
    np.testing.assert_allclose(fitted.predict(others), expected, atol=1e-4)
    if shrinkage == 0:
        centroids = NearestCentroid().fit(z, y).predict(directions(others, mean))
        np.testing.assert_array_equal(fitted.predict(others).argmax(axis=1), centroids)


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("shrinkage", [0.0, 2.0])
def test_without_validation_rows_each_row_is_judged_by_the_means_of_other_groups(shrinkage, size):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20, 5)).astype(np.float32)
    y = (np.arange(20) % 3).astype(np.int32)
    groups = np.arange(20) // size
    found = Means(rows, y, 3).by_the_others(rows, y, groups, shrinkage)
    for i in range(20):
        keep = groups != groups[i]
        sums = np.stack([rows[keep & (y == c)].sum(axis=0) for c in range(3)])
        means = sums / (np.bincount(y[keep], minlength=3) + shrinkage)[:, None]
        distances = ((rows[i] - means) ** 2).sum(axis=1)
        (expected,) = softmax(-distances[None] / 2)
        np.testing.assert_allclose(softmax(found[i][None])[0], expected, atol=1e-5)


def test_a_class_of_one_row_has_no_mean_without_it_and_is_not_judged_by_itself():
    rows = np.eye(3, dtype=np.float32)
    y = np.array([0, 1, 1], np.int32)
    logits = Means(rows, y, 2).by_the_others(rows, y, np.arange(3), 0.0)
    assert logits[0, 0] == 0
    rows = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    y = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1], np.int32)
    logits = Means(rows, y, 2).by_the_others(rows, y, np.array([0] * 5 + [1, 1, 2, 2]), 0.0)
    assert (logits[:5, 0] == 0).all()  # nor has a class of one group


def test_what_is_chosen_is_chosen_by_other_groups_alone():
    """Of groups that share a look and whose labels mean nothing, their own rows would know them."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 6)
    x = (rng.normal(size=(12, 30))[groups] + rng.normal(size=(72, 30)) * 0.1).astype(np.float32)
    y = rng.integers(0, 3, 12).astype(np.int32)[groups]
    assert fit(x, y).history[-1]["loss"] < 0.7 * np.log(3)
    assert fit(x, y, groups=groups).history[-1]["loss"] > 0.95 * np.log(3)


def test_what_is_chosen_has_the_lowest_loss():
    y = np.array([0, 1], np.int32)

    def logits(shrinkage):
        # One shrinkage alone is right of both rows, and of one of them hardly.
        return np.array([[1, 0], [0, 0.01] if shrinkage == 2.0 else [0.01, 0]], np.float32)

    shrinkage, sharpness, loss = chosen(logits, y)
    assert shrinkage == 2.0
    assert sharpness == 256.0
    assert loss == pytest.approx(np.log1p(np.exp(-2.56)) / 2, rel=1e-3)


def test_with_few_labels_it_is_better_than_a_linear_head():
    linear, ours = [], []
    for seed in range(10):
        x, y = rows_of(60, k=8, d=40, seed=seed, noise=3.0)
        few = np.arange(len(y)) % 60 < 2
        linear.append(accuracy("linear", x, y, few))
        ours.append(accuracy("prototypes", x, y, few))
    assert np.mean(ours) > np.mean(linear)


def accuracy(head, x, y, few):
    task = Task(
        rows=x[few],
        targets=y[few],
        split=np.zeros(int(few.sum()), np.uint8),
        n_outputs=8,
        options=complete(head, {}),
    )
    return (load_kind(head).fit(task).predict(x[~few]).argmax(axis=1) == y[~few]).mean()
