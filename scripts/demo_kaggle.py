"""Make a competition as Kaggle has them: python scripts/demo_kaggle.py FOLDER.

train.csv says the class of each image by an id without ending; the images are train/ID.jpg. Those
of test/ have no label and are listed in test.csv; sample_submission.csv says in which order they
are asked for. The answers, which a competition keeps to itself, are in solution.csv.
"""

import argparse
import csv
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

DESCRIPTION = argparse.RawDescriptionHelpFormatter
TRAIN, TEST, SIZE = 200, 60, 96
CLASSES = ("beetle", "ladybird", "spider")


def picture(rng: np.random.Generator, kind: str) -> Image.Image:
    """Return a picture of a small animal on a leaf."""
    ground = rng.integers(90, 150, (SIZE, SIZE, 3), np.uint8)
    ground[..., 1] += 60
    image = Image.fromarray(ground).filter(ImageFilter.GaussianBlur(3))
    draw = ImageDraw.Draw(image)
    x, y = rng.integers(30, SIZE - 30, 2)
    r = int(rng.integers(12, 20))
    colour = {"beetle": (30, 40, 70), "ladybird": (200, 40, 30), "spider": (60, 40, 30)}[kind]
    for side in (-1, 1) if kind == "spider" else ():
        for leg in range(-2, 3):
            draw.line([(x, y), (x + side * 2 * r, y + leg * r // 2)], fill=colour, width=2)
    r = r // 2 if kind == "spider" else r
    draw.ellipse((x - r, y - r * 0.8, x + r, y + r * 0.8), fill=colour)
    for _ in range(6 if kind == "ladybird" else 0):
        dx, dy = rng.integers(-r // 2, r // 2, 2)
        draw.ellipse((x + dx - 2, y + dy - 2, x + dx + 2, y + dy + 2), fill=(20, 20, 20))
    return image


def write_table(path: Path, *rows: tuple[str, ...]) -> None:
    """Write a table; the first row is its header."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=DESCRIPTION)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="Where it is made.")
    folder = parser.parse_args().folder
    rng = np.random.default_rng(0)
    rows: list[tuple[str, str]] = []
    for number in range(TRAIN + TEST):
        name = f"{rng.integers(2**40):010x}"
        kind = CLASSES[number % len(CLASSES)]
        path = folder / ("train" if number < TRAIN else "test") / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(rng, kind).save(path, quality=90)
        rows.append((name, kind))
    asked = [rows[at] for at in TRAIN + rng.permutation(TEST)]
    header = ("id", "label")
    write_table(folder / "train.csv", header, *rows[:TRAIN])
    write_table(folder / "test.csv", ("id",), *((name,) for name, _ in rows[TRAIN:]))
    sample = [(name, CLASSES[0]) for name, _ in asked]
    write_table(folder / "sample_submission.csv", header, *sample)
    write_table(folder / "solution.csv", header, *asked)
