"""What the accuracy of the last run on a source is without the images that leaked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import BottleneckError
from bottleneck.core.sample import SPLITS
from bottleneck.heads.catalog import load_head
from bottleneck.heads.run import Run, finished_at, read_run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bottleneck.pipeline.looking.images import Images


def last_run(images: Images) -> Run | None:
    """Return the newest finished run on this source and on these rows; None where there is none.

    A run whose receipt cannot be read may be of any source, and is passed over.
    """
    runs = images.store.storage.fetch_runs()
    for folder in sorted(runs, key=finished_at, reverse=True):
        try:
            run = read_run(folder)
        except BottleneckError:
            continue
        is_of_these = run.source == images.source and run.recipe == images.store.recipe.id
        if is_of_these and run.classes == images.samples.classes:
            return run
    return None


def without_leaks(images: Images, leaked: NDArray[np.bool_]) -> dict[str, Any] | str:
    """Return the last run's accuracy on the test images: of all, and without leaks.

    Validation images say nothing: some heads are fitted to them as well, once they have chosen.

    Parameters
    ----------
    leaked : (u,) which images have a copy in the training split

    Returns
    -------
    `run split samples accuracy leaked accuracy_leaked accuracy_without`; why it is not known.
    """
    run = last_run(images)
    if run is None:
        return "no run on this source yet"
    name = run.folder.name
    if run.kind != "class":
        return f"the run {name} predicts {run.kind}, which have no accuracy"
    is_test = images.splits & 1 << SPLITS.index("test") != 0
    at = np.flatnonzero(is_test & (images.labels >= 0))
    if not len(at):
        return f"no test image has a label, and the run {name} may be fitted to all others"
    try:
        rows = images.store.features_of(images.digests[at])
        answers = load_head(run.folder).predict(_first_views(images, rows)).argmax(axis=1)
    except BottleneckError as error:
        return f"the run {name} cannot be asked: {error.what}"
    right = answers == images.labels[at]
    bad = leaked[at]
    return {
        "run": name,
        "split": "test",
        "samples": len(at),
        "accuracy": float(right.mean()),
        "leaked": int(bad.sum()),
        "accuracy_leaked": float(right[bad].mean()) if bad.any() else None,
        "accuracy_without": float(right[~bad].mean()) if not bad.all() else None,
    }


def _first_views(images: Images, rows: Any) -> Any:
    """Return the images themselves, as a head is asked about them."""
    views = images.store.recipe.views
    return rows if views.number == 1 else views.first(rows[:])
