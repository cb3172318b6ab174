"""Few-shot: how good a head is with a few labels, drawn several times."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.figures import BOUNDS, MAIN, WORDS
from bottleneck.core.reporter import OneOfMany
from bottleneck.core.sample import SPLITS
from bottleneck.core.text import count
from bottleneck.heads.views import itself
from bottleneck.pictures.interval import mean_interval
from bottleneck.pipeline.learning.few_rows import some
from bottleneck.pipeline.learning.folds import figures_of
from bottleneck.pipeline.learning.training_data import LEAVE_OUT, TRAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.learning.folds import Fit
    from bottleneck.pipeline.learning.judge import Judged
    from bottleneck.pipeline.learning.train_options import TrainOptions
    from bottleneck.pipeline.learning.training_data import TrainingData

FILE = "few_shot.csv"
_SAID = {"class": "a class", "labels": "of each label", "numbers": "images"}


def few_shot(
    data: TrainingData, options: TrainOptions, fit: Fit, whole: Judged, reporter: Reporter
) -> list[dict[str, Any]]:
    """Return the main figure (`core.figures.MAIN`) with so many labels, and at last with all.

    The few are drawn of the training images (`few_rows.some`), and a head sees nothing but them,
    also where it chooses how it is fitted. All are judged by the same images as the whole.

    Parameters
    ----------
    fit : see `folds.cross_validate`
    whole : what the head that was fitted to all images said of those that judge
    """
    is_judged = data.split == SPLITS.index(whole.split)
    truth, views = data.targets[is_judged], data.store.recipe.views.number
    rows = itself(data.store.features_of(data.digests[is_judged]), views)
    main = MAIN[data.kind]
    found = []
    for n in sorted(set(options.few_shot)):
        each, sizes = [], []
        for number in range(options.tries):
            few = some(data, n, number, options.seed)
            split = np.full(len(data.split), LEAVE_OUT, np.uint8)
            split[few] = TRAIN
            said = fit(split, OneOfMany(reporter)).predict(rows)
            each.append(figures_of(said, truth, data)[main])
            sizes.append(len(few))
        found.append(_entry(main, n, sizes, each))
        figure = found[-1][main]
        known = "not told" if figure is None else f"{figure:.4f}"
        reporter.say(f"{n:,} {_SAID[data.kind]}: {WORDS[main]} {known}, mean of {options.tries}")
    _warn_of_few(data, max(options.few_shot), reporter)
    return [*found, _entry(main, None, [int((data.split == TRAIN).sum())], [whole.figures[main]])]


def _entry(
    main: str, n: int | None, sizes: Sequence[int], each: Sequence[float | None]
) -> dict[str, Any]:
    known = [value for value in each if value is not None]
    interval = mean_interval(known)
    return {
        "labels": n,
        "images": round(float(np.mean(sizes))),
        "tries": len(each),
        main: float(np.mean(known)) if known else None,
        "interval": None if interval is None else np.clip(interval, *BOUNDS[main]).tolist(),
        "each": [*each],
        "images_each": [*sizes],
    }


def _warn_of_few(data: TrainingData, most: int, reporter: Reporter) -> None:
    """Say where there are fewer than were asked for."""
    targets = data.targets[data.split == TRAIN]
    if data.kind == "numbers":
        if len(targets) < most:
            reporter.warn(
                f"{most} are more than the {count(len(targets), 'training image')}: all are taken"
            )
        return
    if data.kind == "class":
        what, counts = "classes", np.bincount(targets)
        counts = counts[counts > 0]
        how = "training images: all of theirs are taken"
    else:
        what, counts = "labels", np.minimum((targets == 1).sum(axis=0), (targets == 0).sum(axis=0))
        how = "training images with them, or without: all of these are taken"
    n = int((counts < most).sum())
    if n:
        reporter.warn(f"{n} of {len(data.names)} {what} have fewer than {most} {how}")


def as_csv(entries: Sequence[dict[str, Any]], kind: str) -> bytes:
    """Return a line for each try: how many labels (or all), images, which try, and the figure."""
    text, main = io.StringIO(), MAIN[kind]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["labels", "images", "try", main])
    for entry in entries:
        tries = zip(entry["images_each"], entry["each"], strict=True)
        for number, (images, figure) in enumerate(tries, 1):
            writer.writerow([entry["labels"] or "all", images, number, figure])
    return text.getvalue().encode()
