"""Groups that a source's own split cuts, which training says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core.digest import as_void
from bottleneck.core.text import count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.core.sample import Samples


def warn_of_cut_groups(
    samples: Samples,
    at: NDArray[np.int64],
    belongs: NDArray[np.uint8],
    is_out: NDArray[np.bool_],
    reporter: Reporter,
) -> None:
    """Say where the source's own split divides a group, and what that costs."""
    alike = as_void(samples.digests[at])
    cut = is_out & ~np.isin(alike, alike[~is_out])
    if cut.any():
        n, n_groups = int(cut.sum()), len(np.unique(as_void(belongs[cut])))
        reporter.warn(
            f"the data's own split cuts {count(n_groups, 'group')}: "
            f"{count(n, 'image')} {'is' if n == 1 else 'are'} left out, because others of their "
            "group are validated or tested; without groups they would be used"
        )
