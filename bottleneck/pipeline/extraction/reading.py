"""Whether paths are still read as they were recorded: labels never change by themselves.

A program may learn to read a layout better, and a folder that is added may change what all others
mean. Either way the same path would have another class, or another split, than the heads that were
trained on it know. That is refused with both readings until an option says which is meant: then the
source is described in another way than recorded, and that is the user's word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.sample import NO_LABEL, SPLITS, find, show_key
from bottleneck.data.catalog import MEMORY, TABLES
from bottleneck.data.source import READING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from bottleneck.core.sample import Samples
    from bottleneck.data.source import Listing
    from bottleneck.pipeline.extraction.look import Look
    from bottleneck.store.snapshot import Snapshot

# What a source's record has besides: which files they are.
_OF_FILES = frozenset({"kind", "where", "include", "exclude"})


def guard_reading(before: Snapshot | None, now: Look) -> None:
    """Raise DataError where the same entries give other classes or splits than recorded.

    It makes no difference where the source lies, so a moved one is asked about as well, and also
    one that was recorded with options for its classes and is now read without any.

    Paths say the same for ever. What stands in a file (a table, labels beside images) may be
    edited, and is news then: so it is by the rules that recorded it, and where nothing else was
    understood of it. Under other rules it is refused where the file is the recorded one, or means
    another thing.
    """
    listing = now.listing
    spec = now.source.spec
    if before is None or before.spec["kind"] != spec["kind"] or spec["kind"] == MEMORY:
        return
    was, told = _of_classes(before.spec), _of_classes(spec)
    if told not in ({}, was):
        return
    is_dropped = told != was  # nobody said that the file's columns are meant otherwise
    is_by_path = bool(listing.understood.layout) or _is_divided_anew(before.understood, listing)
    is_asked = is_by_path or is_dropped
    if not is_asked and before.reading >= READING:
        return
    samples = before.samples
    at = find(samples.keys, listing.keys)
    both = np.flatnonzero(at >= 0)
    if not is_asked and not _means_another(before.understood, listing.understood.to_json()):
        is_file = before.spec["kind"] in TABLES  # its images' stats tell nothing of the table
        both = both[now.known[both] & (not is_file)]
    old = at[both]
    other = _numbers(samples, listing.classes)[old] != listing.labels[both]
    other |= samples.splits[old] != listing.splits[both]
    n = int(other.sum())
    if n:
        i = int(np.flatnonzero(other)[0])
        raise _refused(before, listing, n, int(old[i]), int(both[i]), now.source.name)


def _of_classes(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a source's record that say classes and splits."""
    return {name: value for name, value in spec.items() if name not in _OF_FILES}


def _is_divided_anew(before: Mapping[str, Any], listing: Listing) -> bool:
    """Whether the folders in a table's paths say the splits now and did not, or did and do not."""
    now = listing.understood
    is_by_folders = bool(now.columns and now.splits) and "split" not in now.columns
    columns = before.get("columns", {})
    was_by_folders = bool(columns and before.get("splits")) and "split" not in columns
    return (is_by_folders and not before.get("splits")) or (was_by_folders and not now.splits)


def _means_another(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether columns, words for splits or paths mean another thing than was recorded of them."""
    if not before:
        return bool(now)
    if any(before.get(what) != now.get(what) for what in ("columns", "layout")):
        return True
    was, found = before.get("splits", {}), now.get("splits", {})
    return bool(was) != bool(found) or any(found.get(word, was[word]) != was[word] for word in was)


def _numbers(samples: Samples, classes: tuple[str, ...]) -> NDArray[np.int32]:
    """Return recorded labels as numbers among other classes; -2 of a class that is not there."""
    number = {name: i for i, name in enumerate(classes)}
    table = [number.get(name, NO_LABEL - 1) for name in samples.classes]
    return np.array([*table, NO_LABEL], np.int32)[samples.labels]  # -1 is the last one


def _refused(
    before: Snapshot, listing: Listing, n: int, old: int, new: int, name: str
) -> DataError:
    from bottleneck.pipeline.extraction.reading_ways import ways  # noqa: PLC0415 - rare

    was = _words(before.samples, old)
    now = _words(listing, new)
    return DataError(
        f"{n:,} images would change class or split: {show_key(bytes(listing.keys[new]))} was "
        f"recorded as {was}, and is read as {now} now",
        name,
        ways(before, listing, old),
    )


def _words(of: Any, at: int) -> str:
    """Return class and split of one sample, for people."""
    label = int(of.labels[at])
    kind = f"class {of.classes[label]}" if label != NO_LABEL else "without a class"
    return f"{kind}, {SPLITS[of.splits[at]]}"
