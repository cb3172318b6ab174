"""The knn head of labels and numbers, against a loop over the rows."""

import numpy as np
import pytest

from bottleneck.heads import knn
from bottleneck.heads.task import Task


@pytest.fixture
def made():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 6)) * 3
    which = np.arange(80) % 4
    x = (centres[which] + rng.normal(size=(80, 6)) * 0.3).astype("f4")
    labels = np.stack([which < 2, which % 2 == 0], axis=1).astype("f4")
    numbers = np.stack([which * 10 + 5, np.full(80, 3.0) + which % 2], axis=1).astype("f4")
    return x, labels, numbers, (np.arange(80) % 5 == 0).astype("u1")


def fit(kind, x, y, split, **more):
    return knn.fit(Task(rows=x, targets=y, split=split, n_outputs=2, kind=kind, **more))


def by_hand(head, x, y, new):
    """Return the weighted means of what is known of the nearest rows, and one mean of all."""
    directions = x - head.directions.mean
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    found = []
    for row in new - head.directions.mean:
        cosines = directions @ (row / np.linalg.norm(row))
        near = np.argsort(-cosines)[: head.options["neighbours"]]
        weights = np.exp(cosines[near] / head.options["temperature"])
        weights *= len(near) / weights.sum()
        known = ~np.isnan(y[near])
        total = (weights[:, None] * np.where(known, y[near], 0)).sum(axis=0) + head.means.prior
        found.append(total / ((weights[:, None] * known).sum(axis=0) + 1))
    return np.array(found)


@pytest.mark.parametrize("kind", ["labels", "numbers"])
def test_a_prediction_is_the_mean_of_what_is_known_of_the_nearest(made, kind):
    x, labels, numbers, split = made
    y = (labels if kind == "labels" else numbers).copy()
    y[::3, 1] = np.nan
    head = fit(kind, x, y, split)
    order = np.argsort(split, kind="stable")  # training rows first
    np.testing.assert_allclose(
        head.predict(x[:20]), by_hand(head, x[order], y[order], x[:20]), rtol=5e-3, atol=5e-3
    )
    np.testing.assert_allclose(head.means.prior, np.nanmean(y[split == 0], axis=0), rtol=1e-5)


def test_no_row_is_its_own_neighbour_where_none_validates(made):
    x, _, _, _ = made
    noise = np.random.default_rng(1).normal(size=(80, 2)).astype("f4")
    head = fit("numbers", x, noise, np.zeros(80, "u1"))
    assert head.options["neighbours"] > 1  # one neighbour, itself, would be without an error


def test_no_row_of_its_group_is_its_neighbour_where_none_validates(made):
    x, _, _, _ = made
    noise = np.repeat(np.random.default_rng(1).normal(size=(20, 2)).astype("f4"), 4, axis=0)
    x = np.repeat(x[:20], 4, axis=0) + np.random.default_rng(2).normal(size=(80, 6)) * 0.01
    alone = fit("numbers", x.astype("f4"), noise, np.zeros(80, "u1"))
    groups = np.repeat(np.arange(20), 4)
    grouped = fit("numbers", x.astype("f4"), noise, np.zeros(80, "u1"), groups=groups)
    assert alone.history[-1]["loss"] < 0.5
    assert grouped.history[-1]["loss"] > 0.9


def test_clear_groups_are_learned(made):
    x, labels, numbers, split = made
    said = fit("labels", x, labels, split).validation
    assert ((said > 0.5) == labels[split == 1]).all()
    off = fit("numbers", x, numbers, split).validation - numbers[split == 1]
    assert np.abs(off).max() < 3
