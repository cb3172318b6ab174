"""What the rows of a store say of its images, from Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bottleneck.api import words
from bottleneck.api.report import Report
from bottleneck.pipeline.looking import inspection
from bottleneck.pipeline.looking.nearest_samples import nearest_samples

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import numpy as np
    from numpy.typing import NDArray

    from bottleneck.store.store import Store


def neighbours(
    store: Store, k: int, source: str | None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the nearest images to each sample; see `FeatureStore.neighbours`."""
    words.check_counts({"k": k}, "k")
    return nearest_samples(store, source, k)


def inspect(
    store: Store,
    source: str | None = None,
    *,
    only: str | Sequence[str] | None = None,
    top: int = 10,
    seed: int = 0,
    decisions: str | PathLike[str] | None = None,
    progress: bool = False,
) -> Report:
    """Look into the images; see `FeatureStore.inspect`."""
    words.check_counts({"top": top}, "top")
    options = inspection.InspectOptions(
        cache=store.path,
        source=source,
        only=inspection.PARTS if only is None else words.several(only),
        top=top,
        seed=seed,
        decisions=words.path_or_none(decisions),
    )
    return Report(inspection.inspect(options, words.reporter(progress), store))
