"""What the names of folders are known to mean: a split, a mere container, no photos at all.

A name is cut into words at blanks, underscores, digits and capital letters (`seg_train`,
`TestSet`, `train2017`). It is named like a split when exactly one of its words is one, and the
others are words that usually stand around it (set, data, images …). Other words may stand there
where all folders of one level share them: `seg_train` beside `seg_test`, but not `bullet_train`
beside `bus`.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from bottleneck.data.split_words import EVAL, TEST, TRAIN, UNLABELLED, VAL, WORDS, evaluation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_USUAL = (
    "set sets data dataset ds image images img imgs pic pics picture pictures photo photos split"
    " splits folder dir files sample samples subset part new final raw all full small mini tiny"
    " resized cropped augmented aug clean balanced jpg jpeg png the my for of original orig"
    " processed preprocessed"
)
_AROUND = frozenset(_USUAL.split())
_GLUED = re.compile(
    "(?:{around})*({words})(?:{around})*".format(
        around="|".join(sorted(_AROUND, key=len, reverse=True)),
        words="|".join(sorted(WORDS, key=len, reverse=True)),
    )
)
_HOLD_IMAGES = "images image imgs img jpg jpeg jpegs png pngs jpegimages pngimages data files"
_CONTAINERS = frozenset(_HOLD_IMAGES.split())
# These may be classes where others stand beside them, such as drawings.
_MORE_NAMES = "photos photo pics pictures raw frames all dataset full"
_MORE_CONTAINERS = _CONTAINERS | frozenset(_MORE_NAMES.split())
_BESIDE_PHOTOS = (
    "mask masks annotation annotations label labels groundtruth gt segmentation segmentations"
    " bbox bboxes"
)
_NO_PHOTOS = frozenset(_BESIDE_PHOTOS.split())


_COUNTED = re.compile(
    r"(.*(?:part|batch|images?|imgs?|photos?|pictures|chunk|shard|fold|folder|subset|volume|vol|disk))"
    r"[\W_]*(?:\d+|[a-h])",
    re.IGNORECASE,
)


def split_named(name: bytes) -> int | None:
    """Return the split that a folder's name alone says, in usual words; None where it says none."""
    word, rest = _read(name)
    return _certain(word) if not rest else None


def split_said(name: bytes) -> int | None:
    """Return the split of a folder that is known to be one, whatever words stand beside it."""
    return _certain(_read(name)[0])


def splits_of_level(names: Iterable[bytes]) -> dict[bytes, int] | None:
    """Return the split of each folder of one level; None where they are no splits, all of them."""
    read = {name: _read(name) for name in names}
    words = {word for word, _ in read.values()}
    if not read or None in words or words == {UNLABELLED}:
        return None
    rests = {rest for _, rest in read.values()}
    if rests != {()} and (len(rests) > 1 or len(words) == 1):
        return None
    otherwise = evaluation(words)
    return {
        name: word if word in (TRAIN, VAL, TEST) else otherwise if word == EVAL else TEST
        for name, (word, _) in read.items()
        if word is not None
    }


def divides(names: Collection[bytes]) -> str | None:
    """Return why folders seem to divide files and to be no classes; None where they do not.

    `images_1` beside `images_2`, `trainA` beside `testA`, `cat_test` beside `cat`, `unlabeled`.
    """
    if len(names) < 2:
        return None
    texts = [os.fsdecode(name) for name in names]
    stems = {match[1].casefold() if (match := _COUNTED.fullmatch(t)) else None for t in texts}
    if len(stems) == 1 and None not in stems:
        return "they are one name with a number"
    splits = {name: split_said(name) for name in names}
    if len({split for split in splits.values() if split is not None}) > 1:
        return "they name splits"
    plain = {_plain(name) for name in names}
    for name, split in splits.items():
        if split is not None and "".join(_read(name)[1]) in plain:
            return f"{os.fsdecode(name)} names a split of another one"
    predicted = next((name for name in names if is_to_predict(name)), None)
    if predicted is not None:
        return f"{os.fsdecode(predicted)} says that it has no labels"
    return None


def is_to_predict(name: bytes) -> bool:
    """Whether a folder beside splits is for images without a label, such as `seg_pred`."""
    return _read(name)[0] == UNLABELLED


def is_container(name: bytes) -> bool:
    """Whether a folder says only that images are in it, so that it is no class: `images`."""
    return _plain(name) in _CONTAINERS


def may_be_container(name: bytes) -> bool:
    """Whether a folder, being the only one, says only that images are in it: also `photos`."""
    return _plain(name) in _MORE_CONTAINERS


def holds_no_photos(name: bytes) -> bool:
    """Whether what lies in such a folder belongs to photos, but is none: `masks`."""
    return _plain(name) in _NO_PHOTOS


def repeats(name: bytes, above: bytes) -> bool:
    """Whether a folder in another one has its name again, or means the same split."""
    if _plain(name) == _plain(above):
        return True
    return split_said(name) is not None and split_said(name) == split_said(above)


def _plain(name: bytes) -> str:
    text = os.fsdecode(name).casefold()
    return "".join(c for c in text if c.isalnum()) or text


def _certain(word: int | None) -> int | None:
    """Return a split by itself: `eval` is the test split there, and `pred` is none."""
    return TEST if word == EVAL else None if word == UNLABELLED else word


@lru_cache(maxsize=4096)
def _read(name: bytes) -> tuple[int | None, tuple[str, ...]]:
    """Return the one word of a split in a name, and the unusual words beside it."""
    words: list[int] = []
    rest: list[str] = []
    for piece in re.findall(r"[^\W\d_]+", os.fsdecode(name)):
        whole = _GLUED.fullmatch(piece.lower())
        parts = [piece] if whole else re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+", piece)
        for part in parts:
            found = _GLUED.fullmatch(part.lower())
            if found:
                words.append(WORDS[found[1]])
            elif part.lower() not in _AROUND:
                rest.append(part.lower())
    return (words[0] if len(set(words)) == 1 else None), tuple(rest)
