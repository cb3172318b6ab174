"""Edited copies of images, put where they leak, and how far what is found as the same is right.

Recall is counted by kind of edit. Precision is counted by what two images are said to be to each
other (the same pixels, mirrored, a cut …), over the pairs of each image of a group with the first
one: a pair is right where it was planted, or where a person looked at it and said so.
"""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageEnhance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}
RIGHT, WRONG = "the same picture", "other pictures"  # verdicts; any other: nobody could say


def _cropped(image: Image.Image, by_chance: np.random.Generator) -> Image.Image:
    """Return nine tenths of each side, at the picture's size."""
    width, height = image.size
    w, h = round(0.9 * width), round(0.9 * height)
    x, y = by_chance.integers(0, width - w + 1), by_chance.integers(0, height - h + 1)
    return image.crop((x, y, x + w, y + h)).resize((width, height), Image.Resampling.BICUBIC)


EDITS: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "saved as PNG": lambda image, _: image,
    "JPEG, quality 50": lambda image, _: image,
    "mirrored": lambda image, _: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "cropped to 90 %": _cropped,
    "brighter by 30 %": lambda image, _: ImageEnhance.Brightness(image).enhance(1.3),
    "half the size": lambda image, _: image.resize((image.width // 2, image.height // 2)),
    "gray": lambda image, _: image.convert("L").convert("RGB"),
}


def plant(data: Path, folder: Path, number: int, seed: int) -> dict[str, tuple[str, str]]:
    """Copy all images of `data` into `folder`, and add edited ones; return edited → (kind, of)."""
    images = sorted(p for p in data.rglob("*") if p.suffix.lower() in ENDINGS)
    for image in images:
        target = folder / image.relative_to(data)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(image, target)
    by_chance = np.random.default_rng(seed)
    train = [p for p in images if p.relative_to(data).parts[0] == "train"]
    planted = {}
    for i, at in enumerate(by_chance.permutation(len(train))[:number]):
        kind = list(EDITS)[i % len(EDITS)]
        image = Image.open(train[at]).convert("RGB")
        made = EDITS[kind](image, by_chance)
        name, options = f"planted{i}.png", {}
        if kind.startswith("JPEG"):
            name, options = f"planted{i}.jpg", {"quality": 50}
        target = folder / "test" / train[at].parent.name / name
        target.parent.mkdir(parents=True, exist_ok=True)
        made.save(target, **options)
        planted[str(target.relative_to(folder))] = (kind, str(train[at].relative_to(data)))
    return planted


@dataclass
class Way:
    """The pairs that are the same in one way: planted ones, and what a person said of others."""

    planted: int = 0
    said: Counter[str] = field(default_factory=Counter)

    @property
    def precision(self) -> float | None:
        """The share that is right, of what was planted or looked at; None of none."""
        n = self.planted + self.said.total() - self.said["not looked at"]
        return (self.planted + self.said[RIGHT]) / n if n else None


@dataclass
class Count:
    """What was found.

    Attributes
    ----------
    made, found : how many were planted, and found, by kind of edit
    as_what : what those that were found are said to be, by kind of edit
    ways : all pairs, by what they are said to be
    others : pairs that nobody planted: both keys, what they are said to be, what a person said
    """

    made: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    as_what: dict[str, Counter[str]] = field(default_factory=dict)
    ways: dict[str, Way] = field(default_factory=dict)
    others: list[tuple[str, str, str, str]] = field(default_factory=list)


def verdicts_of(file: Path, data: str) -> dict[frozenset[str], str]:
    """Return what a person said of pairs of images: of `docs/inspect-findings.csv`, by data set."""
    with file.open(newline="") as lines:
        return {
            frozenset((line["key"], line["beside"])): line["verdict"]
            for line in csv.DictReader(lines)
            if line["data"] == data and line["part"] == "same"
        }


def counted(
    groups: list[dict[str, Any]],
    planted: Mapping[str, tuple[str, str]],
    verdicts: Mapping[frozenset[str], str],
) -> Count:
    """Return what was found, of the `groups` that `inspect` reports under `same`."""
    count = Count(made=Counter(kind for kind, _ in planted.values()))
    group_of = {image["key"]: n for n, group in enumerate(groups) for image in group["images"]}
    for key, (kind, of) in planted.items():
        count.found[kind] += key in group_of and group_of[key] == group_of.get(of)
    for group in groups:
        first, *rest = group["images"]
        for image in rest:
            kinds = [planted[key][0] for key in (first["key"], image["key"]) if key in planted]
            one, other = (
                planted[key][1] if key in planted else key for key in (first["key"], image["key"])
            )
            what = image["same_as"]
            way = count.ways.setdefault(what, Way())
            if one == other:
                way.planted += 1
                for kind in kinds:
                    count.as_what.setdefault(kind, Counter())[what] += 1
                continue
            said = verdicts.get(frozenset((one, other)), "not looked at")
            way.said[said] += 1
            count.others.append((first["key"], image["key"], what, said))
    return count


def lines_of(count: Count) -> list[list[object]]:
    """Return two tables, one below the other: recall by edit, precision by what was said."""
    rows: list[list[object]] = [["edit", "found", "of", "recall", "said to be"]]
    for kind, made in count.made.items():
        words = ", ".join(f"{w} {n}" for w, n in count.as_what.get(kind, Counter()).most_common())
        rows.append([kind, count.found[kind], made, f"{count.found[kind] / made:.3f}", words])
    rows.append(["all", count.found.total(), count.made.total(), "", ""])
    rows.append(["said to be", "pairs", "planted", "precision", "of the others"])
    for what, way in sorted(count.ways.items()):
        words = ", ".join(f"{said} {n}" for said, n in way.said.most_common())
        share = "" if way.precision is None else f"{way.precision:.3f}"
        rows.append([what, way.planted + way.said.total(), way.planted, share, words])
    return rows
