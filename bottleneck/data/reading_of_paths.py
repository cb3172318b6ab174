"""What a layout makes of folders, and how it is refused: by the readings that there are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.sample import SPLITS, show_key
from bottleneck.data import template as templates
from bottleneck.data.folder_words import split_said, splits_of_level

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def by_template(folders: Sequence[tuple[bytes, int]], template: str, where: str) -> Reading:
    """Return what --layout makes of these folders.

    Raises
    ------
    DataError
        When a folder does not fit, or what should be a split is none.
    """
    pattern = templates.compiled(template)
    told = []
    for folder, _ in folders:
        found = templates.told(pattern, folder)
        if found is None:
            raise DataError(
                f"the images in {show_key(folder) or 'the folder itself'} do not lie as --layout "
                f"{template!r} says",
                where,
                f"give another template, or leave them out: {_exclude(folder)}",
            )
        told.append(found)
    names = sorted({one.split for one in told if one.split is not None})
    number: dict[bytes, int | None] = {name: split_said(name) for name in names}
    number |= splits_of_level(names) or {}
    for name, split in number.items():
        if split is None:
            raise DataError(
                f"--layout {template!r} makes {show_key(name)} a split, which is none of train, "
                "val and test by its name",
                where,
                "give another template, or leave it out with --exclude",
            )
    n_bare = sum(n for (_, n), one in zip(folders, told, strict=True) if one.label is None)
    is_short = "{class}" in template and n_bare
    return Reading(
        splits=[0 if one.split is None else int(number[one.split] or 0) for one in told],
        labels=[one.label for one in told],
        groups=[one.group for one in told],
        template=template,
        spelled={show_key(name): SPLITS[split or 0] for name, split in number.items()},
        notes=(f"{images(n_bare)} too high for a class and without a label",) if is_short else (),
    )


def refused(
    what: str,
    where: str,
    folders: Sequence[tuple[bytes, int]],
    ways: Sequence[str],
    leave_out: bytes | None = None,
) -> DataError:
    """Return the error for folders that can be meant in several ways, with these.

    Parameters
    ----------
    ways : templates of --layout; those that give no class here are not named
    leave_out : a folder (`a/b/`), or the name of some, without which they could be meant in one way
    """
    said = []
    for way in dict.fromkeys(ways):
        try:
            reading = by_template(folders, way, where)
        except DataError:
            continue
        if any(label is not None for label in reading.labels):
            said.append(f"--layout '{way}' ({outcome(reading, folders)})")
    if leave_out is not None:
        said.append(_exclude(leave_out))
    return DataError(what, where, "say which is meant: " + ", or ".join(said))


def outcome(reading: Reading, folders: Sequence[tuple[bytes, int]]) -> str:
    """Return what a reading gives, in a few words."""
    counts: Counter[str] = Counter()
    for (_, n), split in zip(folders, reading.splits, strict=True):
        counts[SPLITS[split]] += n
    splits = ", ".join(f"{split} {counts[split]}" for split in SPLITS if counts[split])
    classes = sorted({label for label in reading.labels if label is not None})
    kinds = f"{len(classes)} class{'' if len(classes) == 1 else 'es'}"
    return f"{splits}; {kinds}{': ' + listed(classes) if classes else ''}"


def listed(names: Sequence[bytes]) -> str:
    """Return names for a message, the first few of many."""
    return ", ".join(map(show_key, names[:MOST])) + (", …" if len(names) > MOST else "")


def images(n: int) -> str:
    """Return a number of images with its verb: `3 images are`."""
    return f"{n:,} image is" if n == 1 else f"{n:,} images are"


def _exclude(folder: bytes) -> str:
    """Return the option that leaves out a folder (`a/b/`), or all of a name (`masks`)."""
    pattern = templates.pattern_of(folder)
    return f"--exclude '{pattern if folder.endswith(b'/') else pattern.removesuffix('*')}'"
