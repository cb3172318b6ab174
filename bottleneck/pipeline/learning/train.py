"""Train: fit a head on the rows of images that are still what they were.

The source is looked at first. Samples whose image changed or vanished are left out and reported,
and where the store can be written the new snapshot is committed, so that the next extraction
computes exactly those. Without the source (a laptop with the cache alone) the recorded snapshot
serves, and the report says so.
"""

from __future__ import annotations

import platform
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import console
from bottleneck.core.errors import (
    BottleneckError,
    DataError,
    PermissionDeniedError,
    StaleError,
    UsageError,
)
from bottleneck.core.guest import as_guest
from bottleneck.core.reporter import SILENT, Reporter
from bottleneck.core.sample import SPLITS
from bottleneck.core.version import __version__
from bottleneck.data.catalog import reopen
from bottleneck.heads import catalog, metrics
from bottleneck.heads.run import check_name, write_run
from bottleneck.heads.split import conflicting, untrained, validation_mask
from bottleneck.heads.views import itself
from bottleneck.pictures import plots
from bottleneck.pipeline.extraction.flow import default_threads
from bottleneck.pipeline.extraction.look import Look, guard_shrink, look
from bottleneck.pipeline.extraction.plan import changes
from bottleneck.pipeline.network.network import resolve
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.pipeline.pages.run_page import FILE as PAGE
from bottleneck.pipeline.pages.run_page import run_page
from bottleneck.store.log import MovedError, SetSource
from bottleneck.store.snapshot import Snapshot
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.backbones.behind import Behind
    from bottleneck.core.sample import Samples

TRAIN, VALIDATION, TEST = (SPLITS.index(name) for name in ("train", "val", "test"))
LEAVE_OUT = 255  # a split that no head looks at
LOOKS = 5
NAMED = 5  # classes in a warning
LARGEST_SEED = 2**53  # of whole numbers that canonical JSON, and so a receipt's checksum, can hold


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """What `bottleneck train` is asked for; the words of its command line."""

    cache: Path
    source: str | None = None
    head: str = "linear"
    seed: int = 0
    validation_split: float = 0.2
    on_stale: str = "drop"  # drop, error or use
    run: str | None = None
    head_options: Mapping[str, Any] = field(default_factory=dict)  # what the head is told


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data:
    """What is trained on: the snapshot that counts, and what was left out of it."""

    store: Store
    samples: Samples
    left_out: dict[str, int]
    now: Look | None  # the source as it was looked at; None where it was not there


