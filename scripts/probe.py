"""Linear probes: how good frozen features are, beside the same head on raw pixels.

    python scripts/probe.py photos/ --backbone mini --size 64 --seeds 5
    python scripts/probe.py tiny-imagenet/ --half-of-val --seeds 1
    python scripts/probe.py digits --labels 100 --draws 10

DATA is a folder with train/ and test/ (or val/), or the name of a data set. The head is the linear
one, fitted twice on the same rows: on features, and on pixels (the image decoded at 32x32, or the
array itself), from 0 to 1. Its strength is chosen as `train` chooses it; what judges is test/, or
val/ where there is none, and chooses nothing. Images that stand among both are not
trained on, and those under two classes are left out.

--seeds N       N times with all labels; the seed decides which rows validate, and the folds
--labels N      N training labels in all, as many of each class, drawn --draws times
--half-of-val   judges by every second picture of each class of val/ (the 2nd, the 4th ...) and
                never opens the others; scripts/train_mini.py looks at those where each class has
                an even number of them

Features are kept in --cache, else in a folder that is deleted at the end.
"""

from __future__ import annotations

import argparse
import glob
import os
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bottleneck import extract_features
from bottleneck.core import console, words
from bottleneck.core.errors import DataError, UsageError
from bottleneck.core.recipe import ImageSpec
from bottleneck.core.sample import SPLITS, Samples, find
from bottleneck.data.catalog import open_source
from bottleneck.data.decode import decode
from bottleneck.heads.catalog import load_kind
from bottleneck.heads.split import conflicting, validation_mask
from bottleneck.heads.task import Task as HeadTask
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bottleneck.data.source import Source

TRAIN, VALIDATION, TEST = (SPLITS.index(name) for name in ("train", "val", "test"))
UNUSED = 255  # a split that no head looks at
CHOOSING = 0.2  # of the training rows
PIXELS = ImageSpec(size=(32, 32))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """Rows of n images, and who trains and who judges.

    Attributes
    ----------
    rows : name → (n, d) float32; the last are the raw pixels
    labels : (n,) int32
    digests : (n, 32) uint8
    train, judged : positions
    """

    rows: dict[str, NDArray[np.float32]]
    labels: NDArray[np.int32]
    digests: NDArray[np.uint8]
    train: NDArray[np.int64]
    judged: NDArray[np.int64]
    judged_by: str
    classes: tuple[str, ...]


def halved(source: Source) -> tuple[str, ...]:
    """Return patterns of the pictures of val/ that are not to be opened: the 1st, 3rd … a class."""
    listing = source.list()
    left_out = []
    for label in range(len(listing.classes)):
        of_class = np.flatnonzero((listing.splits == VALIDATION) & (listing.labels == label))
        left_out += [glob.escape(os.fsdecode(listing.keys[at])) for at in of_class[::2]]
    if not left_out:
        raise DataError("no labelled pictures in val/", source.name, "give a folder that has it")
    return tuple(left_out)


def pixels(source: Source, keys: NDArray[np.bytes_]) -> NDArray[np.float32]:
    """Return the raw pixels (n, d) of these samples, from 0 to 1."""
    at = find(source.list().keys, keys)

    def one(index: int) -> NDArray[np.uint8]:
        content = source.read(index).content
        return (decode(content, PIXELS) if isinstance(content, bytes) else content).reshape(-1)

    with ThreadPoolExecutor() as pool:
        return np.stack(list(pool.map(one, at.tolist()))).astype(np.float32) / 255


def roles(samples: Samples, *, by_val: bool) -> tuple[NDArray[np.int64], NDArray[np.int64], str]:
    """Return the positions that train, those that judge, and the name of the judging split."""
    labelled = (samples.labels >= 0) & ~conflicting(samples.digests, samples.labels)
    tested = bool((labelled & (samples.splits == TEST)).any())
    by = TEST if tested and not by_val else VALIDATION
    judged = labelled & (samples.splits == by)
    opaque = np.ascontiguousarray(samples.digests).view("V32").reshape(-1)
    train = labelled & (samples.splits == TRAIN) & ~np.isin(opaque, opaque[judged])
    for found, name in ((train, "train/"), (judged, "test/ or val/")):
        if not found.any():
            raise DataError(f"no labelled pictures in {name}", "data", "give a folder that has it")
    return np.flatnonzero(train), np.flatnonzero(judged), SPLITS[by]


def usable(store: Store, source: str) -> Samples:
    """Return the samples of a source that have rows, and what class each is of."""
    samples = store.snapshot(source).samples
    at = store.available(source)
    return Samples(
        keys=samples.keys[at],
        digests=samples.digests[at],
        known=samples.known[at],
        labels=samples.labels[at],
        splits=samples.splits[at],
        classes=samples.classes,
    )


