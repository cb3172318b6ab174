"""Canaries: images that have rows already, computed again to see whether this machine agrees."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.errors import BottleneckError
from bottleneck.data.reading import NOT_THERE
from bottleneck.pipeline.extraction.flow import Reader, Seconds
from bottleneck.pipeline.extraction.sources import reopen_existing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from bottleneck.pipeline.extraction.look import Look
    from bottleneck.pipeline.extraction.plan import Plan
    from bottleneck.store.store import Store

N_CANARIES = 4
TRIES = 4 * N_CANARIES  # at each place: images that changed or vanished cannot serve


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Canaries:
    """Views (v, h, w, 3) of k images that have rows (k, v, …) already; what computed those.

    `span` says where theirs stand in a computed row, of several cuts in one.
    """

    images: list[NDArray[np.uint8]]
    rows: NDArray[Any]
    provenance: dict[str, Any]
    span: slice = field(default_factory=lambda: slice(None))


NOTHING = Canaries(images=[], rows=np.zeros((0, 1, 1), np.float32), provenance={})


def find_canaries(
    store: Store | None, name: str, reader: Reader, now: Look, planned: Plan
) -> Canaries:
    """Return a few canaries, from the source at hand or else from another one of the store.

    Parameters
    ----------
    store : the store whose rows are to be continued; None where there are none
    """
    if store is None:
        return NOTHING
    return _first(store, reader, _candidates(store, name, reader, now, planned))


def recorded_canaries(store: Store | None, reader: Reader) -> Canaries:
    """Return a few canaries from the recorded sources that are at hand, decoded as by `reader`."""
    return NOTHING if store is None else _first(store, reader, _recorded(store, None, reader))


def _first(
    store: Store, reader: Reader, candidates: Iterator[tuple[Reader, int, NDArray[np.uint8]]]
) -> Canaries:
    images: list[NDArray[np.uint8]] = []
    digests: list[NDArray[np.uint8]] = []
    if not store.state.parts:
        return NOTHING
    for one, index, digest in candidates:
        image = one.image_of(index, digest.tobytes())
        if image is not None:
            images.append(image)
            digests.append(digest)
        if len(images) == N_CANARIES:
            break
    rows = store.recipe.views.apart(store.rows(np.array(digests, np.uint8).reshape(-1, 32)))
    as_read = rows[:, : reader.views.number]  # predict reads the images themselves alone
    return Canaries(images=images, rows=as_read, provenance=store.provenance())


def _candidates(
    store: Store, name: str, reader: Reader, now: Look, planned: Plan
) -> Iterator[tuple[Reader, int, NDArray[np.uint8]]]:
    at_hand = (now.listing.stats != NOT_THERE).any(axis=1)
    for i in np.flatnonzero(planned.cached & at_hand)[:TRIES]:
        yield reader, int(i), now.digests[i]
    if name in store.source_names:  # a copy that was restored has new stats, so no digest is known
        recorded = store.snapshot(name).samples
        _, here, there = np.intersect1d(
            now.listing.keys, recorded.keys, assume_unique=True, return_indices=True
        )
        with_row = recorded.known[there] & store.has(recorded.digests[there])
        for i, j in zip(here[with_row][:TRIES], there[with_row][:TRIES], strict=True):
            yield reader, int(i), recorded.digests[j]
    yield from _recorded(store, name, reader)


def _recorded(
    store: Store, leave_out: str | None, reader: Reader
) -> Iterator[tuple[Reader, int, NDArray[np.uint8]]]:
    for other, source in reopen_existing(store, leave_out):
        samples = store.snapshot(other).samples
        try:
            keys = source.list().keys
        except BottleneckError:
            continue  # emptied, or damaged: whoever works on it will be told
        if not np.array_equal(keys, samples.keys):
            continue  # its positions have moved, and finding them is another run's work
        one = replace(reader, source=source, seconds=Seconds())
        for i in np.flatnonzero(samples.known & store.has(samples.digests))[:TRIES]:
            yield one, int(i), samples.digests[i]
