"""Whether paths are still read as they were recorded: labels never change by themselves.

A program may learn to read a layout better, and a folder that is added may change what all others
mean. Either way the same path would have another class, or another split, than the heads that were
trained on it know. That is refused with both readings until an option says which is meant: then the
source is described in another way than recorded, and that is the user's word.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.given import HANDED
from bottleneck.core.sample import find, show_key
from bottleneck.data.catalog import TABLES
from bottleneck.data.source import READING
from bottleneck.pipeline.extraction.relabelled import by_keys, moved, words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from bottleneck.core.sample import Samples
    from bottleneck.data.source import Listing
    from bottleneck.pipeline.extraction.look import Look
    from bottleneck.pipeline.extraction.relabelled import Relabelled
    from bottleneck.store.snapshot import Snapshot

# The options that say classes and splits.
SAYING = (
    "layout", "label_from", "label_column", "target_kind", "split_column", "split_map",
    "join_classes", "missing", "encoding",
)  # fmt: skip


def guard_reading(before: Snapshot | None, now: Look) -> None:
    """Raise DataError where the same entries give other classes or splits than recorded.

    Paths say the same for ever. What stands in a file (a table, labels beside images) may be
    edited, and is news then: so it is by the rules that recorded it, from the columns that were
    read then, and where nothing else was understood of it. Otherwise it is refused where the file
    is the recorded one, or means another thing.
    """
    listing = now.listing
    spec = now.source.spec
    if before is None or before.spec["kind"] != spec["kind"] or spec["kind"] in HANDED:
        return
    was, told = _saying(before.spec), _saying(spec)
    if told not in ({}, was):
        return
    is_dropped = told != was  # nobody said that the file's columns are meant otherwise
    is_by_path = bool(listing.understood.layout) or _is_divided_anew(before.understood, listing)
    is_asked = is_by_path or is_dropped or _has_other_columns(before.understood, listing)
    if not is_asked and before.reading >= READING:
        return
    samples = before.samples
    both = np.flatnonzero(find(samples.keys, listing.keys) >= 0)
    if not is_asked and not _means_another(before.understood, listing.understood.to_json()):
        is_file = before.spec["kind"] in TABLES  # its images' stats tell nothing of the table
        both = both[now.known[both] & (not is_file)]
    there = listing.keys[both]

    def otherwise(of: Listing) -> int:
        at = find(of.keys, there)
        return len(by_keys(samples, of, at[at >= 0])) + int((at < 0).sum())

    other = by_keys(samples, listing, both)
    if len(other):
        raise _refused(before, now, other, otherwise)


def guard_moved(
    before: Snapshot,
    samples: Samples,
    now: Look,
    given: Collection[str],
    *,
    is_same_data: bool = True,
) -> None:
    """Raise DataError where the same images have other classes or splits elsewhere than recorded.

    It makes no difference where the source lies, what kind it is of, or what an image is called
    there: the same bytes are the same image. One whose bytes are new is held against what had its
    key.

    Parameters
    ----------
    samples : what was recorded, with every digest that is known
    given : the options of this command; where one says classes or splits, that is what holds
    is_same_data : whether most of it is there; in other data the same key is another image
    """
    if not set(given).isdisjoint(SAYING):
        return
    has_keys = is_same_data and before.spec["kind"] == now.source.spec["kind"]
    found = now.samples

    def otherwise(of: Listing) -> int:
        at = find(found.keys, of.keys)
        n_gone = int((find(of.keys, found.keys) < 0).sum())
        there = replace(
            found,
            keys=of.keys,
            digests=found.digests[at],
            known=found.known[at] & (at >= 0),
            labels=of.labels,
            splits=of.splits,
            classes=of.classes,
            targets=of.targets,
        )
        return len(moved(samples, there, has_keys=has_keys)) + n_gone

    other = moved(samples, found, has_keys=has_keys)
    if len(other):
        raise _refused(before, now, other, otherwise, is_moved=True)


def _saying(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a source's record that say classes and splits."""
    return {name: value for name, value in spec.items() if name in SAYING}


def _has_other_columns(before: Mapping[str, Any], listing: Listing) -> bool:
    """Whether classes or splits of a table come from another column than recorded, or from none."""
    now = listing.understood
    tables = {"", *before.get("other_columns", {}), *now.other_columns}
    for table in tables:
        was = before.get("other_columns", {}).get(table, before.get("columns", {}))
        found = now.other_columns.get(table, now.columns)
        if any(role in was and was[role] != found.get(role) for role in ("label", "split")):
            return True
    return False


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


def _refused(
    before: Snapshot,
    now: Look,
    other: Relabelled,
    otherwise: Callable[[Listing], int],
    *,
    is_moved: bool = False,
) -> DataError:
    from bottleneck.pipeline.extraction.reading_ways import ways  # noqa: PLC0415 - rare

    old, new = int(other.old[0]), int(other.new[0])
    keys = before.samples.keys[old], now.listing.keys[new]
    here = "" if keys[0] == keys[1] else f", there {show_key(bytes(keys[1]))}"
    images = f"{len(other):,} image{'' if len(other) == 1 else 's'}"
    return DataError(
        f"{images} would change class or split: {show_key(bytes(keys[0]))}{here} was "
        f"recorded as {words(before.samples, old)}, and is read as {words(now.listing, new)} now",
        now.source.name,
        ways(before, now, old, otherwise, saying=SAYING, is_moved=is_moved),
    )
