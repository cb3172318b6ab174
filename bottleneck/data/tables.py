"""Several tables that are one source: `train-*.parquet`, or `'{train,test}.csv'`.

Each is read as it is alone, with the same options. Their paths, below the folder that they share,
stand before the keys, so that row 0 of one is not row 0 of another. Where a table says no splits,
its name does, or the name of its folder.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.paths import absolute, shown
from bottleneck.core.sample import SPLITS, Targets, key_array
from bottleneck.data.classes import joined_texts, untrained
from bottleneck.data.folder_words import split_told, splits_of_level
from bottleneck.data.how import make_how
from bottleneck.data.labels import number_labels
from bottleneck.data.left_alone import in_words
from bottleneck.data.patterns import Patterns, Unmatched
from bottleneck.data.shards import matching, missing_shards
from bottleneck.data.source import Listing, Understood, spec_of
from bottleneck.data.table import TableSource
from bottleneck.data.table_groups import joined_groups
from bottleneck.data.table_listing import MOST_MISSING, says_splits
from bottleneck.data.table_options import OPTIONS
from bottleneck.data.table_path_splits import said_by_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.data.how import How
    from bottleneck.data.source import Read

_NUMBERS = re.compile(r"([-_/]\d[-_\w]*|\d+)$")


class TablesSource:
    """The images of all tables that a pattern of paths means."""

    def __init__(self, pattern: Path, how: How | None = None) -> None:
        self.pattern = absolute(pattern)
        self.how = how or make_how(None, OPTIONS, "a pattern of tables")
        self._listed: tuple[Sequence[TableSource], NDArray[np.int64]] | None = None

    @property
    def name(self) -> str:
        """The pattern, without its folder."""
        return shown(self.pattern.name)

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`; `where` is the absolute pattern."""
        return spec_of("tables", self.pattern, self.how)

    def exists(self) -> bool:
        """Whether there is a table."""
        return bool(matching(self.pattern))

    def list(self) -> Listing:
        """See `Source.list`."""
        where = shown(self.pattern)
        paths = matching(self.pattern)
        if not paths:
            raise DataError("no file matches", where, "check the pattern")
        tables = [TableSource(path, replace(self.how, patterns=Patterns())) for path in paths]
        listings = [table.content() for table in tables]
        shared = os.path.commonpath([path.parent for path in paths])
        paths = [path.relative_to(shared) for path in paths]
        splits, said = _splits(paths, listings, self.how, where)
        keys = [
            os.fsencode(path.as_posix()) + b"/" + key
            for path, listing in zip(paths, listings, strict=True)
            for key in listing.keys.tolist()
        ]
        kept = np.array(sorted(self._kept(keys), key=keys.__getitem__), np.int64)
        skipped = _added(listings)
        skipped["excluded"] += len(keys) - len(kept)
        if not len(kept):
            raise DataError(f"no images{in_words(skipped)}", where, "check the patterns")
        labels, classes, notes = _classes(listings, kept, self.how, where)
        unmatched = Unmatched(self.how.patterns)
        unmatched.see(keys)
        notes = (
            *notes,
            *missing_shards(paths),
            *untrained(labels, splits[kept], classes),
            *unmatched.notes(),
        )
        at = np.concatenate([np.arange(len(listing), dtype=np.int64) for listing in listings])
        of = np.repeat(np.arange(len(tables)), [len(listing) for listing in listings])
        self._listed = tables, np.stack([of, at], axis=1)[kept]
        groups = joined_groups([(listing.groups, len(listing)) for listing in listings])
        return Listing(
            keys=key_array(keys[i] for i in kept),
            labels=labels,
            splits=splits[kept],
            classes=classes,
            stats=np.concatenate([listing.stats for listing in listings])[kept],
            skipped=skipped,
            device=listings[0].device,
            understood=_understood(paths, listings, said, notes),
            targets=_targets(paths, listings, kept, where),
            groups=groups and groups.taken(kept),
        )

    def _kept(self, keys: Sequence[bytes]) -> Sequence[int]:
        patterns = self.how.patterns
        return [i for i, key in enumerate(keys) if not patterns or patterns.keeps(key)]

    def read(self, index: int) -> Read:
        """See `Source.read`."""
        if self._listed is None:
            raise ValueError("read() before list()")
        tables, places = self._listed
        of, at = places[index].tolist()
        found: Read = tables[of].read(at)
        return found


