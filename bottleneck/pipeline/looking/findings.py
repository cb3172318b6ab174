"""What was found, as plain values for reports: keys and class names in place of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.sample import SPLITS, show_key
from bottleneck.core.text import printable
from bottleneck.pipeline.looking.glances import MEASURES, Pictures, pixels_of
from bottleneck.pipeline.looking.groups import around
from bottleneck.pipeline.looking.outliers import FAR, FAR_FROM, PIXEL_KINDS, farness, pixel_kinds
from bottleneck.pipeline.looking.same import HOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bottleneck.pipeline.looking.glances import Glances
    from bottleneck.pipeline.looking.images import Images
    from bottleneck.pipeline.looking.neighbours import Neighbours
    from bottleneck.pipeline.looking.opinions import Opinions
    from bottleneck.pipeline.looking.same import Pairs

OTHERS = 1 << SPLITS.index("val") | 1 << SPLITS.index("test")
NEIGHBOURS_SHOWN = 4  # of either class
SAME_PIXELS = 0.999  # of cosine and likeness: below it, pixels are not compared one by one
KINDS = {
    "bytes": "the same bytes",
    "pixels": "the same pixels in another file",
    "whole": "saved anew, resized, or of another brightness",
    "mirrored": "mirrored",
    "cut": "a cut",
    "mirrored and cut": "a mirrored cut",
    "rows": "nearly the same features",
}


def groups_of(
    images: Images, pairs: Pairs, pictures: Pictures | None
) -> tuple[list[dict[str, Any]], NDArray[np.bool_]]:
    """Return the groups of samples that show the same, and which images (u,) leaked.

    Each group has `images`, the first the one that the others are like: `key split class same_as`
    (one of KINDS; "" of the first) and `likeness`; and `splits`, `is_leak`, `classes`. Leaks come
    first, then groups of several classes, then the largest. An image leaked where it is validated
    or tested, and one of its group is in the training split.
    """
    group = around(len(images), pairs.pairs, pairs.likeness)
    found = {tuple(pair): i for i, pair in enumerate(pairs.pairs.tolist())}
    n_samples = np.bincount(images.number, minlength=len(images))
    by_image = np.argsort(images.number, kind="stable")
    starts = np.concatenate([[0], np.cumsum(n_samples)])
    members: dict[int, list[int]] = {}
    for image in np.flatnonzero((n_samples > 1) | (group != np.arange(len(images)))).tolist():
        members.setdefault(int(group[image]), []).append(image)
    listed: list[dict[str, Any]] = []
    leaked = np.zeros(len(images), bool)
    for lead, others in members.items():
        entries: list[dict[str, Any]] = []
        for image in [lead, *(i for i in others if i != lead)]:
            pair = found.get((min(lead, image), max(lead, image)))
            how, like = ("", 1.0) if pair is None else _how(images, pairs, pair, pictures)
            samples = images.at[by_image[starts[image] : starts[image + 1]]]
            entries += _of_samples(images, samples, how, like, is_lead=image == lead)
        splits = [split for split in SPLITS if any(e["split"] == split for e in entries)]
        is_leak = "train" in splits and len(splits) > 1
        if is_leak:
            leaked[[i for i in (lead, *others) if images.splits[i] & OTHERS]] = True
        classes = sorted({e["class"] for e in entries if e["class"] is not None})
        listed.append({"images": entries, "splits": splits, "is_leak": is_leak, "classes": classes})
    listed.sort(key=lambda g: (not g["is_leak"], len(g["classes"]) < 2, -len(g["images"])))
    return listed, leaked


def _of_samples(
    images: Images, samples: NDArray[np.int64], how: str, like: float, *, is_lead: bool
) -> list[dict[str, Any]]:
    """Return the entries of all samples of one image."""
    known = images.samples
    return [
        {
            "key": show_key(bytes(known.keys[at])),
            "split": SPLITS[int(known.splits[at])],
            "class": known.classes[known.labels[at]] if known.labels[at] >= 0 else None,
            "same_as": how if not is_lead else ("bytes" if n else ""),
            "likeness": round(like, 4),
        }
        for n, at in enumerate(samples.tolist())
    ]


def _how(images: Images, pairs: Pairs, pair: int, pictures: Pictures | None) -> tuple[str, float]:
    """Return how two images are the same, and how alike they are."""
    how, like = HOW[pairs.how[pair]], float(pairs.likeness[pair])
    may_be_equal = how == "whole" and min(like, float(pairs.cosines[pair])) > SAME_PIXELS
    if may_be_equal and pictures is not None:
        one, other = (pixels_of(pictures, int(i)) for i in pairs.pairs[pair])
        if one is not None and one == other:
            how = "pixels"
    return how, like


def n_leaks(groups: Sequence[dict[str, Any]]) -> int:
    """Return how many samples of other splits show what a training sample shows."""
    others = [[e for e in g["images"] if e["split"] != "train"] for g in groups if g["is_leak"]]
    return sum(map(len, others))


def counts_of(groups: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Return how many samples are the same as the first of their group, by KINDS."""
    found = dict.fromkeys(KINDS, 0)
    for group in groups:
        for entry in group["images"]:
            if entry["same_as"]:
                found[entry["same_as"]] += 1
    return found


