"""Images that are members of containers (archives), read in place: nothing is unpacked.

A kind of archive says where containers are and how they are opened (`Place`); what the members'
names mean is the same for all: the layouts of folders, or, where members carry their labels beside
them, WebDataset (`webdataset`). Several containers that belong together (shards) are one source:
their file names stand before the names of the members.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.paths import shown
from bottleneck.core.sample import SPLITS, key_array
from bottleneck.data import webdataset
from bottleneck.data.by_path import by_path
from bottleneck.data.contained import Left, begins_as_image
from bottleneck.data.excerpt import Carried, Pieces
from bottleneck.data.folder_words import split_said, split_told, splits_of_level
from bottleneck.data.how import How
from bottleneck.data.labels import number_labels
from bottleneck.data.left_alone import LeftAlone, in_words, may_be_image
from bottleneck.data.member_hints import with_hints
from bottleneck.data.patterns import Unmatched
from bottleneck.data.reading_of_paths import listed
from bottleneck.data.source import Listing, Understood, spec_of
from bottleneck.data.template import AUTO

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import PurePath

    from numpy.typing import NDArray

    from bottleneck.core.sample import Groups
    from bottleneck.data.contained import Members, Place
    from bottleneck.data.excerpt import Excerpt
    from bottleneck.data.source import Read

    _Found = tuple[bytes, int, bytes]  # key, number of the container, key in it

ADVICE = "give one that holds images"
_ENDINGS = re.compile(r"(\.(tar|tgz|tbz2|txz|gz|bz2|xz|zst|zip))+$", re.IGNORECASE)
MIN_CLASSES = 2  # of folders: with fewer, labels that lie beside the images are the classes


class MemberSource:
    """The images in one container, or in several that belong together.

    Attributes
    ----------
    place : where it is; of a pattern, the containers' names are in the keys
    path, at_once, heads : the place's
    is_dry : whether nothing may be written, so that nothing is unpacked
    """

    def __init__(self, kind: str, place: Place, how: How | None) -> None:
        self.kind, self.place, self.how = kind, place, how or How()
        self.path, self.at_once, self.heads = place.path, place.at_once, place.heads
        self.is_dry = False
        self._listed: list[tuple[Members, Any]] | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return shown(self.path.name)

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`; `where` is the absolute path, the address, or a pattern of them."""
        return spec_of(self.kind, self.place, self.how)

    def exists(self) -> bool:
        """Whether something is there."""
        return self.place.exists()

    def list(self) -> Listing:
        """See `Source.list`."""
        where, left = self.place.shown, Left()
        opened = self.place.open(left)
        if not opened:
            raise DataError("no file matches", where, "check the pattern")
        paths, containers = [path for path, _ in opened], [members for _, members in opened]
        if not self.place.is_pattern:
            containers = [*map(_unwrapped, containers)]
        prefixes = [os.fsencode(p.name) + b"/" if self.place.is_pattern else b"" for p in paths]
        labels = None
        found: Sequence[_Found] = _kept(self.how, containers, prefixes)
        alone = LeftAlone(left.to_json(), left.system)
        alone.unmatched = _unmatched(self.how, containers, prefixes)
        found = self._with_unnamed(found, containers, prefixes, alone)
        alone.refuse(len(found), self.how, where)
        # Further pictures of samples (`a.mask.png`) are taken out below, and no masks in folders.
        are_samples = any(map(webdataset.may_be_label, (k for m in containers for k in m.others)))
        named = self._by_folders(found, containers, whole=not are_samples) if found else None
        n_all = sum(len(members.images) for members in containers)
        if named is not None and len(named.classes) < MIN_CLASSES:
            labels = webdataset.labels(containers, where)
        if named is not None and labels is None:
            named = self._by_folders(found, containers) if are_samples else named
            named = self._beside(named, found, containers)
        if labels is not None:
            webdataset.drop_further_pictures(containers, prefixes, self.how.patterns, where)
        if named is not None and labels is not None:
            # Further pictures of samples are gone, so folders are read anew too.
            n_further = n_all - sum(len(members.images) for members in containers)
            alone.skipped["other"] += n_further
            n_all -= n_further
            found = _kept(self.how, containers, prefixes)
            named = self._by_folders(found, containers) if found else None
        if named is not None and labels is not None:
            named = _by_labels([labels[at].get(key, "") for _, at, key in found], named, where)
        alone.skipped["excluded"] += n_all - len(found)
        skipped = alone.counts()
        if named is None:
            raise _no_images(containers, self.place, paths[0], in_words(skipped))
        layout = self.how["layout"] or AUTO
        if layout == AUTO or (self.place.is_pattern and "{split" not in layout):
            named = _by_files(paths, [at for _, at, _ in found], named)
        self._listed = [(containers[at], containers[at].images[key]) for _, at, key in found]
        return Listing(
            keys=key_array(key for key, _, _ in found),
            labels=named.labels,
            splits=named.splits,
            classes=named.classes,
            stats=np.array([containers[at].container.stat for _, at, _ in found], np.int64),
            skipped=skipped,
            device=containers[0].container.device,
            understood=alone.told(
                with_hints(named.understood, named.labels, containers, left, paths)
            ),
            groups=named.groups,
        )

    def _beside(
        self, named: _Named, found: Sequence[_Found], containers: Sequence[Members]
    ) -> _Named:
        """Return what folders say, having seen that what lies beside the images says the same."""
        told = self.how["label_from"] is not None or "{class}" in (self.how["layout"] or "")
        if len(named.classes) < MIN_CLASSES or told:
            return named
        places, layout = [(at, key) for _, at, key in found], named.understood.layout
        where = self.place.shown
        note = webdataset.beside(containers, places, named.labels, named.classes, layout, where)
        notes = (*named.understood.notes, *note)
        return replace(named, understood=replace(named.understood, notes=notes))

    def _by_folders(
        self, found: Sequence[_Found], containers: Sequence[Members], *, whole: bool = True
    ) -> _Named:
        """Return split and class of each key by the folders in it, as of a folder of images."""

        def content(key: bytes) -> object:
            members = next(containers[at] for whole, at, _ in found if whole == key)
            return members.read(members.images[key]).content

        folders = groupby(key[: key.rfind(b"/") + 1] for *_, key in found)
        said = by_path(
            [(folder, len([*run])) for folder, run in folders],
            lambda part: [key for key, *_ in found[part]],
            self.how,
            name=os.fsencode(self.path.stem),
            where=self.place.shown,
            content=content,
            with_companions=not whole,
        )
        return _Named(
            splits=said.splits,
            labels=said.labels,
            classes=said.classes,
            understood=said.understood,
            groups=said.groups,
        )

    def _with_unnamed(
        self,
        found: Sequence[_Found],
        containers: Sequence[Members],
        prefixes: Sequence[bytes],
        alone: LeftAlone,
    ) -> Sequence[_Found]:
        """Return the images that count, those without an image's ending with them where wanted."""
        taken = []
        for at, (prefix, members) in enumerate(zip(prefixes, containers, strict=True)):
            for key, place in members.others.items():
                if self.how["any_name"] is False or not may_be_image(key):
                    continue
                is_wanted = self.how.patterns.keeps(prefix + key)
                if not is_wanted or not begins_as_image(members, place):
                    continue
                alone.skipped["other"] -= 1
                if self.how["any_name"]:
                    members.images[key] = place
                    taken.append((prefix + key, at, key))
                else:
                    alone.add_unnamed(prefix + key)
        return sorted([*found, *taken]) if taken else found

    def read(self, index: int) -> Read:
        """See `Source.read`; the container must be the one that was listed."""
        if self._listed is None:
            raise ValueError("read() before list()")
        members, place = self._listed[index]
        return members.read(place)

    def excerpt(self, indices: Sequence[int]) -> Excerpt:
        """See `excerpt.Excerpted`: where they lie, if that is in the containers as they are."""
        found = [(self._listed or [])[i] for i in indices]
        if not all(members.is_plain for members, _ in found):
            return Carried(self, indices)
        return Pieces([(members.container, *place) for members, place in found])


