"""Relocate: a recorded source lies elsewhere now, or is to be read in another way."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.buckets import address
from bottleneck.core.digest import as_void
from bottleneck.core.errors import BottleneckError, DataError, UsageError
from bottleneck.core.guest import as_guest
from bottleneck.core.paths import from_json_text, local_path
from bottleneck.core.reporter import SILENT
from bottleneck.core.text import as_known
from bottleneck.data.catalog import KINDS, PATTERNS, open_source
from bottleneck.data.how import each_text, is_said, written
from bottleneck.data.source import Unpacks
from bottleneck.pipeline.extraction.flow import default_threads
from bottleneck.pipeline.extraction.look import look, recorded_samples
from bottleneck.pipeline.extraction.looked import snapshot_now
from bottleneck.pipeline.extraction.reading import guard_moved
from bottleneck.pipeline.extraction.saying import source_values
from bottleneck.pipeline.extraction.sources import command
from bottleneck.store.claim import record_source
from bottleneck.store.lock import hold
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bottleneck.core.reporter import Reporter
    from bottleneck.core.sample import Samples
    from bottleneck.data.source import Understood
    from bottleneck.pipeline.extraction.look import Look

_DATA = "--data "  # as a message offers another source; here it stands behind the name
# Options that say classes and splits by where they stand, so where else they may not hold.
_OF_CLASSES = (
    "layout", "label_from", "group_by", "group_column", "label_column", "target_kind",
    "split_column", "split_map",
)  # fmt: skip
# Where one is told, what was recorded of these says no more what it said.
_INSTEAD = {
    "label_from": ("label_column",),
    "label_column": ("label_from",),
    "split_column": ("split_map",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RelocateOptions:
    """What `bottleneck relocate` is asked for.

    Attributes
    ----------
    source : its name in the store, which stays
    data : where it is, as of `extract`
    reading : how it is read; elsewhere, what was recorded holds besides
    allow_shrink : accept that less than half of the recorded images are there
    """

    cache: Path
    source: str
    data: str
    reading: Mapping[str, Any] = field(default_factory=dict)
    allow_shrink: bool = False
    dry_run: bool = False
    wait_s: float | None = None


@as_guest()
def relocate(options: RelocateOptions, reporter: Reporter = SILENT) -> dict[str, Any]:
    """Record that a source is what `data` names; its images are read, and nothing is computed.

    Rows belong to the bytes of images, not to where they lie, so images that are the same keep
    theirs.

    Raises
    ------
    DataError
        When there is nothing, less than half of the recorded images are there, or some of them
        would change class or split and no option says how the source is read.
    BusyError
        Another run holds the store.
    """
    if address(options.data) is None:
        local_path(options.data)  # another address is refused before the store is held
    store = Store.open(options.cache)
    name = store.source_name(options.source, "write one of them before DATA")
    with nullcontext() if options.dry_run else hold(options.cache, options.wait_s):
        store = store.refresh()
        recorded = store.snapshot(name)
        with _own_command(options, name):
            now, kept = _looked(options, recorded.spec, store, reporter)
        source = now.source
        n_before, n_there = _count_there(recorded.samples, now.samples)
        if 2 * n_there < n_before and not options.allow_shrink:
            raise DataError(
                f"only {n_there:,} of the {n_before:,} recorded images of {name} are there",
                source.name,
                "check that it is the same data; --allow-shrink if it is meant",
            )
        guard_moved(
            recorded,
            recorded_samples(store, name),
            now,
            _given(options.reading),
            is_same_data=2 * n_there >= n_before,
        )
        snapshot = snapshot_now(now, recorded, store)
        if not options.dry_run:
            if not recorded.same_as(snapshot):
                store = record_source(store, name, snapshot, "relocate")
            now.save(store)
    samples = now.samples
    with_row = samples.known & store.has(samples.digests)
    return {
        "verb": "relocate",
        "store": as_known(str(options.cache)),
        "source": name,
        "from": recorded.spec,
        "to": source.spec,
        "samples": len(samples),
        "there": n_there,
        "gone": n_before - n_there,
        "cached": int(with_row.sum()),
        "pending": int((~with_row).sum()) - len(snapshot.quarantine),
        "quarantined": len(snapshot.quarantine),
        "computed": 0,
        "kept": [*written(kept.kept)],
        "not_kept": [*written(kept.left)],
        **source_values(samples),
        "understood": _own_words(now.listing.understood, options.cache, name),
        "commit": store.state.number,
        "dry_run": options.dry_run,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """Which of the options that were recorded still hold, and which cannot where it lies now."""

    kept: Mapping[str, Any]
    left: Mapping[str, Any]


def _looked(
    options: RelocateOptions, recorded: Mapping[str, Any], store: Store, reporter: Reporter
) -> tuple[Look, _Kept]:
    """Return the source as it is, with every digest that can be had, and how it is read.

    It is read as it was recorded but for what is told now. Options that its kind does not have
    there, or with which it cannot be read, are left out. In its own place what is told now is all.
    """
    given = _given(options.reading)
    source = open_source(options.data, given)
    was = {} if _is_in_place(recorded, source.spec) else _recorded(recorded, given)
    known = _names(source.spec)
    first: BottleneckError | None = None
    for without in ((), ("root",), _OF_CLASSES, PATTERNS, was):
        kept = {key: value for key, value in was.items() if key in known and key not in without}
        try:
            source = open_source(options.data, {**each_text(kept, from_json_text), **given})
            if isinstance(source, Unpacks):
                source.is_dry = options.dry_run
            now = look(source, store)
        except (DataError, UsageError) as error:
            if first is None or first.where == "--root":  # without it, it is said what is missing
                first = error
            continue
        unknown = np.flatnonzero(~now.known)
        if len(unknown):
            reporter.say(f"reading {len(unknown):,} images")
        now.hash(unknown, default_threads())
        left = {key: value for key, value in was.items() if key not in kept}
        return now, _Kept(kept=kept, left=left)
    assert first is not None
    raise first


def _given(reading: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told now, without what nobody gave."""
    return {name: value for name, value in reading.items() if is_said(value)}


