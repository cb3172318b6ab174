"""What workers of a trial do in the place of a shard: the shard, and write down what they compute.

Appends the SHA-256 (32 bytes) of each image whose row was computed to a file of the process in the
folder that the environment names: whatever becomes of it, the file says what it had computed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bottleneck.pipeline.extraction import shard as real
from bottleneck.pipeline.extraction.driver import Driver

FOLDER = "BOTTLENECK_NOTED"
SIZES = "sizes"  # of all shards, in lines
_rows = Driver._rows


def _noted(driver: Driver, batch: Any) -> Any:
    rows = _rows(driver, batch)
    with (Path(os.environ[FOLDER]) / f"{os.getpid()}").open("ab") as file:
        file.write(b"".join(item.digest for item in batch))
    return rows


def compute(shard: Any) -> Any:
    """Do a shard; see `shard.compute`."""
    with (Path(os.environ[FOLDER]) / SIZES).open("a") as file:
        file.write(f"{len(shard.samples)}\n")
    Driver._rows = _noted  # type: ignore[method-assign]
    return real.compute(shard)


def n_rows(folder: Path) -> int:
    """Return how many rows were noted in a folder."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.name != SIZES) // 32


def largest(folder: Path) -> int:
    """Return the size of the largest shard that was begun."""
    return max(map(int, (folder / SIZES).read_text().split()))
