"""What a head is trained on: the rows of images that are still what they were.

The source is looked at first. Samples whose image changed or vanished are left out and named, and
where the store can be written the new snapshot is committed, so that the next extraction computes
exactly those. Without the source (a laptop with the cache alone) the recorded snapshot serves, and
that is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as changed
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from bottleneck.core.errors import BottleneckError, DataError, PermissionDeniedError, StaleError
from bottleneck.core.sample import SPLITS, Groups
from bottleneck.data.catalog import reopen
from bottleneck.heads.groups import together
from bottleneck.heads.split import clashing, leaking, validation_mask
from bottleneck.pipeline.extraction.flow import default_threads
from bottleneck.pipeline.extraction.look import (
    LOOKS,
    Look,
    guard_shrink,
    look,
    recorded_samples,
)
from bottleneck.pipeline.extraction.looked import snapshot_now
from bottleneck.pipeline.extraction.plan import changes, set_aside
from bottleneck.pipeline.extraction.reading import guard_reading
from bottleneck.pipeline.learning.cut_groups import warn_of_cut_groups
from bottleneck.pipeline.pages.decided import decided
from bottleneck.store.claim import record_source
from bottleneck.store.log import MovedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.core.sample import Samples
    from bottleneck.heads.task import TargetKind
    from bottleneck.pipeline.learning.train_options import TrainOptions
    from bottleneck.store.snapshot import Snapshot
    from bottleneck.store.store import Store

TRAIN, VALIDATION, TEST = (SPLITS.index(name) for name in ("train", "val", "test"))
LEAVE_OUT = 255  # a split that no head looks at
NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingData:
    """What is trained on, and what was left out of it.

    Attributes
    ----------
    store : at the commit that counts
    samples : of the snapshot that counts
    at : (n,) positions among `samples` of those with a row and something to learn
    belongs : (n, 32) uint8
        What each of `at` is drawn by, equal where they belong together; see `groups.together`.
    split : (n,) uint8
        Of each of `at`; LEAVE_OUT for what no head looks at.
    left_out : reason → the keys of the samples that were left out for it
    decisions : what a person decided about them; None where nobody did
    now : the source as it was looked at; None where it was not there
    """

    store: Store
    source: str
    samples: Samples
    at: NDArray[np.int64]
    belongs: NDArray[np.uint8]
    split: NDArray[np.uint8]
    left_out: Mapping[str, NDArray[np.bytes_]]
    now: Look | None
    decisions: Mapping[str, Any] | None = None

    @property
    def labels(self) -> NDArray[np.int32]:
        """The class of each of `at`; -1 where there is another kind of target."""
        return self.samples.labels[self.at]

    @property
    def kind(self) -> TargetKind:
        """What there is to learn: see `heads.task.Task`."""
        return cast("TargetKind", self.samples.kind)

    @property
    def targets(self) -> NDArray[Any]:
        """The class (n,) int32 of each of `at`, or its labels or numbers (n, k) float32."""
        of = self.samples.targets
        return self.labels if of is None else of.values[self.at]

    @property
    def names(self) -> tuple[str, ...]:
        """What each class, label or number is called."""
        of = self.samples.targets
        return self.samples.classes if of is None else of.names

    @property
    def digests(self) -> NDArray[np.uint8]:
        """The digest of each of `at`, (n, 32)."""
        return self.samples.digests[self.at]

    @property
    def counts(self) -> dict[str, int]:
        """How many samples each split has."""
        return {part: int((self.split == i).sum()) for i, part in enumerate(SPLITS)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Current:
    """A source as it counts now.

    Attributes
    ----------
    changed : positions among `samples` whose image changed and has no row
    gone : keys that vanished
    aside : (n,) which samples are recorded as failed, and still are what failed
    """

    store: Store
    samples: Samples
    changed: NDArray[np.int64]
    gone: NDArray[np.bytes_]
    aside: NDArray[np.bool_]
    now: Look | None


def training_data(
    store: Store, name: str, options: TrainOptions, reporter: Reporter
) -> TrainingData:
    """Look at the source and return what a head can be trained on.

    Raises
    ------
    DataError
        No sample has a row, or none has a label.
    StaleError
        Images changed or vanished, and `on_stale` is error.
    """
    current = _current(store, name, options.on_stale, reporter)
    told = decided(current.samples, options.decisions, name, reporter)
    samples, store = told.samples, current.store
    with_row = samples.known & store.has(samples.digests)
    if not with_row.any():
        raise DataError("no image has features", options.cache, "run bottleneck extract first")
    labelled = samples.has_target & ~told.dropped
    if not (with_row & labelled).any():
        raise DataError(
            "no sample has a label, so there is nothing to learn",
            options.cache,
            "put images into class folders, or name their classes in a table",
        )
    found = np.flatnonzero(with_row & labelled)
    clash = clashing(samples, found)
    at = found[~clash]
    belongs = together(samples.digests[at], _groups(samples, at))
    split = _split(samples, at, belongs, options)
    warn_of_cut_groups(samples, at, belongs, split == LEAVE_OUT, reporter)
    keys = samples.keys
    without = np.setdiff1d(np.flatnonzero(~with_row & ~told.dropped), current.changed)
    aside = current.aside[without]
    return TrainingData(
        store=store,
        source=name,
        samples=samples,
        at=at,
        belongs=belongs,
        split=split,
        left_out={
            "changed": keys[current.changed],
            "gone": current.gone,
            "pending": keys[without[~aside]],
            "unusable": keys[without[aside]],
            "conflicting": keys[found[clash]],
            "leaking": keys[at[split == LEAVE_OUT]],
            **({"dropped": keys[told.dropped]} if told.report else {}),
        },
        now=current.now,
        decisions=told.report,
    )


def _groups(samples: Samples, at: NDArray[np.int64]) -> Groups | None:
    """Return the groups of these samples, where the source says any."""
    groups = samples.groups
    return groups and Groups(numbers=groups.numbers[at], names=groups.names)


def _split(
    samples: Samples, at: NDArray[np.int64], belongs: NDArray[np.uint8], options: TrainOptions
) -> NDArray[np.uint8]:
    """Return the split of each of these samples; the source's own, where it has one."""
    split = samples.splits[at].copy()
    if options.folds:  # in place of the source's own validation
        split[split == VALIDATION] = TRAIN
    if not (split == VALIDATION).any():
        chosen = validation_mask(belongs, options.seed, options.validation_split)
        split[chosen & (split == TRAIN)] = VALIDATION
    # What is tested or validated must not be trained on: neither the same image under another key,
    # nor another one of its group.
    split[leaking(belongs, split)] = LEAVE_OUT
    return split


