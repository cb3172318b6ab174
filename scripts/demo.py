"""The whole thing in a minute: `make demo`, or `python scripts/demo.py [FOLDER]`.

Handwritten digits as picture files, a hundred of them with a label to learn from; the backbone that
ships inside the package; a linear head. Then ten pictures change. The commands are the ones that
anybody would type; this script only makes the pictures and explains.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

import bottleneck
from bottleneck.data.digits import FILE
from bottleneck.heads import linear
from bottleneck.heads.split import validation_mask
from bottleneck.heads.task import Task

LABELS = 10  # of each class to learn from; all others are the test
CHANGED = 10
DESCRIPTION = argparse.RawDescriptionHelpFormatter


def main() -> int:
    """Run the demo in a folder of its own; what an earlier one left there is deleted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=DESCRIPTION)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("demo"), metavar="FOLDER")
    folder = parser.parse_args().folder
    pictures, store = folder / "digits", folder / "store"
    for old in (pictures, store):
        shutil.rmtree(old, ignore_errors=True)
    started = time.monotonic()

    say(
        f"Pictures. 1,797 handwritten digits, 8 x 8 pixels each, as files in {pictures}:",
        f"{LABELS} of each class to learn from, all others to be tested on.",
    )
    write_pictures(pictures)

    extract = ("extract", "--data", pictures, "--backbone", "mini", "--cache", store)
    say(
        "Extract. A frozen network turns each picture into 384 numbers, once. It is `mini`, the",
        "backbone in the package: it has never seen a digit.",
    )
    run(*extract)

    say("Train. A linear head learns from 100 rows of the store; the network is not needed again.")
    run("train", "--cache", store, "--run", "first")
    pixels = accuracy_on_pixels(pictures, store)
    print(f"\nThe same head on the same 100 pictures' raw pixels: accuracy {pixels:.4f}")

    say(f"Ten pictures change. Which rows are still true? {CHANGED} are not, and that is seen:")
    change(pictures)
    run(*extract)

    say("And the head again, from the store as it is now.")
    run("train", "--cache", store, "--run", "second")
    drawn = store / "runs" / "second" / "confusion.png"
    if drawn.exists():
        print(f"\nWhich digit it takes for which: {drawn}")
    print(f"\nAll of it in {time.monotonic() - started:.0f} s.")
    return 0


def say(*lines: str) -> None:
    """Explain the next step."""
    print("", *(f"# {line}" for line in lines), sep="\n", flush=True)


def run(verb: str, *words: object) -> None:
    """Show a command and run it; stop where it stops."""
    print(f"$ python -m bottleneck.{verb} {' '.join(map(str, words))}", flush=True)
    command = [sys.executable, "-m", f"bottleneck.{verb}", *map(str, words)]
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def write_pictures(folder: Path) -> None:
    """Write train/CLASS/NUMBER.png and test/CLASS/NUMBER.png, gray."""
    with np.load(FILE, allow_pickle=False) as data:
        images, labels = data["images"], data["labels"]
    order = np.random.default_rng(0).permutation(len(images))
    learned = [number for c in range(10) for number in order[labels[order] == c][:LABELS]]
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        split = "train" if number in learned else "test"
        path = folder / split / str(label) / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


def accuracy_on_pixels(pictures: Path, store: Path) -> float:
    """Return the test accuracy of the same head on the pixels of the same pictures."""
    samples = bottleneck.open_store(store).samples()
    pixels = [np.asarray(Image.open(pictures / key.decode())).ravel() for key in samples.keys]
    split = samples.splits.copy()  # 0 train, 1 validation, 2 test
    split[(split == 0) & validation_mask(samples.digests, 0, 0.2)] = 1
    x = np.stack(pixels).astype(np.float32) / 255
    head = linear.fit(Task(rows=x, targets=samples.labels, split=split, n_outputs=10))
    right = head.predict(x[split == 2]).argmax(1) == samples.labels[split == 2]
    return float(right.mean())


def change(pictures: Path) -> None:
    """Move ten pictures by one pixel, as somebody with an image editor might."""
    for path in sorted(pictures.glob("train/*/*.png"))[::LABELS][:CHANGED]:
        with Image.open(path) as image:
            moved = np.roll(np.asarray(image), 1, axis=1)
        Image.fromarray(moved).save(path)


if __name__ == "__main__":
    sys.exit(main())
