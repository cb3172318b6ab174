"""Inspect: what the rows of a source say of its images, part by part.

The rows are compared with each other once; every part starts from that. Pictures are looked at
where the source is at hand. Nothing of the store changes but what it can do without: what images
are at a glance is kept as derived data.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import files
from bottleneck.core.errors import UsageError
from bottleneck.core.guest import as_guest
from bottleneck.core.paths import check_free
from bottleneck.core.reporter import SILENT
from bottleneck.core.sample import SPLITS
from bottleneck.core.text import as_known
from bottleneck.heads.training import seed_of
from bottleneck.pipeline.looking import classes as of_classes
from bottleneck.pipeline.looking import findings
from bottleneck.pipeline.looking.glances import Glances, Pictures, glances, pictures_of
from bottleneck.pipeline.looking.groups import together
from bottleneck.pipeline.looking.images import Images, how_pooled, images_of
from bottleneck.pipeline.looking.kept_neighbours import Found, neighbours_of
from bottleneck.pipeline.looking.last_run import without_leaks
from bottleneck.pipeline.looking.opinions import Opinions, opinions_of
from bottleneck.pipeline.looking.page import check_page, inspect_page
from bottleneck.pipeline.looking.proposals import proposals_of
from bottleneck.pipeline.looking.same import (
    Pairs,
    candidates,
    n_looks,
    near_by_pictures,
    same_pairs,
)
from bottleneck.pipeline.looking.sheet import as_csv
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter

PARTS = ("same", "labels", "outliers", "classes", "next")


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectOptions:
    """What `bottleneck inspect` is asked for; the words of its command line."""

    cache: Path
    source: str | None = None
    only: tuple[str, ...] = PARTS
    top: int = 10
    csv: Path | None = None
    page: Path | None = None
    decisions: Path | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """What every part starts from."""

    images: Images
    compared: Found
    together: NDArray[np.int64]
    pictures: Pictures | None
    glances: Glances
    pairs: Pairs
    opinions: Opinions | None


@as_guest()
def inspect(
    options: InspectOptions, reporter: Reporter = SILENT, store: Store | None = None
) -> dict[str, Any]:
    """Return what was found; the keys are those of docs/inspect.md.

    Parameters
    ----------
    store : one that is open already, at whichever commit; None to open the newest

    Raises
    ------
    DataError
        No image has a row, or the decisions cannot be used.
    UsageError
        No such source or part; the file for --csv or --page exists, or is no page by its name.
    """
    report, _ = inspected(options, reporter, store)
    return report


def inspected(
    options: InspectOptions, reporter: Reporter, store: Store | None = None
) -> tuple[dict[str, Any], Seen]:
    """Return the report, and what it was made from."""
    started = time.perf_counter()
    unknown = [part for part in options.only if part not in PARTS]
    if unknown or not options.only:
        raise UsageError(
            f"no part {unknown[0]!r}" if unknown else "no part is asked for",
            "--only",
            f"one or some of {', '.join(PARTS)}",
        )
    if options.csv is not None:
        check_free(options.csv)
    check_page(options.page)
    if options.page and options.csv and options.page.resolve() == options.csv.resolve():
        raise UsageError("one file for both --csv and --page", options.page, "name two")
    opened = store or Store.open(options.cache)
    images = images_of(opened, options.source, options.decisions, reporter)
    for words in how_pooled(images.store):
        reporter.say(words)
    seen = _seen(images, options, reporter)
    report: dict[str, Any] = {
        "verb": "inspect",
        "store": as_known(str(options.cache)),
        "source": images.source,
        "commit": images.store.state.number,
        "recipe": images.store.recipe.id,
        "samples": len(images.at),
        "images": len(images),
        "splits": _split_counts(images),
        "pooled": how_pooled(images.store),
        "source_seen": seen.pictures is not None,
        "decisions": images.decided.report,
        "neighbours": seen.compared.to_json(),
        "skipped": {},
    }
    for part in PARTS:
        if part in options.only:
            found = _MAKERS[part](seen, options, reporter)
            if isinstance(found, str):
                report["skipped"][part] = found
            else:
                report[part] = found
    report["seconds"] = round(time.perf_counter() - started, 3)
    if options.csv is not None:
        files.publish_bytes(options.csv, as_csv(report))
    if options.page is not None:
        files.publish_bytes(options.page, inspect_page(report, images, seen.pictures))
    return report, seen


def _seen(images: Images, options: InspectOptions, reporter: Reporter) -> Seen:
    """Compare the rows, look at the pictures, ask the heads."""
    compared = neighbours_of(images, reporter)
    near = compared.near
    needs_pictures = options.only != ("next",) or options.page is not None
    pictures = pictures_of(images, reporter) if needs_pictures else None
    seen = glances(images, pictures, reporter)
    gray, n = seen.entries["gray"], len(images)
    proposed = candidates(near, near_by_pictures(gray) if seen.found.any() else None)
    with reporter.progress(n, "pair") as bar:
        counted = _share(bar.update, n, n_looks(proposed))
        pairs = same_pairs(images.units, proposed, gray, seen.found, counted)
    belongs = together(images, pairs.pairs)
    opinions = None
    if {"labels", "classes"} & set(options.only):
        opinions = opinions_of(images, near, belongs, _seed(options), reporter)
    return Seen(
        images=images,
        compared=compared,
        together=belongs,
        pictures=pictures,
        glances=seen,
        pairs=pairs,
        opinions=opinions,
    )


def _share(update: Callable[[int], object], n: int, total: int) -> Callable[[int], None]:
    """Return what counts up to `total`, and passes on the share of n that this is."""
    done = shown = 0

    def counted(more: int) -> None:
        nonlocal done, shown
        done += more
        now = done * n // max(1, total)
        update(now - shown)
        shown = now

    return counted


def _split_counts(images: Images) -> dict[str, int]:
    counts = np.bincount(images.samples.splits[images.at], minlength=len(SPLITS))
    return dict(zip(SPLITS, counts.tolist(), strict=True))


def _same(seen: Seen, _: InspectOptions, __: Reporter) -> dict[str, Any]:
    images = seen.images
    groups, leaked = findings.groups_of(images, seen.pairs, seen.pictures)
    n_splits = sum(n > 0 for n in _split_counts(images).values())
    one_split = None if n_splits > 1 else "all images are in one split: none can leak"
    run = one_split or without_leaks(images, leaked)
    return {
        "groups": groups,
        "counts": findings.counts_of(groups),
        "leaks": None if one_split else findings.n_leaks(groups),
        "no_leaks": one_split,
        "cut_groups": findings.cut_groups_of(images),
        "run": None if isinstance(run, str) else run,
        "no_run": run if isinstance(run, str) else None,
        "by_rows_alone": int((~seen.glances.found).sum()),
    }


def _labels(seen: Seen, _: InspectOptions, __: Reporter) -> dict[str, Any] | str:
    if seen.opinions is None:
        return _no_opinions(seen.images)
    return findings.disputed_of(seen.images, seen.compared.near, seen.opinions)


def _outliers(seen: Seen, _: InspectOptions, __: Reporter) -> dict[str, Any]:
    return findings.outliers_of(seen.images, seen.compared.near, seen.glances)


def _classes(seen: Seen, _: InspectOptions, __: Reporter) -> dict[str, Any] | str:
    images, opinions, near = seen.images, seen.opinions, seen.compared.near
    if opinions is None:
        return _no_opinions(images)
    names = images.samples.classes
    sizes = np.bincount(images.labels[images.labels >= 0], minlength=len(names))
    confused = of_classes.confusions(images.labels[opinions.at], opinions.head)
    clusters = of_classes.two_clusters(images.units, images.labels, near, len(names))
    there = sizes[sizes > 0]
    return {
        "sizes": dict(zip(names, sizes.tolist(), strict=True)),
        "imbalance": round(float(there.max() / there.min()), 2),
        "accuracy": round(
            float((opinions.head.argmax(axis=1) == images.labels[opinions.at]).mean()), 4
        ),
        "confused": [
            {**pair, "one": names[pair["one"]], "other": names[pair["other"]]} for pair in confused
        ],
        "clusters": [
            {
                "class": names[one["label"]],
                "sizes": one["sizes"],
                "across": round(one["across"], 4),
                "examples": [images.key(i) for i in one["members"]],
            }
            for one in clusters
        ],
    }


def _next(seen: Seen, options: InspectOptions, reporter: Reporter) -> dict[str, Any] | str:
    return proposals_of(seen.images, seen.together, options.top, _seed(options), reporter)


def _seed(options: InspectOptions) -> int:
    """Return the seed of what is drawn: numpy takes none below zero, people may give one."""
    return seed_of(options.seed, 0)


def _no_opinions(images: Images) -> str:
    if images.no_classes:
        return images.no_classes
    n_classes = len(np.unique(images.labels[images.labels >= 0]))
    if not n_classes:
        return "no image has a label"
    if n_classes == 1:
        return "all labels are of one class"
    return "no two classes have enough images"


_MAKERS = {
    "same": _same,
    "labels": _labels,
    "outliers": _outliers,
    "classes": _classes,
    "next": _next,
}
