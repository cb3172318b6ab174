"""Make 60 small pictures of two classes: python scripts/demo_photos.py FOLDER."""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder = parser.parse_args().folder
    rng = np.random.default_rng(0)
    for i in range(60):
        name, channel = ("red", 0) if i < 30 else ("blue", 2)
        pixels = rng.integers(0, 120, (32, 32, 3), np.uint8)
        pixels[..., channel] += 100
        path = folder / name / f"{i:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
