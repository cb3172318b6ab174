"""What the folders of images say: their class and their split, or that it cannot be told.

The method. The folders are a tree. A folder around all others is a wrapper, and passed. Folders of
one level are splits when all of them are named like splits, and else none is. What is left below,
or without splits at once, are the classes; folders in a class belong to it. `{class}/{split}` is
the same with the two levels changed.

That is only taken where it is the only reading. It is not when a folder that is named like a split
is none of the splits; when a class would be called `images`; when classes hold no image of their
own but folders that may as well be the classes (`amazon/mug`, `webcam/mug`), or hold folders named
like the classes beside them (a copy); or when there is one class only, and deeper folders. Then the
readings are spelled out, and --layout says which is meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bottleneck.core.sample import SPLITS, show_key
from bottleneck.data.ambiguous import (
    AmbiguousError,
    refuse_apart,
    refuse_copy,
    refuse_names,
    refuse_no_photos,
    refuse_only_class,
    refuse_other_classes,
    refuse_parted,
    refuse_split_words,
    refuse_strays,
)
from bottleneck.data.folder_words import (
    holds_thumbnails,
    is_container,
    is_unlabelled,
    is_unlabelled_class,
    may_be_container,
    repeats,
    split_said,
    split_told,
    splits_of_level,
)
from bottleneck.data.reading_of_paths import Reading, images, listed, no_labels, plain_name
from bottleneck.data.split_words import TRAIN
from bottleneck.data.tree import Folder, tree_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

UNLABELLED = "a table, or --label-from with their names, can say their classes"


def find_layout(
    folders: Sequence[tuple[bytes, int]], name: bytes, told: Mapping[str, int] | None = None
) -> Reading:
    """Return what these folders can only mean.

    Parameters
    ----------
    folders : path (`train/cat/`) and number of images of each that holds some itself
    name : of the source, which a wrapper may repeat
    told : the splits of folders by their names, as --split-map says them

    Raises
    ------
    AmbiguousError
        When they can be meant in several ways.
    """
    root, nodes = tree_of(folders)
    found = _Finder(told or {})
    template, spelled = found.read(root, name)
    return Reading(
        splits=[node.split for node in nodes],
        labels=[node.label for node in nodes],
        groups=[None] * len(nodes),
        template=template,
        spelled=spelled,
        notes=tuple(found.notes),
    )


def find_splits(
    folders: Sequence[tuple[bytes, int]], name: bytes, told: Mapping[str, int] | None = None
) -> Reading:
    """Return the splits of these folders, which say nothing else: names of files give the classes.

    Raises
    ------
    AmbiguousError
        When they can be meant in several ways, whatever the classes are.
    """
    root, nodes = tree_of(folders)
    found = _Finder(told or {})
    node, above = found.descend(root, name)
    refuse_no_photos(node)
    level, parents = found.level(node.children), [node]
    if level is None and not any(child.n for child in node.children.values()):
        level = found.level({g for child in node.children.values() for g in child.children})
        parents = [*node.children.values()]
        above += "{ignore}/" if level else ""
    if level is None:
        parents, tops = [], [node]
        refuse_split_words({g for child in node.children.values() for g in child.children})
    else:
        each = [child for parent in parents for child in parent.children.values()]
        for child in each:
            child.mark(split=level[child.name])
        tops, _ = found.unwrapped(each)
    for top in tops:
        refuse_copy(top)
    refuse_strays(tops)
    refuse_parted(tops)
    return Reading(
        splits=[node.split for node in nodes],
        labels=[None] * len(nodes),
        groups=[None] * len(nodes),
        template=above + ("{split}/*" if parents else "*"),
        spelled=_spelled(level or {}),
        notes=tuple(found.notes),
    )


def _spelled(level: Mapping[bytes, int]) -> dict[str, str]:
    return {
        show_key(name): SPLITS[split]
        for name, split in sorted(level.items())
        if not is_unlabelled(name)
    }


class _Finder:
    """One look at a tree, and what is noted on the way."""

    def __init__(self, told: Mapping[str, int]) -> None:
        self.notes: list[str] = []
        self._told = told

    def level(self, names: Collection[bytes]) -> dict[bytes, int] | None:
        """Return the split of each folder of one level, as was told or by its name, or None."""
        said = {name for name in names if plain_name(name) in self._told}
        each = {n: self._told.get(plain_name(n), split_told(n)) for n in names} if said else {}
        found = {name: split for name, split in each.items() if split is not None}
        return found if said and len(found) == len(names) else splits_of_level(names)

    def read(self, root: Folder, name: bytes) -> tuple[str, dict[str, str]]:
        """Mark the tree with splits and classes; return the template and the splits' names."""
        node, above = self.descend(root, name)
        refuse_no_photos(node)
        level = self.level(node.children)
        if level is not None:
            return self._splits(node, above, level), _spelled(level)
        below = {g for child in node.children.values() for g in child.children}
        level = self.level(below)
        if level is not None and not any(child.n for child in node.children.values()):
            return self._classes_of_splits(node, above, level), _spelled(level)
        refuse_split_words(node.children)
        if not any(child.n for child in node.children.values()):
            refuse_split_words(below)
        self._classes([node])
        self._note_loose(node)
        if node.children:
            return above + "{class}/*", {}
        self.notes.append(f"no class folders: {images(node.n)} without a label ({UNLABELLED})")
        return above + "*", {}

    def descend(self, node: Folder, name: bytes) -> tuple[Folder, str]:
        """Return the folder in all the wrappers, and their part of the template."""
        above = ""
        while (child := node.only) is not None:
            inner = self.level(child.children) or {}
            if self.level(node.children) and len(set(inner.values())) < 2:
                break
            is_flat = not child.children
            around = may_be_container(child.name) or repeats(child.name, node.name or name)
            if (is_flat or child.n) and not around:
                break
            if not inner and not is_flat and split_said(child.name) not in (None, TRAIN):
                raise AmbiguousError(
                    f"{show_key(child.name)} may be a split, or only a folder around all"
                )
            node, above = child, above + "{ignore}/"
        if above:
            self.notes.append(f"{show_key(node.path)} is a folder around all images, and no class")
        return node, above

    def _splits(self, node: Folder, above: str, level: Mapping[bytes, int]) -> str:
        """Mark splits and the classes in them; return the template."""
        for child in node.children.values():
            child.mark(split=level[child.name])
        without = [child for child in node.children.values() if is_unlabelled(child.name)]
        self.notes += [no_labels(child.name) for child in without]
        tops, depth = self.unwrapped([c for c in node.children.values() if c not in without])
        prefix = f"{above}{{split}}/" + "{ignore}/" * depth
        self._classes(tops)
        refuse_apart(tops)
        flat = [top for top in tops if not top.children]
        if flat:
            paths = [top.path.rstrip(b"/") for top in flat]
            n = sum(top.n for top in flat)
            self.notes.append(
                f"no class folders in {listed(paths)}: {images(n)} without a label ({UNLABELLED})"
            )
        for top in [node, *(top for top in tops if top.children)]:
            self._note_loose(top)
        return prefix + ("{class}/*" if len(flat) < len(tops) else "*")

    def unwrapped(self, tops: list[Folder]) -> tuple[list[Folder], int]:
        """Return the folders in the wrappers of each split, and how many all of them have."""
        depth = 0
        while True:
            only = [top.only for top in tops]
            is_each = all(child is not None and child.children and not child.n for child in only)
            is_soft = all(child is not None and may_be_container(child.name) for child in only)
            passed = [
                child is not None
                and (
                    is_each or is_soft or is_container(child.name) or repeats(child.name, top.name)
                )
                for top, child in zip(tops, only, strict=True)
            ]
            if not any(passed):
                return tops, depth
            depth += all(
                is_passed or not top.children for top, is_passed in zip(tops, passed, strict=True)
            )
            inner = [c if p and c else top for top, c, p in zip(tops, only, passed, strict=True)]
            names = [top.path.rstrip(b"/") for top, p in zip(inner, passed, strict=True) if p]
            self.notes.append(
                f"{listed(names)}: only a folder around what is in it, and no class"
                if len(names) == 1
                else f"{listed(names)}: only folders around what is in them, and no classes"
            )
            tops = inner

    def _classes_of_splits(self, node: Folder, above: str, level: Mapping[bytes, int]) -> str:
        """Mark classes and the splits in them; return the template."""
        for child in node.children.values():
            tops, _ = self.unwrapped([*child.children.values()])
            if any(top.children for top in tops):
                raise AmbiguousError(
                    f"{show_key(child.name)} holds splits, and these hold folders: either may be "
                    "the classes"
                )
            for part in child.children.values():
                part.mark(split=level[part.name])
        self._note_loose(node)
        for child in node.children.values():
            child.mark(label=child.name)
        return above + "{class}/{split}/*"

    def _classes(self, tops: Sequence[Folder]) -> None:
        """Mark the folders in these as classes, where they can only be classes."""
        classes: dict[bytes, list[Folder]] = {}
        for top in tops:
            for child in top.children.values():
                if is_unlabelled_class(child.name) and len(top.children) > 1:
                    said = no_labels(child.path.rstrip(b"/"))
                    self.notes.append(f"{said} (--layout makes it a class)")
                else:
                    classes.setdefault(child.name, []).append(child)
        for top in tops:
            refuse_copy(top)
        refuse_strays(tops)
        refuse_names(classes)
        for found in classes.values():
            for folder in found:
                refuse_other_classes(folder, classes.keys())
        refuse_only_class(classes)
        self._note_thumbnails(classes)
        for name, found in classes.items():
            for folder in found:
                folder.mark(label=name)

    def _note_thumbnails(self, classes: Mapping[bytes, Sequence[Folder]]) -> None:
        inner = (f for found in classes.values() for top in found for f in top.below())
        small = [f for f in inner if f.name not in classes and holds_thumbnails(f.name)]
        if small:
            self.notes.append(
                f"{show_key(small[0].path)} holds small copies of images by its name, and they "
                f"count: --exclude '{show_key(small[0].name)}' leaves them out"
            )

    def _note_loose(self, node: Folder) -> None:
        if node.n and node.children:
            self.notes.append(f"{images(node.n)} beside the class folders and without a label")
