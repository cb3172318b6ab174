"""How strongly the linear head is regularised: folds, and the lowest point between strengths."""

import numpy as np
import pytest

from bottleneck.heads import strength
from bottleneck.heads.catalog import complete, load_kind
from bottleneck.heads.design_matrix import design_matrix
from bottleneck.heads.softmax_regression import refined
from bottleneck.heads.task import Task


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
    losses = [(np.log10(value) - at) ** 2 + 3 for value in strength.STRENGTHS[:12]]
    best = strength.STRENGTHS[int(np.argmin(losses))]
    assert np.log10(refined(strength.STRENGTHS, losses, best)) == pytest.approx(at)


def test_at_the_end_of_the_path_the_best_is_kept():
    path = strength.STRENGTHS
    assert refined(path, [1.0, 2.0, 3.0], path[0]) == path[0]
    assert refined(path, [3.0, 2.0], path[1]) == path[1]


def test_what_is_finer_than_a_quarter_of_a_decade_is_not_told_apart():
    chosen = [fitted(seed).options["strength"] / (1 - 1 / strength.FOLDS) for seed in range(4)]
    np.testing.assert_allclose(4 * np.log10(chosen), np.round(4 * np.log10(chosen)), atol=1e-9)
    assert strength._rounded(0.093) == strength._rounded(0.123) == pytest.approx(0.1)
    assert strength._rounded(0.05) == pytest.approx(10**-1.25)


@pytest.mark.parametrize(("n", "strongest"), [(2000, 1.0), (200, 1.0), (20, 10.0)])
def test_of_fewer_rows_than_features_stronger_ones_are_tried(n, strongest):
    rng = np.random.default_rng(0)
    y = (np.arange(n) % 2).astype(np.int32)
    fitted = load_kind("linear").fit(task_of(rng.normal(size=(n, 120)).astype(np.float32), y))
    assert fitted.history[0]["strength"] == pytest.approx(strongest, rel=0.01)


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
    monkeypatch.setattr(strength, "is_small", lambda _: False)
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


def task_of(x, y, split=None, **more):
    split = np.zeros(len(y), np.uint8) if split is None else split
    told = {"options": complete("linear", {}), **more}
    return Task(rows=x, targets=y.astype(np.int32), split=split, n_outputs=y.max() + 1, **told)


def blobs(n=60, d=8, k=3):
    rng = np.random.default_rng(5)
    y = np.arange(n) % k
    return (rng.normal(size=(n, d)) * 2 + np.eye(d)[y] * 3).astype(np.float32), y


def test_rows_of_one_group_are_never_on_both_sides_of_a_fold():
    x, y = blobs()
    groups = np.arange(60) // 4
    matrix = design_matrix(x, np.arange(60), 1, 60)
    found = strength.folds(matrix, y.astype(np.int32), 3, 0, groups)
    assert len(found) == strength.FOLDS
    for one in found:
        assert not set(groups[one.problem.x.images]) & set(groups[one.x.images])


def test_copies_that_are_groups_do_not_make_it_look_as_if_nothing_overfitted():
    x, y = blobs()
    twice, labels = np.repeat(x, 3, axis=0), np.repeat(y, 3)
    alone = load_kind("linear").fit(task_of(twice, labels)).history[0]["validation_loss"]
    grouped = task_of(twice, labels, groups=np.repeat(np.arange(60), 3))
    assert load_kind("linear").fit(grouped).history[0]["validation_loss"] > 1.1 * alone


def test_a_row_whose_class_no_other_fold_has_is_not_judged():
    x, y = blobs(n=31)
    y[30] = 3
    matrix = design_matrix(x, np.arange(31), 1, 31)
    found = strength.folds(matrix, y.astype(np.int32), 4, 0)
    assert len(found) == strength.FOLDS
    assert sorted(np.concatenate([one.x.images for one in found])) == list(range(30))
    assert len(load_kind("linear").fit(task_of(x, y)).history) > 1


