"""The linear head of labels and of numbers, against scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import HuberRegressor, LogisticRegression, Ridge, RidgeCV

from bottleneck.heads import linear, linear_targets, ridge
from bottleneck.heads.design_matrix import design_matrix
from bottleneck.heads.masked_regression import CROSS_ENTROPY, Problem, huber
from bottleneck.heads.softmax_regression import minimise
from bottleneck.heads.task import Task

N, D = 300, 12


@pytest.fixture
def made():
    """Return rows, targets of labels and of numbers, and a split."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(N, D)) * rng.uniform(0.1, 10, D) + 5).astype("f4")
    w = rng.normal(size=(D, 2)) / x.std(axis=0)[:, None]
    logits = (x - 5) @ w
    labels = (rng.random((N, 2)) < 1 / (1 + np.exp(-logits))).astype("f4")
    numbers = (logits * [2, 50] + [7, 1000] + rng.normal(size=(N, 2)) * [1, 20]).astype("f4")
    return x, labels, numbers, rng.choice([0, 0, 0, 1, 2], N).astype("u1")


def fit(kind, x, y, split, groups=None, views=1, **more):
    task = Task(
        rows=x, targets=y, split=split, n_outputs=y.shape[1], kind=kind, groups=groups,
        views=views, options=more,
    )  # fmt: skip
    return linear.fit(task)


def standardised(x, split):
    seen = x[split == 0].astype(float)
    deviation = seen.std(axis=0)
    typical = np.sort(deviation)[int(0.75 * (len(deviation) - 1))]
    return (x - seen.mean(axis=0)) / np.maximum(deviation**0.25 * typical**0.75, deviation / 10)


def test_at_a_strength_that_is_given_labels_are_those_of_logistic_regression(made):
    x, labels, _, split = made
    split = np.where(split == 1, 2, split)  # nothing to choose by
    head = fit("labels", x, labels, split, strength=0.03)
    z, at = standardised(x, split), split == 0
    p = head.predict(x)
    for i in range(2):
        theirs = LogisticRegression(C=1 / (0.03 * at.sum()), tol=1e-8, max_iter=5000)
        theirs.fit(z[at], labels[at, i])
        np.testing.assert_allclose(p[:, i], theirs.predict_proba(z)[:, 1], atol=2e-3)


def test_at_a_strength_that_is_given_numbers_are_those_of_ridge(made):
    x, _, numbers, split = made
    split = np.where(split == 1, 2, split)
    head = fit("numbers", x, numbers, split, strength=0.03)
    z, at = standardised(x, split), split == 0
    theirs = Ridge(alpha=0.03 * at.sum()).fit(z[at], numbers[at])
    np.testing.assert_allclose(head.predict(x), theirs.predict(z), rtol=1e-3)


@pytest.mark.parametrize("n", [200, 8])  # more rows than features, and fewer
def test_ridges_of_all_strengths_are_scikit_learn_s(made, n):
    x, _, numbers, _ = made
    rows = design_matrix(x, np.arange(n), 1, n)
    z = standardised(x[:n], np.zeros(n))
    found = ridge.ridge(rows, numbers[:n])
    for strength in (1e-3, 1.0, 100.0):
        theirs = Ridge(alpha=strength * n).fit(z, numbers[:n])
        theta = found.theta(np.full(2, strength))
        np.testing.assert_allclose(theta[:-1], theirs.coef_.T, rtol=2e-3, atol=2e-3)
        np.testing.assert_allclose(theta[-1], theirs.intercept_, rtol=1e-4)
        errors = ((theirs.predict(z) - numbers[:n]) ** 2).mean(axis=0)
        np.testing.assert_allclose(found.fitted_errors(strength), errors, rtol=1e-2, atol=1e-3)


def test_the_validation_figures_are_of_the_fit_to_the_training_rows_alone(made):
    x, _, numbers, split = made
    head = fit("numbers", x, numbers[:, :1], split)
    z, train, seen = standardised(x, split), split == 0, split == 1
    theirs = Ridge(head.options["strength"] * train.sum()).fit(z[train], numbers[train, 0])
    np.testing.assert_allclose(head.validation[:, 0], theirs.predict(z[seen]), rtol=1e-3)


