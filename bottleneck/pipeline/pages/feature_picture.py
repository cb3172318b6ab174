"""A picture of what a store holds: a source's features in two dimensions, coloured by class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bottleneck.core import files
from bottleneck.core.digest import as_void
from bottleneck.core.errors import DataError
from bottleneck.core.paths import shown
from bottleneck.pictures import plots
from bottleneck.pictures.plane import plane_of
from bottleneck.pictures.plots import check_picture
from bottleneck.pipeline.network.recipe_words import recipe_line

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.sample import Samples
    from bottleneck.store.store import Store

FILE = "features.png"
MOST_ROWS = 3000
MOST_NUMBERS = 1 << 25  # of all rows together: 256 MB where they are projected


def write_picture(store: Store, source: str | None, path: Path | None) -> Path:
    """Draw a source's features; return where: `path`, or a file among the store's derived ones.

    Raises
    ------
    UsageError
        When the file exists or is no PNG; several sources and none named.
    MissingDependencyError
        Without matplotlib.
    DataError
        When there is no row, or one that is no number.
    """
    if path is None:
        plots.require("--picture")
        path = store.derived / FILE
        files.replace(path, feature_picture(store, source))
    else:
        check_picture(path)
        files.publish_bytes(path, feature_picture(store, source))
    return path


def feature_picture(store: Store, source: str | None = None) -> bytes:
    """Return the picture as PNG. Copies of an image are one point."""
    plots.require("a picture")
    name = store.source_name(source)
    samples = store.snapshot(name).samples
    at = store.available(name)
    if not len(at):
        raise DataError("no sample has a row", store.path, "run bottleneck extract first")
    chosen = at[_sample(samples.digests[at], int(np.prod(store.recipe.rows.shape)))]
    rows = store.recipe.views.first(store.rows(samples.digests[chosen]))
    if not np.isfinite(rows).all():
        raise DataError("features that are no numbers", store.path, "run bottleneck verify")
    found = plane_of(rows)
    drawn = f"{len(chosen):,} of {len(at):,} images"
    how = found.how
    if len(chosen) < len(at):
        how = f"those of the lowest digests; {how}"
    return plots.plane(
        found,
        samples.labels[chosen],
        samples.classes,
        f"{name} in {shown(store.path)}\n{recipe_line(store.recipe, store.about)}",
        f"{drawn}; {how}; {_colours(samples, chosen)}",
    )


def _sample(digests: NDArray[np.uint8], width: int) -> NDArray[np.int64]:
    """Return the positions of different (n, 32) digests, the lowest first, as many as are drawn.

    Digests say nothing of classes, so the lowest are as good as drawn by lot, and are the same
    ones on every run.
    """
    _, first = np.unique(as_void(digests), return_index=True)
    return first[: max(2, min(MOST_ROWS, MOST_NUMBERS // max(1, width)))]


def _colours(samples: Samples, chosen: NDArray[np.int64]) -> str:
    if samples.kind != "class":
        return f"not coloured, for these are {samples.kind} and no classes"
    if (samples.labels[chosen] < 0).all():
        return "without labels"
    n = len(samples.classes)
    return f"coloured by class ({n:,}), each named at its median where there is room"
