"""How strongly the linear head is regularised: folds, and the lowest point between strengths."""

import numpy as np
import pytest

from bottleneck.heads import strength
from bottleneck.heads.catalog import complete, load_kind
from bottleneck.heads.design_matrix import design_matrix
from bottleneck.heads.task import Task


def test_each_class_is_spread_over_all_folds():
    y = np.repeat([0, 1, 2], [50, 10, 7]).astype(np.int32)
    fold = strength._fold_of(y, seed=3)
    counts = np.stack([np.bincount(fold[y == c], minlength=strength.FOLDS) for c in range(3)])
    assert (counts.max(axis=1) - counts.min(axis=1) <= 1).all()
    assert (strength._fold_of(y, seed=3) == fold).all()
    assert (strength._fold_of(y, seed=4) != fold).any()


def test_a_fold_is_judged_by_a_fit_that_has_not_seen_it():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, 4)).astype(np.float32)
    y = (np.arange(30) % 2).astype(np.int32)
    x = design_matrix(rows, np.arange(30), 1, 30)
    seen = []
    for one in strength.folds(x, y, 2, 0):
        assert not set(one.problem.x.images) & set(one.x.images)
        assert len(one.problem.x) + len(one.x) == 30
        np.testing.assert_array_equal(one.y, y[one.x.images])
        np.testing.assert_array_equal(one.problem.y, y[one.problem.x.images])
        seen += one.x.images.tolist()
    assert sorted(seen) == list(range(30))


@pytest.mark.parametrize("at", [-1.7, -2.0, -2.2])
def test_the_lowest_point_of_a_parabola_is_found(at):
    losses = [(np.log10(value) - at) ** 2 + 3 for value in strength.STRENGTHS[:8]]
    best = strength.STRENGTHS[int(np.argmin(losses))]
    assert np.log10(strength._refined(losses, best)) == pytest.approx(at)


def test_at_the_end_of_the_path_the_best_is_kept():
    assert strength._refined([1.0, 2.0, 3.0], strength.STRENGTHS[0]) == strength.STRENGTHS[0]
    assert strength._refined([3.0, 2.0], strength.STRENGTHS[1]) == strength.STRENGTHS[1]


def fitted(seed, folds=True):
    rng = np.random.default_rng(7)
    y = (np.arange(240) % 4).astype(np.int32)
    x = (rng.normal(size=(240, 60)) * 2 + np.eye(60)[y] * 3).astype(np.float32)
    split = (np.random.default_rng(seed).random(240) < 0.2).astype(np.uint8)
    task = Task(
        rows=x, targets=y, split=split, n_outputs=4, seed=seed, options=complete("linear", {})
    )
    return load_kind("linear").fit(task)


def test_what_is_chosen_hardly_depends_on_the_seed(monkeypatch):
    by_folds = [np.log10(fitted(seed).options["strength"]) for seed in range(8)]
    monkeypatch.setattr(strength, "can_be_folded", lambda *_: False)
    by_validation = [np.log10(fitted(seed).options["strength"]) for seed in range(8)]
    assert np.std(by_folds) < np.std(by_validation) / 1.5


def test_what_can_be_judged_by_nothing_is_regularised_as_if_by_one_row():
    x = np.eye(4, dtype=np.float32)[:2]
    task = Task(
        rows=x,
        targets=np.array([0, 1], np.int32),
        split=np.zeros(2, np.uint8),
        n_outputs=2,
        options=complete("linear", {}),
    )
    assert load_kind("linear").fit(task).options["strength"] == 0.5
