"""A network as OpenVINO's own files: what a process of its own hands over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traced:
    """A network from uint8 pixels (n, height, width, channels) to float32 rows, for any n.

    Attributes
    ----------
    files : context
        Gives the path of `network.xml`, beside which is `network.bin`; leaving it deletes both.
    golden : callable
        Returns what this machine computes of a network of the same architecture and known weights,
        and what is recorded of it, both (k, numbers); None where nothing is recorded.
    """

    files: Callable[[], AbstractContextManager[Path]]
    golden: Callable[[], tuple[Numbers, NDArray[Any]] | None]