def cut_groups_of(images: Images) -> list[dict[str, Any]]:
    """Return the groups of the source that are in several splits, by name.

    Each has its `group` and how many samples are in which of the `splits`.
    """
    samples, at = images.samples, images.at
    if samples.groups is None:
        return []
    counts = np.zeros((len(samples.groups.names) + 1, len(SPLITS)), np.int64)
    np.add.at(counts, (samples.groups.numbers[at], samples.splits[at]), 1)  # -1 is the last: none
    return [
        {
            "group": printable(samples.groups.names[i]),
            "splits": {split: n for split, n in zip(SPLITS, counts[i].tolist(), strict=True) if n},
        }
        for i in np.flatnonzero((counts[:-1] > 0).sum(axis=1) > 1).tolist()
    ]


def outliers_of(images: Images, near: Neighbours, seen: Glances) -> dict[str, Any]:
    """Return what lies far from everything, and what is odd by its pixels."""
    distance, deviations = farness(near.cosines[:, :FAR_FROM], images.labels)
    far = np.flatnonzero((deviations > FAR) & ~images.settled)
    far = far[np.argsort(-deviations[far], kind="stable")]
    kinds = np.zeros((len(images), len(PIXEL_KINDS)), bool)
    at = np.flatnonzero(seen.found)
    entries = seen.entries[at]
    kinds[at] = pixel_kinds({name: entries[name] for name in MEASURES})
    odd = np.flatnonzero(kinds.any(axis=1) & ~images.settled)
    return {
        "far": [
            {
                **images.shown(int(i)),
                "distance": round(float(distance[i]), 4),
                "deviations": round(float(deviations[i]), 2),
            }
            for i in far
        ],
        "odd": [
            {
                **images.shown(int(i)),
                "kinds": [k for k, is_one in zip(PIXEL_KINDS, kinds[i], strict=True) if is_one],
                **{name: round(float(seen.entries[name][i]), 4) for name in MEASURES},
            }
            for i in odd
        ],
        "looked_at": len(at),
    }


def disputed_of(images: Images, near: Neighbours, opinions: Opinions) -> dict[str, Any]:
    """Return the labels that are disputed, the likeliest wrong first, and what cannot be judged.

    Each has `key split class proposed score given` (the head's probability of the label),
    `probability` (of the proposed class), and `neighbours`: the nearest images of either class.
    What a person has decided is not listed again; `settled` says how many of those there are.
    """
    names, found = images.samples.classes, opinions.judged
    order = np.argsort(found.score, kind="stable")
    disputed = []
    is_settled = images.settled[opinions.at]
    for i in order[(found.is_disputed & ~is_settled)[order]].tolist():
        image, proposed = int(opinions.at[i]), int(found.proposed[i])
        disputed.append(
            {
                **images.shown(image),
                "proposed": names[proposed],
                "score": round(float(found.score[i]), 4),
                "given": round(float(opinions.head[i, images.labels[image]]), 4),
                "probability": round(float(opinions.head[i, proposed]), 4),
                "neighbours": _neighbours(images, near, image, proposed),
            }
        )
    numbers = np.flatnonzero(images.conflicting)
    keys = images.samples.keys
    return {
        "disputed": disputed,
        "judged": len(opinions.at),
        "settled": int((found.is_disputed & is_settled).sum()),
        "conflicting": [
            {
                "keys": [show_key(bytes(keys[at])) for at in images.at[images.number == image]],
                "classes": sorted(
                    {
                        names[label]
                        for label in images.samples.labels[images.at[images.number == image]]
                        if label >= 0
                    }
                ),
            }
            for image in numbers.tolist()
        ],
        "too_small": [names[i] for i in opinions.too_small],
    }


def _neighbours(
    images: Images, near: Neighbours, image: int, proposed: int
) -> list[dict[str, Any]]:
    """Return the nearest neighbours of an image that have its label, or the proposed one."""
    found = []
    for label in (images.labels[image], proposed):
        at = np.flatnonzero(images.labels[near.which[image]] == label)[:NEIGHBOURS_SHOWN]
        found += [
            {
                **images.shown(int(near.which[image, i])),
                "cosine": round(float(near.cosines[image, i]), 4),
            }
            for i in at
        ]
    return found
