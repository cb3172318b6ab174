"""Views: how much better a head is for rows of several views of each training image.

    python scripts/probe_views.py photos/ --backbone mini --labels 1000 --seeds 5
    python scripts/probe_views.py cifar10/ --backbone mini --labels 1000 --heads linear,dense

DATA is a folder with train/ and test/ (or val/), or the name of a data set. One extraction with
--views gives the rows of both: the image itself is the first view. Each seed draws --labels
training images, as many of each class, decides which fifth of them chooses, and is the head's; the
heads with one view and with all of them are fitted to the very same images. What judges is test/,
or val/ where there is none: the images themselves, by both. Rows are kept in --cache, else in a
folder that is deleted at the end.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from probe import CHOOSING, TRAIN, UNUSED, VALIDATION, Task, draws, in_words, roles, usable

from bottleneck import extract_features
from bottleneck.core import console, words
from bottleneck.heads.catalog import complete, load_kind
from bottleneck.heads.split import validation_mask
from bottleneck.heads.task import Task as HeadTask
from bottleneck.heads.views import itself
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = "views"


def prepare(args: argparse.Namespace, cache: Path) -> Task:
    """Extract what is missing; return rows (n, views, …) float32, who trains and who judges."""
    started = time.perf_counter()
    report = extract_features(
        args.data,
        cache=cache,
        backbone=args.backbone,
        weights=args.weights,
        size=args.size,
        engine=args.engine,
        views=args.views,
        augment=args.augment,
        views_seed=args.views_seed,
    )
    store = Store.open(cache)
    samples = usable(store, report["source"])
    train, judged, by = roles(samples, by_val=False)
    size = "x".join(map(str, store.recipe.image.size))
    print(
        f"{args.backbone} at {size}, {store.recipe.views.number} views: "
        f"{', '.join(store.recipe.views.operations)}\n"
        f"{report['computed']} computed in {time.perf_counter() - started:.1f} s, "
        f"{report['cached']} cached, {report['quarantined']} unreadable"
    )
    return Task(
        rows={ROWS: np.asarray(store.features_of(samples.digests)[:], np.float32)},
        labels=samples.labels,
        digests=samples.digests,
        train=train,
        judged=judged,
        judged_by=by,
        classes=samples.classes,
    )


def accuracy(task: Task, kind: str, train: NDArray[np.int64], seed: int, views: int) -> float:
    """Return the share of the judging images that a head gets right.

    Parameters
    ----------
    views : all that the rows hold, or 1: the images themselves
    """
    rows = task.rows[ROWS]
    images = np.ascontiguousarray(itself(rows, rows.shape[1])[:])
    split = np.full(len(task.labels), UNUSED, np.uint8)
    split[train] = TRAIN
    split[train[validation_mask(task.digests[train], seed, CHOOSING)]] = VALIDATION
    head = load_kind(kind).fit(
        HeadTask(
            rows=images if views == 1 else rows,
            targets=task.labels,
            split=split,
            n_outputs=len(task.classes),
            seed=seed,
            options=complete(kind, {}),
            views=views,
        )
    )
    predicted = head.predict(images[task.judged]).argmax(axis=1)
    return float((predicted == task.labels[task.judged]).mean())


def measure(args: argparse.Namespace, cache: Path) -> None:
    """Measure and print."""
    task = prepare(args, cache)
    counts = (1, args.views)
    print(
        f"{args.labels or len(task.train)} images of {len(task.classes)} classes to train on (a "
        f"fifth of them chooses), {len(task.judged)} of {task.judged_by}/ to judge by"
    )
    for kind in args.heads:
        found: dict[int, list[float]] = {views: [] for views in counts}
        seconds = dict.fromkeys(counts, 0.0)
        for seed, train in enumerate(draws(task, args.labels, args.seeds)):
            for views, values in found.items():
                start = time.perf_counter()
                values.append(accuracy(task, kind, train, seed, views))
                seconds[views] += time.perf_counter() - start
            each = ", ".join(f"with {views} {v[-1]:.4f}" for views, v in found.items())
            print(f"  {kind}, seed {seed}: {each}", flush=True)
        for views, values in found.items():
            print(
                f"{kind}, with {views}: accuracy {in_words(values)}; "
                f"{seconds[views] / args.seeds:.1f} s a head"
            )
        one, several = found.values()
        ahead = [b - a for a, b in zip(one, several, strict=True)]
        print(
            f"{kind}: with {args.views} ahead by {statistics.mean(ahead):+.4f} "
            f"({min(ahead):+.4f} to {max(ahead):+.4f}), in {sum(d > 0 for d in ahead)} of "
            f"{args.seeds}"
        )


def main(argv: list[str] | None = None) -> int:
    """Measure; return an exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", metavar="DATA")
    parser.add_argument("--backbone", default="mini")
    parser.add_argument("--weights", help="imagenet, a file, or random:SEED")
    parser.add_argument("--size", type=words.size, metavar="H[xW]")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--views", type=words.positive, default=4, metavar="N")
    parser.add_argument("--augment", type=words.names, metavar="A,B")
    parser.add_argument("--views-seed", type=int)
    parser.add_argument("--heads", type=words.names, default=("linear",), metavar="A,B")
    parser.add_argument("--labels", type=words.positive, metavar="N", help="in all; default: all")
    parser.add_argument("--seeds", type=words.positive, default=5)
    parser.add_argument("--cache", type=Path, metavar="DIR")
    args = parser.parse_args(argv)
    if args.views < 2:
        parser.error("--views 2 or more: one view is what it is compared with")
    if args.cache:
        measure(args, args.cache)
    else:
        with tempfile.TemporaryDirectory() as folder:
            measure(args, Path(folder) / "store")
    return 0


if __name__ == "__main__":
    sys.exit(console.run(main))
