"""What is searched for: images by their key in the store, or of other files; and their rows.

A row that the store holds is not computed again. Others are read, decoded and computed as the
recipe says, by the driver that extractions use; nothing of them is written.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.digest import as_void
from bottleneck.core.sample import find, key_array, show_key
from bottleneck.engines.catalog import AUTO
from bottleneck.pipeline.extraction.compute import is_apart
from bottleneck.pipeline.extraction.inputs import Inputs
from bottleneck.pipeline.extraction.named import compute, computer_of, reader_of
from bottleneck.pipeline.network.network import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.data.source import Read
    from bottleneck.pipeline.extraction.flow import Item
    from bottleneck.pipeline.looking.images import Images
    from bottleneck.pipeline.network.options import NetworkOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What computes rows that are missing; the words of the command line."""

    network: NetworkOptions
    engine: str | None = None
    devices: str | None = None
    batch_size: int | None = None
    threads: int | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Query:
    """An image that is searched for.

    Attributes
    ----------
    shown : as it was named
    error : why it cannot be searched for
    image : which of the store's images it is; -1 for none of them
    is_key : whether it was named by its key in the store
    row : (…), as the store would hold it, where it is none of the source's images
    is_computed : whether the row was not in the store
    read : returns what it holds, read again; None of an image that was named by its key
    """

    shown: str
    error: str | None = None
    image: int = -1
    is_key: bool = False
    row: NDArray[Any] | None = None
    is_computed: bool = False
    read: Callable[[], Read] | None = None


def queries_of(images: Images, words: Sequence[str], work: Work, reporter: Reporter) -> list[Query]:
    """Return what these words mean, in order: a key of the source, else as in `predict`."""
    keys = images.samples.keys
    number = np.full(len(images.samples), -1, np.int64)
    number[images.at] = images.number
    raw = [os.fsencode(word) for word in words]
    wide = key_array(raw)
    at = find(keys, wide)
    inputs = Inputs(reporter)
    queries: list[Query] = []
    of_input: list[Query] = []
    for word, key, position in zip(words, raw, at, strict=True):
        if position >= 0:
            image = int(number[position])
            error = None if image >= 0 else "it has no features yet: run bottleneck extract"
            queries.append(Query(shown=show_key(key), image=image, error=error, is_key=True))
            continue
        before = len(inputs)
        inputs.add(word)
        more = [
            Query(shown=entry.path, error=entry.error, read=partial(inputs.read, index))
            for index, entry in enumerate(inputs.entries[before:], before)
        ]
        queries += more
        of_input += more
    if inputs.readable:
        _fill_in(images, inputs, of_input, work, reporter)
    return queries


def _fill_in(
    images: Images, inputs: Inputs, queries: Sequence[Query], work: Work, reporter: Reporter
) -> None:
    """Read the inputs; give each query its image of the store, its row, or its error."""
    store = images.store
    known = as_void(images.digests)
    order = np.argsort(known)
    waiting: dict[bytes, list[Query]] = {}

    def took(item: Item) -> None:
        query = queries[item.index]
        if item.digest is None or item.failure is not None:
            query.error = item.failure or "cannot be read"
            return
        at = int(np.searchsorted(known[order], np.void(item.digest)))
        if at < len(known) and known[order[at]].tobytes() == item.digest:
            query.image = int(order[at])
        else:
            waiting.setdefault(item.digest, []).append(query)

    def computed(items: Sequence[Item], rows: NDArray[Any], misfits: Mapping[int, str]) -> None:
        for i, item in enumerate(items):
            for query in waiting.pop(item.digest or b"", []):
                query.row, query.error = rows[i], misfits.get(i)
                query.is_computed = True

    engine = work.engine or AUTO
    network = resolve(work.network, store, reporter, is_apart=is_apart(engine, work.devices, store))
    reader = reader_of(inputs, network, store)
    computer = computer_of(
        reader,
        network,
        store,
        len(inputs),
        engine=engine,
        devices=work.devices,
        batch_size=work.batch_size,
    )
    compute(inputs, reader, computer, work.threads, took, computed, reporter, "search")
    for digest, left in waiting.items():  # rows that another source of the store has
        row = store.recipe.views.first(store.rows(np.frombuffer(digest, np.uint8)[None]))[0]
        for query in left:
            query.row = row
