"""Rows of images that are handed over one call after the other: what the store lacks is computed.

Which images they are is decided by their bytes. Those whose rows the store has cost nothing but
that reading, whichever source they came by. The others become part of one source of the store,
`COLLECTED`, which only grows, and are extracted like any other: canaries, locks, parts and commits
are an extraction's. So garbage collection keeps their rows, until that source is forgotten.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from bottleneck import engines
from bottleneck.core.digest import DIGEST_BYTES
from bottleneck.core.errors import DataError
from bottleneck.core.given import Given
from bottleneck.core.guest import as_guest
from bottleneck.core.reporter import SILENT
from bottleneck.core.sample import show_key
from bottleneck.data.collected import digests_of, items_of, keys_of, read_item
from bottleneck.pipeline.extraction.compute import is_apart, made_by
from bottleneck.pipeline.extraction.extract import existing, extract
from bottleneck.pipeline.extraction.flow import default_threads
from bottleneck.pipeline.extraction.hashing import hashed
from bottleneck.pipeline.network import network as networks
from bottleneck.pipeline.network.same_recipe import check_same
from bottleneck.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bottleneck.core.reporter import Reporter
    from bottleneck.data.source import Read
    from bottleneck.pipeline.extraction.options import ExtractOptions

COLLECTED = "sklearn"  # the source's name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Handed:
    """Images that were handed over, in their order.

    Attributes
    ----------
    store : has a row of each that did not fail
    digests : (n, 32) uint8; zeros of what could not be read
    failures : position → why there is no row
    names : of each, for people: its path, or its number
    """

    store: Store
    digests: NDArray[np.uint8]
    failures: Mapping[int, str]
    names: Sequence[str]

    def rows(self) -> NDArray[np.float32]:
        """Return the rows (n, d), flattened in C order, of the images themselves; NaN of failed."""
        views = self.store.recipe.views
        shape = self.store.recipe.rows.shape
        width = int(np.prod(shape[len(views.axes) :]))
        out = np.full((len(self.digests), width), np.nan, np.float32)
        good = np.setdiff1d(np.arange(len(out)), [*self.failures])
        found = self.store.features_of(self.digests[good])
        step = max(1, (32 << 20) // max(1, found.dtype.itemsize * int(np.prod(shape))))
        for at in range(0, len(good), step):
            some = found.take(np.arange(at, min(at + step, len(good))))
            out[good[at : at + step]] = views.first(some).reshape(len(some), width)
        return out


@dataclass(frozen=True, slots=True)
class _Items:
    """Images as they were handed over, to be read by position."""

    items: Sequence[Any] | NDArray[np.uint8]

    def read(self, index: int) -> Read:
        """See `data.source.Source.read`."""
        return read_item(self.items[index])


@as_guest()
def collect(
    images: Any, options: ExtractOptions, reporter: Reporter = SILENT, *, is_strict: bool = True
) -> Handed:
    """Return the images with a store that has their rows, computing those that it lacks.

    Parameters
    ----------
    images : as `data.collected.items_of` takes them
    options : which store and network, and how it is computed; its `data` is not looked at
    is_strict : whether an image that cannot be used is an error; else it is among the failures

    Raises
    ------
    DataError
        No image at all, or one that cannot be used; the message names the first such image.
    RecipeError
        When the store has another recipe, or this machine computes other rows.
    BusyError
        When another run holds the store for longer than the wait.
    """
    items = items_of(images)
    if not len(items):
        raise DataError("no images", "the images that were passed", "pass one at least")
    names = [_name(item, i) for i, item in enumerate(items)]
    digests, failures = _digests(items, options.threads or default_threads())
    if is_strict:
        _refuse(failures, names)
    good = np.setdiff1d(np.arange(len(items)), [*failures])
    store = existing(options.cache)
    lacking = good if store is None else good[~store.has(digests[good])]
    if store is not None and not len(lacking):
        _require_same(options, store, reporter)
    elif len(lacking):
        store = _extracted(items, names, digests, (good, lacking), options, reporter)
        for i in good[~store.has(digests[good])].tolist():
            failures[i] = _reason(store, digests[i])
    if is_strict or store is None:
        _refuse(failures, names)
    assert store is not None
    return Handed(store=store, digests=digests, failures=failures, names=names)


def _name(item: Any, position: int) -> str:
    return show_key(item) if isinstance(item, bytes) else f"image {position}"


def _digests(
    items: Sequence[Any] | NDArray[np.uint8], threads: int
) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """Read every image; return the digests, and why of those that cannot be read."""
    digests = np.zeros((len(items), DIGEST_BYTES), np.uint8)
    failures: dict[int, str] = {}
    source = _Items(items)
    for positions, found in hashed(source, range(len(items)), threads):
        for i, read in zip(positions, found, strict=True):
            if read is None:
                failures[i] = _unreadable(source, i)
            else:
                digests[i] = np.frombuffer(read[0], np.uint8)
    return digests, failures


def _unreadable(source: _Items, position: int) -> str:
    """Return why an image cannot be read."""
    try:
        source.read(position)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return "cannot be read: it changes"


def _refuse(failures: Mapping[int, str], names: Sequence[str]) -> None:
    """Raise DataError where an image has no row, naming the first of them."""
    if failures:
        first, *others = sorted(failures)
        more = f" (and {len(others)} more images)" if others else ""
        raise DataError(f"{failures[first]}{more}", names[first], "mend it, or leave it out")


def _require_same(options: ExtractOptions, store: Store, reporter: Reporter) -> None:
    """Raise RecipeError unless the store's network is the one asked for; writes no row."""
    asked = options.network
    if asked.compute is not None:
        compute = engines.catalog.arithmetic(
            asked.compute, options.engine, made_by=made_by(store), devices=options.devices
        )
        asked = replace(asked, compute=compute)
    apart = is_apart(options.engine, options.devices, store)
    network = networks.resolve(asked, store, reporter, is_apart=apart)
    said = (store.about, network.about)
    check_same(store.recipe, network.recipe, store.path, said=said)
    network.remember(store)


def _extracted(
    items: Sequence[Any] | NDArray[np.uint8],
    names: Sequence[str],
    digests: NDArray[np.uint8],
    positions: tuple[NDArray[np.int64], NDArray[np.int64]],
    options: ExtractOptions,
    reporter: Reporter,
) -> Store:
    """Extract the images that are lacking; those with a row, at hand as well, serve as canaries."""
    good, lacking = positions

    def all_digests() -> NDArray[np.uint8]:
        store = existing(options.cache)
        known = store is not None and COLLECTED in store.source_names
        before = store.snapshot(COLLECTED).samples.keys if store and known else keys_of(digests[:0])
        return np.concatenate([digests_of(before), digests[lacking]])

    at_hand = {digests[i].tobytes(): items[i] for i in good.tolist()}
    given = Given(images=at_hand, name=COLLECTED, digests=all_digests)
    try:
        extract(replace(options, data=given, source=COLLECTED), reporter)
    except DataError as error:
        if error.where != COLLECTED:
            raise
        first = min(lacking.tolist(), key=lambda i: digests[i].tobytes())  # whose reason it names
        raise DataError(error.what, names[first], "mend it, or leave it out") from error
    return Store.open(options.cache)


def _reason(store: Store, digest: NDArray[np.uint8]) -> str:
    """Return why an image has no row, as the extraction recorded it."""
    key = os.fsencode(digest.tobytes().hex())
    entries = store.snapshot(COLLECTED).quarantine
    return next((entry.reason for entry in entries if entry.key == key), "it has no row")
