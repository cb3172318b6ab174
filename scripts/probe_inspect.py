"""Looking into the data: how much of what was planted is found, and what else.

    python scripts/probe_inspect.py same cifar10/ --backbone mobilenetv2 --size 139
    python scripts/probe_inspect.py labels --cache cache/mobilenetv2
    python scripts/probe_inspect.py next --cache cache/mobilenetv2
    python scripts/probe_inspect.py scale --rows 60000 --width 1280

`same` copies a folder of train/ and test/ with class folders, edits --plant of the training images
in seven ways, puts what comes out into test/, extracts, and counts how many of each kind are found.
`labels` flips labels of a store's images, and compares the order of the disputed ones with that of
cleanlab, on the same probabilities, where it is installed (--cleanlab PYTHON names another Python
that has it: pip install cleanlab[datalab]). `next` spends labels on images that are proposed, and
on others drawn by lot. `scale` takes rows that are made up.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageEnhance

if TYPE_CHECKING:
    from collections.abc import Callable

ENDINGS = {".jpg", ".jpeg", ".png"}


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