@as_guest()
def train(options: TrainOptions, reporter: Reporter = SILENT) -> dict[str, Any]:
    """Fit a head and write its run; return the report (DESIGN's keys).

    Raises
    ------
    DataError
        No rows, no labels, one class.
    StaleError
        Images changed, and `on_stale` is error.
    """
    started = time.perf_counter()
    if not 0 < options.validation_split < 1:
        raise UsageError(
            f"{options.validation_split} is no fraction", "--validation-split", "such as 0.2"
        )
    if abs(options.seed) > LARGEST_SEED:
        raise UsageError(f"{options.seed} is too large", "--seed", "such as 0; up to 2**53")
    told = catalog.complete(options.head, options.head_options)
    store = Store.open(options.cache)
    name = store.source_name(options.source)
    check_name(store.runs, options.run)
    head = catalog.load_kind(options.head)
    data = _current(store, name, options)
    samples, at, split = _rows(data, options)
    labels, digests = samples.labels[at], samples.digests[at]
    features = data.store.features_of(digests)
    views = data.store.recipe.views.number
    n_classes = len(samples.classes)
    counted = {part: int((split == SPLITS.index(part)).sum()) for part in SPLITS}
    console.say(
        f"{name}: {counted['train']} to train on, {counted['val']} to validate, "
        f"{counted['test']} to test; {n_classes} classes"
    )
    missing = [samples.classes[i] for i in untrained(labels, split)]
    if missing:
        console.warn(
            f"{len(missing)} of {n_classes} classes have images to judge by and none to train on: "
            f"{', '.join(missing[:NAMED])}{', …' if len(missing) > NAMED else ''}: "
            "add images, or try another --seed"
        )
    fitted = head.fit(
        features,
        labels,
        split,
        seed=options.seed,
        n_classes=n_classes,
        options={"validation_split": options.validation_split, **told},
        report=console.say,
        network=lambda: _behind(data.store),
        views=views,
    )
    judged = "test" if counted["test"] else "val"
    if judged == "test":
        rows = data.store.features_of(digests[split == TEST])
        probabilities = fitted.predict(itself(rows, views))
    else:  # by the fit that had not seen them
        probabilities = fitted.validation
    is_judged = split == SPLITS.index(judged)
    truth = labels[is_judged]
    figures: dict[str, Any] = {
        "split": judged,
        **metrics.evaluate(probabilities, truth, samples.classes),
        "baseline": metrics.majority_baseline(labels[split == TRAIN], truth),
    }
    report = {
        "verb": "train",
        "store": str(options.cache),
        "source": name,
        "commit": data.store.state.number,
        "recipe": data.store.recipe.id,
        "head": options.head,
        "classes": n_classes,
        "views": views,
        "samples": counted,
        "left_out": data.left_out,
        "judged_on": judged,
        "accuracy": figures["accuracy"],
        "top5": figures["top5"],
        "loss": figures["loss"],
        "baseline": figures["baseline"],
        "seconds": round(time.perf_counter() - started, 3),
        "epochs": fitted.epochs,
        "parameters": fitted.parameters,
        "frozen_parameters": _frozen(data.store, fitted),
        "source_seen": data.now is not None,
    }
    figures |= {key: report[key] for key in ("seconds", "epochs", "parameters")}
    receipt = _receipt(data.store, name, options, report, fitted, samples)
    drawn = _pictures(fitted, figures, f"{options.head} head on {name}")
    page = run_page(
        store=data.store,
        samples=samples,
        at=at[is_judged],
        probabilities=probabilities,
        now=data.now,
        figures=figures,
        history=fitted.history,
        drawn=drawn,
        receipt=receipt,
        frozen=report["frozen_parameters"],
    )
    run = write_run(
        data.store.runs,
        options.run,
        options.head,
        receipt,
        figures,
        fitted.history,
        fitted,
        {**drawn, PAGE: page},
    )
    report["run"] = str(run)
    data.store.append_history(report)
    return report


def _behind(store: Store) -> Behind:
    """Return what is behind the store's cut; a head is kept without code of anybody's own."""
    if store.recipe.network_version is not None:
        raise UsageError(
            "the network holds code that is not Keras' own, which no head may keep",
            "--head tail",
            "use another head",
        )
    return resolve(NetworkOptions(), store).backbone().behind()


def _frozen(store: Store, fitted: catalog.Fitted) -> int | None:
    """Return how many parameters stayed as they were, the network's among them, if that is known.

    Stores that were made before do not say how many their network has.
    """
    before: int | None = store.about.get("parameters")
    return None if before is None else before + fitted.frozen


def _pictures(fitted: catalog.Fitted, figures: dict[str, Any], title: str) -> dict[str, bytes]:
    if not plots.can_draw():
        console.say(f"no pictures of the run: {plots.INSTALL}")
        return {}
    return plots.draw(fitted.history, figures, title)


def _rows(
    data: _Data, options: TrainOptions
) -> tuple[Samples, NDArray[np.int64], NDArray[np.uint8]]:
    """Return the samples, the positions that can be trained on, and the split of each."""
    samples = data.samples
    with_row = samples.known & data.store.has(samples.digests)
    data.left_out["pending"] = int((~with_row).sum()) - data.left_out["changed"]
    if not with_row.any():
        raise DataError("no sample has a row", options.cache, "run bottleneck extract first")
    labelled = samples.labels >= 0
    if not (with_row & labelled).any():
        raise DataError(
            "no sample has a label, so there is nothing to learn",
            options.cache,
            "put images into class folders, or name their classes in a table",
        )
    at = np.flatnonzero(with_row & labelled)
    clash = conflicting(samples.digests[at], samples.labels[at])
    data.left_out["conflicting"] = int(clash.sum())
    at = at[~clash]
    split = samples.splits[at].copy()
    if not (split == VALIDATION).any():
        chosen = validation_mask(samples.digests[at], options.seed, options.validation_split)
        split[chosen & (split == TRAIN)] = VALIDATION
    # An image that is tested or validated must not be trained on under another key.
    keys = samples.digests[at].view("V32").reshape(-1)
    held = np.isin(keys, keys[split != TRAIN]) & (split == TRAIN)
    split[held] = LEAVE_OUT
    data.left_out["leaking"] = int(held.sum())
    return samples, at, split


