"""Golden rows: what each application, with weights drawn from a seed, computes of two pictures.

They were made with TensorFlow, by scripts/golden_rows.py, and ship with the package, so that every
machine can see whether its engine computes what plain Keras does, with no TensorFlow at hand. Of a
row a few sums are kept, each over all of its numbers with signs of its own: whatever changes in the
row changes them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import files
from bottleneck.core.errors import DamagedError
from bottleneck.core.generated import pictures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.backbones.backbone import Backbone, Request

FILE = Path(__file__).with_name("golden_rows.json")
SIZE = (96, 96)
SEED = 0
N_PICTURES = 2
N_SUMS = 8
# With kernels of the usual size these grow what they compute from block to block, until a rounding
# error makes another row on each machine. With smaller ones they do not.
GROWING = ("b6", "b7", "v2b1", "v2b2", "v2b3", "v2s", "v2m", "v2l")
SMALLER = {f"efficientnet{name}": np.float32(0.9) for name in GROWING}


def expected(name: str) -> NDArray[np.float32] | None:
    """Return what is recorded of a backbone (2, 8), None where nothing is."""
    try:
        recorded = json.loads(files.read(FILE))
        numbers = recorded.get(name)
        return None if numbers is None else np.array(numbers, np.float32)
    except (OSError, ValueError, AttributeError) as error:
        raise DamagedError(
            "not the file that was shipped", FILE, "install bottleneck-cache again"
        ) from error


def images() -> NDArray[np.uint8]:
    """Return the pictures (2, 96, 96, 3)."""
    return pictures(N_PICTURES, SIZE)


def request(name: str) -> Request:
    """Return what the network is asked for."""
    from bottleneck.backbones.backbone import Request  # noqa: PLC0415

    return Request(backbone=name, weights=f"random:{SEED}", size=SIZE)


def network(name: str) -> Backbone:
    """Return the network with its known weights."""
    from bottleneck.backbones.catalog import load  # noqa: PLC0415

    found = load(request(name))
    if name in SMALLER:
        for variable in found.model.weights:
            if variable.name.endswith("kernel"):
                variable.assign(np.asarray(variable) * SMALLER[name])
    return found


def sums(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return of rows (n, d) the sums (n, 8) that are recorded."""
    n = rows.shape[1]
    bits = np.frombuffer(hashlib.shake_256(b"golden rows").digest(-(-n * N_SUMS // 8)), np.uint8)
    signs = np.unpackbits(bits)[: n * N_SUMS].reshape(N_SUMS, n).astype(np.float64) * 2 - 1
    return np.asarray(rows.astype(np.float64) @ signs.T / np.sqrt(n), np.float32)


def of_request(asked: Any) -> NDArray[np.float32] | None:
    """Return what is recorded of the architecture that is asked for, None where nothing is."""
    return expected(asked.backbone)
