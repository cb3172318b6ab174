"""What an engine is to the rest: a callable of one batch shape, on one device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray


class Engine(Protocol):
    """A network ready to compute, called from one thread.

    The same image gives the same row, bit for bit, whatever stands beside it in the batch, on the
    same device with the same versions and batch shape.
    """

    name: str
    device: str  # for people
    batch_size: int  # may shrink when memory ends
    warning: str | None  # what the user should know of the device, loudly

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Engine, device, versions, host, batch: what is recorded in each part."""

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the rows (n, …) of n images (n, height, width, 3), RGB, for any n.

        Raises
        ------
        NoSpaceError
            When even a batch of one does not fit in memory.
        """
