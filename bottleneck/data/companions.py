"""Images that belong to another one by their names, and are no photos: `cat_mask.png` of `cat.png`.

A file's name says so where it is the name of another image in the same folder, with one of the
usual words behind it or before it; the other one may say that it is the photo (`img_1.jpg` of
`mask_1.png`, `7_sat.jpg` of `7_mask.png`). Few of them among many are photos that happen to be
called so.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bottleneck.core.sample import show_key
from bottleneck.data.patterns import make_patterns
from bottleneck.data.reading_of_paths import Choice

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

WORDS = (
    "masks?|segmentations?|segmented|segm?|gt|ground[ _-]?truth|labels?|labelids|labeltrainids"
    "|annotations?|annot?|trimaps?|matte|thumb(?:nail)?s?|depth|heatmap|overlay|bbox(?:es)?"
    "|instance(?:id)?s?|normals?|disparity|saliency"
)
_PHOTO = ("image", "img", "im", "photo", "rgb", "sat", "raw", "color", "x")
_SHARE = 100  # one image in so many may be called so
_MOST_PATTERNS = 4
_RUNS, _RUN = 1000, 16  # of keys that follow each other: so many are looked at before all are
# A quick look at all names, and then what is said of those that it finds.
_BEFORE = WORDS.replace("|normals?", "")  # `normal_1.png` is a photo of a healthy lung
_MAY_BE = re.compile(
    rf"(?i:{WORDS})[ _.-]?\d*\.\w+\Z|(?:\A|/)(?i:{_BEFORE})[ _.-]?[^/]*\Z".encode()
)
_SUFFIX = re.compile(
    rf"(?P<of>.+?)(?P<suffix>(?P<gap>[ _.-]+)(?i:{WORDS})(?:[ _.-]?\d+)?)\Z", re.DOTALL
)
_PREFIX = re.compile(rf"(?P<prefix>(?i:{_BEFORE})(?P<gap>[ _.-]+|(?=\d)))(?P<of>.+)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Companions:
    """Images that belong to others.

    Attributes
    ----------
    n : how many there are
    what : them, for a message
    choice : how they are left out
    folders : path and number of images of each folder, without them
    """

    n: int
    what: str
    choice: Choice
    folders: list[tuple[bytes, int]]


def companions(
    keys: Callable[[slice], Sequence[bytes]], folders: Sequence[tuple[bytes, int]]
) -> Companions | None:
    """Return the images that belong to others in their folder; None where they are few.

    Parameters
    ----------
    keys : gives a part of the keys of all images, in order
    folders : path and number of images, in the order of the keys
    """
    total = sum(n for _, n in folders)
    step = max(_RUN, total // _RUNS)
    if not any(_MAY_BE.search(key) for at in range(0, total, step) for key in keys(_run(at))):
        return None
    return _among(keys(slice(None)), folders)


def _run(at: int) -> slice:
    return slice(at, at + _RUN)


def _among(keys: Sequence[bytes], folders: Sequence[tuple[bytes, int]]) -> Companions | None:
    """Return what `companions` does, of all keys."""
    found = [key for key in keys if _MAY_BE.search(key)]
    stems = {key[: key.rfind(b".")].lower() for key in keys}
    patterns_of = {key: pattern for key in found if (pattern := _pattern(key, stems)) is not None}
    if len(patterns_of) * _SHARE <= len(keys):
        return None
    choice = Choice(exclude=_patterns({*patterns_of.values()}))
    patterns = make_patterns((), choice.exclude)
    kept, at = [], 0
    for path, n in folders:
        left = sum(map(patterns.keeps, keys[at : at + n]))
        kept += [(path, left)] if left else []
        at += n
    first = next(iter(patterns_of))
    n = len(patterns_of)
    what = (
        f"{n:,} of {len(keys):,} images are no photos by their names, but belong to one beside "
        f"them ({show_key(first)}{', …' if n > 1 else ''})"
    )
    return Companions(n=n, what=what, choice=choice, folders=kept)


def _pattern(key: bytes, stems: Collection[bytes]) -> str | None:
    """Return the pattern of names such as this one, where it belongs to an image among `stems`."""
    folder, _, name = os.fsdecode(key).rpartition("/")
    stem, dot, ending = name.rpartition(".")
    before = f"{folder}/" if folder else ""

    def is_there(*names: str) -> bool:
        return any(os.fsencode(f"{before}{name}".lower()) in stems for name in names)

    behind = _SUFFIX.fullmatch(stem)
    if behind:
        of, gap = behind["of"], behind["gap"]
        if is_there(of, *(f"{of}{gap}{word}" for word in _PHOTO)):
            return f"*{behind['suffix']}{dot}{ending}"
    in_front = _PREFIX.fullmatch(stem)
    if in_front:
        of, gap = in_front["of"], in_front["gap"]
        if is_there(of, *(f"{word}{gap}{of}" for word in _PHOTO)):
            return f"{in_front['prefix']}*"
    return None


def _patterns(found: set[str]) -> tuple[str, ...]:
    """Return patterns; of many that differ in numbers, one for all."""
    if len(found) > _MOST_PATTERNS:
        found = {re.sub(r"\d+(?=\.\w+\Z)", "*", pattern) for pattern in found}
    return tuple(sorted(found))
