"""Whether two computations of the same rows agree: rounding and no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

FLOAT32_BOUND = 5e-5  # relative L2 error between two engines, both IEEE float32
_HALF_ULP = {"float16": 2.0**-11, "float32": 2.0**-24}
_SMALLEST = {"float16": 2.0**-25, "float32": 2.0**-150}  # half of the smallest subnormal


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far the worst row is off, and how far it may be."""

    worst: float
    bound: float

    @property
    def ok(self) -> bool:
        """Whether the rows agree; a row that is no number never does."""
        return self.worst <= self.bound


def compare(computed: NDArray[np.float32], stored: NDArray[Any]) -> Agreement:
    """Compare computed rows (k, …) with stored ones, which were rounded to their dtype.

    The bound is 5e-5 relative L2, plus what rounding the stored row may have done at the most.
    """
    import numpy as np  # noqa: PLC0415 - the catalog beside this module must stay light

    dtype = stored.dtype.name
    now = computed.reshape(len(computed), -1).astype(np.float64)
    then = stored.reshape(len(stored), -1).astype(np.float64)
    norm = np.maximum(np.linalg.norm(then, axis=1), 1e-12)
    errors = np.linalg.norm(now - then, axis=1) / norm
    subnormal = _SMALLEST[dtype] * np.sqrt(then.shape[1]) / norm
    bounds = FLOAT32_BOUND + _HALF_ULP[dtype] + subnormal
    # The worst is the row that comes nearest to its bound, or goes furthest beyond it.
    worst = int(np.argmax(np.where(np.isfinite(errors), errors / bounds, np.inf)))
    return Agreement(worst=float(errors[worst]), bound=float(bounds[worst]))


def compare_each(spans: Sequence[slice]) -> Callable[[NDArray[Any], NDArray[Any]], Agreement]:
    """Return what compares rows (k, …) part by part, and says which part is off the most.

    So that one part of many large numbers hides nothing of another.

    Parameters
    ----------
    spans : where each part stands in the last axis
    """

    def compared(computed: NDArray[Any], stored: NDArray[Any]) -> Agreement:
        found = [compare(computed[..., span], stored[..., span]) for span in spans]
        return max(found, key=lambda one: (not one.ok, one.worst / one.bound))

    return compared
