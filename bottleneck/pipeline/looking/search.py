"""Search: the images of a store that are nearest to an image, in the store or not."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core import files
from bottleneck.core.errors import DataError
from bottleneck.core.guest import as_guest
from bottleneck.core.reporter import SILENT
from bottleneck.core.text import as_known
from bottleneck.pipeline.looking.glances import pictures_of
from bottleneck.pipeline.looking.images import how_pooled, images_of, pooled
from bottleneck.pipeline.looking.neighbours import nearest, unit_rows
from bottleneck.pipeline.looking.page import check_page, search_page
from bottleneck.pipeline.looking.queries import Query, Work, queries_of
from bottleneck.pipeline.network.options import NetworkOptions
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.looking.images import Images

MOST_REASONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """What `bottleneck search` is asked for; the words of its command line."""

    cache: Path
    images: tuple[str, ...]  # keys of the store, or files, folders, patterns
    source: str | None = None
    top: int = 12
    page: Path | None = None
    work: Work = field(default_factory=lambda: Work(network=NetworkOptions()))


@as_guest()
def search(options: SearchOptions, reporter: Reporter = SILENT) -> dict[str, Any]:
    """Return the nearest images to each image; the keys are those of docs/inspect.md.

    Raises
    ------
    UsageError
        The file for --page exists, or is no page by its name.
    DataError
        No row in the store, or no image at all that can be searched for.
    OtherRowsError
        This machine computes other rows than the store holds.
    """
    started = time.perf_counter()
    check_page(options.page)
    images = images_of(Store.open(options.cache), options.source)
    for words in how_pooled(images.store):
        reporter.say(words)
    queries = queries_of(images, options.images, options.work, reporter)
    good = [query for query in queries if query.error is None]
    if not good:
        reasons = [f"{q.shown}: {q.error}" for q in queries[:MOST_REASONS]]
        do = "give paths of images, or keys of images of the store"
        if len(queries) == 1:
            raise DataError(str(queries[0].error), queries[0].shown, do)
        raise DataError(f"none of {len(queries)} images can be used", "search", do, *reasons)
    # One more than asked for: an image that is named by its key is no neighbour of its own.
    near = nearest(images.units, options.top + 1, _units(images, good))
    found = {
        id(query): _answer(images, query, which, cosines)[: options.top]
        for query, which, cosines in zip(good, near.which, near.cosines, strict=True)
    }
    report = {
        "verb": "search",
        "store": as_known(str(options.cache)),
        "source": images.source,
        "commit": images.store.state.number,
        "searched": len(images),
        "images": [
            {"image": q.shown, "error": q.error, "nearest": found.get(id(q), [])} for q in queries
        ],
        "unusable": len(queries) - len(good),
        "computed": sum(query.is_computed for query in queries),
        "pooled": how_pooled(images.store),
        "seconds": round(time.perf_counter() - started, 3),
    }
    if options.page is not None:
        files.publish_bytes(
            options.page, search_page(report, queries, images, pictures_of(images, reporter))
        )
    return report


def _units(images: Images, queries: list[Query]) -> NDArray[np.float32]:
    """Return the rows (m, d) of what is searched for, as directions."""
    units = np.empty((len(queries), images.units.shape[1]), np.float32)
    for i, query in enumerate(queries):
        units[i] = (
            images.units[query.image]
            if query.row is None
            else unit_rows(pooled(query.row[None]), images.mean)[0]
        )
    return units


def _answer(
    images: Images, query: Query, which: NDArray[np.int32], cosines: NDArray[np.float32]
) -> list[dict[str, Any]]:
    return [
        {
            **images.shown(int(image)),
            "cosine": round(float(cosine), 4),
            "same_bytes": int(image) == query.image,
        }
        for image, cosine in zip(which, cosines, strict=True)
        if not (query.is_key and int(image) == query.image)
    ]
