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
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from bottleneck.data.split_words import (
    EVAL,
    MAY_BE,
    NO_LABELS,
    TEST,
    TRAIN,
    UNLABELLED,
    WORDS,
    evaluation,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_USUAL = (
    "set sets data dataset ds image images img imgs pic pics picture pictures photo photos split"
    " splits folder dir files sample samples subset part new final raw all full small mini tiny"
    " resized cropped augmented aug clean balanced jpg jpeg png the my for of original orig"
    " processed preprocessed v version x px sorted filtered fixed updated labeled labelled jpegs"
    " jpgs pngs"
)
_AROUND = frozenset(_USUAL.split())
_GLUED = re.compile(
    "(?:{around})*({words})(?:{around})*".format(
        around="|".join(sorted((w for w in _AROUND if len(w) > 1), key=len, reverse=True)),
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
    " bbox bboxes trimap trimaps"
)
_NO_PHOTOS = frozenset(_BESIDE_PHOTOS.split())
_MAY_BE_NO_PHOTOS = re.compile(rb"mask|annot|label|ground|gt|segm|bbox|trimap", re.IGNORECASE)
_OF_WHAT = "class object objects instance instances map maps truth ground tr ts"
_NO_PHOTOS_OF = frozenset(_OF_WHAT.split())

_THUMBNAILS = frozenset({b"thumbs", b"thumbnail", b"thumbnails", b"_thumb"})
_COPY = re.compile(
    r"(.+?)(?:[ _]?\(\d+\)|(?: -|_)? ?(?i:copy|kopie|kopia|copie|copia)(?: \d+| ?\(\d+\))?)"
    r"|(?i:copy of|kopie von|kopia|copie de|copia de) (.+)",
    re.DOTALL,
)
_MADE_FROM = re.compile(
    r"(.+?)[\W_]+(?i:masks?|seg|segmentations?|segmented|gt|labels?|annotations?|trimaps?|depth"
    r"|thumb(?:nail)?s?|aug|augmented|augmentations?|backup|bak|old|resized|cropped|crops"
    r"|\d+ ?x ?\d+|\d+px)",
    re.DOTALL,
)
_MARKS = re.compile(r"(?<=.)[\W_]+(?=.)", re.DOTALL)
_TO_LEARN = 5  # beside the numbers of `split_words`: images without labels that are no test
_CAPITALS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+")
_PIECES = re.compile(r"[^\W\d_]+")
_COUNTED = re.compile(
    r"(.*(?:part|batch|images?|imgs?|photos?|pictures|chunk|shard|fold|folder|subset|volume|vol|disk))"
    r"[\W_]*(?:\d+|[a-h])",
    re.IGNORECASE,
)


def split_named(name: bytes) -> int | None:
    """Return the split that a folder's name alone says, in usual words; None where it says none."""
    word, rest, _ = _read(name)
    return _certain(word) if not rest else None


def split_said(name: bytes) -> int | None:
    """Return the split of a folder that is known to be one, whatever words stand beside it."""
    return _certain(_read(name)[0])


def split_guessed(name: bytes) -> int | None:
    """Return the split that a folder may be, by a word that is no usual one; it has to be said."""
    bare = unicodedata.normalize("NFKD", os.fsdecode(name).casefold())
    words = re.findall(r"[^\W\d_]+", "".join(c for c in bare if not unicodedata.combining(c)))
    words = [word for word in words if word not in _AROUND]
    return MAY_BE.get(words[0]) if len(words) == 1 else None


def split_told(name: bytes) -> int | None:
    """Return the split of a folder that somebody said is one; also of one without labels."""
    word = _read(name)[0]
    return None if word is None else _as_split(word, {word})


def splits_of_level(names: Iterable[bytes]) -> dict[bytes, int] | None:
    """Return the split of each folder of one level; None where they are no splits, all of them."""
    read = {name: _read(name)[:2] for name in names}
    words = {word for word, _ in read.values()}
    if not read or None in words or words <= {UNLABELLED, _TO_LEARN}:
        return None
    rests = {rest for _, rest in read.values()}
    if rests != {()} and (len(rests) > 1 or len(words) == 1):
        return None
    return {name: _as_split(word, words) for name, (word, _) in read.items() if word is not None}


def is_unlabelled(name: bytes) -> bool:
    """Whether a folder beside splits, or in one, says that its images have no labels."""
    return _read(name)[2]


def is_unlabelled_class(name: bytes) -> bool:
    """Whether a folder beside classes can only be for images without a label: `unlabeled`."""
    word, rest, _ = _read(name)
    return word == _TO_LEARN and not rest


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
    why = parts(names)
    unlabelled = next((name for name in names if is_unlabelled(name)), None)
    if why is None and unlabelled is not None:
        return f"{os.fsdecode(unlabelled)} says that it has no labels"
    return why


def parts(names: Collection[bytes]) -> str | None:
    """Return why folders that are no level of splits seem to be of splits; None where they do not.

    `cat_train` beside `cat_test`, `cat_test` beside `cat`.
    """
    splits = {name: split_said(name) for name in names}
    if len({split for split in splits.values() if split is not None}) > 1:
        return "they name splits"
    plain = {_plain(name) for name in names}
    for name, split in splits.items():
        if split is not None and "".join(_read(name)[1]) in plain:
            return f"{os.fsdecode(name)} names a split of another one"
    return None


def is_odd_one(name: bytes, names: Collection[bytes]) -> bool:
    """Whether this is why `divides` says that these are no classes, and others are."""
    rest = "".join(_read(name)[1])
    return is_unlabelled(name) or (
        split_said(name) is not None and rest in {_plain(other) for other in names}
    )


def named_after(names: Collection[bytes]) -> dict[bytes, bytes]:
    """Return the folders that are named after another of these, and which: `cat (1)`, `cat_mask`.

    One alone is where the words behind are usual ones; any words are where most of the others
    have such a folder.
    """
    known: dict[bytes, bytes] = {}
    by_affix: dict[tuple[str, str], dict[bytes, bytes]] = {}
    spelled = {os.fsdecode(name).casefold(): name for name in names}
    for name in names:
        text = os.fsdecode(name)
        match = _COPY.fullmatch(text) or _MADE_FROM.fullmatch(text)
        of = spelled.get(next(filter(None, match.groups())).casefold()) if match else None
        if of is not None and of != name:
            known[name] = of
            continue
        for mark in _MARKS.finditer(text):
            before, after = text[: mark.start()], text[mark.end() :]
            for rest, affix in (
                (before, ("", text[mark.start() :])),
                (after, (text[: mark.end()], "")),
            ):
                of = spelled.get(rest.casefold())
                if of is not None and of != name:
                    by_affix.setdefault(affix, {})[name] = of
    for found in by_affix.values():
        if len(found) > 1 and 2 * len(found) >= len(names) - len(found):
            known |= found
    return dict(sorted(known.items()))


def holds_thumbnails(name: bytes) -> bool:
    """Whether a folder says that small copies of images are in it."""
    return name.strip(b"._@ ").lower() in _THUMBNAILS


def is_container(name: bytes) -> bool:
    """Whether a folder says only that images are in it, so that it is no class: `images`."""
    return _plain(name) in _CONTAINERS


def may_be_container(name: bytes) -> bool:
    """Whether a folder, being the only one, says only that images are in it: also `photos`."""
    return _plain(name) in _MORE_CONTAINERS


def holds_no_photos(name: bytes) -> bool:
    """Whether what lies in such a folder belongs to photos, but is none: `masks`."""
    if not _MAY_BE_NO_PHOTOS.search(name):  # folders are many
        return False
    if _plain(name) in _NO_PHOTOS:
        return True
    words = set(_words(name))
    known = _NO_PHOTOS | _NO_PHOTOS_OF | _AROUND | WORDS.keys()
    return not words.isdisjoint(_NO_PHOTOS) and words <= known


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
    return TEST if word == EVAL else None if word in (UNLABELLED, _TO_LEARN) else word


def _as_split(word: int, words: Collection[int | None]) -> int:
    """Return the split that a word means beside these."""
    if word == EVAL:
        return evaluation(words)
    return {UNLABELLED: TEST, _TO_LEARN: TRAIN}.get(word, word)


def _words(name: bytes) -> list[str]:
    """Return the words of a name in small letters."""
    pieces = _PIECES.findall(os.fsdecode(name))
    return [w.lower() for piece in pieces for w in _CAPITALS.findall(piece)]


@lru_cache(maxsize=65_536)
def _read(name: bytes) -> tuple[int | None, tuple[str, ...], bool]:
    """Return the one word of a split in a name, the unusual words beside it, and if it has labels.

    A word for images without labels counts as the split where there is no other.
    """
    words: set[int] = set()
    to_predict: list[str] = []
    rest: list[str] = []
    for piece in _PIECES.findall(os.fsdecode(name)):
        whole = _GLUED.fullmatch(piece.lower())
        for part in [piece] if whole else _CAPITALS.findall(piece):
            found = _GLUED.fullmatch(part.lower())
            if found:
                words.add(_TO_LEARN if found[1] in NO_LABELS else WORDS[found[1]])
                to_predict += [part.lower()] if WORDS[found[1]] == UNLABELLED else []
            elif part.lower() not in _AROUND:
                rest.append(part.lower())
    is_bare = _TO_LEARN in words or words == {UNLABELLED}
    if UNLABELLED in words and not is_bare:  # yield_prediction_train
        words.remove(UNLABELLED)
        rest += to_predict
    words = words - {_TO_LEARN} or words
    return (min(words) if len(words) == 1 else None), tuple(rest), is_bare
