"""What of a tree of folders can be meant in two ways, and is refused until somebody says which.

Each of these looks at folders that would be classes, and raises `AmbiguousError` with the folders
that may be meant alone. Which templates of --layout say it otherwise is found by trying (`ways`).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bottleneck.core.sample import SPLITS, show_key
from bottleneck.data.copies import copies_in
from bottleneck.data.folder_words import (
    divides,
    holds_no_photos,
    holds_thumbnails,
    is_container,
    is_odd_one,
    is_unlabelled,
    is_unlabelled_class,
    may_be_container,
    named_after,
    parts,
    split_guessed,
    split_named,
    split_told,
)
from bottleneck.data.reading_of_paths import Choice, exclude, include, listed
from bottleneck.data.split_words import TRAIN
from bottleneck.data.template import pattern_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bottleneck.data.tree import Folder

_MOST_LEFT_OUT = 3  # folders that one way may name


class AmbiguousError(Exception):
    """Folders that can be meant in several ways.

    Attributes
    ----------
    what : why, for a message
    choices : which of the folders may be meant alone
    copy : a folder and the one around it that holds the same names, where that is why
    by_layout : whether templates of --layout are looked for also where there are choices
    is_free : whether a reading that finds no classes is one of the ways
    is_sure : whether a choice is one of the ways also where it finds fewer classes
    split_map : what --split-map may say of the folders' names
    """

    def __init__(
        self,
        what: str,
        choices: Sequence[Choice] = (),
        *,
        copy: tuple[bytes, bytes] | None = None,
        by_layout: bool = True,
        is_free: bool = False,
        is_sure: bool = False,
        split_map: str = "",
    ) -> None:
        super().__init__(what)
        self.what, self.choices = what, tuple(choices)
        self.copy, self.by_layout, self.is_free = copy, by_layout, is_free
        self.is_sure, self.split_map = is_sure, split_map


def refuse_names(classes: Mapping[bytes, Sequence[Folder]]) -> None:
    """Raise AmbiguousError for names that divide files or hold images, and say no class."""
    why = divides(classes.keys())
    if why is not None:
        odd = [f for n, found in classes.items() for f in found if is_odd_one(n, classes)]
        raise AmbiguousError(
            f"{listed(sorted(classes))} would be classes, but {why}",
            _without(odd),
            is_free=True,
        )
    twins = named_after(classes.keys())
    if twins:
        which, of = listed([*twins]), listed(sorted(set(twins.values())))
        what = (
            f"{which} would be a class, and is one of {of} by its name"
            if len(twins) == 1
            else f"{which} would be classes, and are of {of} by their names"
        )
        raise AmbiguousError(what, _without_twins(twins, classes))
    for name, found in classes.items():
        if holds_thumbnails(name) and len(classes) > 1:
            raise AmbiguousError(
                f"{show_key(found[0].path)} would be a class, and is small copies of images by "
                "its name",
                _without(found),
            )
        if is_container(name):
            raise AmbiguousError(
                f"{show_key(name)} says that images are in it, and would be a class beside "
                f"{listed(sorted(classes.keys() - {name})) or 'none'}",
                [*_without(found), include(*(folder.path for folder in found))],
                is_free=len(classes) < 3,
            )


def refuse_split_words(names: Collection[bytes]) -> None:
    """Raise AmbiguousError for folders of one level that may be splits, and nobody said so."""
    said = [name for name in names if split_told(name) is not None]
    guessed = {n: split for n in sorted(names) if (split := split_guessed(n)) is not None}
    odd = {name: split for name, split in guessed.items() if name not in said}
    has_train = any(split_told(name) == TRAIN for name in said)  # else little would be left
    if odd and len(names) > 1 and len(odd) + len(said) == len(names):
        raise AmbiguousError(
            f"{listed(sorted(names))} may be splits by their names",
            [exclude(*(name + b"/" for name in odd))] if has_train else [],
            is_free=True,
            is_sure=True,
            split_map=",".join(f"{os.fsdecode(n)}={SPLITS[split]}" for n, split in odd.items()),
        )


def refuse_parted(tops: Sequence[Folder]) -> None:
    """Raise AmbiguousError for folders in these that seem to be of splits, whatever they hold."""
    for parent in (folder for top in tops for folder in top.below() if len(folder.children) > 1):
        names = parent.children
        refuse_split_words(names)
        why = parts(names)
        if why is not None:
            odd = [folder for name, folder in names.items() if is_odd_one(name, names)]
            raise AmbiguousError(
                f"{listed(sorted(names))} may be of splits: {why}", _without(odd), is_free=True
            )


def refuse_apart(tops: Sequence[Folder]) -> None:
    """Raise AmbiguousError for splits that share no class with train: patients, mostly."""
    names: dict[int, set[str]] = {}
    for top in tops:
        found = {os.fsdecode(n).casefold() for n in top.children if not is_unlabelled_class(n)}
        names.setdefault(top.split, set()).update(found)
    train = names.pop(0, set())
    for split, others in names.items():
        if len(train) > 1 and len(others) > 1 and train.isdisjoint(others):
            raise AmbiguousError(
                f"no class of {SPLITS[split]} ({', '.join(sorted(others)[:2])}, …) is in train "
                f"({', '.join(sorted(train)[:2])}, …): these folders may be patients or scenes, "
                "and no classes",
                is_free=True,
            )


def refuse_only_class(classes: Mapping[bytes, Sequence[Folder]]) -> None:
    """Raise AmbiguousError for one class that holds folders, which may as well be the classes."""
    deeper = next((f for found in classes.values() for f in found if f.children), None)
    if len(classes) == 1 and deeper is not None:
        raise AmbiguousError(f"{show_key(deeper.name)} would be the only class, and holds folders")


def refuse_copy(top: Folder) -> None:
    """Raise AmbiguousError for a folder in this one that holds the same folders."""
    found = copies_in(top)
    if found:
        paths = [folder.path for folder in found]
        shared = sorted(found[0].children.keys() & top.children.keys() - {found[0].name})
        raise AmbiguousError(
            f"{listed(paths)} {'holds' if len(found) == 1 else 'hold'} {listed(shared)}, and so "
            f"does the folder around {'it' if len(found) == 1 else 'them'}",
            [exclude(*paths), include(*paths)],
            copy=(paths[0], top.path) if len(found) == 1 else None,
            by_layout=False,
        )


def refuse_other_classes(folder: Folder, names: Collection[bytes]) -> None:
    """Raise AmbiguousError for a class folder whose folders may be classes as well."""
    again = next((f for f in folder.below() if f.name in names and f.name != folder.name), None)
    if again is not None:
        raise AmbiguousError(
            f"{show_key(again.path)} is named like the class {show_key(again.name)}, and lies "
            f"in {show_key(folder.name)}",
            [exclude(again.path)],
        )
    inner = _inner(folder)
    if not inner.n and not all(map(may_be_container, inner.children)):
        raise AmbiguousError(
            f"{show_key(folder.path)} holds no image itself, but {listed([*inner.children])}: "
            "either may be the classes"
        )


def _inner(folder: Folder) -> Folder:
    """Return the folder in all those around it that hold nothing else."""
    while (only := folder.only) is not None:
        folder = only
    return folder


def refuse_strays(tops: Sequence[Folder]) -> None:
    """Raise AmbiguousError for a folder below that is named like a split, and would be none."""
    for parent in (folder for top in tops for folder in top.below()):
        strays = [f for n, f in parent.children.items() if split_named(n) is not None]
        if not strays:
            continue
        refuse_copy(parent)
        others = [f for f in parent.children.values() if f not in strays]
        beside = [f for f in others if not is_unlabelled(f.name)] or others
        first = min((f.name for f in beside), default=b"")
        told = f", but {show_key(first)} beside it is none" if beside else ""
        are_real = any(_inner(stray).children for stray in strays)
        is_one = len(beside) == 1 and not beside[0].children
        is_train = len(beside) == 1 and all(split_named(f.name) != TRAIN for f in strays)
        either = [] if are_real or is_one or not (beside or len(strays) == 1) else _without(strays)
        raise AmbiguousError(
            f"{show_key(strays[0].path)} is named like a split{told}",
            [*(_without(beside) if are_real or len(beside) == 1 else []), *either],
            split_map=f"{os.fsdecode(beside[0].name)}=train" if is_train else "",
        )


def refuse_no_photos(node: Folder) -> None:
    """Raise AmbiguousError for folders of masks and the like, beside others."""
    named = [f for f in node.below() if f is not node and holds_no_photos(f.name)]
    inner = {below for f in named for below in f.below() if below is not f}
    found = [f for f in named if f not in inner]
    if found:
        beside = [f for f in node.children.values() if f not in found]
        may_be_classes = not any(f.children or is_container(f.name) for f in beside)
        raise AmbiguousError(
            f"{show_key(found[0].path)} holds what belongs to photos, but is none",
            _without(found),
            by_layout=may_be_classes,
            is_sure=True,
        )


def _without(folders: Sequence[Folder]) -> list[Choice]:
    """Return the ways to leave these out: by their paths, and by their names."""
    paths = sorted(folder.path for folder in folders)
    names = sorted({folder.name for folder in folders})
    if any(name in path.split(b"/")[:-2] for path in paths for name in names):
        names = []  # it would leave out what is around them
    fewest = sorted((paths, names), key=len)
    return [exclude(*each) for each in fewest if 0 < len(each) <= _MOST_LEFT_OUT]


def _without_twins(
    twins: Mapping[bytes, bytes], classes: Mapping[bytes, Sequence[Folder]]
) -> list[Choice]:
    """Return the ways to leave out folders that are named after others: all of them together."""
    ways = _without([folder for name in twins for folder in classes[name]])
    if ways:
        return ways
    affixes = {b"*" + name[len(of) :] for name, of in twins.items() if name.startswith(of)}
    affixes |= {name[: -len(of)] + b"*" for name, of in twins.items() if name.endswith(of)}
    globs = Choice(exclude=tuple(sorted(_as_glob(affix) for affix in affixes)))
    kept = {path[:-1] for path, _ in globs.kept([(name + b"/", 1) for name in classes])}
    return [globs if kept == classes.keys() - twins.keys() else exclude(*twins)]


def _as_glob(affix: bytes) -> str:
    """Return the pattern of names with a beginning (`aug_*`) or an end (`*_mask`)."""
    start, _, end = affix.partition(b"*")
    return pattern_of(start) + pattern_of(end).removesuffix("*")
