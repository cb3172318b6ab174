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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from bottleneck.core.sample import Samples
    from bottleneck.data.source import Listing
    from bottleneck.pipeline.extraction.look import Look
    from bottleneck.store.snapshot import Snapshot


def guard_reading(before: Snapshot | None, now: Look) -> None:
    """Raise DataError where the same entries give other classes or splits than recorded.

    A table may change its labels. But where it was recorded by a program that did not say how it
    read one, a label that differs may be another reading of the same line, so that is refused too.
    So is one that has the splits of the folders in its paths and had not, or the other way round.
    """
    listing = now.listing
    if before is None or before.spec != now.source.spec:
        return
    is_old_table = bool(listing.understood.columns) and not before.understood
    is_divided_anew = _is_divided_anew(before.understood, listing)
    if not (listing.understood.layout or is_old_table or is_divided_anew):
        return
    samples = before.samples
    at = find(samples.keys, listing.keys)
    both = np.flatnonzero(at >= 0)
    old = at[both]
    other = _numbers(samples, listing.classes)[old] != listing.labels[both]
    other |= samples.splits[old] != listing.splits[both]
    n = int(other.sum())
    if n:
        i = int(np.flatnonzero(other)[0])
        raise _refused(before, listing, n, int(old[i]), int(both[i]), now.source.name)


def _is_divided_anew(before: Mapping[str, Any], listing: Listing) -> bool:
    """Whether the folders in a table's paths say the splits now and did not, or did and do not."""
    now = listing.understood
    is_by_folders = bool(now.columns and now.splits) and "split" not in now.columns
    columns = before.get("columns", {})
    was_by_folders = bool(columns and before.get("splits")) and "split" not in columns
    return (is_by_folders and not before.get("splits")) or (was_by_folders and not now.splits)


def _numbers(samples: Samples, classes: tuple[str, ...]) -> NDArray[np.int32]:
    """Return recorded labels as numbers among other classes; -2 of a class that is not there."""
    number = {name: i for i, name in enumerate(classes)}
    table = [number.get(name, NO_LABEL - 1) for name in samples.classes]
    return np.array([*table, NO_LABEL], np.int32)[samples.labels]  # -1 is the last one


def _refused(
    before: Snapshot, listing: Listing, n: int, old: int, new: int, name: str
) -> DataError:
    was = _words(before.samples, old)
    now = _words(listing, new)
    if listing.understood.layout:
        template = listing.understood.layout
        is_auto = before.spec.get("layout") == "auto"  # said once already: now it must be spelled
        new_way = f"'{template}'" if is_auto else "auto"
        do = (
            f"say which is meant: --layout '{_template(before, old)}' for what was recorded, or "
            f"--layout {new_way} for what is read now" + ("" if is_auto else f" ({template})")
        )
    else:
        column = listing.understood.columns.get("label", "")
        do = (
            "an older version may have read the table otherwise, or it was edited since; if what "
            f"is read now is meant: --label-column '{column}'; docs/tables.md has the other options"
        )
        if _is_divided_anew(before.understood, listing):
            do = (
                "its folders say the splits now and did not, or the other way round: "
                f"--label-column '{column}' if what is read now is meant"
            )
            if listing.understood.splits:
                do += ", --split-column '' for what was recorded"
    return DataError(
        f"{n:,} images would change class or split: {show_key(bytes(listing.keys[new]))} was "
        f"recorded as {was}, and is read as {now} now",
        name,
        do,
    )


def _words(of: Any, at: int) -> str:
    """Return class and split of one sample, for people."""
    label = int(of.labels[at])
    kind = f"class {of.classes[label]}" if label != NO_LABEL else "without a class"
    return f"{kind}, {SPLITS[of.splits[at]]}"


def _template(before: Snapshot, at: int) -> str:
    """Return the --layout of what was recorded: stores of before layouts were said have none."""
    if before.understood.get("layout"):
        return str(before.understood["layout"])
    samples = before.samples
    label = int(samples.labels[at])
    if label == NO_LABEL:
        return "*"
    parts = [show_key(part) for part in bytes(samples.keys[at]).split(b"/")]
    return "{class}/*" if samples.classes[label] == parts[0] else "{split}/{class}/*"
