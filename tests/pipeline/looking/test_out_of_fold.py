"""Probabilities by heads that have not seen the image."""

import numpy as np

from bottleneck.heads import linear
from bottleneck.heads.calibration import tempered
from bottleneck.heads.strength import Choice
from bottleneck.heads.task import Task
from bottleneck.pipeline.looking import out_of_fold as module
from bottleneck.pipeline.looking.out_of_fold import folds_of, out_of_fold


def blobs(n, k=3, d=8, seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % k).astype(np.int32)
    return (2 * np.eye(k, d)[y] + spread * rng.normal(size=(n, d))).astype("f4"), y


def fixed(strength, temperature=1.0):
    """Return what chooses this strength."""

    def chosen(judged, _):
        shape = (judged[0].problem.x.width + 1, judged[0].problem.n_classes)
        theta = np.zeros(shape, np.float32)
        return Choice(strength=strength, temperature=temperature, theta=theta)

    return chosen


def test_folds_keep_groups_whole_and_spread_each_class():
    labels = np.repeat(np.arange(4), 50).astype(np.int32)
    together = np.arange(200)
    together[::7] = together[1::7][: len(together[::7])]  # pairs
    folds = folds_of(labels, together, 5, 0)
    for group in np.unique(together):
        assert len(set(folds[together == group])) == 1
    for label in range(4):
        counts = np.bincount(folds[labels == label], minlength=5)
        assert counts.min() >= 6
        assert counts.max() <= 14
    assert (folds_of(labels, together, 5, 1) != folds).any()
    np.testing.assert_array_equal(folds_of(labels, together, 5, 0), folds)


def test_folds_hold_as_many_images_whatever_the_sizes_of_groups():
    labels = np.repeat(np.arange(2), 60).astype(np.int32)
    together = np.arange(120)
    together[:20] = 0
    labels[0] = 1  # the group counts as its commonest class
    for seed in range(5):
        folds = folds_of(labels, together, 5, seed)
        assert len(set(folds[:20])) == 1
        # A fifth of the class is 12. Were groups counted, the fold of the large one would have 27.
        assert np.bincount(folds[labels == 0], minlength=5).max() <= 23


def test_of_fewer_groups_than_folds_each_is_one():
    together = np.repeat([7, 3, 5], 4)
    folds = folds_of(np.arange(12) % 2, together, 5, 0)
    assert sorted(set(folds)) == [0, 1, 2]
    assert all(len(set(folds[together == group])) == 1 for group in (3, 5, 7))


def test_an_answer_never_depends_on_the_images_own_label(monkeypatch):
    # All labels choose the strength and the temperature.
    monkeypatch.setattr(module, "chosen", fixed(1e-2))
    x, y = blobs(150)
    folds = folds_of(y, np.arange(150), 5, 0)
    changed = y.copy()
    asked = np.flatnonzero(folds == 2)
    changed[asked] = (changed[asked] + 1) % 3
    before = out_of_fold(x, y, folds, 3)[asked]
    after = out_of_fold(x, changed, folds, 3)[asked]
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_they_are_those_of_a_head_that_is_fitted_to_the_other_folds(monkeypatch):
    monkeypatch.setattr(module, "PATH_TOLERANCE", 1e-5)
    monkeypatch.setattr(module, "chosen", fixed(1e-3))
    x, y = blobs(120)
    folds = np.arange(120) // 3 % 4
    found = out_of_fold(x, y, folds, 3)
    for fold in range(4):
        asked = folds == fold
        task = Task(
            rows=x[~asked],
            targets=y[~asked],
            split=np.zeros((~asked).sum(), "u1"),
            n_outputs=3,
            options={"strength": 1e-3},
        )
        np.testing.assert_allclose(found[asked], linear.fit(task).predict(x[asked]), atol=5e-3)


def test_the_first_fold_chooses_strength_and_temperature_for_all(monkeypatch):
    x, y = blobs(120)
    folds = np.arange(120) // 3 % 4
    asked = []
    real = module.chosen
    monkeypatch.setattr(module, "chosen", lambda *a: asked.append(a[0]) or real(*a))
    out_of_fold(x, y, folds, 3)
    ((one,),) = asked
    np.testing.assert_array_equal(one.y, y[folds == 0])
    folds[y == 1] = 0  # of a class that other folds have not, nobody can judge
    out_of_fold(x, y, folds, 3)
    np.testing.assert_array_equal(asked[1][0].y, y[(folds == 0) & (y != 1)])
    assert np.isfinite(out_of_fold(x, np.minimum(y, 1).astype(np.int32), y, 3)).all()
    monkeypatch.setattr(module, "chosen", fixed(1e-2))
    plain = out_of_fold(x, y, folds, 3)
    monkeypatch.setattr(module, "chosen", fixed(1e-2, temperature=2.0))
    np.testing.assert_allclose(out_of_fold(x, y, folds, 3), tempered(plain, 2.0), atol=1e-6)


def test_labels_that_are_not_trusted_are_not_learned():
    x, y = blobs(300, spread=0.3)
    folds = folds_of(y, np.arange(300), 5, 0)
    wrong = np.random.default_rng(0).random(300) < 0.4
    told = np.where(wrong, (y + 1) % 3, y).astype(np.int32)
    poor = out_of_fold(x, told, folds, 3)
    good = out_of_fold(x, told, folds, 3, trusted=~wrong)
    at = np.arange(300)
    assert good[at, y].mean() > poor[at, y].mean() + 0.1
    assert (good.argmax(axis=1) == y).mean() > 0.95


def test_one_fold_has_nothing_to_learn_from():
    x, y = blobs(6)
    np.testing.assert_allclose(out_of_fold(x, y, np.zeros(6, int), 3), 1 / 3)


def test_it_counts_fold_by_fold():
    x, y = blobs(50)
    counted = []
    out_of_fold(x, y, np.arange(50) % 5, 3, counted.append)
    assert counted == [10] * 5
