"""What the names of images say: which files are images, their class and their split.

What is what. When every folder of the root that holds images is named like a split (train;
val, valid, validation; test; in any case of letters), these are the splits, and the folders in
them the classes; otherwise the root's folders are the classes, all of it `train`, so that a
class may be called "train" as long as its images are directly in it. Folders below a class
belong to the class. Images beside the class folders have no label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.sample import NO_LABEL, show_key

if TYPE_CHECKING:
    from collections.abc import Sequence

SPLIT_FOLDERS = {b"train": 0, b"val": 1, b"valid": 1, b"validation": 1, b"test": 2}


def assign(prefixes: Sequence[bytes], where: str) -> tuple[list[int], list[int], tuple[str, ...]]:
    """Return the split and label of each folder (`cat/`, `train/cat/deeper/`), and the classes.

    Raises
    ------
    DataError
        When a folder could be a split or a class, or two classes are spelled alike.
    """
    tops = {prefix.split(b"/")[0] for prefix in prefixes if prefix}
    named = {top for top in tops if top.lower() in SPLIT_FOLDERS}
    by_split = bool(named) and named == tops
    if named and not by_split:
        unclear = [top for top in sorted(named) if top + b"/" not in prefixes]
        if unclear:
            raise DataError(
                f"{show_key(unclear[0])} is named like a split and holds folders, but "
                f"{show_key(min(tops - named))} beside it is no split",
                where,
                "keep splits and other folders apart, or leave one out with --exclude",
            )
    splits, names = [], []
    for prefix in prefixes:
        parts = prefix.split(b"/")[:-1]
        splits.append(SPLIT_FOLDERS[parts.pop(0).lower()] if by_split and parts else 0)
        names.append(parts[0] if parts else None)
    found = sorted({name for name in names if name is not None})
    classes = tuple(show_key(name) for name in found)
    if len(set(classes)) < len(classes):
        raise DataError("two class folders are spelled alike", where, "rename one")
    number = {name: i for i, name in enumerate(found)}
    return splits, [NO_LABEL if n is None else number[n] for n in names], classes


def in_words(skipped: dict[str, int]) -> str:
    """Return what was left alone as an end of a message; nothing for nothing."""
    counts = ", ".join(f"{n} {what}" for what, n in skipped.items() if n)
    return f" (left alone: {counts})" if counts else ""
