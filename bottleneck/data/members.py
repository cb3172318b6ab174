"""Images that are members of containers (archives), read in place: nothing is unpacked.

A kind of archive says how one container is opened (`Opener`); what the members' names mean is the
same for all: the layouts of folders, or, where members carry their labels beside them, WebDataset
(`webdataset`). Several containers that belong together (shards) are one source: their file names
stand before the names of the members.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.paths import absolute, shown
from bottleneck.core.sample import SPLITS, key_array
from bottleneck.data import webdataset
from bottleneck.data.contained import Left
from bottleneck.data.how import How
from bottleneck.data.labels import number_labels
from bottleneck.data.layout import SPLIT_FOLDERS, assign, in_words
from bottleneck.data.source import Listing, Understood, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.data.contained import Members
    from bottleneck.data.source import Read

    Opener = Callable[[Path, "Left"], "Members"]

ADVICE = "give one that holds images"
MIN_CLASSES = 2  # of folders: with fewer, labels that lie beside the images are the classes


class MemberSource:
    """The images in one container, or in several that belong together.

    Attributes
    ----------
    shards : whether the path is a pattern of several containers; their names are in the keys
    """

    def __init__(
        self, kind: str, path: Path, how: How | None, opener: Opener,
        shards: Callable[[Path], list[Path]] | None = None,
    ) -> None:  # fmt: skip
        self.kind, self.path, self.how = kind, absolute(path), how or How()
        self.shards = shards
        self._open = opener
        self._listed: list[tuple[Members, Any]] | None = None

    @property
    def name(self) -> str:
        """The file's name."""
        return shown(self.path.name)

    @property
    def spec(self) -> dict[str, Any]:
        """See `Source.spec`; `where` is the absolute path, or pattern of paths."""
        return spec_of(self.kind, self.path, self.how)

    def exists(self) -> bool:
        """Whether something is there."""
        return bool(self.shards(self.path)) if self.shards else self.path.is_file()

    def list(self) -> Listing:
        """See `Source.list`."""
        where, left = shown(self.path), Left()
        paths = self.shards(self.path) if self.shards else [self.path]
        if not paths:
            raise DataError("no file matches", where, "check the pattern")
        containers = [self._open(path, left) for path in paths]
        if not self.shards:
            containers = [*map(_unwrapped, containers)]
        prefixes = [os.fsencode(path.name) + b"/" if self.shards else b"" for path in paths]
        labels = None
        found = _kept(self.how, containers, prefixes)
        named = _by_folders([key for *_, key in found], where) if found else None
        if named is not None and len(named.classes) < MIN_CLASSES:
            labels = webdataset.labels(containers, where)
        if named is not None and labels is not None:
            found = _kept(self.how, containers, prefixes)
            named = _by_labels([labels[at].get(key, "") for _, at, key in found], named, where)
        skipped = left.to_json()
        skipped["excluded"] = sum(len(members.images) for members in containers) - len(found)
        if named is None:
            raise DataError("no images" + in_words(skipped), where, ADVICE)
        if self.shards:
            named = _by_shards(paths, [at for _, at, _ in found], named)
        self._listed = [(containers[at], containers[at].images[key]) for _, at, key in found]
        return Listing(
            keys=key_array(key for key, _, _ in found),
            labels=named.labels,
            splits=named.splits,
            classes=named.classes,
            stats=np.array([containers[at].container.stat for _, at, _ in found], np.int64),
            skipped=skipped,
            device=containers[0].container.device,
            understood=named.understood,
        )

    def read(self, index: int) -> Read:
        """See `Source.read`; the container must be the one that was listed."""
        if self._listed is None:
            raise ValueError("read() before list()")
        members, place = self._listed[index]
        return members.read(place)


def _kept(
    how: How, containers: Sequence[Members], prefixes: Sequence[bytes]
) -> list[tuple[bytes, int, bytes]]:
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


def _by_folders(keys: Sequence[bytes], where: str) -> _Named:
    """Return split and class of each key by the folders in it, as of a folder of images."""
    folders = sorted({_folder_of(key) for key in keys})
    splits, labels, classes = assign(folders, where)
    at = {folder: i for i, folder in enumerate(folders)}
    index = np.fromiter((at[_folder_of(key)] for key in keys), np.int64, len(keys))
    return _Named(
        splits=np.array(splits, np.uint8)[index],
        labels=np.array(labels, np.int32)[index],
        classes=classes,
        understood=Understood(),
    )


def _by_labels(texts: Sequence[str], named: _Named, where: str) -> _Named:
    """Return the classes that lie beside the images; the splits are still those of the folders."""
    labels, classes = number_labels(texts, "cls", where)
    notes = ("labels: what lies beside each image under its name (WebDataset)",)
    understood = replace(named.understood, notes=(*named.understood.notes, *notes))
    return replace(named, labels=labels, classes=classes, understood=understood)


def _by_shards(paths: Sequence[Path], at: Sequence[int], named: _Named) -> _Named:
    """Return the split of each image by its shard's name, where every name has one."""
    words = [re.split(r"[^a-z]+", path.name.lower()) for path in paths]
    found = [next((w for w in each if w.encode() in SPLIT_FOLDERS), None) for each in words]
    splits, understood = named.splits, named.understood
    notes = [f"{len(paths)} shards"]
    if None not in found:
        numbers = [SPLIT_FOLDERS[str(word).encode()] for word in found]
        splits = np.array(numbers, np.uint8)[np.array(at)]
        spelled = {str(word): SPLITS[n] for word, n in zip(found, numbers, strict=True)}
        understood = replace(understood, splits=spelled)
    elif any(found):
        notes.append("some shards have a split in their name and others do not, so none counts")
    understood = replace(understood, notes=(*notes, *understood.notes))
    return replace(named, splits=splits, understood=understood)


def _folder_of(key: bytes) -> bytes:
    return key[: key.rfind(b"/") + 1]


def _unwrapped(members: Members) -> Members:
    """Return the members without the one folder around all images, if that is all it is."""
    tops = {key[: key.find(b"/") + 1] for key in members.images}
    if len(tops) != 1:
        return members
    (top,) = tops
    n_direct = sum(key.count(b"/") == 1 for key in members.images)
    if not top or n_direct or top[:-1].lower() in SPLIT_FOLDERS:
        return members
    bare = (
        {key.removeprefix(top): at for key, at in each.items()}
        for each in (members.images, members.others)
    )
    images, others = bare
    return replace(members, images=images, others=others)