def _splits(
    paths: Sequence[Path], listings: list[Listing], how: How, where: str
) -> tuple[NDArray[np.uint8], Understood]:
    """Return the split of each row, and how it was found: in the tables, or by their names.

    A listing whose split is found by name does not say any more that it has none.

    Raises
    ------
    DataError
        When some tables say splits, and a table that does not has no split in its name.
    """
    splits = [listing.splits for listing in listings]
    are_said = [says_splits(listing.understood, how) for listing in listings]
    spelled = {k: v for listing in listings for k, v in listing.understood.splits.items()}
    if all(are_said):
        return np.concatenate(splits), Understood(splits=spelled)
    numbers = _splits_of_names(paths)
    silent = [i for i, is_said in enumerate(are_said) if not is_said]
    without = [i for i in silent if numbers[i] is None]
    if without and (any(are_said) or len(without) < len(silent)):
        raise DataError(
            f"some tables or their names say a split, and {shown(paths[without[0]])} says none",
            where,
            "rename it, such as train-… or test-…, or give the tables of each split alone",
        )
    for i in silent:
        number = numbers[i]
        if number is not None:
            splits[i] = np.full(len(splits[i]), number, np.uint8)
            understood = listings[i].understood
            notes = said_by_name(understood.notes, SPLITS[number])
            listings[i] = replace(listings[i], understood=replace(understood, notes=notes))
            spelled[_NUMBERS.sub("", paths[i].with_suffix("").as_posix())] = SPLITS[number]
    nothing = ("nothing says a split, so all of it is train",) if without else ()
    return np.concatenate(splits), Understood(splits=spelled, notes=nothing)


def _splits_of_names(paths: Sequence[Path]) -> list[int | None]:
    """Return the split that each table's name says, or the name of its folder."""
    names = [os.fsencode(path.stem) for path in paths]
    level = splits_of_level(names) or {}
    return [
        level.get(name, next((n for part in (name, *_folders(path))
                              if (n := split_told(part)) is not None), None))
        for name, path in zip(names, paths, strict=True)
    ]  # fmt: skip


def _folders(path: Path) -> list[bytes]:
    return [os.fsencode(part) for part in reversed(path.parts[:-1])]


def _classes(
    listings: Sequence[Listing], kept: NDArray[np.int64], how: How, where: str
) -> tuple[NDArray[np.int32], tuple[str, ...], tuple[str, ...]]:
    """Return labels and classes of the rows that count, and what is to be said of them.

    Raises
    ------
    DataError
        When classes of two tables are one for a person, and it is not said to join them.
    """
    texts = [
        name
        for listing in listings
        for name in np.array([*listing.classes, ""], object)[listing.labels].tolist()
    ]  # -1 is the last one
    texts, notes = joined_texts(
        [texts[i] for i in kept], join=bool(how["join_classes"]), where=where
    )
    labels, classes = number_labels(
        texts, "label", where, in_table=True, told=how["target_kind"] == "class"
    )
    return labels, classes, notes


def _targets(
    paths: Sequence[Path], listings: Sequence[Listing], kept: NDArray[np.int64], where: str
) -> Targets | None:
    """Return the targets of all tables; those of a table without any are missing."""
    found = [listing.targets for listing in listings if listing.targets is not None]
    if not found:
        return None
    first = found[0]
    for path, listing in zip(paths, listings, strict=True):
        other = listing.targets
        is_same = other is None or (other.kind, other.names) == (first.kind, first.names)
        if not is_same or listing.classes:
            raise DataError(
                f"{shown(path)} has other labels than {shown(paths[0])}",
                where,
                "give tables whose columns of labels are the same",
            )
    nothing = np.float32(np.nan)
    values = [
        np.full((len(each), len(first.names)), nothing)
        if each.targets is None
        else each.targets.values
        for each in listings
    ]
    return Targets(values=np.concatenate(values)[kept], kind=first.kind, names=first.names)


def _added(listings: Sequence[Listing]) -> dict[str, int]:
    """Return how many entries all of them left alone."""
    total: Counter[str] = Counter()
    for listing in listings:
        total.update(listing.skipped)  # zeros stay
    return dict(total)


def _understood(
    paths: Sequence[Path], listings: Sequence[Listing], said: Understood, notes: Sequence[str]
) -> Understood:
    """Return what was understood of all tables; what is not the same of all, with its table."""
    each = [listing.understood for listing in listings]
    columns = each[0].columns
    found = [f"{len(paths)} tables", *said.notes]
    others = {
        path.as_posix(): understood.columns
        for path, understood in zip(paths, each, strict=True)
        if understood.columns != columns
    }
    for path, understood in zip(paths, each, strict=True):
        if understood.columns != columns:
            spelled = ", ".join(f"{k} is {v}" for k, v in understood.columns.items())
            found.append(f"{shown(path)}: {spelled}")
    by_note: dict[str, list[str]] = {}
    for path, understood in zip(paths, each, strict=True):
        for note in understood.notes:
            by_note.setdefault(note, []).append(shown(path))
    for note, names in by_note.items():
        is_of_all = len(names) == len(paths) > 1
        found.append(f"{'each of them' if is_of_all else ', '.join(names)}: {note}")
    missing = [understood.missing for understood in each if understood.missing]
    return Understood(
        splits=said.splits,
        columns=columns,
        other_columns=others,
        header=each[0].header,
        missing={
            "files": sum(part["files"] for part in missing),
            "first": [name for part in missing for name in part["first"]][:MOST_MISSING],
        }
        if missing
        else {},
        notes=(*found, *notes),
    )
