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
from bottleneck.data.folder_words import (
    holds_no_photos,
    is_container,
    split_named,
    split_said,
    split_told,
    splits_of_level,
)
from bottleneck.data.reading_of_paths import by_template, outcome, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bottleneck.data.copies import Content
    from bottleneck.data.reading_of_paths import Choice, Reading

    Folders = Sequence[tuple[bytes, int]]
    Reader = Callable[..., Reading]  # of folders, and of --split-map

MOST_WAYS = 4
_BARE = "; no classes"  # as `outcome` says it; names of files say them
_MOST_LEVELS = 6
_SEPARATORS = ("_", "-", " ", ".")


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
    levels = _Levels(folders)
    chosen = [way for choice in choices for way in _chosen(choice, folders, read)]
    told: list[_Way] = []
    for is_strict in (True, False):
        # Beside folders that may be meant alone, only templates that make sense are looked for.
        if not told and (not chosen or (is_strict and why.by_layout)):
            find = levels.templates if labelled else levels.without
            told = [way for t in find(is_strict=is_strict) if (way := _told(t, folders))]
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
            ways += [way for t in more if (way := _told(t, folders))]
    elif why.is_free:
        ways += [way for t in levels.without(is_strict=False) if (way := _told(t, folders))]
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

    def __init__(self, told: str, reading: Reading, folders: Folders) -> None:
        counts = [n for _, n in folders]
        try:
            spelled, _ = joined(reading.labels, counts, join=False, where="")
        except DataError:
            spelled, _ = joined(reading.labels, counts, join=True, where="")
            told += " --join-classes"
        labels = [None if label is None else spelled[label] for label in reading.labels]
        reading = replace(reading, labels=labels)
        self.told, self.as_read = told, reading
        self.text = f"{told} ({outcome(reading, folders)})"
        self.n_classes = len(set(labels) - {None})
        self.n_labelled = sum(n for n, label in zip(counts, labels, strict=True) if label)
        paths = (path for path, _ in folders)
        self.reading = frozenset(zip(paths, reading.splits, labels, strict=True))


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
        templates = _Levels(kept).templates(is_strict=True)
        told = [way for template in templates if (way := _told(template, kept))]
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


def _told(template: str, folders: Folders) -> _Way | None:
    try:
        return _Way(f"--layout {quoted(template)}", by_template(folders, template, ""), folders)
    except DataError:
        return None


class _Levels:
    """The folders by how deep they are: which names there are in each level."""

    def __init__(self, folders: Folders) -> None:
        self.paths = [path.split(b"/")[:-1] for path, _ in folders]
        deepest = max(map(len, self.paths), default=0)
        self.is_even = all(len(path) == deepest for path in self.paths)
        self.n = min(deepest, _MOST_LEVELS)
        self.names = [{path[i] for path in self.paths if len(path) > i} for i in range(self.n)]
        self.splits = [i for i in range(self.n) if self._are_splits(i)]

    def templates(self, *, is_strict: bool) -> list[str]:
        """Return where split and class may stand; `is_strict` leaves out what makes no sense."""
        splits = [*self.splits, None]
        tried = [(s, (c,)) for c in range(self.n) for s in splits if s != c]
        both = [
            (s, (c, d))
            for s in self.splits
            for c in range(s)
            for d in range(s + 1, self.n)
            if len(self.names[c]) > 1 and len(self.names[d]) > 1
        ]
        found = [
            self._spelled(s, classes)
            for s, classes in [*tried, *both]
            if self._are_names(classes)
            and (not is_strict or (self._is_whole(s, classes) and self._are_classes(s, classes)))
        ]
        is_split = any(split_named(name) is not None for names in self.names for name in names)
        if not self.is_even and not is_split:
            found.append("**/{class}/*")
        return [*found, *self._below_splits(), *self._in_one_name()]

    def _below_splits(self) -> list[str]:
        """Return the template of splits of the same classes, in some of them further below."""
        if self.is_even or self.splits != [0]:
            return []
        named: dict[bytes, set[bytes]] = {}
        for path in self.paths:
            named.setdefault(path[0], set()).add(path[-1] if len(path) > 1 else b"")
        sets = {frozenset(names) for names in named.values()}
        return ["{split}/**/{class}/*"] if len(named) > 1 and len(sets) == 1 else []

    def without(self, *, is_strict: bool) -> list[str]:
        """Return where the split may stand, and no class."""
        splits = [*self.splits, None]
        return [self._spelled(s, ()) for s in splits if not is_strict or self._is_whole(s)]

    def _spelled(self, split: int | None, classes: tuple[int, ...]) -> str:
        ends = [*classes, *([] if split is None else [split])]
        parts = ["{ignore}"] * (max(ends) + 1) if ends else []
        for at in classes:
            parts[at] = "{class}"
        if split is not None:
            parts[split] = "{split}"
        elif len(classes) == 1 and (group := self._group(classes[0])) is not None:
            parts[group] = "{group}"
        return "/".join([*parts, "*"])

    def _group(self, at: int) -> int | None:
        """Return the level above the classes at which several folders hold the same classes."""
        for level in range(at):
            if len(self.names[level]) > 1:
                pairs = {(path[level], path[at]) for path in self.paths if len(path) > at}
                several = len(pairs) > len(self.names[at])
                return level if several and not is_container_level(self.names[level]) else None
        return None

    def _are_splits(self, at: int) -> bool:
        names = self.names[at]
        if splits_of_level(names) is not None:
            return True
        return all(split_told(name) is not None for name in names)

    def _is_whole(self, split: int | None, classes: tuple[int, ...] = ()) -> bool:
        """Whether no other level is one of train and test, whatever words stand there as well."""
        return not any(
            len({(split_named if at in classes else split_said)(n) for n in names} - {None}) > 1
            for at, names in enumerate(self.names)
            if at != split
        )

    def _are_names(self, classes: tuple[int, ...]) -> bool:
        """Whether no level that would be the classes is a mere container, or made of splits."""
        return not any(
            is_container_level(self.names[c]) or splits_of_level(self.names[c]) is not None
            for c in classes
        )

    def _are_classes(self, split: int | None, classes: tuple[int, ...]) -> bool:
        """Whether no folder that would be a class is named like a split, and holds more."""
        return not any(
            split_named(path[c]) is not None
            and (len(path) > c + 1 or (split is not None and split > c))
            for c in classes
            for path in self.paths
            if len(path) > c
        )

    def _in_one_name(self) -> Iterator[str]:
        """Yield the templates of names that say class and split: `cat_train`, `train-cat`."""
        for at, names in enumerate(self.names):
            for mark in _SEPARATORS if splits_of_level(names) is None else ():
                sep = mark.encode()
                for template, parted, i in (
                    (f"{{class}}{mark}{{split}}", [n.rpartition(sep) for n in names], 2),
                    (f"{{split}}{mark}{{class}}", [n.partition(sep) for n in names], 0),
                ):
                    are_classes = not all(map(_is_no_class, (p[2 - i] for p in parted)))
                    if are_classes and all(
                        all(p) and split_named(p[i]) is not None for p in parted
                    ):
                        yield "/".join(["{ignore}"] * at + [template, "*"])


def _is_no_class(name: bytes) -> bool:
    return is_container(name) or holds_no_photos(name)


def is_container_level(names: set[bytes]) -> bool:
    """Whether all folders of a level say only that images are in them."""
    return all(map(is_container, names))
