"""What an engine is given, and what it is to the rest: a callable of one batch shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bottleneck.engines.check import compare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.core.portable import Portable
    from bottleneck.core.traced import Traced
    from bottleneck.engines.check import Agreement


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frozen:
    """A frozen network, in every form that it has. Nothing is loaded before it is asked for.

    Attributes
    ----------
    recipe : str
        What its rows are, hex; what an engine keeps is kept under this name.
    size : (height, width), pixels
    channels : numbers a pixel has: 3 for RGB, 1 for gray
    batch_size : int
        Images per compiled call.
    preprocess : callable
        From float32 pixels 0 to 255 to the network's input, in any framework's tensors.
    model : callable
        Returns the keras.Model from float32 (n, height, width, channels) to rows;
        MissingDependencyError without Keras.
    portable : callable
        Returns the form without Keras, or None where there is none.
    traced : callable
        Returns OpenVINO's form of it; UsageError where it has none, MissingDependencyError
        without what makes it.
    reference : callable
        Returns the oracle's float32 rows of uint8 images (k, …), those of Keras by a process of
        its own; None where golden rows say more, or it is not installed, or cannot.
    sample : uint8 (k, height, width, channels)
        Some of the user's images.
    kept : folder for what can be made again at any time; None: keep nothing
    engines : the only ones that can take it; empty: all
    oracle : the package that computes `reference`; None: Keras, with a backend of its own
    compute : in what the network computes, as `catalog.arithmetic` spells it; float32 is IEEE's
    spread : of reduced precision, what the rows that are there record of it, as `check.spread`
        returns it; None where it is to be measured, on `sample`
    may_grow : whether a GPU may take larger batches than `batch_size` where that is faster
    threads : of the processor that it may use; None: all that the process may
    compare : callable
        Says how far computed rows (k, …) are from others; of several cuts in one, each by itself.
    """

    recipe: str
    size: tuple[int, int]
    batch_size: int
    preprocess: Callable[[Any], Any]
    model: Callable[[], Any]
    portable: Callable[[], Portable | None]
    traced: Callable[[], Traced]
    reference: Callable[[NDArray[np.uint8]], NDArray[np.float32] | None]
    sample: NDArray[np.uint8]
    kept: Path | None
    channels: int = 3
    engines: tuple[str, ...] = ()
    oracle: str | None = None
    compute: str = "float32"
    spread: Mapping[str, Any] | None = None
    may_grow: bool = False
    threads: int | None = None
    compare: Callable[[NDArray[Any], NDArray[Any]], Agreement] = compare

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of an image."""
        return (*self.size, self.channels)


class Engine(Protocol):
    """A network ready to compute, called from up to `lanes` threads at once.

    The same image gives the same row, bit for bit, whatever stands beside it in the batch, on the
    same device with the same versions and batch shape.
    """

    name: str
    device: str  # for people
    warning: str | None  # what the user should know of the device, loudly
    lanes: int  # batches that it computes side by side; those of more threads wait for each other

    @property
    def batch_size(self) -> int:
        """Images that are computed at once; shrinks when memory ends."""

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Engine, device, versions, host, batch, and how its rows were checked (`check`).

        Of reduced precision also how far its rows are from float32's (`spread`). Recorded in each
        part.
        """

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the rows (n, …) of n images (n, height, width, channels), for any n.

        Raises
        ------
        NoSpaceError
            When even a batch of one does not fit in memory.
        """
