"""The linear head for labels of which a row may have several, and for numbers.

Labels: a logistic regression each (`masked_regression`), all at one strength. Numbers: ridge
regression (`ridge`), or with `loss` huber one that outliers move less: squared up to 1.345 standard
deviations of the errors, taken robustly, and absolute beyond (Huber 1981, 7). The strength is that
of the lowest loss on validation rows, or where there are none on folds of the training rows (of
ridge see `_strengths`). Then, as for classes, the head is
fitted once more to training and validation rows together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.heads import ridge as ridges
from bottleneck.heads.design_matrix import design_matrix
from bottleneck.heads.groups import groups_of, rarest
from bottleneck.heads.masked_regression import (
    CROSS_ENTROPY,
    PATH_TOLERANCE,
    Fit,
    Judge,
    Loss,
    Problem,
    fitted,
    folds,
    huber,
    outputs,
    sigmoid,
)
from bottleneck.heads.objectives import MAD, standards
from bottleneck.heads.softmax_regression import TOLERANCE, minimise
from bottleneck.heads.split import rows_to_fit
from bottleneck.heads.strength import FOLDS, divided, is_small

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.heads.design_matrix import DesignMatrix
    from bottleneck.heads.task import Task

ROBUST = 1.345  # 95 % of the efficiency of least squares where errors are normal
ROUNDS = 4
START = 1e-2  # the least strength of the fits that find how large errors are
LEAST_DELTA = 1e-4
SURE = 1e-3  # the least and most share of a label that a fit starts from


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Data:
    """Rows and targets of a fit, training images first.

    Attributes
    ----------
    x, y : of all images, (i, k)
    n : of those, how many train
    """

    x: DesignMatrix
    y: NDArray[np.float32]
    n: int
    task: Task

    @property
    def train(self) -> tuple[DesignMatrix, NDArray[np.float32]]:
        """The rows and targets of the training images."""
        return self.x.between(0, self.n), self.y[: self.n]

    @property
    def judged(self) -> tuple[DesignMatrix, NDArray[np.float32]]:
        """Those of the validation images, one row each."""
        return self.x.between(self.n, len(self.y)).first_views(), self.y[self.n :]

    def of_rows(self, y: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the targets of images for each of their rows."""
        return np.repeat(y, self.x.views, axis=0)


def fit(task: Task) -> dict[str, Any]:
    """Fit a linear head for labels or numbers; return the fields of `linear.Linear`."""
    train, validation = rows_to_fit(task)
    images = np.concatenate([train, validation])
    x = design_matrix(task.rows, images, task.views, len(train))
    y = np.asarray(task.targets[images], np.float32)
    if task.kind == "labels":
        theta, said, found = _labels(_Data(x=x, y=y, n=len(train), task=task))
    else:
        is_robust = task.options.get("loss") == "huber"
        mean, scale = standards(y[: len(train)], robust=is_robust)
        data = _Data(x=x, y=((y - mean) / scale).astype(np.float32), n=len(train), task=task)
        theta, said, found = _numbers(data)
        theta = theta * scale
        theta[-1] += mean
        said = (said * scale + mean).astype(np.float32)
    return {
        "weights": theta[:-1].astype(np.float32),
        "bias": theta[-1].astype(np.float32),
        "mean": x.mean,
        "scale": x.scale,
        "options": {
            **task.options, "strength": found.strength, "seed": task.seed, "kind": task.kind,
        },
        "history": tuple(found.history),
        "validation": said,
        "epochs": found.epochs,
    }  # fmt: skip


