"""Images that a caller hands over from Python, in the place of a path or a name."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

NAME = "memory"  # of such a source, unless the caller gives another
# The kinds of such sources, and how their images are handed over again.
HANDED: Mapping[str, str] = MappingProxyType(
    {
        "memory": "pass the same images again as the first argument of extract_features, with the "
        "same source=",
        "collected": "pass the same images again to bottleneck.sklearn.CachedFeatures",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Given:
    """Images in memory, or a list of files.

    Attributes
    ----------
    images : array, or a sequence of arrays, of PIL images, or of paths
        An array is uint8 (n, height, width) or (n, height, width, 1 or 3).
    labels : n class names, "" without a label; or numbers (n,) or (n, k), NaN where none is known;
        None where no image has any
    names : of the k columns of labels, where they have names
    groups : what each of n images belongs together with, "" for nothing; None for no groups
    name : str
        What the source is called.
    digests : callable or None
        Of a source that is handed over a few images at a time and only grows: returns the digests
        (n, 32) of all that it has by now. `images` are then those at hand, by their digests.
    """

    images: Any
    labels: tuple[str, ...] | NDArray[Any] | None = None
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    name: str = NAME
    digests: Callable[[], NDArray[np.uint8]] | None = None