def _current(store: Store, name: str, options: TrainOptions) -> _Data:
    """Look at the source and return what counts now; commit it where that is possible."""
    for _ in range(LOOKS):
        recorded = store.snapshot(name)
        now = _look(store, recorded, name)
        if now is None:
            left_out = {"changed": 0, "gone": 0}
            return _Data(store=store, samples=recorded.samples, left_out=left_out, now=None)
        samples = now.samples
        left_out = _stale(store, recorded, samples)
        n_stale = sum(left_out.values())
        if n_stale and options.on_stale == "error":
            raise StaleError(
                f"{left_out['changed']} images changed and {left_out['gone']} are gone",
                name,
                "run bottleneck extract, or say --on-stale drop",
            )
        if options.on_stale == "use":
            if n_stale:
                console.warn(f"{n_stale} images are not what they were; using their old rows")
            nothing = {"changed": 0, "gone": 0}
            return _Data(store=store, samples=recorded.samples, left_out=nothing, now=now)
        try:
            store = _commit(store, name, recorded, samples, now)
        except MovedError:
            store = store.refresh()
            continue
        return _Data(store=store, samples=samples, left_out=left_out, now=now)
    raise MovedError(f"other runs keep moving the source {name}", store.path, "run again")


def _look(store: Store, recorded: Snapshot, name: str) -> Look | None:
    """Return the source as it is, or None where it is not there as it was."""
    try:
        source = reopen(recorded.spec)
        if not source.exists():
            console.warn(f"the source {name} is not here: training from what was recorded")
            return None
        now = look(source, store)
        guard_shrink(recorded.samples, now.listing, name)
    except BottleneckError as error:
        console.warn(f"{error.what}: training from what was recorded of {name}")
        return None
    now.hash(np.flatnonzero(~now.known), default_threads())
    return now


def _stale(store: Store, recorded: Snapshot, samples: Samples) -> dict[str, int]:
    what = changes(recorded.samples, samples)
    with_row = samples.known & store.has(samples.digests)
    return {
        "changed": int((~with_row[what.changed]).sum()),
        "gone": len(what.deleted),
    }


def _commit(store: Store, name: str, recorded: Snapshot, samples: Samples, now: Look) -> Store:
    """Record what the source is now; a store that cannot be written is left, and that is said."""
    keys = {bytes(key) for key in samples.keys} if recorded.quarantine else set()
    snapshot = Snapshot(
        samples=samples,
        spec=recorded.spec,
        quarantine=tuple(entry for entry in recorded.quarantine if entry.key in keys),
    )
    try:
        if not recorded.same_as(snapshot):
            entry = store.write_snapshot(snapshot)
            before = store.state.sources[name].snapshot
            store = store.commit([SetSource(name, before, entry)], "train")
        now.save(store)
    except (PermissionError, PermissionDeniedError):
        console.warn("the store cannot be written: what changed was not recorded")
    return store


def _receipt(
    store: Store,
    name: str,
    options: TrainOptions,
    report: dict[str, Any],
    fitted: catalog.Fitted,
    samples: Samples,
) -> dict[str, Any]:
    """Return run.json: everything that says where this head came from."""
    return {
        "store": {
            "path": str(options.cache),
            "commit": store.state.number,
            "checksum": store.state.checksum,
        },
        "recipe": store.recipe.id,
        "about": store.about,
        "source": name,
        "snapshot": store.state.sources[name].snapshot,
        "classes": list(samples.classes),
        "split": {
            "validation": options.validation_split,
            "seed": options.seed,
            "samples": report["samples"],
            "left_out": report["left_out"],
        },
        "head": options.head,
        "options": {
            **{
                key: value
                for key, value in asdict(options).items()
                if key not in ("cache", "head_options")
            },
            **dict(fitted.options),
        },
        "versions": {
            "bottleneck-cache": __version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            **fitted.versions,
        },
    }
