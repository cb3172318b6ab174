"""Rows of images that were named (see `inputs`): made as those of a store were, and not kept."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck.core.recipe import ViewSpec
from bottleneck.data.undecodable import Limits
from bottleneck.engines.catalog import AUTO
from bottleneck.pipeline.extraction.canaries import N_CANARIES, recorded_canaries
from bottleneck.pipeline.extraction.compute import Computer, EngineChoice, made_by
from bottleneck.pipeline.extraction.driver import Driver
from bottleneck.pipeline.extraction.flow import Reader, Seconds, default_threads
from bottleneck.pipeline.extraction.spread import spread_of
from bottleneck.pipeline.extraction.writing import to_dtype

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.pipeline.extraction.flow import Item
    from bottleneck.pipeline.extraction.inputs import Inputs
    from bottleneck.pipeline.network.network import Network
    from bottleneck.store.store import Store


def reader_of(inputs: Inputs, network: Network, store: Store | None) -> Reader:
    """Return what reads the images for a network; those that have a row are not decoded."""
    return Reader(
        source=inputs,
        image=network.recipe.image,
        views=ViewSpec(),  # the image itself, whatever its row holds beside it
        limits=Limits(),
        has_row=lambda digest: (
            store is not None and bool(store.has(np.frombuffer(digest, np.uint8)[None])[0])
        ),
        seconds=Seconds(),
    )


def computer_of(
    reader: Reader,
    network: Network,
    store: Store | None,
    n_images: int,
    *,
    engine: str | None,
    devices: str | None,
    batch_size: int | None,
) -> Computer:
    """Return what computes rows that agree with the store's; None is what the store records."""
    recorded = store.provenance() if store else {}
    size = batch_size or recorded.get("batch") or network.batch_size
    return Computer(
        network=network,
        find_canaries=lambda: [recorded_canaries(store, reader)],
        choice=EngineChoice(
            name=engine or AUTO,
            devices=devices,
            batch_size=min(size, n_images + N_CANARIES),  # no call of 64 for one image
            made_by=made_by(store),
            spread=spread_of(store),
            kept=store.derived if store else None,
        ),
        n_stores=int(store is not None and bool(store.state.parts)),
    )


def compute(
    inputs: Inputs,
    reader: Reader,
    computer: Computer,
    threads: int | None,
    took: Callable[[Item], None],
    computed: Callable[[Sequence[Item], NDArray[Any], Mapping[int, str]], None],
    reporter: Reporter,
    what: str,
) -> None:
    """Read all that can be read, and compute what has no row.

    Parameters
    ----------
    threads : that decode; None for as many as serve here
    took : is given each image once it is read, its position in `index`
    computed : is given images, their rows (n, …) of the recipe's dtype, and by position among them
        why a row does not fit it
    what : the word for what is done, beside the progress

    Raises
    ------
    OtherRowsError
        When this machine computes other rows than the store holds.
    """
    dtype = computer.network.recipe.rows.dtype
    driver = Driver(
        reader=reader, computer=computer, threads=threads or default_threads(), took=took
    )
    positions = inputs.readable
    with (
        reporter.progress(len(positions), what) as bar,
        contextlib.closing(driver.batches(positions, bar)) as batches,
    ):
        for batch in batches:
            rows, misfits = to_dtype(batch.rows[:, 0], dtype)
            computed(batch.items, rows, misfits)
