"""What a head is trained on: the rows of images that are still what they were.

The source is looked at first. Samples whose image changed or vanished are left out and named, and
where the store can be written the new snapshot is committed, so that the next extraction computes
exactly those. Without the source (a laptop with the cache alone) the recorded snapshot serves, and
that is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import BottleneckError, DataError, PermissionDeniedError, StaleError
from bottleneck.core.sample import SPLITS, key_array
from bottleneck.data.catalog import reopen
from bottleneck.heads.split import conflicting, leaking, validation_mask
from bottleneck.pipeline.extraction.flow import default_threads
from bottleneck.pipeline.extraction.look import Look, guard_shrink, look
from bottleneck.pipeline.extraction.plan import changes
from bottleneck.pipeline.extraction.reading import guard_reading
from bottleneck.store.log import MovedError, SetSource
from bottleneck.store.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.core.sample import Samples
    from bottleneck.pipeline.learning.train_options import TrainOptions
    from bottleneck.store.store import Store

TRAIN, VALIDATION, TEST = (SPLITS.index(name) for name in ("train", "val", "test"))
LEAVE_OUT = 255  # a split that no head looks at
LOOKS = 5
NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingData:
    """What is trained on, and what was left out of it.

    Attributes
    ----------
    store : at the commit that counts
    samples : of the snapshot that counts
    at : (n,) positions among `samples` of those with a row and one label
    split : (n,) uint8
        Of each of `at`; LEAVE_OUT for what no head looks at.
    left_out : reason → the keys of the samples that were left out for it
    now : the source as it was looked at; None where it was not there
    """

    store: Store
    source: str
    samples: Samples
    at: NDArray[np.int64]
    split: NDArray[np.uint8]
    left_out: Mapping[str, NDArray[np.bytes_]]
    now: Look | None

    @property
    def labels(self) -> NDArray[np.int32]:
        """The label of each of `at`."""
        return self.samples.labels[self.at]

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
    """

    store: Store
    samples: Samples
    changed: NDArray[np.int64]
    gone: NDArray[np.bytes_]
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
    samples, store = current.samples, current.store
    with_row = samples.known & store.has(samples.digests)
    if not with_row.any():
        raise DataError("no image has features", options.cache, "run bottleneck extract first")
    labelled = samples.labels >= 0
    if not (with_row & labelled).any():
        raise DataError(
            "no sample has a label, so there is nothing to learn",
            options.cache,
            "put images into class folders, or name their classes in a table",
        )
    found = np.flatnonzero(with_row & labelled)
    clash = conflicting(samples.digests[found], samples.labels[found])
    at = found[~clash]
    split = _split(samples, at, options)
    keys = samples.keys
    without = np.setdiff1d(np.flatnonzero(~with_row), current.changed)
    aside = np.isin(keys[without], key_array([q.key for q in store.snapshot(name).quarantine]))
    return TrainingData(
        store=store,
        source=name,
        samples=samples,
        at=at,
        split=split,
        left_out={
            "changed": keys[current.changed],
            "gone": current.gone,
            "pending": keys[without[~aside]],
            "unusable": keys[without[aside]],
            "conflicting": keys[found[clash]],
            "leaking": keys[at[split == LEAVE_OUT]],
        },
        now=current.now,
    )


def _split(samples: Samples, at: NDArray[np.int64], options: TrainOptions) -> NDArray[np.uint8]:
    """Return the split of each of these samples; the source's own, where it has one."""
    split = samples.splits[at].copy()
    if not (split == VALIDATION).any():
        chosen = validation_mask(samples.digests[at], options.seed, options.validation_split)
        split[chosen & (split == TRAIN)] = VALIDATION
    # An image that is tested or validated must not be trained on under another key.
    split[leaking(samples.digests[at], split)] = LEAVE_OUT
    return split


def _current(store: Store, name: str, on_stale: str, reporter: Reporter) -> _Current:
    """Look at the source and return what counts now; commit it where that is possible."""
    for _ in range(LOOKS):
        recorded = store.snapshot(name)
        now = _look(store, recorded, name, reporter)
        old = _Current(
            store=store,
            samples=recorded.samples,
            changed=NONE,
            gone=recorded.samples.keys[:0],
            now=now,
        )
        if now is None:
            return old
        samples = now.samples
        changed, gone = _stale(store, recorded.samples, samples)
        if on_stale == "error" and (len(changed) or len(gone)):
            raise StaleError(
                f"{len(changed)} images changed and {len(gone)} are gone",
                name,
                "run bottleneck extract, or say --on-stale drop",
            )
        if on_stale == "use":
            n_stale = len(changed) + len(gone)
            if n_stale:
                reporter.warn(f"{n_stale} images are not what they were; using their old rows")
            return old
        try:
            store = _commit(store, name, recorded, now, reporter)
        except MovedError:
            store = store.refresh()
            continue
        return _Current(store=store, samples=samples, changed=changed, gone=gone, now=now)
    raise MovedError(f"other runs keep moving the source {name}", store.path, "run again")


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
    samples = now.samples
    keys = {bytes(key) for key in samples.keys} if recorded.quarantine else set()
    snapshot = Snapshot(
        samples=samples,
        spec=recorded.spec,
        quarantine=tuple(entry for entry in recorded.quarantine if entry.key in keys),
        understood=now.listing.understood.to_json(),
    )
    try:
        if not recorded.same_as(snapshot):
            entry = store.write_snapshot(snapshot)
            before = store.state.sources[name].snapshot
            store = store.commit([SetSource(name, before, entry)], "train")
        now.save(store)
    except (PermissionError, PermissionDeniedError):
        reporter.warn("the store cannot be written: what changed was not recorded")
    return store