def _unmatched(
    how: How, containers: Sequence[Members], prefixes: Sequence[bytes]
) -> tuple[str, ...]:
    """Return what is to be said of patterns that match no image."""
    unmatched = Unmatched(how.patterns)
    for prefix, members in zip(prefixes, containers, strict=True):
        unmatched.see(prefix + key for key in members.images)
    return unmatched.notes()


def _kept(how: How, containers: Sequence[Members], prefixes: Sequence[bytes]) -> Sequence[_Found]:
    """Return the images that count, in order: key, number of the container, key in it."""
    return sorted(
        (prefix + key, at, key)
        for at, (prefix, members) in enumerate(zip(prefixes, containers, strict=True))
        for key in members.images
        if how.patterns.keeps(prefix + key)
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Named:
    """What the names of images say, or what lies beside them: columns of a listing."""

    splits: NDArray[np.uint8]
    labels: NDArray[np.int32]
    classes: tuple[str, ...]
    understood: Understood
    groups: Groups | None = None


def _no_images(
    containers: Sequence[Members], place: Place, first: PurePath, left: str
) -> DataError:
    """Return the error for containers without images, with the way to what they hold."""
    others = sorted(key for members in containers for key in members.others)
    if not others:
        return DataError(f"no images{left}", place.shown, ADVICE)
    do = place.by_hand(first, others)
    return DataError(f"no images, but {listed(others)}{left}", place.shown, do)


def _by_labels(texts: Sequence[str], named: _Named, where: str) -> _Named:
    """Return the classes that lie beside the images; the splits are still those of the folders."""
    labels, classes = number_labels(texts, "cls", where)
    note = "labels: what lies beside each image under its name (WebDataset)"
    told = [each for each in named.understood.notes if "without a label" not in each]  # by folders
    understood = replace(named.understood, layout="", notes=(*told, note))
    return replace(named, labels=labels, classes=classes, understood=understood)


def _by_files(paths: Sequence[PurePath], at: Sequence[int], named: _Named) -> _Named:
    """Return the split of each image by its archive's name, where nothing in them says one."""
    names = [os.fsencode(_ENDINGS.sub("", path.name)) for path in paths]
    level = splits_of_level(names) or {}
    found = {name: level.get(name, split_told(name)) for name in names}
    numbers = [found[name] for name in names]
    splits, understood = named.splits, named.understood
    notes = [f"{len(paths)} archives"] if len(paths) > 1 else []
    if None in numbers:
        if set(numbers) != {None}:
            notes.append("not every name of an archive says a split, so none counts")
    elif not understood.splits and (any(numbers) or len(paths) > 1):
        splits = np.array(numbers, np.uint8)[np.array(at)]
        words = [os.fsdecode(name).rstrip("0123456789-_") for name in names]
        spelled = {word: SPLITS[n] for word, n in zip(words, numbers, strict=True) if n is not None}
        understood = replace(understood, splits=spelled)
        if {*numbers} in ({1}, {2}):
            notes.append(
                f"all of it is {SPLITS[numbers[0] or 0]}, as {words[0]} says; if it is not: "
                f"--layout '{{split=train}}/{understood.layout or '*'}'"
            )
    understood = replace(understood, notes=(*notes, *understood.notes))
    return replace(named, splits=splits, understood=understood)


def _unwrapped(members: Members) -> Members:
    """Return the members without the one folder around all images, if that is all it is."""
    tops = {key[: key.find(b"/") + 1] for key in members.images}
    if len(tops) != 1:
        return members
    (top,) = tops
    n_direct = sum(key.count(b"/") == 1 for key in members.images)
    if not top or n_direct or split_said(top[:-1]) is not None:
        return members
    bare = (
        {key.removeprefix(top): at for key, at in each.items()}
        for each in (members.images, members.others)
    )
    images, others = bare
    return replace(members, images=images, others=others)
