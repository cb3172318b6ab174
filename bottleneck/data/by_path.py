"""Classes, splits and groups of images whose paths say them: of a folder, of an archive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.sample import Groups
from bottleneck.data.ambiguous import AmbiguousError
from bottleneck.data.classes import joined, number, untrained
from bottleneck.data.companions import companions
from bottleneck.data.layout import find_layout, find_splits
from bottleneck.data.reading_of_paths import (
    by_template,
    found_in_keys,
    images,
    listed,
    outcome,
    quoted,
    split_counts,
    unmatched,
)
from bottleneck.data.source import Understood
from bottleneck.data.split_words import parse_map
from bottleneck.data.template import AUTO

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bottleneck.data.companions import Companions
    from bottleneck.data.copies import Content
    from bottleneck.data.how import How
    from bottleneck.data.reading_of_paths import Reading

_ALL = slice(None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ByPath:
    """What paths say; the fields of a `Listing` that follow from them."""

    labels: NDArray[np.int32]
    splits: NDArray[np.uint8]
    classes: tuple[str, ...]
    groups: Groups | None
    understood: Understood


def by_path(
    folders: Sequence[tuple[bytes, int]],
    keys: Callable[[slice], Sequence[bytes]],
    how: How,
    *,
    name: bytes,
    where: str,
    content: Content | None = None,
    with_companions: bool = False,
) -> ByPath:
    """Return what the paths of images say.

    Parameters
    ----------
    folders : of the images in the order of their keys: path (`train/cat/`) and how many follow
    keys : gives a part of all keys, in that order
    how : with the options `layout`, `label_from`, `group_by` and `join_classes`
    name : of the source
    content : gives the bytes of the image of a key, for what may be a copy
    with_companions : whether images that belong to others by their names are taken as any others

    Raises
    ------
    DataError
        When they can be meant in several ways, or do not fit what was told.
    """
    counts = [n for _, n in folders]
    beside = None if with_companions else companions(keys, folders)
    reading = _reading(folders, keys, how, name, where, content, beside)
    _check_map(how["split_map"], folders, reading, where)
    splits = np.repeat(np.array(reading.splits, np.uint8), counts)
    notes = [*reading.notes]
    names, each = reading.labels, counts
    if how["label_from"] is not None:
        names = found_in_keys(how["label_from"], "class", keys(_ALL), "--label-from", where)
        each = [1] * len(names)
        notes += unmatched(names, "--label-from", "a label")
    spelled, said = joined(names, each, join=bool(how["join_classes"]), where=where)
    names = [None if one is None else spelled[one] for one in names]
    numbers, classes = number(names, where)
    labels = np.repeat(np.array(numbers, np.int32), each)
    asked = how["label_from"] is not None or "{class}" in (how["layout"] or "")
    if asked and not classes:
        raise DataError(
            "no image has a class by what was told",
            where,
            "look at --layout and --label-from: they must find a name in the paths",
        )
    groups, grouped = _groups(reading, counts, keys, how, where)
    return ByPath(
        labels=labels,
        splits=splits,
        classes=classes,
        groups=groups,
        understood=Understood(
            layout=reading.template,
            splits=reading.spelled,
            notes=(*notes, *said, *grouped, *untrained(labels, splits, classes)),
        ),
    )


def _reading(
    folders: Sequence[tuple[bytes, int]],
    keys: Callable[[slice], Sequence[bytes]],
    how: How,
    name: bytes,
    where: str,
    content: Content | None,
    beside: Companions | None,
) -> Reading:
    """Return what is told of the folders, or what they can only mean."""
    told = parse_map(how["split_map"])
    if how["layout"] not in (None, AUTO):
        reading = by_template(folders, how["layout"], where, told)
        if beside is None:
            return reading
        note = f"{beside.what}: {beside.choice.told} leaves them out"
        return replace(reading, notes=(*reading.notes, note))
    labelled = how["label_from"] is None
    finder = find_layout if labelled else find_splits

    def find(some: Sequence[tuple[bytes, int]], split_map: str = "") -> Reading:
        mapped = told | parse_map(split_map)
        return finder(some, name, mapped) if mapped else finder(some, name)

    counted, also = (folders, "") if beside is None else (beside.folders, beside.choice.told)
    try:
        reading = find(counted)
        if beside is not None:
            raise _with_companions(beside, reading, find(folders), folders, where, labelled)
    except AmbiguousError as error:
        from bottleneck.data.ways import refused  # noqa: PLC0415 - most folders do without

        raise refused(
            error,
            counted,
            find,
            where=where,
            labelled=labelled,
            keys=lambda: keys(_ALL),
            content=content,
            also=also,
        ) from None
    return reading


def _check_map(
    split_map: str | None, folders: Sequence[tuple[bytes, int]], reading: Reading, where: str
) -> None:
    """Raise DataError where --split-map names none of the folders that are splits."""
    told = parse_map(split_map)
    if told and told.keys().isdisjoint(name.strip().casefold() for name in reading.spelled):
        there = sorted({path.split(b"/")[0] for path, _ in folders if path})
        raise DataError(
            f"--split-map {split_map!r} names no folder that is read as a split",
            where,
            f"name each folder beside those, such as one of {listed(there)}, or say with --layout "
            "where {split} stands",
        )


def _with_companions(
    beside: Companions,
    without: Reading,
    all_of_it: Reading,
    folders: Sequence[tuple[bytes, int]],
    where: str,
    labelled: bool,
) -> DataError:
    """Return the error for images that belong to others, with the ways to say what they are."""
    few, all_ = (
        outcome(reading, counted) if labelled else split_counts(reading, counted)
        for reading, counted in ((without, beside.folders), (all_of_it, folders))
    )
    return DataError(
        beside.what,
        where,
        f"say which is meant: {beside.choice.told} ({few}), or "
        f"--layout {quoted(all_of_it.template)} ({all_})",
    )


def _groups(
    reading: Reading,
    counts: Sequence[int],
    keys: Callable[[slice], Sequence[bytes]],
    how: How,
    where: str,
) -> tuple[Groups | None, list[str]]:
    """Return which images belong together, and what is to be said of it."""
    names, each = reading.groups, [*counts]
    if how["group_by"] is not None:
        names = found_in_keys(how["group_by"], "group", keys(_ALL), "--group-by", where)
        each = [1] * len(names)
    if not any(name is not None for name in names):
        return None, []
    numbers, shown = number(names, where)
    groups = Groups(numbers=np.repeat(np.array(numbers, np.int32), each), names=shown)
    said = [f"{len(shown):,} group{'' if len(shown) == 1 else 's'} of images"]
    n = int((groups.numbers < 0).sum())
    return groups, said + ([f"{images(n)} in no group"] if n else [])
