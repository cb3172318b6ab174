"""Make bottleneck/data/digits.npz from scikit-learn's `load_digits`; its bytes are reproducible.

python scripts/make_digits.py [FILE]
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

TARGET = Path(__file__).parent.parent / "bottleneck" / "data" / "digits.npz"
TRAIN, TEST = 0, 2
EVERY = 5


def columns() -> dict[str, np.ndarray]:
    """Return images (1797, 8, 8) uint8 0..255, labels and splits (1797,) uint8."""
    digits = load_digits()
    levels = digits.images.astype(np.int64)  # 0..16
    labels = digits.target.astype(np.uint8)
    splits = np.full(len(labels), TRAIN, np.uint8)
    for label in range(10):
        splits[np.flatnonzero(labels == label)[EVERY - 1 :: EVERY]] = TEST
    return {
        "images": ((levels * 255 + 8) // 16).astype(np.uint8),
        "labels": labels,
        "splits": splits,
    }


def main() -> None:
    """Write the file."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    np.savez(target, **columns())  # not compressed: no zlib version shows in the bytes
    print(f"{target}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