def _labels(data: _Data) -> tuple[NDArray[np.floating[Any]], NDArray[np.float32], Fit]:
    """Return the weights, the probabilities of the validation rows, and how they were found."""
    x, y = data.train
    start = np.zeros((x.width + 1, y.shape[1]), np.float32)
    known = ~np.isnan(y)
    share = np.where(known, y, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    share = np.clip(share, SURE, 1 - SURE)
    start[-1] = np.log(share / (1 - share))
    theta, out, found = _stepped(data, CROSS_ENTROPY, start)
    return theta, sigmoid(out), found


def _stepped(
    data: _Data, loss: Loss, start: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], Fit]:
    """Fit by steps; return the weights, the outputs of the validation rows, how they were found."""
    task, (x, y), (seen, answers) = data.task, data.train, data.judged
    problem = Problem(x, data.of_rows(y), loss)
    judges = [Judge(problem=problem, x=seen, y=answers)] if len(answers) else []
    if not judges and is_small(x):
        judges = folds(problem, y, _divided(data))
    found = fitted(problem, start, judges, task.reporter.say, task.options.get("strength"))
    out = outputs(seen, found.theta)
    if data.n == len(data.y):
        return found.theta, out, found
    whole = Problem(data.x, data.of_rows(data.y), loss, problem.basis)
    per_row = found.strength * data.n / len(data.y)
    theta, _, steps = minimise(whole, found.theta, per_row, TOLERANCE)
    more = Fit(
        theta=theta,
        strength=found.strength,
        history=found.history,
        epochs=found.epochs + steps,
    )
    return theta, out, more


def _numbers(data: _Data) -> tuple[NDArray[np.floating[Any]], NDArray[Any], Fit]:
    """Return the weights, the validation rows' numbers, and how they were found.

    All of standardised numbers.
    """
    if data.task.options.get("loss") == "huber":
        theta, delta = _robust_start(data)
        return _stepped(data, huber(delta), theta)
    if ridges.is_quick(data.x):
        return _ridge(data)
    start = np.zeros((data.x.width + 1, data.y.shape[1]), np.float32)
    return _stepped(data, huber(np.inf), start)