def test_the_strength_is_near_the_best_on_rows_that_nobody_has_seen(made):
    x, _, numbers, split = made
    z, at, test = standardised(x, split), split < 2, split == 2
    ours, theirs = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        noisy = (numbers + rng.normal(size=(N, 2)) * [10, 500]).astype("f4")
        fits = [Ridge(s * at.sum()).fit(z[at], noisy[at]) for s in 10.0 ** np.arange(-6, 4, 0.5)]
        said = [
            fit("numbers", x, noisy, split).predict(x)[test],
            *(f.predict(z[test]) for f in fits),
        ]
        ours_now, *of_strengths = (((one - numbers[test]) ** 2).mean(axis=0) for one in said)
        ours.append(ours_now)
        theirs.append(of_strengths)
    of_strengths = np.mean(theirs, axis=0)
    assert (np.mean(ours, axis=0) < 1.3 * of_strengths.min(axis=0)).all()
    assert (of_strengths[-1] > 1.4 * of_strengths.min(axis=0)).all()


@pytest.mark.parametrize("n", [200, 8])
def test_of_few_rows_each_is_left_out_in_turn(made, n):
    x, _, numbers, _ = made
    found = ridge.ridge(design_matrix(x, np.arange(n), 1, n), numbers[:n])
    z = standardised(x[:n], np.zeros(n))
    for strength in (1e-4, 0.1, 10.0):
        off = np.empty((n, 2))
        for i in range(n):
            seen = np.arange(n) != i
            theirs = Ridge(alpha=strength * n).fit(z[seen], numbers[:n][seen])
            off[i] = theirs.predict(z[i : i + 1])[0] - numbers[i]
        expected = (off**2).mean(axis=0)
        np.testing.assert_allclose(found.cross_validated(strength), expected, rtol=2e-3)


def test_of_many_rows_cross_validation_is_that_of_the_hat_matrix(made, monkeypatch):
    monkeypatch.setattr(ridge, "FEW", 199)
    x, _, numbers, _ = made
    n = 200
    z = np.hstack([np.ones((n, 1)), standardised(x[:n], np.zeros(n))])
    found = ridge.ridge(design_matrix(x, np.arange(n), 1, n), numbers[:n])
    for strength in (1e-4, 0.1, 10.0):
        penalty = np.diag([0] + [strength * n] * D)
        hat = z @ np.linalg.solve(z.T @ z + penalty, z.T)
        left = numbers[:n] - hat @ numbers[:n]
        expected = (left**2).mean(axis=0) / (1 - np.trace(hat) / n) ** 2
        np.testing.assert_allclose(found.cross_validated(strength), expected, rtol=2e-2)


@pytest.mark.parametrize("loss", ["squared", "huber"])
def test_of_few_rows_what_hardly_varies_among_them_explodes_nothing(loss):
    rng = np.random.default_rng(0)
    x = np.maximum(rng.normal(size=(1030, 64)), 0).astype("f4")
    x[:30, :8] = 1e-3 * rng.normal(size=(30, 8))  # among the others as large as any
    y = (x[:, 8:12].sum(axis=1) + 0.1 * rng.normal(size=1030))[:, None].astype("f4")
    split = np.where(np.arange(1030) < 30, 0, 9).astype("u1")
    said = fit("numbers", x, y, split, loss=loss).predict(x[30:])
    theirs = RidgeCV(10.0 ** np.arange(-3, 4)).fit(x[:30], y[:30, 0]).predict(x[30:])
    assert ((said - y[30:]) ** 2).mean() < 1.1 * ((theirs - y[30:, 0]) ** 2).mean()


def test_after_the_choice_training_and_validation_rows_are_fitted_together(made):
    x, _, numbers, split = made
    head = fit("numbers", x, numbers[:, :1], split)
    z, at = standardised(x, split), split < 2
    alpha = head.options["strength"] * (split == 0).sum()  # a prior does not grow with the rows
    theirs = Ridge(alpha).fit(z[at], numbers[at, 0])
    np.testing.assert_allclose(head.predict(x)[:, 0], theirs.predict(z), rtol=1e-3)


def test_outliers_move_huber_less_than_the_squared_error(made):
    x, _, numbers, split = made
    clean = numbers.copy()
    numbers[np.flatnonzero(split == 0)[::8]] += 3000
    test = split == 2
    off = {
        loss: np.abs(fit("numbers", x, numbers, split, loss=loss).predict(x)[test] - clean[test])
        for loss in ("squared", "huber")
    }
    assert off["huber"].mean() < off["squared"].mean() / 3
    z, at = standardised(x, split), split < 2
    theirs = HuberRegressor(alpha=1e-3, max_iter=1000).fit(z[at], numbers[at, 0]).predict(z)
    assert off["huber"][:, 0].mean() < 1.3 * np.abs(theirs[test] - clean[test, 0]).mean()


