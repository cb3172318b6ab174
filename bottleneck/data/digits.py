"""The digits of UCI, in the package: 1,797 gray images of 8 x 8 pixels, ten classes.

E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, 1998, CC BY 4.0; the part that scikit-learn ships as `load_digits`. Its values 0..16
are scaled to 0..255 and rounded. In each class every fifth image is `test`, the others are
`train`; a key's number is the row in `load_digits` (`scripts/make_digits.py` made the file).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.paths import stat_row
from bottleneck.core.sample import key_array
from bottleneck.data.arrays import Arrays, ArraySource

if TYPE_CHECKING:
    from bottleneck.data.how import How

FILE = Path(__file__).with_name("digits.npz")


def open_digits(how: How) -> ArraySource:
    """Return the source; nothing is read yet."""
    return ArraySource("digits", how, load=_load, exists=FILE.is_file)


def _load() -> Arrays:
    clock_ns = time.time_ns()
    with FILE.open("rb") as file:
        stat = stat_row(os.fstat(file.fileno()))
        with np.load(file, allow_pickle=False) as columns:
            images, labels, splits = columns["images"], columns["labels"], columns["splits"]
    keys = key_array(
        b"%s/%04d" % (b"test" if split == 2 else b"train", i) for i, split in enumerate(splits)
    )
    order = np.argsort(keys)
    return Arrays(
        keys=keys[order],
        images=images[order],
        labels=labels[order].astype(np.int32),
        splits=splits[order],
        classes=tuple("0123456789"),
        paths=(FILE,),
        stat=stat,
        clock_ns=clock_ns,
    )