def test_of_many_rows_the_validation_rows_judge_or_one_fold_where_there_are_none(monkeypatch):
    monkeypatch.setattr(strength, "is_small", lambda _: False)
    judges, real = [], strength.chosen

    def chosen(judged, report):
        judges.append([one.x.images.tolist() for one in judged])
        return real(judged, report)

    monkeypatch.setattr(strength, "chosen", chosen)
    x, y = blobs()
    split = (np.arange(60) % 4 == 0).astype(np.uint8)
    load_kind("linear").fit(task_of(x, y, split))
    load_kind("linear").fit(task_of(x, y))
    assert judges[0] == [np.flatnonzero(split).tolist()]
    assert len(judges[1]) == 1
    assert len(judges[1][0]) == 12


def test_a_strength_that_is_given_is_not_searched_for():
    x, y = blobs()
    split = (np.arange(60) % 4 == 0).astype(np.uint8)
    fitted = load_kind("linear").fit(
        task_of(x, y, split, options=complete("linear", {"strength": 0.03}))
    )
    assert fitted.options["strength"] == 0.03
    assert len(fitted.history) == 1


@pytest.mark.parametrize("how", ["none", "balanced"])
def test_with_a_strength_it_is_scikit_learn_s_logistic_regression(how):
    from sklearn.linear_model import LogisticRegression

    x, y = blobs(n=90)
    keep = np.concatenate([np.flatnonzero(y == c)[: 30 - 12 * c] for c in range(3)])
    x, y = x[keep], y[keep]
    strength_, n = 0.05, len(y)
    options = complete("linear", {"strength": strength_, "class_weights": how})
    ours = load_kind("linear").fit(task_of(x, y, options=options))
    scaled = (x - ours.mean) / ours.scale
    theirs = LogisticRegression(
        C=1 / (strength_ * n), class_weight=None if how == "none" else how, tol=1e-8, max_iter=5000
    ).fit(scaled, y)
    np.testing.assert_allclose(ours.predict(x), theirs.predict_proba(scaled), atol=2e-3)
    other = LogisticRegression(
        C=1 / (strength_ * n), class_weight="balanced" if how == "none" else None, max_iter=5000
    ).fit(scaled, y)
    assert np.abs(ours.predict(x) - other.predict_proba(scaled)).max() > 0.02


def test_where_rare_classes_count_as_much_the_strength_is_chosen_so():
    x, y = blobs(n=300)
    keep = np.concatenate([np.flatnonzero(y == c)[: (100, 100, 10)[c]] for c in range(3)])
    x, y = x[keep], y[keep].astype(np.int32)
    matrix = design_matrix(x, np.arange(len(y)), 1, len(y))
    weights = np.array([0.7, 0.7, 7.0], np.float32)[y]
    found = strength.folds(matrix, y, 3, 0, None, weights)
    for one in found:
        np.testing.assert_array_equal(one.weights, weights[one.x.images])
        np.testing.assert_array_equal(one.problem.weights, weights[one.problem.x.images])


def test_the_strength_is_that_of_the_lowest_loss_at_the_best_temperature(monkeypatch):
    x, y = blobs(n=200, d=60)
    honest = load_kind("linear").fit(task_of(x, y)).options
    monkeypatch.setattr(strength, "temperature", lambda p, y: 1.0)
    as_they_are = load_kind("linear").fit(task_of(x, y)).options
    assert as_they_are["temperature"] == pytest.approx(1.0)
    assert honest["strength"] > 1.2 * as_they_are["strength"]
    assert honest["temperature"] < 0.95


def test_the_temperature_that_was_found_divides_the_logits():
    from sklearn.linear_model import LogisticRegression

    x, y = blobs(n=200, d=60)
    ours = load_kind("linear").fit(task_of(x, y))
    scaled = (x - ours.mean) / ours.scale
    c = 1 / (ours.options["strength"] * len(y))
    theirs = LogisticRegression(C=c, tol=1e-8, max_iter=5000).fit(scaled, y)
    logits = theirs.decision_function(scaled) / ours.options["temperature"]
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(ours.predict(x), p / p.sum(axis=1, keepdims=True), atol=3e-3)


