"""Heads on random rows."""

import warnings

import numpy as np
from timing import seconds, spread

from bottleneck.heads import linear
from bottleneck.heads.task import Task

N_STRENGTHS = 13  # that scikit-learn tries, as many as the linear head's longest path


def bench_linear(options):
    """Fit the linear head to convergence, and beside scikit-learn with its own choice of C."""
    n, d, k = options.files or 50_000, 2048, 10
    x, y = rows(n, d, k)
    split = (np.random.default_rng(1).random(n) < 0.2).astype(np.uint8)
    fit = lambda: linear.fit(Task(rows=x, targets=y, split=split, n_outputs=k))  # noqa: E731
    print(f"linear head {n} x {d}, {k} classes: {spread([seconds(fit) for _ in range(3)])}")
    beside_scikit_learn()


def beside_scikit_learn():
    """Fit 5,000 rows by both, in turns; each chooses how strongly it regularises."""
    from sklearn.linear_model import LogisticRegressionCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    n, d, k = 5_000, 1280, 10
    x, y = rows(2 * n, d, k)
    split = (np.random.default_rng(1).random(n) < 0.2).astype(np.uint8)
    found = {}

    def ours():
        head = linear.fit(Task(rows=x[:n], targets=y[:n], split=split, n_outputs=k))
        found["ours"] = head.predict(x[n:]).argmax(axis=1)

    def theirs():
        search = LogisticRegressionCV(
            Cs=1 / (n * 10.0 ** -np.arange(0, 6.5, 0.5)), cv=5, scoring="neg_log_loss"
        )
        model = make_pipeline(StandardScaler(), search).fit(x[:n].astype(np.float32), y[:n])
        found["theirs"] = model.predict(x[n:].astype(np.float32))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what becomes of its arguments in later versions
        times = [(seconds(ours), seconds(theirs)) for _ in range(2)]
    right = {name: float((said == y[n:]).mean()) for name, said in found.items()}
    print(f"linear head {n} x {d}, {k} classes, {N_STRENGTHS} strengths at most")
    print(f"  ours {spread([t for t, _ in times])}, accuracy {right['ours']:.4f}")
    print(
        f"  LogisticRegressionCV, {N_STRENGTHS} values of C, 5 folds "
        f"{spread([t for _, t in times])}, accuracy {right['theirs']:.4f}"
    )


def rows(n, d, k):
    """Return rows (n, d) float16 as a network makes them, and their classes (n,)."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, k, n).astype(np.int32)
    draw = drawing(d, k, rng)
    x = np.empty((n, d), np.float16)
    for at in range(0, n, 10_000):
        x[at : at + 10_000] = draw(y[at : at + 10_000])
    return x, y


def drawing(d, k, rng):
    """Return what draws rows (n, d) float32 of given classes (n,) out of k."""
    basis = rng.standard_normal((64, d), np.float32) / 8
    centres = rng.standard_normal((k, 64), np.float32) / 2

    def draw(y):
        inner = centres[y]
        inner = inner + rng.standard_normal(inner.shape, np.float32)
        return np.maximum(inner @ basis + rng.standard_normal((len(y), d), np.float32) / 2, 0)

    return draw
