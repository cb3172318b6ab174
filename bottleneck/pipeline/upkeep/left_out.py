"""Which images training leaves out because their bytes occur more than once, and beside which.

Two things are left out. Conflicting: the same bytes have two labels (or other targets), so that
one of them must be wrong. Leaking: the same bytes, or another image of the group, are among the
training images and among those that validate or test, which would make the head look better than
it is; the training image is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.sample import Groups
from bottleneck.heads.groups import together
from bottleneck.heads.split import clashing, leaking

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.core.sample import Samples


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LeftOut:
    """Positions of samples, in order; `of_group` are those that leak by their group alone."""

    conflicting: NDArray[np.int64]
    leaking: NDArray[np.int64]
    of_group: NDArray[np.int64]


def left_out(samples: Samples, with_row: NDArray[np.bool_]) -> LeftOut:
    """Return which samples training would leave out.

    Parameters
    ----------
    with_row : (n,) bool
        Which samples have a row in the store; no others are trained on.
    """
    at = np.flatnonzero(with_row & samples.has_target)
    clash = clashing(samples, at)
    good = at[~clash]
    groups = samples.groups
    of = groups and Groups(numbers=groups.numbers[good], names=groups.names)
    leaks = leaking(together(samples.digests[good], of), samples.splits[good])
    by_group = leaks & ~leaking(samples.digests[good], samples.splits[good])
    return LeftOut(conflicting=at[clash], leaking=good[leaks], of_group=good[by_group])


def same_bytes(samples: Samples, position: int) -> NDArray[np.int64]:
    """Return the positions of the other samples whose image has the same bytes."""
    if not samples.known[position]:
        return np.zeros(0, np.int64)
    equal = (samples.digests == samples.digests[position]).all(axis=1) & samples.known
    equal[position] = False
    return np.flatnonzero(equal)