def test_without_validation_rows_ridge_chooses_by_cross_validation(made):
    x, _, numbers, split = made
    rng = np.random.default_rng(1)
    wide = np.hstack([x, rng.normal(size=(N, 100))]).astype("f4")  # most of it noise
    y = numbers[:, :1] + rng.normal(0, 5, (N, 1)).astype("f4")
    test = split > 0
    split = np.where(test, 2, 0)

    def error(**more):
        return ((fit("numbers", wide, y, split, **more).predict(wide) - y)[test] ** 2).mean()

    errors = [error(strength=10.0**i) for i in range(-6, 3)]
    assert error() < 1.1 * min(errors)
    assert error() < max(errors) / 2


def grouped(n_groups, seed=0):
    """Return rows of groups that share a look and an offset of their numbers."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), 20)
    x = (rng.normal(size=(n_groups, 30))[groups] + 0.3 * rng.normal(size=(len(groups), 30))) * 2
    offset = rng.normal(size=(n_groups, 1))[groups]
    noise = 0.3 * rng.normal(size=(len(groups), 1))
    return x.astype("f4"), (0.3 * x[:, :1] + offset + noise).astype("f4"), groups


@pytest.mark.parametrize("validation", [0, 4])
def test_of_groups_the_strength_is_near_the_best_for_other_groups(validation):
    found = []
    for seed in range(6):
        x, y, groups = grouped(40, seed)
        new, truth, _ = grouped(200, 100 + seed)
        split = (groups < validation).astype("u1")
        tries = [{"strength": 10.0 ** (i / 2)} for i in range(-8, 6)] + [{}, {"groups": groups}]
        of_tries = [fit("numbers", x, y, split, **told).predict(new) for told in tries]
        errors = [((said - truth) ** 2).mean() for said in of_tries]
        found.append((min(errors[:-2]), *errors[-2:]))
    best, alone, of_groups = np.mean(found, axis=0)
    assert alone > 1.25 * best
    assert of_groups < 1.12 * best


def test_of_groups_the_strength_is_that_of_the_lowest_error_by_fold(monkeypatch):
    x, y, groups = grouped(7)
    split = np.zeros(len(y), "u1")
    folds = groups % 3
    monkeypatch.setattr(linear_targets, "divided", lambda *_: folds)
    head = fit("numbers", x, y, split, groups=groups)
    z = standardised(x, split)
    total = np.zeros(len(ridge.STRENGTHS))
    for i in range(3):
        mine = folds == i
        for at, s in enumerate(ridge.STRENGTHS):
            theirs = Ridge(s * len(y)).fit(z[~mine], y[~mine])  # the same prior as of all rows
            total[at] += ((theirs.predict(z[mine]).reshape(-1, 1) - y[mine]) ** 2).sum()
    assert head.options["strength"] == ridge.STRENGTHS[int(total.argmin())]


def test_views_of_one_image_are_in_one_fold():
    x, y, groups = grouped(40)
    views = x.reshape(40, 20, 30)
    split = np.zeros(40, "u1")
    mean = y.reshape(40, 20, 1).mean(axis=1)
    by_views = fit("numbers", views, mean, split, views=20).options["strength"]
    by_rows = fit("numbers", x, np.repeat(mean, 20, axis=0), np.zeros(800, "u1"))
    assert by_views > 3 * by_rows.options["strength"]


@pytest.mark.parametrize("validation", [0, 4])
def test_of_many_rows_one_fold_judges_or_the_validation_rows_alone(monkeypatch, validation):
    monkeypatch.setattr(linear_targets, "is_small", lambda _: False)
    x, y, groups = grouped(40)
    fits = []
    real = ridge.ridge
    monkeypatch.setattr(ridge, "ridge", lambda *given: fits.append(len(given[0])) or real(*given))
    head = fit("numbers", x, y, (groups < validation).astype("u1"), groups=groups)
    assert fits == ([800, 640] if not validation else [720, 800])
    if validation:
        judged = [entry["validation_loss"] for entry in head.history]
        assert judged[-1] <= min(judged) + 1e-12


def test_a_column_of_one_group_is_judged_by_none_of_its_own():
    x, y, groups = grouped(6)
    both = np.hstack([y, np.where(groups[:, None] == 2, y, np.nan)]).astype("f4")
    head = fit("numbers", x, both, np.zeros(len(y), "u1"), groups=groups)
    assert np.isfinite(head.predict(x)).all()
    alone = fit("numbers", x, y, np.zeros(len(y), "u1"), groups=groups)
    np.testing.assert_allclose(head.predict(x)[:, 0], alone.predict(x)[:, 0], rtol=1e-4, atol=1e-4)


def test_columns_that_are_known_for_other_rows_do_not_disturb_each_other(made):
    x, labels, numbers, split = made
    for kind, y in (("labels", labels), ("numbers", numbers)):
        both = y.copy()
        both[np.random.default_rng(2).random(N) < 0.4, 1] = np.nan
        one = fit(kind, x, y[:, :1], split, strength=0.1)
        two = fit(kind, x, both, split, strength=0.1)
        np.testing.assert_allclose(two.predict(x)[:, 0], one.predict(x)[:, 0], rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("loss", [CROSS_ENTROPY, huber(np.inf), huber(0.5)])
def test_the_gradient_is_that_of_the_loss(made, loss):
    x, labels, _, _ = made
    labels[::5, 0] = np.nan
    problem = Problem(design_matrix(x, np.arange(N), 1, N), labels, loss)
    rng = np.random.default_rng(3)
    theta = rng.normal(size=(D + 1, 2)).astype("f4")
    step = (1e-2 * rng.normal(size=theta.shape)).astype("f4")
    _, gradient = problem.value(theta, 0.1)
    above, below = (problem.value(theta + sign * step, 0.1)[0] for sign in (1, -1))
    assert (above - below) / 2 == pytest.approx(float((gradient * step).sum()), rel=2e-3)


def test_numbers_by_steps_are_those_in_closed_form(made, monkeypatch):
    x, _, numbers, split = made
    closed = fit("numbers", x, numbers, split, strength=0.1)
    monkeypatch.setattr(ridge, "LARGEST", 1)
    steps = fit("numbers", x, numbers, split, strength=0.1)
    off = (steps.predict(x) - closed.predict(x)) / numbers.std(axis=0)
    assert np.abs(off).max() < 1e-3
    assert steps.epochs > 1


def test_a_minimum_is_found_where_labels_are_rare(made):
    x, labels, _, _ = made
    labels[:, 0] = 0
    labels[0, 0] = 1
    problem = Problem(design_matrix(x, np.arange(N), 1, N), labels, CROSS_ENTROPY)
    theta, _, _ = minimise(problem, np.zeros((D + 1, 2), "f4"), 0.1, 1e-4)
    assert np.linalg.norm(problem.value(theta, 0.1)[1]) < 1e-3


def test_what_is_not_known_is_no_part_of_the_loss(made):
    x, labels, _, _ = made
    y = labels[:, :1].copy()
    y[::3] = np.nan
    known = np.flatnonzero(~np.isnan(y[:, 0]))
    rows = design_matrix(x, np.arange(N), 1, N)
    theta = np.random.default_rng(3).normal(size=(D + 1, 1)).astype("f4")
    some = Problem(ridge.rows_of(rows, known), y[known], CROSS_ENTROPY).value(theta, 0.1)
    found = Problem(rows, y, CROSS_ENTROPY).value(theta, 0.1)
    assert found[0] == pytest.approx(some[0], rel=1e-5)
    np.testing.assert_allclose(found[1], some[1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("grouped", [False, True])
def test_without_validation_rows_labels_choose_by_folds_of_the_training_rows(grouped):
    """Beside all strengths of scikit-learn, by the loss on rows that nobody has seen."""
    n, n_all, rng = 300, 2300, np.random.default_rng(0)
    x = rng.normal(size=(n_all, 40)).astype("f4")
    w = rng.normal(size=(40, 2)) * 0.3
    labels = (rng.random((n_all, 2)) < 1 / (1 + np.exp(-x @ w))).astype("f4")
    split, groups = np.where(np.arange(n_all) < n, 0, 9).astype("u1"), None
    if grouped:  # three of each: folds of rows would say that nothing is overfitted
        x[100:n], labels[100:n] = np.tile(x[:100], (2, 1)), np.tile(labels[:100], (2, 1))
        groups = np.where(split == 0, np.arange(n_all) % 100, np.arange(n_all))
    z, unseen = standardised(x, split), split == 9

    def loss(p):
        right = np.where(labels[unseen] == 1, p, 1 - p)
        return -np.log(np.maximum(right, 1e-9)).mean()

    def at(strength):
        models = [
            LogisticRegression(C=1 / (n * strength)).fit(z[:n], labels[:n, c]) for c in (0, 1)
        ]
        return loss(np.stack([m.predict_proba(z[unseen])[:, 1] for m in models], axis=1))

    found = fit("labels", x, labels, split, groups)
    best = min(at(strength) for strength in 10.0 ** np.arange(-3, 2.5, 0.5))
    mine = loss(found.predict(x[unseen]))
    assert mine < best + 0.01
    assert at(1e-3) > best + 0.05
    assert [entry["strength"] for entry in found.history[:2]] == [100.0, 10**1.5]
    given = fit("labels", x, labels, split, groups, strength=0.5)
    assert (given.options["strength"], len(given.history)) == (0.5, 1)