def _is_in_place(recorded: Mapping[str, Any], spec: Mapping[str, Any]) -> bool:
    return all(recorded.get(key) == spec.get(key) for key in ("kind", "where"))


def _recorded(spec: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recorded options that are not told anew, nor say what another one says now."""
    said = {other for name in given for other in _INSTEAD.get(name, ())}
    return {
        name: value
        for name, value in spec.items()
        if name not in ("kind", "where", *given, *said) and is_said(value)
    }


def _names(spec: Mapping[str, Any]) -> set[str]:
    return {*PATTERNS, *(option.name for option in KINDS[spec["kind"]].options)}


@contextmanager
def _own_command(options: RelocateOptions, name: str) -> Iterator[None]:
    """Say what is there as this command is written, which has no --data."""
    try:
        yield
    except BottleneckError as error:
        if _DATA not in error.do:
            raise
        do = error.do.replace(_DATA, f"{command(options.cache, name)} ")
        raise type(error)(error.what, error.where, do, *error.details) from error


def _own_words(understood: Understood, cache: Path, name: str) -> dict[str, Any]:
    """Return what was understood, with other sources beside as this command is written."""
    move = f"{command(cache, name)} "
    notes = tuple(note.replace(_DATA, move) for note in understood.notes)
    return replace(understood, notes=notes).to_json()


def _count_there(recorded: Samples, samples: Samples) -> tuple[int, int]:
    """Return how many different images were recorded, and how many of those are there."""
    before = np.unique(as_void(recorded.digests[recorded.known]))
    return len(before), int(np.isin(before, as_void(samples.digests[samples.known])).sum())