def prepare(args: argparse.Namespace, cache: Path) -> Task:
    """Extract what is missing and return the rows of both kinds."""
    exclude = halved(open_source(args.data)) if args.half_of_val else ()
    report = extract_features(
        args.data,
        cache=cache,
        backbone=args.backbone,
        weights=args.weights,
        size=args.size,
        pooling=args.pooling,
        rows=args.rows,
        engine=args.engine,
        exclude=exclude,
    )
    store = Store.open(cache)
    samples = usable(store, report["source"])
    train, judged, by = roles(samples, by_val=args.half_of_val)
    size = "x".join(map(str, store.recipe.image.size))
    features = np.asarray(store.features_of(samples.digests)[:], np.float32)
    print(
        f"{args.backbone} at {size}: {report['computed']} computed, {report['cached']} cached, "
        f"{report['quarantined']} unreadable"
    )
    return Task(
        rows={
            args.backbone: features.reshape(len(features), -1),
            "raw pixels": pixels(open_source(args.data, {"exclude": exclude}), samples.keys),
        },
        labels=samples.labels,
        digests=samples.digests,
        train=train,
        judged=judged,
        judged_by=by,
        classes=samples.classes,
    )


def draws(task: Task, n_labels: int | None, n: int) -> Iterator[NDArray[np.int64]]:
    """Yield n times the positions to train on: all, or so many labels, as many of each class."""
    if n_labels is None:
        yield from [task.train] * n
        return
    each, rest = divmod(n_labels, len(task.classes))
    if rest or not each:
        raise UsageError(
            f"{n_labels} is no multiple of {len(task.classes)} classes", "--labels", "such as 100"
        )
    of_class = [task.train[task.labels[task.train] == k] for k in range(len(task.classes))]
    smallest = min(of_class, key=len)
    if len(smallest) < each:
        raise DataError(
            f"a class has {len(smallest)} training pictures, not {each}", "--labels", "ask for less"
        )
    for draw in range(n):
        rng = np.random.default_rng(draw)
        yield np.concatenate([rng.choice(members, each, replace=False) for members in of_class])


def accuracy(task: Task, name: str, train: NDArray[np.int64], seed: int) -> float:
    """Return the share of the judging rows that a linear head gets right."""
    split = np.full(len(task.labels), UNUSED, np.uint8)
    split[train] = TRAIN
    split[train[validation_mask(task.digests[train], seed, CHOOSING)]] = VALIDATION
    rows = task.rows[name]
    head = load_kind("linear").fit(
        HeadTask(
            rows=rows, targets=task.labels, split=split, n_outputs=len(task.classes), seed=seed
        )
    )
    predicted = head.predict(rows[task.judged]).argmax(axis=1)
    return float((predicted == task.labels[task.judged]).mean())


def in_words(values: list[float], signed: str = "") -> str:
    """Return mean, standard deviation and range."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return (
        f"{statistics.mean(values):{signed}.4f}, deviation {deviation:.4f} "
        f"({min(values):{signed}.4f} to {max(values):{signed}.4f})"
    )


def probe(args: argparse.Namespace, cache: Path) -> None:
    """Measure and print."""
    task = prepare(args, cache)
    n = args.seeds if args.labels is None else args.draws
    print(
        f"{args.labels or len(task.train)} labels of {len(task.classes)} classes to train on (a "
        f"fifth of them chooses the strength), {len(task.judged)} of {task.judged_by}/ to judge by"
    )
    found: dict[str, list[float]] = {name: [] for name in task.rows}
    for seed, train in enumerate(draws(task, args.labels, n)):
        for name, values in found.items():
            values.append(accuracy(task, name, train, seed))
        each = ", ".join(f"{name} {values[-1]:.4f}" for name, values in found.items())
        print(f"  {'seed' if args.labels is None else 'draw'} {seed}: {each}", flush=True)
    for name, values in found.items():
        print(f"{name}: accuracy {in_words(values)}")
    ours, raw = found.values()
    ahead = [a - b for a, b in zip(ours, raw, strict=True)]
    print(f"ahead by {in_words(ahead, '+')}, in {sum(d > 0 for d in ahead)} of {n}")


def main(argv: list[str] | None = None) -> int:
    """Probe; return an exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", metavar="DATA")
    parser.add_argument("--backbone", default="mini")
    parser.add_argument("--weights", help="imagenet, a file, or random:SEED")
    parser.add_argument("--pooling", choices=("avg", "max"), default="avg")
    parser.add_argument("--size", type=words.size, metavar="H[xW]")
    parser.add_argument("--rows", choices=("float16", "float32"))
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--seeds", type=words.positive, default=5)
    parser.add_argument("--labels", type=words.positive, metavar="N")
    parser.add_argument("--draws", type=words.positive, default=10)
    parser.add_argument("--half-of-val", action="store_true")
    parser.add_argument("--cache", type=Path, metavar="DIR")
    args = parser.parse_args(argv)
    if args.cache:
        probe(args, args.cache)
    else:
        with tempfile.TemporaryDirectory() as folder:
            probe(args, Path(folder) / "store")
    return 0


if __name__ == "__main__":
    sys.exit(console.run(main))
