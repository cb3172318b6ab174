"""What folders are read as, by themselves or by --layout, and how that is said in few words."""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.sample import SPLITS, show_key
from bottleneck.data import template as templates
from bottleneck.data.folder_words import is_unlabelled, split_told, splits_of_level
from bottleneck.data.patterns import make_patterns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST = 5  # names in a message


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the folders of a source say.

    Attributes
    ----------
    splits : of each folder, an index into `core.sample.SPLITS`
    labels, groups : of each folder, a name; None where it says none
    template : how it can be said with --layout
    spelled : how the folders spell each split
    notes : what a person should know
    """

    splits: list[int]
    labels: list[bytes | None]
    groups: list[bytes | None]
    template: str
    spelled: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Some of the folders alone: a way to say which are meant, by --include and --exclude."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The options as they are written on a command line."""
        given = [f"--include {quoted(p)}" for p in self.include]
        return " ".join(given + [f"--exclude {quoted(p)}" for p in self.exclude])

    def kept(self, folders: Sequence[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
        """Return the folders that are left."""
        patterns = make_patterns(self.include, self.exclude)
        # A file's name may match a pattern too; that of no file does not.
        return [(path, n) for path, n in folders if patterns.keeps(path + b"\0")]


def plain_name(name: bytes) -> str:
    """Return a folder's name as --split-map is compared with it."""
    return os.fsdecode(name).strip().casefold()


def by_template(
    folders: Sequence[tuple[bytes, int]],
    template: str,
    where: str,
    splits: Mapping[str, int] | None = None,
) -> Reading:
    """Return what --layout makes of these folders, with the splits that --split-map says.

    Raises
    ------
    DataError
        When a folder does not fit, or what should be a split is none.
    """
    compiled = templates.compiled(template)
    told = []
    for folder, _ in folders:
        found = templates.told(compiled, folder)
        if found is None:
            raise DataError(
                f"the images in {show_key(folder) or 'the folder itself'} do not lie as --layout "
                f"{template!r} says",
                where,
                f"give another template, or leave them out: {exclude(folder).told}",
            )
        told.append(found)
    names = sorted({one.split for one in told if one.split is not None})
    number: dict[bytes, int | None] = {name: split_told(name) for name in names}
    number |= splits_of_level(names) or {}
    number |= {n: splits[plain_name(n)] for n in names if splits and plain_name(n) in splits}
    for name, split in number.items():
        if split is None:
            raise DataError(
                f"--layout {template!r} makes {show_key(name)} a split, which is none of train, "
                "val and test by its name",
                where,
                f"say what each is, such as --split-map {quoted(_map_of(number))} (or train, val), "
                "give another template, or leave it out with --exclude",
            )
    unlabelled = {name for name in names if is_unlabelled(name)}
    labels = [None if one.split in unlabelled else one.label for one in told]
    n_bare = sum(
        n
        for (_, n), one in zip(folders, told, strict=True)
        if one.label is None and one.split not in unlabelled
    )
    is_short = "{class}" in template and n_bare
    notes = [f"{images(n_bare)} too high for a class and without a label"] if is_short else []
    return Reading(
        splits=[0 if one.split is None else int(number[one.split] or 0) for one in told],
        labels=labels,
        groups=[one.group for one in told],
        template=template,
        spelled={
            show_key(name): SPLITS[split or 0]
            for name, split in number.items()
            if name not in unlabelled
        },
        notes=(*notes, *map(no_labels, sorted(unlabelled))),
    )


def _map_of(number: Mapping[bytes, int | None]) -> str:
    """Return an example of --split-map for the names that are no split by themselves."""
    return ",".join(f"{show_key(name)}=test" for name, split in number.items() if split is None)


def outcome(reading: Reading, folders: Sequence[tuple[bytes, int]]) -> str:
    """Return what a reading gives, in a few words."""
    pairs = zip(folders, reading.labels, strict=True)
    n_bare = sum(n for (_, n), label in pairs if label is None)
    said = [split_counts(reading, folders)]
    classes = sorted({label for label in reading.labels if label is not None})
    if classes:
        said.append(f"{len(classes)} class{'' if len(classes) == 1 else 'es'}: {listed(classes)}")
        said += [f"{n_bare:,} without a label"] if n_bare else []
    else:
        said.append("no classes")
    groups = len({group for group in reading.groups if group is not None})
    said += [f"{groups} groups"] if groups else []
    return "; ".join(said)


def split_counts(reading: Reading, folders: Sequence[tuple[bytes, int]]) -> str:
    """Return how many images a reading gives each split."""
    counts: Counter[str] = Counter()
    for (_, n), split in zip(folders, reading.splits, strict=True):
        counts[SPLITS[split]] += n
    return ", ".join(f"{split} {counts[split]:,}" for split in SPLITS if counts[split])


def exclude(*folders: bytes) -> Choice:
    """Return the choice without these: folders (`a/b/`), or all of a name (`masks`)."""
    return Choice(exclude=tuple(map(_pattern, folders)))


def include(*folders: bytes) -> Choice:
    """Return the choice of these alone."""
    return Choice(include=tuple(map(_pattern, folders)))


def quoted(text: str) -> str:
    """Return a text as one word of a command line."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def no_labels(name: bytes) -> str:
    """Return what is to be said of a folder that says of itself that it has no labels."""
    return f"{show_key(name)}: its images have no label, as its name says"


def listed(names: Sequence[bytes]) -> str:
    """Return names for a message, the first few of many."""
    return ", ".join(map(show_key, names[:MOST])) + (", …" if len(names) > MOST else "")


def images(n: int) -> str:
    """Return a number of images with its verb: `3 images are`."""
    return f"{n:,} image is" if n == 1 else f"{n:,} images are"


def _pattern(folder: bytes) -> str:
    pattern = templates.pattern_of(folder)
    return pattern if folder.endswith(b"/") or not folder else pattern.removesuffix("*")


def found_in_keys(
    pattern: str, role: str, keys: Sequence[bytes], option: str, where: str
) -> list[bytes | None]:
    """Return what a regular expression finds in each key; None where it does not match.

    Parameters
    ----------
    pattern : its group called `role` is what is found, else the first one, else all of it
    option : that it was given with

    Raises
    ------
    DataError
        When it matches none.
    """
    compiled = re.compile(pattern)
    group: str | int = role if role in compiled.groupindex else min(1, compiled.groups)
    found = [compiled.search(os.fsdecode(key)) for key in keys]
    if not any(found):
        raise DataError(
            f"{option} {pattern!r} matches no path, such as {show_key(keys[0])}",
            where,
            "give an expression that is found in the paths below the source",
        )
    texts = (None if match is None else match[group] for match in found)
    return [os.fsencode(text) if text else None for text in texts]


def unmatched(names: Sequence[bytes | None], option: str, what: str) -> list[str]:
    """Return what is to be said of keys in which nothing was found."""
    n = sum(name is None for name in names)
    return [f"{option} does not match all paths: {images(n)} without {what}"] if n else []
