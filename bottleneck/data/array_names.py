"""Which array of an .npz holds images, labels, groups, by the names that people give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bottleneck.core.errors import DataError
from bottleneck.core.sample import SPLITS
from bottleneck.core.text import printable
from bottleneck.data.split_words import EVAL, evaluation, split_of_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Roles = dict[tuple[str, str], str]  # ("x", "y" or "groups", split or "") → name

ADVICE = "save x_train, y_train, x_test, y_test or x, y with np.savez"
_IMAGES = {"x", "images", "image", "imgs", "img", "data", "pixels"}
_LABELS = {"y", "labels", "label", "targets", "target"}
_GROUPS = {"groups", "group"}
NAMES = ("target_names", "label_names")  # of the columns of y
_BY_NUMBER = {"arr_0": "x", "arr_1": "y"}  # np.savez of arrays without names


def roles(names: Sequence[str], where: str) -> Roles:
    """Return the array's name for each role and split; the split is "" where none is said.

    `x_train` and `y_train` are also called `train_images` and `train_labels`, and `x` and `y`
    `images` and `labels`, or `arr_0` and `arr_1`. `groups` may stand beside them.

    Raises
    ------
    DataError
        When there are no images, two arrays may be the same ones, there are images both with a
        split and without, or labels without images.
    """
    number: dict[str, int] = {}
    found: dict[tuple[str, str], list[str]] = {}
    read = {name: _read(name) for name in names}
    for name, (role, word) in read.items():
        of_word = split_of_word(word) if word else None
        if role and (of_word is not None or not word):
            number[name] = -1 if of_word is None else of_word
    other = evaluation([*number.values()])
    for name, n in number.items():
        split = "" if n < 0 else SPLITS[other if n == EVAL else n]
        found.setdefault((read[name][0], split), []).append(name)
    if not found and {*names} <= {*_BY_NUMBER}:
        found = {(_BY_NUMBER[name], ""): [name] for name in names}
    chosen = {role: _one(each, role, where) for role, each in found.items()}
    has_splits = any(split for role, split in chosen if role == "x")
    if has_splits and chosen.get(("x", "")) != "x":  # beside x_train, `images` are something else
        chosen = {(role, split): name for (role, split), name in chosen.items() if split}
    if has_splits == (("x", "") in chosen):
        there = printable(", ".join(names)[:80])
        raise DataError(f"neither x nor x_train alone (there are: {there})", where, ADVICE)
    for role, split in chosen:
        if role != "x" and ("x", split) not in chosen and (split or not has_splits):
            raise DataError(f"{_ours(role, split)} without {_ours('x', split)}", where, ADVICE)
    return chosen


def names_note(chosen: Mapping[tuple[str, str], str]) -> tuple[str, ...]:
    """Return what to say of arrays that have other names than ours."""
    said = [
        f"{printable(name)} is {_ours(*role)}"
        for role, name in sorted(chosen.items())
        if name != _ours(*role)
    ]
    return (", ".join(said),) if said else ()


def _read(name: str) -> tuple[str, str]:
    """Return "x", "y" or "groups" for a name, and the word besides; "" for others."""
    if name.lower() in NAMES:
        return "", ""
    first, _, second = name.lower().partition("_")
    for role, words in (("x", _IMAGES), ("y", _LABELS), ("groups", _GROUPS)):
        if first in words:
            return role, second
        if second in words:
            return role, first
    return "", ""


def _ours(role: str, split: str) -> str:
    """Return our name of an array: `x`, or `x_train`."""
    return f"{role}_{split}" if split else role


def _one(names: Sequence[str], role: tuple[str, str], where: str) -> str:
    """Return the one name; of several the one that is spelled as ours."""
    ours = _ours(*role)
    if len(names) == 1 or ours in names:
        return ours if ours in names else names[0]
    raise DataError(f"both {' and '.join(map(printable, names))} may be {ours}", where, ADVICE)