def test_where_classes_lie_apart_the_path_ends_where_little_is_gained():
    rng = np.random.default_rng(0)
    y = np.arange(80) % 4
    x = (rng.normal(size=(80, 200)) + 3 * np.eye(200)[y] * 4).astype(np.float32)
    fitted = load_kind("linear").fit(task_of(x, y))
    assert fitted.options["strength"] > 1e-4
    assert len(fitted.history) < len(strength.STRENGTHS) - 2


@pytest.mark.parametrize("seed", [-1, 2**40])
def test_any_whole_number_is_a_seed(seed):
    rng = np.random.default_rng(0)
    y = (np.arange(30) % 2).astype(np.int32)
    x = design_matrix(rng.normal(size=(30, 4)).astype(np.float32), np.arange(30), 1, 30)
    folds = [one.x.images.tolist() for one in strength.folds(x, y, 2, seed)]
    assert folds == [one.x.images.tolist() for one in strength.folds(x, y, 2, seed)]
    assert folds != [one.x.images.tolist() for one in strength.folds(x, y, 2, abs(seed) + 1)]
    assert folds != [one.x.images.tolist() for one in strength.folds(x, y, 2, -seed)]


@pytest.mark.parametrize("validates", [True, False])
def test_some_of_very_many_rows_choose_and_all_are_fitted(monkeypatch, validates):
    n, d, k = 3000, 12, 3
    x, y = blobs(n, d, k)
    split = ((np.arange(n) % 5 == 0) & validates).astype(np.uint8)
    weights = {"options": complete("linear", {"class_weights": "balanced"})}
    by_all = load_kind("linear").fit(task_of(x, y, split, **weights))
    monkeypatch.setattr(strength, "is_small", lambda _: False)
    monkeypatch.setattr(strength, "CHOOSING_BYTES", 4 * 600 * d)
    judges, choices, real = [], [], strength.chosen

    def chosen(judged, report):
        judges.extend(judged)
        choices.append(real(judged, report))
        return choices[0]

    monkeypatch.setattr(strength, "chosen", chosen)
    head = load_kind("linear").fit(task_of(x, y, split, **weights))
    (one,) = judges
    seen, held_out = one.problem.x.images, one.x.images
    assert not set(seen) & set(held_out)
    assert (len(seen), len(held_out)) == ((600, 150) if validates else (480, 120))
    np.testing.assert_array_equal(one.problem.y, y[seen])
    np.testing.assert_array_equal(one.y, y[held_out])
    all_of_it = np.concatenate([block for _, block in one.problem.x.blocks()])
    np.testing.assert_allclose(all_of_it * head.scale + head.mean, x[seen], atol=1e-4)
    # The same prior is less for each of more rows. What is fitted in the end is all.
    per_row = choices[0].strength * len(seen) / (2400 if validates else 3000)
    assert head.options["strength"] == pytest.approx(per_row)
    chosen_of_all = by_all.options["strength"]
    assert head.options["strength"] == pytest.approx(chosen_of_all, rel=2)
    told = {"options": complete("linear", {"class_weights": "balanced", **given(head)})}
    again = load_kind("linear").fit(task_of(x, y, split, **told))
    temperature = head.options["temperature"]
    np.testing.assert_allclose(head.weights * temperature, again.weights, atol=2e-3)


def given(head):
    """Return the strength of a head as one that is told."""
    return {"strength": head.options["strength"]}


def test_a_class_that_was_not_drawn_is_not_judged(monkeypatch):
    n, d = 400, 5
    x, y = blobs(n, d, 2)
    y[:8] = 2
    split = (np.arange(n) % 2).astype(np.uint8)
    monkeypatch.setattr(strength, "is_small", lambda _: False)
    monkeypatch.setattr(strength, "CHOOSING_BYTES", 4 * 12 * d)
    kept, real = [], strength.subsample
    monkeypatch.setattr(strength, "subsample", lambda *of: kept.append(real(*of)) or kept[-1])
    for seed in range(6):
        load_kind("linear").fit(task_of(x, y, split, seed=seed))
    assert any(2 not in one.problem.y for one, _ in kept)
    for one, _ in kept:
        assert set(one.y) <= set(one.problem.y)
