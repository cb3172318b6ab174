"""Ridge regression with few rows, beside scikit-learn's RidgeCV on the same rows and strengths.

    python scripts/probe_numbers.py cache/mobilenetv2 --source numbers --rows 10,30,100 --draws 10

CACHE is a store whose source has numbers to learn and a test split, which judges and chooses
nothing; nothing is written to it. Of so many training rows, drawn anew each time, and of all of
them once, the mean R² on the test rows is said, and that of the worst draw. RidgeCV leaves each row
out in turn, on the rows as they are and standardised.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck import open_store
from bottleneck.core import console, words
from bottleneck.core.reporter import SILENT, OneOfMany
from bottleneck.heads.catalog import complete, load_kind
from bottleneck.heads.number_metrics import evaluate_numbers
from bottleneck.heads.ridge import STRENGTHS
from bottleneck.heads.task import TRAIN, Task
from bottleneck.pipeline.learning.few_rows import few_of
from bottleneck.pipeline.learning.training_data import LEAVE_OUT, TEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = ("linear", "linear, huber", "RidgeCV", "RidgeCV, standardised")


def ours(x: NDArray[Any], y: NDArray[Any], train: NDArray[np.int64], loss: str) -> Any:
    """Return a linear head that is fitted to these rows."""
    split = np.full(len(x), LEAVE_OUT, np.uint8)
    split[train] = TRAIN
    options = {"loss": loss, **{k: v for k, v in complete("linear", {}).items() if k != "loss"}}
    task = Task(
        rows=x, targets=y, split=split, n_outputs=y.shape[1], kind="numbers", options=options,
        reporter=OneOfMany(SILENT),
    )  # fmt: skip
    return load_kind("linear").fit(task)


def theirs(x: NDArray[Any], y: NDArray[Any], train: NDArray[np.int64], *, is_scaled: bool) -> Any:
    """Return scikit-learn's RidgeCV of these rows."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = RidgeCV(alphas=np.array(STRENGTHS) * len(train))
    fitted = make_pipeline(StandardScaler(), model) if is_scaled else model
    return fitted.fit(x[train].astype(np.float64), y[train])


def r2(said: NDArray[Any], truth: NDArray[Any], train: NDArray[Any]) -> float:
    """Return the mean R² over the numbers."""
    names = [str(i) for i in range(truth.shape[1])]
    return float(evaluate_numbers(said, truth, names, train.mean(axis=0, dtype=np.float64))["r2"])


def main(argv: list[str] | None = None) -> int:
    """Print a table; return an exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cache", type=Path, metavar="CACHE")
    parser.add_argument("--source")
    parser.add_argument("--rows", type=words.whole_numbers, default=(10, 30, 100, 300, 1000))
    parser.add_argument("--draws", type=words.positive, default=10)
    args = parser.parse_args(argv)
    store = open_store(args.cache)
    x, y, _ = store.arrays(source=args.source)
    x, y = np.asarray(x, np.float32).reshape(len(y), -1), np.asarray(y, np.float32)
    splits = store.samples(args.source).splits
    pool, test = np.flatnonzero(splits != TEST), np.flatnonzero(splits == TEST)
    print(f"| rows | {' | '.join(NAMES)} |\n| --- |{' --- |' * len(NAMES)}")
    for n in (*(n for n in args.rows if n < len(pool)), len(pool)):
        found = []
        for draw in range(args.draws if n < len(pool) else 1):
            order = np.random.default_rng(draw).permutation(pool)
            train = np.sort(order[few_of(y[order], "numbers", n)])
            said = [ours(x, y, train, loss).predict(x[test]) for loss in ("squared", "huber")]
            fits = [theirs(x, y, train, is_scaled=scaled) for scaled in (False, True)]
            said += [f.predict(x[test].astype(np.float64)).reshape(len(test), -1) for f in fits]
            found.append([r2(one, y[test], y[train]) for one in said])
        each = np.array(found)
        cells = [f"{a:.3f} ({b:.3f})" for a, b in zip(each.mean(0), each.min(0), strict=True)]
        print(f"| {n} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(console.run(main))
