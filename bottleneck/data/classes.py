"""Class names that are one for a person: refused or joined; and classes without training.

Names are one when they differ in case, in Unicode form (`é` as one character or as two), in blanks
around them, or in what cannot be seen: `Cat` in train and `cat` in test would be trained as two
classes. So would `hot_dog` and `hot dog`. Of the letter I, the case of Turkish counts as well.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.errors import DataError
from bottleneck.core.sample import NO_LABEL, SPLITS, show_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST = 5
_GAP = re.compile(r"(?<=\w)_+(?=\w)")


def joined(
    names: Sequence[bytes | None], counts: Sequence[int], *, join: bool, where: str
) -> tuple[dict[bytes, bytes], tuple[str, ...]]:
    """Return how each class name is spelled from now on, and what is to be said of that.

    The spelling with the most images stands for all of them; of equally many, the first one.

    Parameters
    ----------
    names, counts : class names, and how many images each entry stands for

    Raises
    ------
    DataError
        When two names are one for a person, and `join` is not said.
    """
    total: Counter[bytes] = Counter()
    for name, n in zip(names, counts, strict=True):
        if name is not None:
            total[name] += n
    several = [found for found in _for_a_person(sorted(total)) if len(found) > 1]
    if several and not join:
        pairs = "; ".join(_pair(found, total) for found in several[:MOST])
        more = f"; and {len(several) - MOST} more" if len(several) > MOST else ""
        raise DataError(
            f"classes that are one for a person: {pairs}{more}",
            where,
            "spell each class in one way, or make them one with --join-classes",
        )
    spelled = {name: name for name in total}
    notes = []
    for found in several:
        winner = max(found, key=lambda name: (total[name], [-byte for byte in name]))
        spelled |= dict.fromkeys(found, winner)
        notes.append(f"{_pair(found, total)}: one class, {show_key(winner)}")
    return spelled, tuple(notes)


def joined_texts(
    texts: Sequence[str], *, join: bool, where: str
) -> tuple[list[str], tuple[str, ...]]:
    """Return labels of images ("" is none) with one spelling of each class, and what is to be said.

    Raises
    ------
    DataError
        As `joined` does.
    """
    counts = Counter(texts)
    counts.pop("", None)
    names = {text: text.encode("utf-8", "surrogateescape") for text in counts}
    spelled, notes = joined([*names.values()], [*counts.values()], join=join, where=where)
    as_text = {t: spelled[name].decode("utf-8", "surrogateescape") for t, name in names.items()}
    return [as_text.get(text, "") for text in texts], notes


def number(names: Sequence[bytes | None], where: str) -> tuple[list[int], tuple[str, ...]]:
    """Return the number of each name, -1 of None, and the names for people, sorted.

    Raises
    ------
    DataError
        When two names look alike.
    """
    found = sorted({name for name in names if name is not None})
    classes = tuple(show_key(name) for name in found)
    if len(set(classes)) < len(classes):
        raise DataError("two class folders are spelled alike", where, "rename one")
    at: dict[bytes | None, int] = {name: i for i, name in enumerate(found)}
    at[None] = NO_LABEL
    return [at[name] for name in names], classes


def untrained(
    labels: NDArray[np.int32], splits: NDArray[np.uint8], classes: Sequence[str]
) -> tuple[str, ...]:
    """Return what is to be said of classes that another split has, and train has not."""
    labelled = labels != NO_LABEL
    trained = np.zeros(len(classes), bool)
    trained[labels[labelled & (splits == 0)]] = True
    if not trained.any():
        return ()
    said = []
    for split in (1, 2):
        there = np.zeros(len(classes), bool)
        there[labels[labelled & (splits == split)]] = True
        missing = [classes[i] for i in np.flatnonzero(there & ~trained).tolist()]
        if missing:
            listed = ", ".join(missing[:MOST]) + (", …" if len(missing) > MOST else "")
            kinds = "class" if len(missing) == 1 else "classes"
            verb = "is" if len(missing) == 1 else "are"
            said.append(f"{kinds} {listed} {verb} in {SPLITS[split]} and not in train")
    return tuple(said)


def _for_a_person(names: Sequence[bytes]) -> list[list[bytes]]:
    """Return the names that are one, together; all in the order in which they come."""
    groups: list[list[bytes]] = []
    group_of: dict[str, list[bytes]] = {}
    for name in names:
        text = _seen(name)
        folded = [
            _folded(text),
            "tr " + _folded(text.replace("I", "\u0131").replace("\u0130", "i")),
        ]
        known = [group_of[each] for each in folded if each in group_of]
        group = known[0] if known else []
        if not known:
            groups.append(group)
        group.append(name)
        group_of |= dict.fromkeys(folded, group)
    return groups


def _seen(name: bytes) -> str:
    """Return what can be seen of a name, with one blank for each gap."""
    text = unicodedata.normalize("NFC", os.fsdecode(name))
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    return " ".join(_GAP.sub(" ", text).split())


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())


def _pair(names: Sequence[bytes], total: Counter[bytes]) -> str:
    """Return names that are one, each with its number of images, and how they differ."""
    texts = [os.fsdecode(name) for name in names]
    composed = {unicodedata.normalize("NFC", text) for text in texts}
    seen = {_seen(name) for name in names}
    stripped = {text.strip() for text in composed}
    is_plain = len(composed) == len(texts) == len(stripped) == len({*map(_shown, texts)})
    spelled = [
        show_key(name) if is_plain else ascii(t) for name, t in zip(names, texts, strict=True)
    ]
    how = [
        ("case", len(seen) > 1),
        ("Unicode form", len(composed) < len(set(texts))),
        ("blanks around them", len(stripped) < len(composed)),
        ("blanks, underscores or what cannot be seen", len(seen) < len(stripped)),
    ]
    listed = " and ".join(f"{s} ({total[name]})" for s, name in zip(spelled, names, strict=True))
    return f"{listed} differ in {' and '.join(word for word, differs in how if differs)}"


def _shown(text: str) -> str:
    """Return what is left of a text on a screen."""
    return "".join(c for c in text if unicodedata.category(c) != "Cf")
