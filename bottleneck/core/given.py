"""Images that a caller hands over from Python, in the place of a path or a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NAME = "memory"  # of such a source, unless the caller gives another


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Given:
    """Images in memory, or a list of files.

    Attributes
    ----------
    images : array, or a sequence of arrays, of PIL images, or of paths
        An array is uint8 (n, height, width) or (n, height, width, 1 or 3).
    labels : n class names, "" without a label; None where no image has one
    name : str
        What the source is called.
    """

    images: Any
    labels: tuple[str, ...] | None = None
    name: str = NAME