def _robust_start(data: _Data) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weights near Huber's fit, and the error (k,) from which on it is absolute.

    That is ROBUST deviations of the errors, which are known only after a fit: so it begins with
    those of the numbers themselves, and a few fits follow each other.
    """
    (x, y), k = data.train, data.y.shape[1]
    theta = np.zeros((x.width + 1, k), np.float32)
    delta = np.full(k, ROBUST, np.float32)
    basis = None
    strength = max(START, x.width / (4 * len(x)))  # else a fit passes through few rows
    for _ in range(ROUNDS):
        problem = Problem(x, data.of_rows(y), huber(delta), basis)
        basis = problem.basis
        theta, _, _ = minimise(problem, theta, strength, PATH_TOLERANCE)
        error = np.abs(outputs(x.first_views(), theta) - y)
        known = [column[~np.isnan(column)] for column in error.T]
        deviation = [MAD * float(np.median(each)) if len(each) else 1.0 for each in known]
        delta = np.maximum(ROBUST * np.array(deviation), LEAST_DELTA).astype(np.float32)
    return theta, delta


def _ridge(data: _Data) -> tuple[NDArray[np.float64], NDArray[np.float64], Fit]:
    """Fit ridge regressions, those columns together that are known for the same images.

    Training rows judge by `Ridge.cross_validated`, or by folds where they belong together.

    The strength of the fit is the geometric mean of the columns' own.
    """
    x, y = data.train
    (seen, answers), k = data.judged, y.shape[1]
    errors = np.full((3, len(ridges.STRENGTHS), k), np.nan)
    theta, last = np.zeros((2, x.width + 1, k))
    fold = _folds(data)
    fits = []
    for columns in ridges.alike(data.y):
        at = np.flatnonzero(~np.isnan(y[:, columns[0]]))
        if len(at):
            found = ridges.ridge(ridges.rows_of(x, at), data.of_rows(y[at][:, columns]))
            errors[:, :, columns] = found.errors(seen, answers[:, columns])
            if fold is not None:
                errors[1][:, columns] = _by_folds(data, fold, at, columns)
            fits.append((columns, len(at), found))
    given = data.task.options.get("strength")
    strengths = _strengths(errors, y, answers) if given is None else np.full(k, given)
    for columns, n, found in fits:
        theta[:, columns] = last[:, columns] = found.theta(strengths[columns])
        all_at = np.flatnonzero(~np.isnan(data.y[:, columns[0]]))
        if len(all_at) > n:
            whole = ridges.rows_of(data.x, all_at)
            again = ridges.ridge(whole, data.of_rows(data.y[all_at][:, columns]))
            last[:, columns] = again.theta(strengths[columns] * n / len(all_at))
    history = ridges.history(errors, strengths, has_judged=len(seen) > 0)
    for entry in history:
        data.task.reporter.say(" ".join(f"{key} {value:.4g}" for key, value in entry.items()))
    strength = ridges.geometric_mean(strengths)
    done = Fit(theta=theta.astype(np.float32), strength=strength, history=history, epochs=1)
    out = np.concatenate(
        [np.zeros((0, k)), *(block @ theta[:-1] + theta[-1] for _, block in seen.blocks())]
    )
    return last, out, done


def _folds(data: _Data) -> NDArray[np.int64] | None:
    """Return the fold (n,) of each training image; None where its rows have nothing in common.

    Generalised cross-validation takes every row for a sample of its own: of views of one image, and
    of images of one group, it would find that hardly any regularisation is best.
    """
    groups = groups_of(data.task, rows_to_fit(data.task)[0])
    return None if groups.max() + 1 == data.n and data.x.views == 1 else _divided(data)


def _divided(data: _Data) -> NDArray[np.int64]:
    """Return the fold (n,) of each training image, a group in one."""
    groups = groups_of(data.task, rows_to_fit(data.task)[0])
    is_labels, y = data.task.kind == "labels", data.train[1]
    strata = rarest(y) if is_labels else np.zeros(data.n, np.int64)
    return divided(groups, strata, data.task.seed, min(FOLDS, int(groups.max()) + 1))


def _by_folds(
    data: _Data, fold: NDArray[np.int64], at: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the errors (strengths, c) on images of one fold each of fits to those of the others.

    NaN where no fold judges. Of so many rows that the folds would take minutes one is enough, and
    none where there are validation rows.

    Parameters
    ----------
    at, columns : training images, and columns that are known for them
    """
    x, y = data.train
    folds = np.unique(fold[at])
    if not is_small(x):
        folds = folds[: int(data.n == len(data.y))]
    total, n = np.zeros((len(ridges.STRENGTHS), len(columns))), 0
    for i in folds:
        others, mine = at[fold[at] != i], at[fold[at] == i]
        if len(others):
            found = ridges.ridge(ridges.rows_of(x, others), data.of_rows(y[others][:, columns]))
            # A strength is per row, as a prior's is: the same prior is more for each of fewer.
            strengths = [s * len(at) / len(others) for s in ridges.STRENGTHS]
            judged = ridges.rows_of(x, mine).first_views()
            total += len(mine) * found.seen_errors(strengths, judged, y[mine][:, columns])
            n += len(mine)
    return total / n if n else np.full_like(total, np.nan)


def _strengths(
    errors: NDArray[np.float64], y: NDArray[np.float32], answers: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the strength (k,) of the lowest error of each column.

    That is the error on validation rows and the cross-validated one of the training rows, each
    weighing as many rows as it is of: of few validation rows alone, the lowest is mostly chance.
    For the same reason a column's error counts as much as the mean of all.

    Parameters
    ----------
    errors : (3, strengths, k), as `ridge.Ridge.errors` returns them, or cross-validated by folds
    y, answers : the targets of training and of validation rows
    """
    is_known = ~np.isnan(errors[:2, 0])
    n, m = ((~np.isnan(each)).sum(axis=0) for each in (y, answers))
    n, m = n * is_known[1], m * is_known[0]
    seen, crossed = (np.where(np.isnan(each), 0, each) for each in errors[:2])
    pooled = np.where(n + m, (n * crossed + m * seen) / np.maximum(n + m, 1), np.nan)
    least = np.maximum(pooled.min(axis=0), np.finfo(np.float64).tiny)
    own = np.where(np.isnan(pooled), 1.0, pooled / least)  # of a column of which nothing is known
    shared = own.mean(axis=1, keepdims=True)
    chosen = (own + shared / shared.min()).argmin(axis=0)
    return np.asarray(np.array(ridges.STRENGTHS)[chosen])
