"""What lies in an archive besides its images, and may say classes or splits."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from bottleneck.data.folder_words import divides, split_said
from bottleneck.data.reading_of_paths import images, listed
from bottleneck.data.shards import missing_shards
from bottleneck.data.split_lists import may_be_split_list

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import PurePath

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.data.contained import Left, Members
    from bottleneck.data.source import Understood

_TABLES = (b".csv", b".tsv", b".jsonl", b".ndjson", b".parquet")


def with_hints(
    understood: Understood,
    labels: NDArray[np.int32],
    containers: Sequence[Members],
    left: Left,
    paths: Sequence[PurePath],
) -> Understood:
    """Return what was understood; names that are guessed, and tables that may say the classes."""
    notes = [*understood.notes, *missing_shards(paths)]
    if left.guessed:
        notes.append(
            f"{images(len(left.guessed))} under names that are not UTF-8, and were taken for "
            f"cp437: {listed(left.guessed[:1])}"
        )
    names = [os.fsencode(path.name.split(".")[0]) for path in paths]
    are_classes = len({*names}) == len(names) > 1 and not _are_counted(names)
    if are_classes and (labels < 0).all() and divides(names) is None and not _say_splits(names):
        notes.append(
            f"the archives' names may be the classes ({listed(sorted(names))}): --label-from "
            "'^([^/.]+)' makes them so"
        )
    if left.dangling:
        n = len(left.dangling)
        notes.append(
            f"left alone as {'it is a link' if n == 1 else 'they are links'} to no member: "
            f"{listed(sorted(left.dangling))} (tar -h puts what {'it' if n == 1 else 'they'} lead"
            f"{'s' if n == 1 else ''} to into the archive)"
        )
    tables = sorted(
        key for each in containers for key in each.others if key.lower().endswith(_TABLES)
    )
    if tables and (labels < 0).all():
        notes.append(f"{listed(tables)} may say their classes: unpack it, and give the table")
    lists = [key for each in containers for key in each.others if may_be_split_list(key)]
    if lists and (labels >= 0).any() and not understood.splits:
        notes.append(
            f"{listed(sorted(lists))} may say their splits: unpack it, and give the folder"
        )
    return replace(understood, notes=tuple(notes))


def _are_counted(names: Sequence[bytes]) -> bool:
    """Whether these are one name with numbers that follow each other, as those of shards are."""
    stems = {name.rstrip(b"0123456789") for name in names}
    if len(stems) > 1:
        return False
    numbers = sorted(int(name[len(min(stems)) :] or 0) for name in names)
    return numbers[-1] - numbers[0] == len(numbers) - 1


def _say_splits(names: Sequence[bytes]) -> bool:
    return any(split_said(name) is not None for name in names)
