"""Whether two computations of the same rows agree: rounding and no more.

Reduced precision rounds so much that no fixed bound would tell it from a mistake. So how far its
rows are from float32's is measured on images of the user's, once, and recorded: its spread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bottleneck.core.errors import OtherRowsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

FLOAT32_BOUND = 5e-5  # relative L2 error between two engines, both IEEE float32
N_SPREAD = 32  # images on which reduced precision is measured
LEAST_MEDIAN = 0.9  # of the cosines between its rows and float32's
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


def allowed(spread: Mapping[str, Any] | None) -> float:
    """Return how far, in relative L2, a row that is computed again may be from the first.

    Parameters
    ----------
    spread : of reduced precision, what the rows that are there record of it; None of float32
    """
    return float(max(FLOAT32_BOUND, (spread or {}).get("relative", 0.0)))


def compare(
    computed: NDArray[np.float32], stored: NDArray[Any], bound: float = FLOAT32_BOUND
) -> Agreement:
    """Compare computed rows (k, …) with stored ones, which were rounded to their dtype.

    The bound is `bound` in relative L2, plus what rounding the stored row may have done at most.
    """
    import numpy as np  # noqa: PLC0415 - the catalog beside this module must stay light

    dtype = stored.dtype.name
    now = computed.reshape(len(computed), -1).astype(np.float64)
    then = stored.reshape(len(stored), -1).astype(np.float64)
    norm = np.maximum(np.linalg.norm(then, axis=1), 1e-12)
    errors = np.linalg.norm(now - then, axis=1) / norm
    subnormal = _SMALLEST[dtype] * np.sqrt(then.shape[1]) / norm
    bounds = bound + _HALF_ULP[dtype] + subnormal
    # The worst is the row that comes nearest to its bound, or goes furthest beyond it.
    worst = int(np.argmax(np.where(np.isfinite(errors), errors / bounds, np.inf)))
    return Agreement(worst=float(errors[worst]), bound=float(bounds[worst]))


def spread(reduced: NDArray[np.float32], exact: NDArray[np.float32]) -> dict[str, Any]:
    """Return how far rows (k, …) of reduced precision are from float32's rows of the same images.

    Returns
    -------
    dict
        images (k); cosine (the smallest between a row and its float32 row) and median; relative
        (the largest L2 error, beside the float32 row's length); max_abs (the largest |x|)

    Raises
    ------
    OtherRowsError
        When a row is no number though float32's are, or the median is below `LEAST_MEDIAN`.
    """
    import numpy as np  # noqa: PLC0415 - as above

    x, y = (rows.reshape(len(rows), -1).astype(np.float64) for rows in (reduced, exact))
    good = np.isfinite(y).all(axis=1)  # what overflows in float32 too is no fault of fewer bits
    if not np.isfinite(x[good]).all():
        raise _not_served("gives rows with infinity or NaN where float32 has numbers")
    x, y = x[good], y[good]
    lengths, exact_lengths = np.linalg.norm(x, axis=1), np.linalg.norm(y, axis=1)
    products = lengths * exact_lengths
    # Two rows of zeros are the same row.
    same = ((lengths == 0) & (exact_lengths == 0)).astype(np.float64)
    cosines = np.divide((x * y).sum(axis=1), products, out=same, where=products != 0)
    errors = np.linalg.norm(x - y, axis=1) / np.maximum(exact_lengths, 1e-12)
    found = {
        "images": len(x),
        "cosine": round(float(cosines.min(initial=1.0)), 6),
        "median": round(float(np.median(cosines)) if len(x) else 1.0, 6),
        "relative": float(errors.max(initial=0.0)),
        "max_abs": float(np.abs(x).max(initial=0.0)),
    }
    if found["median"] < LEAST_MEDIAN:
        raise _not_served(
            f"is too far from float32: median cosine {found['median']:.2f} of {len(x)} images, "
            f"at least {LEAST_MEDIAN} is asked for"
        )
    return found


def _not_served(why: str) -> OtherRowsError:
    return OtherRowsError(
        f"reduced precision does not serve this network: it {why}", "--compute", "use float32"
    )


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
