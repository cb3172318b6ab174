"""Heads with few labels and with all: accuracy, intervals, calibration, beside scikit-learn.

    python scripts/probe_few.py cache/mobilenetv2 --labels 1,5,10,100 --tries 10
    python scripts/probe_few.py cache/mobilenetv2 --heads linear --beside 3

CACHE is a store whose source has a test split, which judges and chooses nothing; nothing is
written to it. With N labels a class, a head sees those alone, drawn --tries times; with all of
them, the seed says which fifth of the training images validates. Calibration is by those.

--beside N  fits scikit-learn's LogisticRegression as DINOv3's probe does (45 values of C, the best
            on a tenth of the labels, then all of them), to the same labels and by the same split,
            N times, and says how long both took
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core import console, words
from bottleneck.core.errors import DataError
from bottleneck.core.reporter import SILENT, OneOfMany
from bottleneck.heads.calibration import honesty, temperature, tempered
from bottleneck.heads.catalog import complete, load_kind
from bottleneck.heads.groups import drawn, numbers
from bottleneck.heads.split import validation_mask
from bottleneck.heads.task import TRAIN, VALIDATION
from bottleneck.heads.task import Task as HeadTask
from bottleneck.heads.views import itself
from bottleneck.pictures.interval import mean_interval
from bottleneck.pipeline.learning.few_rows import some
from bottleneck.pipeline.learning.train_options import TrainOptions
from bottleneck.pipeline.learning.training_data import LEAVE_OUT, TEST, training_data
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.heads.task import Fitted
    from bottleneck.pipeline.learning.training_data import TrainingData

STRENGTHS = 10.0 ** np.linspace(-6, 5, 45)  # values of C
MUCH = 0.003
CHOOSING = 0.1  # of the labels, beside scikit-learn


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """What is learned from: all rows of the store (n, …), and which of them judge."""

    data: TrainingData
    rows: NDArray[np.float16 | np.float32]

    @property
    def test(self) -> NDArray[np.bool_]:
        """Which rows judge."""
        return self.data.split == TEST

    def pool(self) -> NDArray[np.int64]:
        """Return the positions that may train."""
        return np.flatnonzero((self.data.split == TRAIN) | (self.data.split == VALIDATION))

    def fit(self, head: str, split: NDArray[np.uint8], seed: int) -> Fitted:
        """Fit a head to the rows of train, chosen by those of val."""
        task = HeadTask(
            rows=self.rows,
            targets=self.data.labels,
            split=split,
            n_outputs=len(self.data.samples.classes),
            groups=numbers(self.data.belongs),
            seed=seed,
            options=complete(head, {}),
            reporter=OneOfMany(SILENT),
        )
        return load_kind(head).fit(task)

    def accuracy(self, fitted: Fitted) -> float:
        """Return the share of the test rows that it gets right."""
        said = fitted.predict(self.rows[self.test]).argmax(axis=1)
        return float((said == self.data.labels[self.test]).mean())


def read(cache: Path, source: str | None) -> Rows:
    """Return the rows of a store whose source has a test split."""
    store = Store.open(cache)
    options = TrainOptions(cache=cache, validation_split=0, on_stale="use")
    data = training_data(store, store.source_name(source), options, SILENT)
    if not (data.split == TEST).any():
        raise DataError("no test split", cache, "give a store of a source that has one")
    rows = itself(data.store.features_of(data.digests), store.recipe.views.number)[:]
    return Rows(data=data, rows=np.asarray(rows).reshape(len(rows), -1))


def split_of(rows: Rows, n: int | None, number: int, fraction: float) -> NDArray[np.uint8]:
    """Return a split: `n` labels a class, or all, of which this fraction validates."""
    data = rows.data
    used = rows.pool() if n is None else some(data, n, number, 0)
    split = np.full(len(data.split), LEAVE_OUT, np.uint8)
    split[used] = TRAIN
    if fraction and n is None:
        split[used[validation_mask(data.belongs[used], number, fraction)]] = VALIDATION
    elif fraction:  # of each class alike: there are few
        order = drawn(data.belongs[used], "validation", number)
        for c in np.unique(data.labels[used]):
            mine = used[data.labels[used] == c]
            by = np.argsort(order[data.labels[used] == c], kind="stable")
            split[mine[by[: round(fraction * len(mine))]]] = VALIDATION
    return split


def few(rows: Rows, heads: Sequence[str], asked: Sequence[int | None], tries: int) -> None:
    """Print the accuracy of each head with so many labels."""
    print(f"| labels a class | {' | '.join(heads)} |")
    print(f"| --- |{' --- |' * len(heads)}")
    for n in asked:
        cells = []
        for head in heads:
            found = []
            for number in range(tries):
                split = split_of(rows, n, number, 0.2 if n is None else 0)
                found.append(rows.accuracy(rows.fit(head, split, number)))
            cells.append(in_words(found))
        print(f"| {n or 'all'} | {' | '.join(cells)} |", flush=True)


def calibration(rows: Rows, heads: Sequence[str]) -> None:
    """Print how far each head's probabilities can be believed, before and after."""
    print("\n| head | temperature | ECE before | after | Brier before | after | loss | after |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    split, labels = split_of(rows, None, 0, 0.2), rows.data.labels
    for head in heads:
        fitted = rows.fit(head, split, 0)
        at = temperature(fitted.validation, labels[split == VALIDATION])
        said, truth = fitted.predict(rows.rows[rows.test]), labels[rows.test]
        before, after = honesty(said, truth), honesty(tempered(said, at), truth)
        both = [f"{before[key]:.4f} | {after[key]:.4f}" for key in ("ece", "brier", "loss")]
        print(f"| {head} | {at:.3f} | {' | '.join(both)} |", flush=True)


def beside(rows: Rows, asked: Sequence[int | None], tries: int) -> None:
    """Print linear and LogisticRegression with 45 strengths, by the same splits."""
    print("\n| labels a class | linear | LogisticRegression | linear ahead | times as fast |")
    print("| --- | --- | --- | --- | --- |")
    for n in asked:
        if n is not None and n < 1 / CHOOSING:
            continue  # a tenth of them is none
        ours, theirs, faster = [], [], []
        for number in range(tries):
            split = split_of(rows, n, number, CHOOSING)
            started = time.perf_counter()
            ours.append(rows.accuracy(rows.fit("linear", split, number)))
            between = time.perf_counter()
            theirs.append(of_scikit_learn(rows, split))
            faster.append((time.perf_counter() - between) / (between - started))
        ahead = [a - b for a, b in zip(ours, theirs, strict=True)]
        below = sum(one < -MUCH for one in ahead)
        print(
            f"| {n or 'all'} | {in_words(ours)} | {in_words(theirs)} | {in_words(ahead)}; median "
            f"{np.median(ahead):.4f}; below by more than {MUCH} in {below} of {tries} | "
            f"{np.median(faster):.0f} |",
            flush=True,
        )


def of_scikit_learn(rows: Rows, split: NDArray[np.uint8]) -> float:
    """Return the accuracy of LogisticRegression at the best of 45 values of C."""
    from sklearn.linear_model import LogisticRegression

    x, y = rows.rows.astype(np.float32), rows.data.labels
    train, chooses = split == TRAIN, split == VALIDATION
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of steps that did not suffice
        fits = [LogisticRegression(C=c, max_iter=1000).fit(x[train], y[train]) for c in STRENGTHS]
        scores = [fit.score(x[chooses], y[chooses]) for fit in fits]
        best = STRENGTHS[int(np.argmax(scores))]
        both = train | chooses
        whole = LogisticRegression(C=best, max_iter=1000).fit(x[both], y[both])
    return float(whole.score(x[rows.test], y[rows.test]))


def in_words(found: Sequence[float]) -> str:
    """Return the mean, its 95 % interval, and how far apart the tries are."""
    interval = mean_interval(found)
    apart = f"; each {min(found):.4f} to {max(found):.4f}" if len(found) > 1 else ""
    more = f" ({interval[0]:.4f} to {interval[1]:.4f}{apart})" if interval else ""
    return f"{np.mean(found):.4f}{more}"


def main(argv: list[str] | None = None) -> int:
    """Probe; return an exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cache", type=Path, metavar="CACHE")
    parser.add_argument("--source")
    parser.add_argument("--heads", type=words.names, default=("linear", "knn", "prototypes"))
    parser.add_argument("--labels", type=words.whole_numbers, default=(1, 5, 10, 100))
    parser.add_argument("--tries", type=words.positive, default=10)
    parser.add_argument("--beside", type=words.positive, metavar="N")
    args = parser.parse_args(argv)
    rows = read(args.cache, args.source)
    print(
        f"{len(rows.pool()):,} images of {len(rows.data.samples.classes)} classes to train on, "
        f"{int(rows.test.sum()):,} to judge by; {args.tries} tries"
    )
    asked = [*args.labels, None]
    few(rows, args.heads, asked, args.tries)
    calibration(rows, args.heads)
    if args.beside:
        beside(rows, asked, args.beside)
    return 0


if __name__ == "__main__":
    sys.exit(console.run(main))