def _current(store: Store, name: str, on_stale: str, reporter: Reporter) -> _Current:
    """Look at the source and return what counts now; commit it where that is possible."""
    for _ in range(LOOKS):
        recorded, samples = store.snapshot(name), recorded_samples(store, name)
        now = _look(store, recorded, name, reporter)
        nothing = (NONE, samples.keys[:0])
        if now is None:
            return _seen(store, name, samples, nothing, now)
        stale = _stale(store, samples, now.samples)
        found = _seen(store, name, now.samples, stale, now)
        if on_stale == "error":
            _require_fresh(found, name)
        if on_stale == "use":
            n_stale = sum(map(len, stale))
            if n_stale:
                reporter.warn(f"{n_stale} images are not what they were; using their old rows")
            return _seen(store, name, samples, nothing, now)
        try:
            return changed(found, store=_commit(store, name, recorded, now, reporter))
        except MovedError:
            store = store.refresh()
    raise MovedError(f"other runs keep moving the source {name}", store.path, "run again")


def _seen(
    store: Store,
    name: str,
    samples: Samples,
    stale: tuple[NDArray[np.int64], NDArray[np.bytes_]],
    now: Look | None,
) -> _Current:
    with_row = samples.known & store.has(samples.digests)
    aside = set_aside(store.snapshot(name).quarantine, samples, with_row)
    edited, gone = stale
    return _Current(store=store, samples=samples, changed=edited, gone=gone, aside=aside, now=now)


def _require_fresh(found: _Current, name: str) -> None:
    """Raise StaleError where an extraction would find something to do.

    Also where an earlier look has recorded that already: what changed then has no features still.
    """
    samples = found.samples
    without = ~(samples.known & found.store.has(samples.digests)) & ~found.aside
    n_pending = int(without.sum() - without[found.changed].sum())
    counted = (
        (len(found.changed), "changed"),
        (len(found.gone), "are gone"),
        (n_pending, "have no features yet"),
    )
    said = [f"{n:,} {words}" for n, words in counted if n]
    if said:
        raise StaleError(
            f"of the images, {', '.join(said)}",
            name,
            "run bottleneck extract, or say --on-stale drop",
        )


def _look(store: Store, recorded: Snapshot, name: str, reporter: Reporter) -> Look | None:
    """Return the source as it is, or None where it is not there as it was."""
    try:
        source = reopen(recorded.spec)
        if not source.exists():
            reporter.warn(f"the source {name} is not here: training from what was recorded")
            return None
        now = look(source, store)
        guard_shrink(recorded.samples, now.listing, name)
        guard_reading(recorded, now)
    except BottleneckError as error:
        reporter.warn(f"{error.what}: training from what was recorded of {name}")
        return None
    now.hash(np.flatnonzero(~now.known), default_threads())
    return now


def _stale(
    store: Store, before: Samples, samples: Samples
) -> tuple[NDArray[np.int64], NDArray[np.bytes_]]:
    """Return the positions of what changed and has no row, and the keys of what is gone."""
    what = changes(before, samples)
    with_row = samples.known & store.has(samples.digests)
    return what.changed[~with_row[what.changed]], before.keys[what.deleted]


def _commit(store: Store, name: str, recorded: Snapshot, now: Look, reporter: Reporter) -> Store:
    """Record what the source is now; a store that cannot be written is left, and that is said."""
    snapshot = snapshot_now(now, recorded, store)
    try:
        now.save(store)
        if not recorded.same_as(snapshot):
            store = record_source(store, name, snapshot, "train")
    except (PermissionError, PermissionDeniedError):
        reporter.warn("the store cannot be written: what changed was not recorded")
    return store
