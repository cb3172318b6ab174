"""The ways to say which reading of folders is meant: each is tried, and no two give the same.

Where split and class may stand is found by trying: each level of folders as the classes, each
level that is named like splits as the splits. A way is passed over when it makes no sense: classes
that are called train and test, splits that are not counted, one class where another way has more.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.data.ambiguous import AmbiguousError
from bottleneck.data.classes import joined
from bottleneck.data.copies import compared
from bottleneck.data.levels import Levels
from bottleneck.data.reading_of_paths import by_template, outcome, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bottleneck.data.copies import Content
    from bottleneck.data.reading_of_paths import Choice, Reading

    Folders = Sequence[tuple[bytes, int]]
    Reader = Callable[..., Reading]  # of folders, and of --split-map

MOST_WAYS = 4
_BARE = "; no classes"  # as `outcome` says it; names of files say them


def refused(
    why: AmbiguousError,
    folders: Folders,
    read: Reader,
    *,
    where: str,
    labelled: bool,
    keys: Callable[[], Sequence[bytes]],
    content: Content | None,
    also: str = "",
) -> DataError:
    """Return the error for folders that can be meant in several ways, with these.

    Parameters
    ----------
    read : gives the reading of folders by themselves, or raises AmbiguousError
    labelled : whether folders are to say the classes; else names of files do
    keys : gives the keys of all images
    content : gives the bytes of the image of a key
    also : options that leave out the images that are not among these folders
    """
    what, choices = why.what, why.choices
    if why.copy is not None:
        said, is_exact = compared(why.copy, keys(), content)
        what, choices = f"{what}{said and f': {said}'}", choices[:1] if is_exact else choices
    ways = _ways(why, choices, folders, read, labelled=labelled)
    if ways:
        each = [f"{also} {way}".lstrip() for way in ways[:MOST_WAYS]]
        return DataError(what, where, "say which is meant: " + ", or ".join(each))
    do = "say with --layout where split and class stand, or leave folders out with --exclude"
    return DataError(what, where, do)


def _ways(
    why: AmbiguousError,
    choices: Sequence[Choice],
    folders: Folders,
    read: Reader,
    *,
    labelled: bool,
) -> list[str]:
    """Return each way as it is written, and what it gives."""
    levels = Levels(folders)
    chosen = [way for choice in choices for way in _chosen(choice, folders, read)]
    told: list[_Way] = []
    for is_strict in (True, False):
        # Beside folders that may be meant alone, only templates that make sense are looked for.
        if not told and (not chosen or (is_strict and why.by_layout)):
            find = levels.templates if labelled else levels.without
            told = [way for t in find(is_strict=is_strict) if (way := _told(t, folders, levels))]
    ways = told + chosen
    if labelled:
        best = max((way.n_classes for way in ways if "**" not in way.told), default=0)
        most = max((way.n_labelled for way in told), default=0)
        ways = [
            way
            for way in ways
            if (way.n_classes >= min(best, 2) or (why.is_sure and way in chosen))
            and (way in chosen or way.n_labelled >= min(most, sum(n for _, n in folders) / 2))
        ]
        is_told = any(way.n_classes > 1 for way in ways) or (ways and not why.by_layout)
        if why.is_free or not (is_told or (why.is_sure and chosen)):
            more = levels.without(is_strict=bool(ways))
            ways += [way for t in more if (way := _told(t, folders, levels))]
    elif why.is_free:
        more = levels.without(is_strict=False)
        ways += [way for t in more if (way := _told(t, folders, levels))]
    told = [way for way in ways if way not in chosen]
    if len(told) < len(ways):  # of several templates, none crowds out what may be left out
        ways = [*told[: MOST_WAYS - 1], *(way for way in ways if way in chosen)]
    if why.split_map:
        told = [way for way in ways if way not in chosen]
        ways = [*_mapped(why.split_map, folders, read), *chosen, *told]
    found: dict[object, str] = {}
    for way in ways:
        found.setdefault(way.reading, way.text if labelled else way.text.replace(_BARE, ""))
    return [*found.values()]


class _Way:
    """One way: what is written, what it gives."""

    def __init__(self, told: str, reading: Reading, folders: Folders, note: str = "") -> None:
        counts = [n for _, n in folders]
        try:
            spelled, _ = joined(reading.labels, counts, join=False, where="")
        except DataError:
            spelled, _ = joined(reading.labels, counts, join=True, where="")
            told += " --join-classes"
        labels = [None if label is None else spelled[label] for label in reading.labels]
        reading = replace(reading, labels=labels)
        self.told, self.as_read = told, reading
        self.text = f"{told} ({outcome(reading, folders)}{note and f'; {note}'})"
        self.n_classes = len(set(labels) - {None})
        self.n_labelled = sum(n for n, label in zip(counts, labels, strict=True) if label)
        paths = (path for path, _ in folders)
        self.reading = frozenset(zip(paths, reading.splits, labels, reading.groups, strict=True))


def _chosen(choice: Choice, folders: Folders, read: Reader) -> list[_Way]:
    """Return the ways in which some of the folders can be meant: mostly the one."""
    kept = choice.kept(folders)
    if not kept or len(kept) == len(folders) or _is_at_several_depths(choice, folders):
        return []
    try:
        return [_Way(choice.told, read(kept), kept)]
    except DataError:
        return []
    except AmbiguousError:
        names = {os.fsencode(p[:-2].split("/")[-1]) for p in choice.exclude if p.endswith("/*")}
        if any(not names.isdisjoint(path.split(b"/")) for path, _ in kept):
            return []  # there are more of these elsewhere
        levels = Levels(kept)
        told = [way for t in levels.templates(is_strict=True) if (way := _told(t, kept, levels))]
        return [_Way(f"{choice.told} {way.told}", way.as_read, kept) for way in told]


def _mapped(split_map: str, folders: Folders, read: Reader) -> list[_Way]:
    """Return the way in which --split-map says the splits, where nothing else is unclear."""
    try:
        return [_Way(f"--split-map {quoted(split_map)}", read(folders, split_map), folders)]
    except (AmbiguousError, DataError):
        return []


def _is_at_several_depths(choice: Choice, folders: Folders) -> bool:
    """Whether a name that would be left out stands in several levels: there it means several."""
    names = {os.fsencode(pattern) for pattern in choice.exclude if "/" not in pattern}
    depths = {
        (name, at) for path, _ in folders for at, name in enumerate(path.split(b"/")) if names
    }
    return any(len({at for each, at in depths if each == name}) > 1 for name in names)


def _told(template: str, folders: Folders, levels: Levels) -> _Way | None:
    try:
        reading = by_template(folders, template, "")
    except DataError:
        return None
    return _Way(f"--layout {quoted(template)}", reading, folders, levels.put_together(template))
